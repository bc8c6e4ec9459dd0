package app

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
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
	exporter *loggedExporter
	tracer   trace.Tracer
}

var (
	_ worker.Tracer  = (*tracing)(nil)
	_ webhook.Tracer = (*tracing)(nil)
)

// newTracing begins nothing that waits for the endpoint.
func newTracing(ctx context.Context, id string, log *slog.Logger) (*tracing, error) {
	s, err := readTraceSettings(os.Getenv)
	if s == nil || err != nil {
		return nil, err
	}
	exporter, err := newExporter(ctx, s, log)
	if err != nil {
		return nil, fmt.Errorf("export of traces (OTEL_EXPORTER_OTLP_ENDPOINT): %w", err)
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(
		attribute.String("service.name", "wacast"), attribute.String("service.version", Version()), attribute.String("service.instance.id", id),
	), resource.WithFromEnv()) // the last one counts
	if err != nil {
		return nil, fmt.Errorf("export of traces (OTEL_RESOURCE_ATTRIBUTES): %w", err)
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about))
	return &tracing{provider: provider, exporter: exporter, tracer: provider.Tracer("github.com/wacast/wacast")}, nil
}

// lastSpans bounds how long the end waits for a collector: less than for everything that
// is closed, as the admin address comes after it.
const lastSpans = 3 * time.Second

// stop exports what is left.
func (t *tracing) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lastSpans)
	defer cancel()
	err := t.provider.Shutdown(ctx)
	if ctx.Err() != nil {
		t.exporter.giveUp()
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

const traceparentLen = 55

// span is one request to the API.
type span struct{ trace.Span }

// Traceparent implements [worker.Span].
func (s span) Traceparent() job.Traceparent {
	c := s.SpanContext()
	traceID, spanID := c.TraceID(), c.SpanID()
	var text [traceparentLen]byte
	b := append(text[:0], "00-"...)
	b = append(hex.AppendEncode(b, traceID[:]), '-')
	b = append(hex.AppendEncode(b, spanID[:]), '-')
	return job.Traceparent(hex.AppendEncode(b, []byte{byte(c.TraceFlags())}))
}

// End implements [worker.Span].
func (s span) End(sent worker.Sent) {
	outcome := cmp.Or(string(sent.Outcome), "returned")
	s.SetAttributes(attributes(sent.Sender, sent.Campaign, sent.Job, sent.Attempt, sent.Code, attribute.String("wacast.outcome", outcome))...)
	if sent.Outcome == job.Rejected || sent.Outcome == job.Unknown {
		s.SetStatus(codes.Error, outcome)
	}
	s.Span.End()
}

// Status implements [webhook.Tracer].
func (t *tracing) Status(parent job.Traceparent, stored time.Time, r webhook.Recorded) {
	_, s := t.tracer.Start(parentOf(parent), "wacast status", trace.WithTimestamp(stored), trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(attributes(r.Sender, r.Campaign, r.Job, r.Attempt, r.Code, attribute.String("wacast.status", string(r.Kind)))...))
	if r.Kind == job.Failed {
		s.SetStatus(codes.Error, string(job.Failed))
	}
	s.End()
}

// attributes are what all spans tell; never a recipient.
func attributes(sender, campaign, id string, attempt, code int, what attribute.KeyValue) []attribute.KeyValue {
	all := make([]attribute.KeyValue, 0, 6)
	all = append(all, what, attribute.String("wacast.sender", sender), attribute.String("wacast.campaign", campaign),
		attribute.String("wacast.job", id), attribute.Int("wacast.attempt", attempt))
	if code != 0 {
		all = append(all, attribute.Int("wacast.code", code))
	}
	return all
}
