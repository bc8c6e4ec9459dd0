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

	mu      sync.Mutex
	numbers map[string]pace
}

var _ Limiter = (*Local)(nil)

// NewLocal makes a limiter with a clock (nil is the machine's) and the default
// horizon.
func NewLocal(clock func() time.Time) *Local {
	if clock == nil {
		clock = time.Now
	}
	return &Local{clock: clock, horizon: DefaultHorizon, numbers: make(map[string]pace)}
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
		p, slots := l.numbers[r.Sender].next(now, r.Spacing.Microseconds(), l.horizon.Microseconds(), r.Want, r.Urgent)
		l.numbers[r.Sender] = p
		part := p.part(now)
		grants[i] = newGrant(slots, stretch(r.Spacing.Microseconds(), part), part, now)
	}
	return grants, nil
}

// Slow lowers the shares of numbers. Its only error is a slowdown that makes no sense.
func (l *Local) Slow(_ context.Context, slowdowns []Slowdown) error {
	for _, d := range slowdowns {
		if err := d.validate(); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock().UnixMicro()
	for _, d := range slowdowns {
		l.numbers[d.Sender] = l.numbers[d.Sender].slow(now, d.Spacing.Microseconds(), d.hold(), d.refusals())
	}
	return nil
}

// States says how numbers stand, in their order. There is no error.
func (l *Local) States(_ context.Context, senders []string) ([]State, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock().UnixMicro()
	states := make([]State, len(senders))
	for i, sender := range senders {
		p := l.numbers[sender].settle(now)
		states[i] = newState(p.part(now), max(0, p.until-now))
	}
	return states, nil
}
