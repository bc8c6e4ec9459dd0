package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/webhook"
	"github.com/wacast/wacast/worker"
)

// tracing makes spans and exports them, as OpenTelemetry's own variables say. It is nil
// where they name no endpoint, and then nobody does any work for it.
type tracing struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

var (
	_ worker.Tracer  = (*tracing)(nil)
	_ webhook.Tracer = (*tracing)(nil)
)

// wantsTraces reports whether the variables ask for spans, in a form that this build has.
func wantsTraces(getenv func(string) string) (bool, error) {
	exporter := getenv("OTEL_TRACES_EXPORTER")
	endpoint := cmp.Or(getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), getenv("OTEL_EXPORTER_OTLP_ENDPOINT"))
	switch {
	case strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true"), exporter == "none", exporter == "" && endpoint == "":
		return false, nil
	case exporter != "" && exporter != "otlp":
		return false, fmt.Errorf("OTEL_TRACES_EXPORTER: %s is not built in: set it to otlp or none", strconv.Quote(exporter))
	}
	protocol := cmp.Or(getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"), getenv("OTEL_EXPORTER_OTLP_PROTOCOL"), protocolHTTP)
	if protocol != protocolHTTP {
		return false, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL: %s is not built in: set it to %s and the endpoint to the collector's HTTP port, 4318 as a rule",
			strconv.Quote(protocol), protocolHTTP)
	}
	return true, nil
}

const protocolHTTP = "http/protobuf"

// newTracing begins nothing that waits for the endpoint.
func newTracing(ctx context.Context, id string, log *slog.Logger) (*tracing, error) {
	if wanted, err := wantsTraces(os.Getenv); !wanted || err != nil {
		return nil, err
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("export of traces (OTEL_EXPORTER_OTLP_ENDPOINT): %w", err)
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(
		attribute.String("service.name", "wacast"), attribute.String("service.version", Version()), attribute.String("service.instance.id", id),
	), resource.WithFromEnv()) // the last one counts
	if err != nil {
		return nil, fmt.Errorf("export of traces (OTEL_RESOURCE_ATTRIBUTES): %w", err)
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(&loggedExporter{SpanExporter: exporter, log: log}), sdk.WithResource(about))
	return &tracing{provider: provider, tracer: provider.Tracer("github.com/wacast/wacast")}, nil
}

// stop exports what is left.
func (t *tracing) stop(ctx context.Context) error {
	err := t.provider.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil // nobody took the last spans, which harms no job
	}
	return err
}

// parentOf is the context of a span that is a child of a job's trace.
func parentOf(t job.Traceparent) context.Context {
	traceID, err := trace.TraceIDFromHex(t.TraceID())
	if err != nil {
		return context.Background()
	}
	// A traceparent has a span and flags wherever it has a trace.
	spanID, _ := trace.SpanIDFromHex(string(t[36:52]))
	flags, _ := strconv.ParseUint(string(t[53:]), 16, 8)
	return trace.ContextWithRemoteSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: traceID, SpanID: spanID, TraceFlags: trace.TraceFlags(flags), Remote: true,
	}))
}

// Send implements [worker.Tracer].
func (t *tracing) Send(parent job.Traceparent, began time.Time) worker.Span {
	_, s := t.tracer.Start(parentOf(parent), "wacast send", trace.WithTimestamp(began), trace.WithSpanKind(trace.SpanKindClient))
	return span{s}
}

// span is one request to the API.
type span struct{ trace.Span }

// Traceparent implements [worker.Span].
func (s span) Traceparent() job.Traceparent {
	c := s.SpanContext()
	return job.Traceparent(fmt.Sprintf("00-%s-%s-%s", c.TraceID(), c.SpanID(), c.TraceFlags()))
}

// End implements [worker.Span].
func (s span) End(sent worker.Sent) {
	outcome := cmp.Or(string(sent.Outcome), "returned")
	s.SetAttributes(attributes(sent.Sender, sent.Campaign, sent.Attempt, sent.Code, attribute.String("wacast.outcome", outcome))...)
	if sent.Outcome == job.Rejected || sent.Outcome == job.Unknown {
		s.SetStatus(codes.Error, outcome)
	}
	s.Span.End()
}

// Status implements [webhook.Tracer].
func (t *tracing) Status(parent job.Traceparent, stored time.Time, r webhook.Recorded) {
	_, s := t.tracer.Start(parentOf(parent), "wacast status", trace.WithTimestamp(stored), trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(attributes(r.Sender, r.Campaign, r.Attempt, r.Code, attribute.String("wacast.status", string(r.Kind)))...))
	if r.Kind == job.Failed {
		s.SetStatus(codes.Error, string(job.Failed))
	}
	s.End()
}

// attributes are what all spans tell; never a recipient.
func attributes(sender, campaign string, attempt, code int, what attribute.KeyValue) []attribute.KeyValue {
	all := []attribute.KeyValue{what, attribute.String("wacast.sender", sender), attribute.String("wacast.campaign", campaign), attribute.Int("wacast.attempt", attempt)}
	if code != 0 {
		all = append(all, attribute.Int("wacast.code", code))
	}
	return all
}

// loggedExporter tells the log of what cannot be exported, where the library would write
// to standard error, in a form of its own. It is used by one goroutine.
type loggedExporter struct {
	sdk.SpanExporter
	log    *slog.Logger
	failed bool
}

// ExportSpans implements [sdk.SpanExporter].
func (e *loggedExporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	if err != nil && !e.failed {
		e.log.Warn("spans cannot be exported and are lost; jobs go on", "error", err)
	}
	if err == nil && e.failed {
		e.log.Info("spans are exported again")
	}
	e.failed = err != nil
	return nil
}
