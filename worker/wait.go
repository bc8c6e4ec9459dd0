package worker

import (
	"context"
	"time"
)

// sleep waits for d, or returns false when ctx ends before.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// pause grows from call to call while something does not answer.
type pause struct{ next time.Duration }

const (
	firstPause = 50 * time.Millisecond
	maxPause   = 2 * time.Second
)

func (p *pause) wait(ctx context.Context) bool {
	p.next = min(max(p.next*2, firstPause), maxPause)
	return sleep(ctx, p.next)
}

func (p *pause) reset() { p.next = 0 }
