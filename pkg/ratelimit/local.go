package ratelimit

import (
	"context"
	"sync"
	"time"
)

// Local gives out slots within one process, by the same arithmetic as [Redis].
type Local struct {
	clock   func() time.Time
	horizon time.Duration

	mu       sync.Mutex
	nextFree map[string]int64
}

var _ Limiter = (*Local)(nil)

// NewLocal makes a limiter with a clock (nil is the machine's) and the default
// horizon.
func NewLocal(clock func() time.Time) *Local {
	if clock == nil {
		clock = time.Now
	}
	return &Local{clock: clock, horizon: DefaultHorizon, nextFree: make(map[string]int64)}
}

// Reserve gives out slots. Its only error is a request that makes no sense.
func (l *Local) Reserve(_ context.Context, requests []Request) ([]Grant, error) {
	for _, r := range requests {
		if err := r.validate(); err != nil {
			return nil, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock().UnixMicro()
	grants := make([]Grant, len(requests))
	for i, r := range requests {
		s := Next(l.nextFree[r.Sender], now, r.Spacing.Microseconds(), l.horizon.Microseconds(), r.Want)
		l.nextFree[r.Sender] = s.NextFree
		grants[i] = r.grant(s.First, s.Again, s.Count)
	}
	return grants, nil
}
