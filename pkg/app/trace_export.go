package app

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// newExporter connects to nobody yet.
func newExporter(ctx context.Context, s *traceSettings, log *slog.Logger) (*loggedExporter, error) {
	var exporter sdk.SpanExporter
	var err error
	switch {
	case s.protocol == protocolGRPC && s.plain:
		exporter, err = otlptracegrpc.New(ctx, otlptracegrpc.WithInsecure())
	case s.protocol == protocolGRPC:
		exporter, err = otlptracegrpc.New(ctx)
	case s.plain:
		exporter, err = otlptracehttp.New(ctx, otlptracehttp.WithInsecure())
	default:
		exporter, err = otlptracehttp.New(ctx)
	}
	if err != nil {
		return nil, err
	}
	masked := make([]string, 0, 2*len(s.secrets))
	for _, secret := range s.secrets {
		masked = append(masked, secret, "…")
	}
	return &loggedExporter{SpanExporter: exporter, log: log, mask: strings.NewReplacer(masked...)}, nil
}

// loggedExporter tells the log of what cannot be exported, where the library would write
// to standard error, in a form of its own. Spans are exported by one goroutine.
type loggedExporter struct {
	sdk.SpanExporter
	log    *slog.Logger
	mask   *strings.Replacer
	failed bool
	// given is set once nobody waits for spans any more.
	given atomic.Bool
}

// maxTold bounds what a log line says of a failure: an HTTP error has the whole page with it.
const maxTold = 300

// ExportSpans implements [sdk.SpanExporter].
func (e *loggedExporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	if e.given.Load() {
		return nil
	}
	err := e.SpanExporter.ExportSpans(ctx, spans)
	if err != nil && !e.failed {
		e.log.Warn("spans cannot be exported and are lost; jobs go on", "error", e.told(err))
	}
	if err == nil && e.failed {
		e.log.Info("spans are exported again")
	}
	e.failed = err != nil
	return nil
}

// told is an error as the log may have it: a collector may repeat what it was sent.
func (e *loggedExporter) told(err error) string {
	text := strings.Join(strings.Fields(e.mask.Replace(err.Error())), " ")
	if len(text) > maxTold {
		text = strings.ToValidUTF8(text[:maxTold], "") + "…"
	}
	return text
}

// giveUp breaks off what is being exported, and drops what was to come.
func (e *loggedExporter) giveUp() {
	e.given.Store(true)
	over, cancel := context.WithCancel(context.Background())
	cancel()
	_ = e.SpanExporter.Shutdown(over) // what it says is that it was broken off
}
