package app_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/wacast/wacast/pkg/app"
)

// BenchmarkSpan is what the span of a request costs where somebody wants it: made, asked
// for its name once, ended, and exported by OTLP over HTTP to a collector that takes it
// at once, in this process.
func BenchmarkSpan(b *testing.B) {
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer collector.Close()
	for name, sampler := range map[string]string{"sampled": "always_on", "left out": "always_off"} {
		b.Run(name, func(b *testing.B) {
			b.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
			b.Setenv("OTEL_TRACES_SAMPLER", sampler)
			made, err := app.NewTracing(b.Context(), slog.New(slog.DiscardHandler))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				sendSpan(made, traceparent)
			}
			b.StopTimer()
			if err := made.Stop(b.Context()); err != nil {
				b.Fatal(err)
			}
		})
	}
}
