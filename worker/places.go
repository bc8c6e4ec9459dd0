package worker

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// crowding is how many places a number may have for each that is free. One number
	// alone gets 8 in 9 of all places so, of two each gets 8 in 17: there are some left
	// for those that come.
	crowding = 8
	// mostOwn is how many places a number has whatever the others have taken: what 80
	// messages a second need of an API that answers within 100 ms.
	mostOwn = 8
)

// places bounds the requests in flight, of all numbers together and of each, so that
// one whose requests hang takes nothing from the others. It is safe for concurrent use.
type places struct {
	all int
	own int // places that every number has, beyond all where those are taken

	mu      sync.Mutex
	free    int // negative where numbers have places of their own
	waiting []*share
}

// share is a number's part of the places. A share waits for one place at a time.
type share struct {
	taken int           // guarded by the places' mutex
	given chan struct{} // holds a token once the place it waited for is its own
}

func newPlaces(n int) *places { return &places{all: n, own: min(max(1, n/100), mostOwn), free: n} }

func newShare() *share { return &share{given: make(chan struct{}, 1)} }

// gatherPlaces is how long to wait for more places where they are scarce: one
// claim for a few jobs costs as much as one for many.
const gatherPlaces = time.Millisecond

// acquire takes up to n places for a number, and waits for the first one. It returns
// how many it got: 0 only when ctx ended.
func (p *places) acquire(ctx context.Context, s *share, n int) int {
	if n == 0 {
		return 0
	}
	got := p.take(s, n)
	if got == 0 {
		if !p.await(ctx, s) {
			return 0
		}
		got = 1 + p.take(s, n-1)
	}
	if got < min(n, p.all/4) && sleep(ctx, gatherPlaces) {
		got += p.take(s, n-got)
	}
	return got
}

// take takes up to n places without waiting.
func (p *places) take(s *share, n int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for got := range n {
		if !p.give(s) {
			return got
		}
	}
	return n
}

// give gives a place to a number if there is one for it; p.mu is held.
func (p *places) give(s *share) bool {
	if s.taken >= p.own && s.taken >= crowding*p.free {
		return false
	}
	s.taken++
	p.free--
	return true
}

// await waits for one place, and reports whether it got it before ctx ended.
func (p *places) await(ctx context.Context, s *share) bool {
	p.mu.Lock()
	if p.give(s) { // meanwhile
		p.mu.Unlock()
		return true
	}
	p.waiting = append(p.waiting, s)
	p.mu.Unlock()
	select {
	case <-s.given:
		return true
	case <-ctx.Done():
	}
	p.mu.Lock()
	i := slices.Index(p.waiting, s)
	if i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
	}
	p.mu.Unlock()
	if i < 0 { // the place came at the same moment
		<-s.given
		p.release(s, 1)
	}
	return false
}

// release gives n places of a number back, to those who wait and have the fewest.
func (p *places) release(s *share, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.taken -= n
	p.free += n
	for len(p.waiting) > 0 {
		least := 0
		for i, other := range p.waiting {
			if other.taken < p.waiting[least].taken {
				least = i
			}
		}
		first := p.waiting[least]
		if !p.give(first) {
			return
		}
		p.waiting = slices.Delete(p.waiting, least, least+1)
		first.given <- struct{}{}
	}
}
