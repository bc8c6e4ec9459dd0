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
	mu              sync.Mutex
	settled, erased uint64 // events there were when they were read
	shift           shift
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
	erased, err := r.events.Total(ctx, job.Erased)
	if err != nil {
		return 0, fmt.Errorf("count erased outcomes: %w", err)
	}
	if settled+erased == 0 {
		return unknown, nil
	}
	r.memo.mu.Lock()
	defer r.memo.mu.Unlock()
	if r.memo.shift == nil || r.memo.settled != settled || r.memo.erased != erased {
		gone, err := r.erasures(ctx, "")
		if err != nil {
			return 0, fmt.Errorf("erased outcomes: %w", err)
		}
		s, err := r.settled(ctx, "", gone)
		if err != nil {
			return 0, fmt.Errorf("settled outcomes: %w", err)
		}
		s[job.Unknown] += int64(len(gone.of[job.Unknown]))
		r.memo.shift, r.memo.settled, r.memo.erased = s, settled, erased
	}
	counts := map[job.Kind]uint64{job.Unknown: unknown}
	r.memo.shift.apply(counts)
	return counts[job.Unknown], nil
}
