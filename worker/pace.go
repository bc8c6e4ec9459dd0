package worker

import (
	"context"
	"maps"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/ratelimit"
	"github.com/wacast/wacast/pkg/sender"
)

// pace is how fast a number may send and how fast it does. It is safe for concurrent
// use.
type pace struct {
	limit atomic.Pointer[limit]
	// part is the part of the limit that is given out, as the bits of a float64: less
	// than 1 while the API throttles the number.
	part atomic.Uint64
	// lately is how many slots this worker had in the last second it counted.
	lately atomic.Int64
	// found is when the number was last seen to have jobs, in Unix milliseconds.
	found atomic.Int64
	meter meter // the line's own
}

// limit is what a number may send.
type limit struct {
	mps, perDay int
	spacing     time.Duration // of the slots
	shortest    time.Duration // of sends, which may catch up with slots by the headroom
}

// meter counts slots, second by second.
type meter struct {
	began time.Time
	n     int
}

// limit is what the number may send at this moment.
func (l *line) limit() *limit {
	now := l.w.limitOf(l.number)
	if was := l.pace.limit.Load(); was != nil && *was == now {
		return was
	}
	l.pace.limit.Store(&now)
	return &now
}

// limitOf is what a number may send at this moment: what operators or the API say of
// it, else the default.
func (w *Worker) limitOf(n sender.Number) limit {
	now := limit{mps: n.MPS}
	if said, ok := w.cfg.Stops.Limit(n.ID); ok {
		now.perDay = said.PerDay
		if said.MPS > 0 {
			now.mps = said.MPS
		}
	}
	now.spacing = ratelimit.Rate{PerSecond: float64(now.mps), Headroom: w.cfg.Headroom}.Spacing()
	now.shortest = ratelimit.Rate{PerSecond: float64(now.mps)}.Spacing()
	return now
}

// part is the part of the limit that is given out.
func (l *line) part() float64 { return math.Float64frombits(l.pace.part.Load()) }

// given takes what part of the limit is given out.
func (l *line) given(part float64) { l.pace.part.Store(math.Float64bits(part)) }

// granted takes what a reservation tells about the pace.
func (l *line) granted(g *ratelimit.Grant) {
	l.given(g.Share)
	m := &l.pace.meter
	if took := time.Since(m.began); took >= time.Second {
		l.pace.lately.Store(int64(float64(m.n) / took.Seconds()))
		*m = meter{began: time.Now()}
	}
	m.n += g.Count
}

// followPaces follows the recovery of numbers from being slowed down, also while they
// send nothing.
func (w *Worker) followPaces(ctx context.Context) {
	w.mu.Lock()
	lines := slices.Collect(maps.Values(w.lines))
	w.mu.Unlock()
	var slowed []*line
	var numbers []string
	for _, l := range lines {
		if l.part() < 1 {
			slowed, numbers = append(slowed, l), append(numbers, l.number.ID)
		}
	}
	if len(slowed) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, slowTimeout)
	defer cancel()
	states, err := w.cfg.Slots.States(ctx, numbers)
	if err != nil {
		return // who reserves slots says that they cannot be had
	}
	for i, l := range slowed {
		l.given(states[i].Share)
	}
}

// ahead is how many jobs of a lane the number takes on before they can be sent: about
// a second's, of what this worker has been sending, since replicas share the number.
// Whatever that was, it is as much as 20 replicas can hold and still send before the
// ack wait of the lane is over.
func (l *line) ahead(lane job.Lane) int {
	mps, least := l.limit().mps, 2
	if lane == job.Transactional {
		least = 5
	}
	return min(max(minHeld, mps/least, min(mps, int(l.pace.lately.Load()))), maxHeld)
}
