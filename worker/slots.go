package worker

import (
	"context"
	"sync"
	"time"

	"github.com/wacast/wacast/pkg/ratelimit"
)

// slots reserves send times for all numbers of the worker: one call is under way at a
// time, and what is asked for meanwhile goes together with the next. Nothing waits
// where nothing else is asked for. It is safe for concurrent use.
type slots struct {
	reserve func(context.Context, []ratelimit.Request) ([]ratelimit.Grant, error)
	trouble *trouble
	// life ends the calls, and running is who waits for them.
	life    context.Context
	running *sync.WaitGroup

	mu      sync.Mutex
	asked   []ask // that go with the next call
	calling bool
	clock   offset // the caller's own
}

// ask is a request and who waits for its answer.
type ask struct {
	request ratelimit.Request
	answer  chan<- granted
}

// granted answers a request. The grant's times count from at.
type granted struct {
	ratelimit.Grant
	at  time.Time
	err error
}

// get asks for slots, and returns none of them when ctx ends before.
func (s *slots) get(ctx context.Context, r ratelimit.Request) (granted, error) {
	answer := make(chan granted, 1)
	s.mu.Lock()
	s.asked = append(s.asked, ask{r, answer})
	if !s.calling {
		s.calling = true
		s.running.Go(s.call)
	}
	s.mu.Unlock()
	select {
	case g := <-answer:
		return g, g.err
	case <-ctx.Done():
		return granted{}, context.Cause(ctx)
	}
}

// slotTimeout bounds a call that nobody may be waiting for any more.
const slotTimeout = 5 * time.Second

// call reserves for all who ask until nobody does.
func (s *slots) call() {
	for {
		s.mu.Lock()
		asked := s.asked
		s.asked = nil
		if len(asked) == 0 {
			s.calling = false
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		requests := make([]ratelimit.Request, len(asked))
		for i := range asked {
			requests[i] = asked[i].request
		}
		within, cancel := context.WithTimeout(s.life, slotTimeout)
		grants, err := s.reserve(within, requests)
		cancel()
		if s.life.Err() == nil {
			_ = s.trouble.note(err)
		}
		now := time.Now()
		for i := range asked {
			g := granted{at: now, err: err}
			if err == nil {
				g.Grant = grants[i]
				g.at = s.clock.when(now, g.Clock)
			}
			asked[i].answer <- g
		}
	}
}

// offset is how far this process's clock and the limiter's are apart, as the answers of
// the limiter tell that were the fastest of late. Slots are reckoned by it: by when an
// answer came they would be as uneven as the way back is.
type offset struct {
	// epoch is some time: what is counted since then does not change when a machine's
	// clock is set.
	epoch time.Time
	began time.Time
	// least is of the time since began, before of as long before that.
	least, before time.Duration
}

const (
	// offsetWindow is short against the drift of clocks.
	offsetWindow = 5 * time.Second
	// wayBack is more than an answer takes; what seems longer is a clock that jumped.
	wayBack = 100 * time.Millisecond
)

// when is at what time the limiter gave an answer that came now, by its clock.
func (o *offset) when(now time.Time, clock int64) time.Time {
	if o.epoch.IsZero() {
		o.epoch = now
	}
	apart := now.Sub(o.epoch) - time.Duration(clock)*time.Microsecond
	switch {
	case now.Sub(o.began) >= 2*offsetWindow:
		o.began, o.least, o.before = now, apart, apart
	case now.Sub(o.began) >= offsetWindow:
		o.began, o.least, o.before = now, apart, o.least
	}
	o.least = min(o.least, apart)
	late := apart - min(o.least, o.before)
	if late > wayBack {
		o.began, o.least, o.before, late = now, apart, apart, 0
	}
	return now.Add(-late)
}
