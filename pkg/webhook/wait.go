package webhook

import (
	"context"
	"time"
)

// sleep waits for d, or returns false when ctx ends before.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

const (
	firstPause = 50 * time.Millisecond
	maxPause   = 2 * time.Second
)

// pause grows from call to call while something does not answer.
type pause struct{ next time.Duration }

func (p *pause) wait(ctx context.Context) bool {
	p.next = min(max(p.next*2, firstPause), maxPause)
	return sleep(ctx, p.next)
}

func (p *pause) reset() { p.next = 0 }

// backoff doubles from first up to most with each try before, counted from 1.
func backoff(try int, first, most time.Duration) time.Duration {
	return min(first<<min(max(try-1, 0), 30), most)
}
