package ratelimit

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Guard keeps one process within the limit of each number, whatever the shared
// limiter said: a Redis that was rolled back or a clock that jumped cannot make
// this process alone exceed a limit.
type Guard struct {
	slack time.Duration

	mu     sync.Mutex
	limits map[string]*rate.Limiter
}

// NewGuard makes a guard. The slack is how much of a delay sends may catch up:
// without any, a reply of Redis that took 20 ms would shift every slot after it
// by 20 ms for as long as the number is busy. [DefaultHorizon] is a good one.
func NewGuard(slack time.Duration) *Guard {
	return &Guard{slack: slack, limits: make(map[string]*rate.Limiter)}
}

// Slot books one send at the slot given and returns when it may go: then, or
// later. Slots of a number are to be booked in their order.
func (g *Guard) Slot(sender string, spacing time.Duration, slot time.Time) time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	limit, burst := rate.Every(spacing), 1+int(g.slack/spacing)
	l := g.limits[sender]
	if l == nil {
		l = rate.NewLimiter(limit, burst)
		g.limits[sender] = l
	} else if l.Limit() != limit {
		l.SetLimitAt(slot, limit)
		l.SetBurstAt(slot, burst)
	}
	return slot.Add(l.ReserveN(slot, 1).DelayFrom(slot))
}
