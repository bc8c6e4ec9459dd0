package report

import (
	"context"
	"fmt"
	"sync"

	"github.com/wacast/wacast/pkg/job"
)

// memo keeps what settled events change in all campaigns, until there are others:
// a count that metrics ask for must not read them each time.
type memo struct {
	mu    sync.Mutex
	total uint64 // of settled events, when they were read
	shift shift
}

// Unknown counts the jobs of all campaigns whose outcome nobody knows.
func (r *Reporter) Unknown(ctx context.Context) (uint64, error) {
	unknown, err := r.events.Total(ctx, job.Unknown)
	if err != nil {
		return 0, fmt.Errorf("count unknown outcomes: %w", err)
	}
	settled, err := r.events.Total(ctx, job.Settled)
	if err != nil {
		return 0, fmt.Errorf("count settled outcomes: %w", err)
	}
	if settled == 0 {
		return unknown, nil
	}
	r.memo.mu.Lock()
	defer r.memo.mu.Unlock()
	if r.memo.shift == nil || r.memo.total != settled {
		s, err := r.settled(ctx, "")
		if err != nil {
			return 0, fmt.Errorf("settled outcomes: %w", err)
		}
		r.memo.shift, r.memo.total = s, settled
	}
	counts := map[job.Kind]uint64{job.Unknown: unknown}
	r.memo.shift.apply(counts)
	return counts[job.Unknown], nil
}
