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
			}
			asked[i].answer <- g
		}
	}
}
