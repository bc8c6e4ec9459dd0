package app_test

import (
	"compress/gzip"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/report"
	"github.com/wacast/wacast/pkg/simulator"
)

const (
	traceID     = "4bf92f3577b34da6a3ce929d0e0e4736"
	spanID      = "00f067aa0ba902b7"
	traceparent = "00-" + traceID + "-" + spanID + "-01"
)

// otlpReceiver takes spans as a collector does.
type otlpReceiver struct {
	t      *testing.T
	server *httptest.Server
	mu     sync.Mutex
	spans  []*otlp.Span
	all    strings.Builder // of everything that came, as text
}

func newOTLPReceiver(t *testing.T) *otlpReceiver {
	t.Helper()
	r := &otlpReceiver{t: t}
	r.server = httptest.NewServer(r)
	t.Cleanup(r.server.Close)
	return r
}

func (r *otlpReceiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var body io.Reader = req.Body
	if req.Header.Get("Content-Encoding") == "gzip" {
		body = must2[*gzip.Reader](r.t)(gzip.NewReader(req.Body))
	}
	data, err := io.ReadAll(body)
	var export collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(data, &export)
	}
	if err != nil || req.URL.Path != "/v1/traces" {
		r.t.Errorf("%s: %v", req.URL.Path, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all.WriteString(export.String())
	for _, of := range export.GetResourceSpans() {
		for _, scope := range of.GetScopeSpans() {
			r.spans = append(r.spans, scope.GetSpans()...)
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// lines are the spans: name, trace, parent and attributes.
func (r *otlpReceiver) lines() (lines []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.spans {
		line := fmt.Sprintf("%s %x %x", s.GetName(), s.GetTraceId(), s.GetParentSpanId())
		for _, a := range s.GetAttributes() {
			v := a.GetValue()
			if text := v.GetStringValue(); text != "" {
				line += fmt.Sprintf(" %s=%s", a.GetKey(), text)
			} else {
				line += fmt.Sprintf(" %s=%d", a.GetKey(), v.GetIntValue())
			}
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

func must2[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		must(t, err)
		return v
	}
}

// publishTraced publishes a job as any publisher may, with a trace of its own.
func (r *rig) publishTraced(j *job.Job) {
	r.t.Helper()
	m := &nats.Msg{Subject: r.jobSubject(j.From, j.Campaign), Header: nats.Header{"traceparent": {traceparent}}, Data: []byte(encode(r.t, j))}
	if _, err := r.jetStream().PublishMsg(r.t.Context(), m); err != nil {
		r.t.Fatal(err)
	}
}

// events are what is on record of a job.
func (r *rig) events(key job.Key) []job.Event {
	r.t.Helper()
	stream := must2[*queue.Events](r.t)(queue.NewEvents(r.jetStream(), queue.Names{Namespace: r.config().Namespace}))
	defer stream.Close()
	return must2[[]job.Event](r.t)(stream.Find(r.t.Context(), key, "", time.Time{}))
}

// hooked are the settings of an app that takes webhooks.
func hooked(env ...string) []string {
	return append(env, "WACAST_APP_SECRET="+hookSecret, "WACAST_VERIFY_TOKEN=word", "WACAST_WEBHOOK_ADDR=127.0.0.1:0")
}

// The trace of a job's publisher goes through the schedule, a retry, an outcome that is
// unknown and its status, without anybody who exports spans.
func TestTraceGoesAllTheWay(t *testing.T) {
	r := newRig(t, simulator.Config{Faults: []simulator.Rule{{Kind: simulator.LostAfter, Share: 1, Times: 1}}}, hooked("WACAST_SEND_TIMEOUT=1s")...)
	a, v := r.both(), r.view()
	j := newJob(numberA, "c", 1)
	j.SendAt = time.Now().Add(2 * time.Second)
	r.publishTraced(j)
	r.await(v, "c", func(p *report.Progress) bool { return p.Unknown == 1 })
	r.tell(a, j.Key(), 1)
	r.await(v, "c", func(p *report.Progress) bool { return p.Sent == 1 })
	want := []string{"unknown", "settled", "sent"}
	var got []string
	for _, e := range r.events(j.Key()) {
		got = append(got, string(e.Data.Kind))
		if e.Traceparent != traceparent {
			t.Errorf("%s has the trace %q", e.Data.Kind, e.Traceparent)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	for _, said := range []string{"a job leaves", "a status is recorded"} {
		if !regexp.MustCompile(said + ".* trace_id=" + traceID).MatchString(r.log.String()) {
			t.Errorf("no line %q has the trace:\n%s", said, r.log)
		}
	}
}

// A collector gets a span of each request and each status, in the publisher's trace. The
// test is not parallel: the library reads the environment.
func TestSpansAreExported(t *testing.T) {
	c := newOTLPReceiver(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.server.URL)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
	r := makeRig(t, simulator.Config{Faults: []simulator.Rule{{Kind: simulator.Error, Code: 131016, Share: 1, Times: 1}}}, hooked()...)
	a, v := r.both(), r.view()
	j := newJob(numberA, "c", 1)
	r.publishTraced(j)
	r.await(v, "c", accepted(1))
	r.tell(a, j.Key(), 2)
	r.await(v, "c", func(p *report.Progress) bool { return p.Sent == 1 })
	r.eventually(func() (bool, string) { return len(c.lines()) == 3, fmt.Sprint(c.lines()) })
	must(t, a.Stop(context.Background()))

	events := r.events(j.Key())
	sent := string(events[0].Traceparent)[36:52] // the span that sent the message
	about := " wacast.sender=" + numberA + " wacast.campaign=c wacast.attempt="
	want := []string{
		"wacast send " + traceID + " " + spanID + " wacast.outcome=accepted" + about + "2",
		"wacast send " + traceID + " " + spanID + " wacast.outcome=returned" + about + "1",
		"wacast status " + traceID + " " + sent + " wacast.status=sent" + about + "2",
	}
	if got := c.lines(); !slices.Equal(got, want) {
		t.Errorf("spans\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.ContainsFunc(c.spans, func(s *otlp.Span) bool { return hex.EncodeToString(s.GetSpanId()) == sent }) {
		t.Errorf("the events are in the span %s, which nobody exported", sent)
	}
	for _, e := range events {
		if e.Traceparent != events[0].Traceparent {
			t.Errorf("%s has %q, the outcome %q", e.Data.Kind, e.Traceparent, events[0].Traceparent)
		}
	}
}

// What this build cannot do is said before anything is sent.
func TestTracesThatAreNotBuiltIn(t *testing.T) {
	for name, value := range map[string]string{"OTEL_TRACES_EXPORTER": "zipkin", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
			t.Setenv(name, value)
			cfg, _, err := app.Load(app.Sources{Environ: []string{"WACAST_ACCESS_TOKEN=t", "WACAST_ADMIN_ADDR=127.0.0.1:0"}})
			must(t, err)
			if _, err := app.New(app.Options{Config: cfg, Log: new(logBuffer).logger()}); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("New = %v", err)
			}
		})
	}
}
