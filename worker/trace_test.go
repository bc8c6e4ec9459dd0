package worker

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/job"
)

// Without anybody who looks at spans, or at what is logged of each job, there is no work
// for them.
func TestNoTracerCostsNothing(t *testing.T) {
	for name, log := range map[string]*slog.Logger{
		"silent": slog.New(slog.DiscardHandler), "JSON at info": slog.New(slog.NewJSONHandler(io.Discard, nil)),
	} {
		w, it := &Worker{log: log}, &item{job: &job.Job{ID: "a", Campaign: "c", To: "+5491155550100"}}
		it.end.outcome = job.Accepted
		now := time.Now()
		if n := testing.AllocsPerRun(100, func() { w.begin(it, now); w.finish(it) }); n != 0 || it.span != nil {
			t.Errorf("%s: %v allocations, span %v", name, n, it.span)
		}
	}
}
