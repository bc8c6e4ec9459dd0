package app_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/simulator"
	"github.com/wacast/wacast/worker"
)

// The tests of this file are not parallel: the library reads the environment.

// tracing exports as the environment says, until the test ends.
func tracing(t *testing.T, log *logBuffer) *app.Tracing {
	t.Helper()
	made, err := app.NewTracing(t.Context(), log.logger())
	must(t, err)
	if made == nil {
		t.Fatal("no spans are wanted")
	}
	t.Cleanup(func() { must(t, made.Stop(context.Background())) })
	return made
}

// sendSpan makes the span of one request.
func sendSpan(of *app.Tracing, parent job.Traceparent) job.Traceparent {
	s := of.Send(parent, time.Now())
	defer s.End(worker.Sent{Sender: numberA, Campaign: "c", Job: "row-1", Outcome: job.Accepted, Attempt: 1})
	return s.Traceparent()
}

// otelEnv sets variables; those of a developer's machine count no more.
func otelEnv(t *testing.T, pairs ...string) {
	t.Helper()
	for _, name := range []string{"OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		t.Setenv(name, "")
	}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
}

const collectorSecret = "c0llector-s3cret"

// Each protocol brings spans to a collector, with its headers and with what the resource
// is said to be.
func TestSpansGoByEachProtocol(t *testing.T) {
	for name, tt := range map[string]struct {
		start func(*testing.T, ...*tls.Config) *otlpReceiver
		env   string
	}{
		"http":     {newOTLPReceiver, "OTEL_EXPORTER_OTLP_PROTOCOL="},
		"protobuf": {newOTLPReceiver, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"},
		"json":     {newOTLPReceiver, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/json"},
		"grpc":     {newGRPCReceiver, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"},
		"traces":   {newGRPCReceiver, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=grpc"},
	} {
		t.Run(name, func(t *testing.T) {
			c, log := tt.start(t), new(logBuffer)
			otelEnv(t, tt.env, "OTEL_EXPORTER_OTLP_ENDPOINT="+c.url, "OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20"+collectorSecret,
				"OTEL_SERVICE_NAME=shop-wacast", "OTEL_RESOURCE_ATTRIBUTES=deployment.environment=prod")
			made := tracing(t, log)
			told := sendSpan(made, traceparent)
			must(t, made.Stop(t.Context()))
			if told.TraceID() != traceID || job.ParseTraceparent(string(told)) != told || told[36:] == job.Traceparent(traceparent)[36:] {
				t.Errorf("the span is %q", told)
			}
			c.mu.Lock()
			headers, resource, all := c.headers, c.resource, c.all.String()
			c.mu.Unlock()
			if !slices.Contains(headers, "authorization: Bearer "+collectorSecret) {
				t.Errorf("headers %q", headers)
			}
			if strings.Contains(log.String(), collectorSecret) {
				t.Errorf("the log has the secret: %s", log)
			}
			if name == "json" {
				for _, want := range []string{traceID, spanID, "shop-wacast", "wacast send"} {
					if !strings.Contains(strings.ToLower(all), want) {
						t.Errorf("%s lacks %s", all, want)
					}
				}
				return
			}
			want := []string{"wacast send " + traceID + " " + spanID + " wacast.outcome=accepted wacast.sender=" + numberA + " wacast.campaign=c wacast.job=row-1 wacast.attempt=1"}
			if got := c.lines(); !slices.Equal(got, want) {
				t.Errorf("spans %q, want %q", got, want)
			}
			for key, value := range map[string]string{
				"service.name": "shop-wacast", "service.version": app.Version(), "service.instance.id": "one", "deployment.environment": "prod", "telemetry.sdk.language": "go",
			} {
				if resource[key] != value {
					t.Errorf("%s is %q, want %q", key, resource[key], value)
				}
			}
		})
	}
}

// Spans go over TLS to a collector that wants to know who sends them.
func TestSpansGoByTLS(t *testing.T) {
	a := newAuthority(t)
	serverCert, serverKey := a.issue("localhost")
	clientCert, clientKey := a.issue("wacast")
	pair, err := tls.LoadX509KeyPair(serverCert, serverKey)
	must(t, err)
	for protocol, start := range map[string]func(*testing.T, ...*tls.Config) *otlpReceiver{"http/protobuf": newOTLPReceiver, "grpc": newGRPCReceiver} {
		t.Run(protocol, func(t *testing.T) {
			c := start(t, &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: a.pool, ClientAuth: tls.RequireAndVerifyClientCert})
			otelEnv(t, "OTEL_EXPORTER_OTLP_PROTOCOL="+protocol, "OTEL_EXPORTER_OTLP_ENDPOINT="+c.url, "OTEL_EXPORTER_OTLP_CERTIFICATE="+a.file,
				"OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE="+clientCert, "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY="+clientKey)
			log := new(logBuffer)
			made := tracing(t, log)
			sendSpan(made, traceparent)
			must(t, made.Stop(t.Context()))
			if len(c.lines()) != 1 {
				t.Errorf("spans %q, log %s", c.lines(), log)
			}
		})
	}
}

// The sampler is OpenTelemetry's: a trace that its publisher does not keep is not kept
// here either, unless the variables say otherwise.
func TestSpansAreSampled(t *testing.T) {
	const unsampled = job.Traceparent("00-" + traceID + "-" + spanID + "-00")
	for name, tt := range map[string]struct {
		env              []string
		parent           job.Traceparent
		spans, fewest, n int
	}{
		"a trace that is kept":           {nil, traceparent, 1, 1, 1},
		"a trace that is not":            {nil, unsampled, 0, 0, 1},
		"no trace":                       {nil, "", 1, 1, 1},
		"none":                           {[]string{"OTEL_TRACES_SAMPLER=always_off"}, traceparent, 0, 0, 1},
		"all":                            {[]string{"OTEL_TRACES_SAMPLER=always_on"}, unsampled, 1, 1, 1},
		"a share, a trace that is kept":  {[]string{"OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG=0"}, traceparent, 1, 1, 1},
		"a share, a trace that is not":   {[]string{"OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG=1"}, unsampled, 0, 0, 1},
		"a share of those without trace": {[]string{"OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG=0.5"}, "", 600, 400, 1000},
	} {
		t.Run(name, func(t *testing.T) {
			c := newOTLPReceiver(t)
			otelEnv(t, append(tt.env, "OTEL_EXPORTER_OTLP_ENDPOINT="+c.url)...)
			made := tracing(t, new(logBuffer))
			for range tt.n {
				told := sendSpan(made, tt.parent)
				if tt.parent != "" && told.TraceID() != traceID || len(told) != len(traceparent) {
					t.Errorf("the span is %q", told)
				}
				if sampled := strings.HasSuffix(string(told), "-01"); tt.n == 1 && sampled != (tt.spans == 1) {
					t.Errorf("the span is %q", told)
				}
			}
			must(t, made.Stop(t.Context()))
			if n := len(c.lines()); n > tt.spans || n < tt.fewest {
				t.Errorf("%d spans, want %d to %d", n, tt.fewest, tt.spans)
			}
		})
	}
}

// Nobody who does not ask for spans has them.
func TestNoSpansAreWanted(t *testing.T) {
	for name, env := range map[string][]string{
		"nothing is set": nil,
		"disabled":       {"OTEL_SDK_DISABLED=true", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL=morse"},
		"no exporter":    {"OTEL_TRACES_EXPORTER=none", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			otelEnv(t, env...)
			if made, err := app.NewTracing(t.Context(), slog.New(slog.DiscardHandler)); made != nil || err != nil {
				t.Errorf("%v, %v", made, err)
			}
		})
	}
	otelEnv(t, "OTEL_TRACES_EXPORTER=otlp") // a collector beside it
	if wanted, err := app.CheckTraceSettings(); !wanted || err != nil {
		t.Errorf("without an endpoint: %v, %v", wanted, err)
	}
}

// What cannot be followed is said by the variable's name before anything is sent, and
// without what it holds, where that may be a secret.
func TestTraceSettingsThatCannotBeFollowed(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing.pem")
	for _, env := range []string{
		"OTEL_TRACES_EXPORTER=zipkin",
		"OTEL_EXPORTER_OTLP_PROTOCOL=http/xml",
		"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=GRPC",
		"OTEL_EXPORTER_OTLP_ENDPOINT=10.0.0.1:4318/" + collectorSecret,
		"OTEL_EXPORTER_OTLP_ENDPOINT=collector:4318",
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://user:" + collectorSecret + "@:x/",
		"OTEL_EXPORTER_OTLP_HEADERS=Bearer " + collectorSecret,
		"OTEL_EXPORTER_OTLP_HEADERS=authorization=" + collectorSecret + "%zz",
		"OTEL_EXPORTER_OTLP_TRACES_HEADERS=" + collectorSecret + ": x=y",
		"OTEL_EXPORTER_OTLP_TIMEOUT=10s",
		"OTEL_EXPORTER_OTLP_COMPRESSION=zstd",
		"OTEL_EXPORTER_OTLP_INSECURE=maybe",
		"OTEL_EXPORTER_OTLP_CERTIFICATE=" + missing,
		"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=" + missing,
		"OTEL_BSP_MAX_QUEUE_SIZE=-1",
		"OTEL_BSP_SCHEDULE_DELAY=0",
		"OTEL_TRACES_SAMPLER=jaeger_remote",
	} {
		name, _, _ := strings.Cut(env, "=")
		t.Run(env, func(t *testing.T) {
			otelEnv(t, "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", env)
			_, err := app.CheckTraceSettings()
			if err == nil || !strings.HasPrefix(err.Error(), name+": ") || strings.Contains(err.Error(), collectorSecret) {
				t.Errorf("%v", err)
			}
		})
	}
	otelEnv(t, "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_TRACES_SAMPLER=traceidratio", "OTEL_TRACES_SAMPLER_ARG=10%", "OTEL_EXPORTER_OTLP_TIMEOUT=1s")
	cfg, _, err := app.Load(app.Sources{Environ: []string{"WACAST_ACCESS_TOKEN=t", "WACAST_ADMIN_ADDR=127.0.0.1:0"}})
	must(t, err)
	_, err = app.New(app.Options{Config: cfg, Log: new(logBuffer).logger()})
	if err == nil || !strings.Contains(err.Error(), "OTEL_TRACES_SAMPLER_ARG") || !strings.Contains(err.Error(), "OTEL_EXPORTER_OTLP_TIMEOUT") {
		t.Errorf("New tells not of all: %v", err)
	}
}

// A collector that refuses is one line, however long what it answers, and another once
// it takes spans again. What it repeats of a secret is masked.
func TestACollectorThatRefuses(t *testing.T) {
	for protocol, start := range map[string]func(*testing.T, ...*tls.Config) *otlpReceiver{"http/protobuf": newOTLPReceiver, "grpc": newGRPCReceiver} {
		t.Run(protocol, func(t *testing.T) {
			c, log := start(t), new(logBuffer)
			c.refuse("who is Bearer " + collectorSecret + "? " + strings.Repeat("no ", 500))
			otelEnv(t, "OTEL_EXPORTER_OTLP_PROTOCOL="+protocol, "OTEL_EXPORTER_OTLP_ENDPOINT="+c.url, "OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20"+collectorSecret,
				"OTEL_BSP_SCHEDULE_DELAY=1")
			made := tracing(t, log)
			until := func(done func() bool) {
				for deadline := time.Now().Add(patience); !done(); time.Sleep(time.Millisecond) { // the library has no other sign
					if time.Now().After(deadline) {
						t.Fatalf("it never came: %s", log)
					}
				}
			}
			for i := range 3 {
				sendSpan(made, traceparent)
				until(func() bool { return c.asked() > i })
			}
			c.refuse("")
			sendSpan(made, traceparent)
			until(func() bool { return strings.Contains(log.String(), "exported again") })
			must(t, made.Stop(t.Context()))
			text := log.String()
			if n := strings.Count(text, "\n"); n != 2 || len(text) > 1000 || strings.Contains(text, collectorSecret) || !strings.Contains(text, "who is Bearer …?") {
				t.Errorf("%d lines: %s", n, text)
			}
		})
	}
}

// hang is a collector that takes connections and says nothing.
func hang(t *testing.T) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
		}
	}()
	t.Cleanup(func() { listener.Close(); <-done })
	return "http://" + listener.Addr().String()
}

// A collector that hangs holds up no job, fills no memory, and delays the end by a bound.
func TestACollectorThatHangs(t *testing.T) {
	const spans, mostBytes = 20_000, 2 << 20 // all of them would be more than ten times that
	for _, protocol := range []string{"http/protobuf", "grpc"} {
		t.Run(protocol, func(t *testing.T) {
			otelEnv(t, "OTEL_EXPORTER_OTLP_PROTOCOL="+protocol, "OTEL_EXPORTER_OTLP_ENDPOINT="+hang(t), "OTEL_BSP_SCHEDULE_DELAY=1", "OTEL_EXPORTER_OTLP_TIMEOUT=600000", "OTEL_BSP_EXPORT_TIMEOUT=600000")
			made := tracing(t, new(logBuffer))
			for range 5000 { // until the queue is full
				sendSpan(made, "")
			}
			before := heap()
			for range spans {
				sendSpan(made, "")
			}
			if grown := heap() - before; grown > mostBytes {
				t.Errorf("%d bytes more after %d spans", grown, spans)
			}
			began := time.Now()
			must(t, made.Stop(context.Background()))
			if took := time.Since(began); took > 2*app.LastSpans {
				t.Errorf("the end took %v", took)
			}
		})
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A whole app with a collector that hangs sends everything, and ends in time and well.
func TestJobsGoOnWhileACollectorHangs(t *testing.T) {
	const jobs = 600
	otelEnv(t, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_EXPORTER_OTLP_ENDPOINT="+hang(t), "OTEL_BSP_SCHEDULE_DELAY=1", "OTEL_BSP_MAX_QUEUE_SIZE=16", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=4")
	r := makeRig(t, simulator.Config{}, hooked()...)
	a, v := r.both(), r.view()
	r.publish(newJobs(numberA, "c", 0, jobs)...)
	r.await(v, "c", accepted(jobs))
	began := time.Now()
	must(t, a.Stop(context.Background()))
	if took := time.Since(began); took > r.config().DrainTimeout {
		t.Errorf("the end took %v", took)
	}
	if r.sim.Stats().Duplicates != 0 {
		t.Error(fmt.Sprint(r.sim.Stats()))
	}
}
