package webhook

import (
	"io"
	"log/slog"
	"testing"

	"github.com/wacast/wacast/pkg/job"
)

const exampleTrace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// Without anybody who looks at spans, or at what is logged of each status, there is no
// work for them, whether the job has a trace or not.
func TestNoTracerCostsNothing(t *testing.T) {
	p := &Processor{cfg: ProcessorConfig{Log: slog.New(slog.NewJSONHandler(io.Discard, nil))}}
	for _, trace := range []job.Traceparent{"", exampleTrace} {
		pl := &plan{report: &report{}, outcome: job.Event{Traceparent: trace}, events: make([]job.Event, 3)}
		if n := testing.AllocsPerRun(100, func() { pl.traced(); p.trace(pl) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
		for _, e := range pl.events {
			if e.Traceparent != trace {
				t.Errorf("an event has the trace %q, its job %q", e.Traceparent, trace)
			}
		}
	}
}
