package worker

import (
	"log/slog"
	"testing"
	"time"
)

// Without anybody who looks at spans there is no work for them.
func TestNoTracerCostsNothing(t *testing.T) {
	w, it := &Worker{log: slog.New(slog.DiscardHandler)}, new(item)
	now := time.Now()
	if n := testing.AllocsPerRun(100, func() { w.begin(it, now); w.finish(it) }); n != 0 || it.span != nil {
		t.Errorf("%v allocations, span %v", n, it.span)
	}
}
