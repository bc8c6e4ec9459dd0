package app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wacast/wacast/pkg/app"
)

// traceVariables are what the reference says of OpenTelemetry's variables. A name that
// ends in * has a form for traces alone too, with TRACES_ before what the * stands for.
var traceVariables = [][2]string{
	{"OTEL_EXPORTER_OTLP_*ENDPOINT", "where to: `http://collector:4318`, or `:4317` for gRPC; `https://` is TLS. Without one nothing is exported. `/v1/traces` is added, except to that for traces"},
	{"OTEL_EXPORTER_OTLP_*PROTOCOL", "`http/protobuf` (default), `http/json` or `grpc`"},
	{"OTEL_EXPORTER_OTLP_*HEADERS", "`name=value,name=value`, such as `authorization=Bearer%20…`: a secret, which no log shows; in Kubernetes from a Secret"},
	{"OTEL_EXPORTER_OTLP_*CERTIFICATE", "file of the authorities in whose name the collector speaks, in PEM; files are read at the start"},
	{"OTEL_EXPORTER_OTLP_*CLIENT_CERTIFICATE", "file of this process's certificate, in PEM"},
	{"OTEL_EXPORTER_OTLP_*CLIENT_KEY", "file of its key"},
	{"OTEL_EXPORTER_OTLP_*INSECURE", "`true` goes without TLS and `false` with it, whatever the endpoint says"},
	{"OTEL_EXPORTER_OTLP_*COMPRESSION", "`gzip` or `none` (default)"},
	{"OTEL_EXPORTER_OTLP_*TIMEOUT", "milliseconds an export may take, 10000 by default"},
	{"OTEL_TRACES_EXPORTER", "`otlp` (default; alone it means a collector beside the process), or `none`"},
	{"OTEL_TRACES_SAMPLER", "`parentbased_always_on` (default), `parentbased_always_off`, `parentbased_traceidratio`, `always_on`, `always_off` or `traceidratio`: by default what the publisher's flags do not keep is not exported"},
	{"OTEL_TRACES_SAMPLER_ARG", "the share that a `…traceidratio` keeps, from 0 to 1"},
	{"OTEL_SERVICE_NAME", "`wacast` by default"},
	{"OTEL_RESOURCE_ATTRIBUTES", "more of the resource, which has `service.version` and, as worker id, `service.instance.id`"},
	{"OTEL_BSP_MAX_QUEUE_SIZE", "spans that wait, 2048 by default; what is more is dropped, and no job waits for it"},
	{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "spans in an export, 512 by default"},
	{"OTEL_BSP_SCHEDULE_DELAY", "milliseconds until a batch that is not full goes, 5000 by default"},
	{"OTEL_BSP_EXPORT_TIMEOUT", "milliseconds an export may take with all its repetitions, 30000 by default"},
	{"OTEL_SDK_DISABLED", "`true` exports nothing, whatever the others say"},
}

// byTheLibrary are read by nobody but the library.
var byTheLibrary = []string{"OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"}

// The reference has every variable that wacast looks at, and no other.
func TestTraceVariablesAreDocumented(t *testing.T) {
	documented := slices.Clone(byTheLibrary)
	for _, v := range traceVariables {
		if before, after, ok := strings.Cut(v[0], "*"); ok {
			documented = append(documented, before+after, before+"TRACES_"+after)
		} else if !slices.Contains(byTheLibrary, v[0]) {
			documented = append(documented, v[0])
		}
	}
	slices.Sort(documented)
	used := slices.Concat(app.TraceVariables(), byTheLibrary)
	slices.Sort(used)
	if !slices.Equal(documented, used) {
		t.Errorf("documented are\n%q\nused are\n%q", documented, used)
	}
}

const logLevels = `
At ` + "`info`" + `, the default of ` + "`log.level`" + `, no line is written for a message that goes its way: a million write none, so nothing is
sampled. What begins and ends is told once each: a stop, a server that is away, a collector that refuses. ` + "`warn`" + ` and ` + "`error`" + ` are for
people; lines of a single job are among them only where it cannot go on. At ` + "`debug`" + ` there is one line for what became of each
attempt (` + "`a job leaves`" + `) and one for each status (` + "`a status is recorded`" + `), about 300 bytes and a few microseconds each.

`

func writeTraces(b *strings.Builder) {
	b.WriteString(`## Traces

A job published with the header ` + "`traceparent`" + ` (W3C, version 00; anything else is dropped) stays in that trace: in its log
lines, its events, its statuses and answers, also where it is scheduled, tried again, unknown or a dead letter. ` + "`wacast publish`" + ` and
` + "`wacast send`" + ` take it from the variable ` + "`TRACEPARENT`" + `, the Go producer from ` + "`job.WithTraceparent`" + `. A job that comes without has none, or,
where spans are exported, that of the request that sends it, which a repetition has anew.

| span | kind | what | attributes |
| --- | --- | --- | --- |
| ` + "`wacast send`" + ` | client | one request to the API, until its outcome is on record; a child of the publisher's span | ` + "`wacast.outcome`" + `: an outcome, or ` + "`returned`" + ` for a job that is tried again or goes back; it is an error where that is ` + "`rejected` or `unknown`" + ` |
| ` + "`wacast status`" + ` | consumer | one status, from the webhook until it is on record; a child of the request's span, or of the publisher's where nobody exports that | ` + "`wacast.status`" + `; it is an error where that is ` + "`failed`" + ` |

Both have ` + "`wacast.sender`, `wacast.campaign`, `wacast.job`, `wacast.attempt`" + ` and, after an error, ` + "`wacast.code`" + `; none names a recipient. From
a trace to its message: ` + "`wacast job explain <wacast.job> --campaign <wacast.campaign>`" + `. Without a collector, from lines at ` + "`debug`" + ` in
JSON (events have it as ` + "`traceparent`" + `):

    jq -r 'select(.trace_id == "<trace id>") | .job // .event | .campaign + " " + .id' worker.log

Spans go to a collector by OpenTelemetry's own variables. Where none of them names an endpoint nothing is made, and a message costs
nothing more. A value that cannot be followed is refused at the start. A collector that is away, refuses or hangs holds no job up: one
line says so, spans beyond the queue are dropped, and the end waits for it 3 seconds at most. Metrics and logs are not exported by OTLP:
a collector scrapes ` + "`/metrics`" + ` and reads standard error.

`)
	t := newTable(b, "variable", "")
	for _, v := range traceVariables {
		name := v[0]
		if before, after, ok := strings.Cut(name, "*"); ok {
			name = fmt.Sprintf("%s%s`, `%sTRACES_%s", before, after, before, after)
		}
		t.row(code(name), v[1])
	}
	b.WriteString("\n")
}
