package app

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"strings"
)

// Tracing is what makes and exports spans.
type Tracing = tracing

// NewTracing reads the environment, as [New] does.
func NewTracing(ctx context.Context, log *slog.Logger) (*Tracing, error) {
	return newTracing(ctx, "one", log)
}

// Stop exports what is left.
func (t *tracing) Stop(ctx context.Context) error { return t.stop(ctx) }

// CheckTraceSettings is what [New] says of the environment; wanted is whether spans are made.
func CheckTraceSettings() (wanted bool, err error) {
	s, err := readTraceSettings(os.Getenv)
	return s != nil, err
}

// LastSpans bounds how long the end waits for a collector.
const LastSpans = lastSpans

// TraceVariables are those that wacast looks at, as for traces and for all signals.
func TraceVariables() (names []string) {
	_, _ = readTraceSettings(func(name string) string {
		names = append(names, name)
		switch {
		case name == "OTEL_SDK_DISABLED":
			return "false"
		case strings.HasPrefix(name, "OTEL_TRACES_SAMPLER"):
			return "traceidratio"
		}
		return "otlp"
	})
	slices.Sort(names)
	return slices.Compact(names)
}
