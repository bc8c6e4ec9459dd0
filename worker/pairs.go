package worker

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxPairs bounds how many recipients a number keeps in mind; what does not fit is
	// refused once more.
	maxPairs = 10_000
	// pairMemory is how long after its wait a recipient's refusals are remembered, so
	// that the next wait is longer.
	pairMemory = 10 * time.Minute
)

// pairs are the recipients to which a number has written too often, for the API: each
// waits by itself. It is safe for concurrent use.
type pairs struct {
	some atomic.Bool // most of the time there are none

	mu    sync.Mutex
	known map[string]*pair
}

// pair is one recipient.
type pair struct {
	refusals    int // in a row
	last, until time.Time
}

// refused takes a refusal of a request that began then, and returns how long the
// recipient waits. How long the n-th refusal in a row has it wait is for wait to say; of
// requests that were on their way together, the first counts.
func (p *pairs) refused(who string, began time.Time, wait func(n int) time.Duration) time.Duration {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.known[who]
	if r == nil {
		r = new(pair)
		p.keep(who, r, now)
	}
	if r.refusals == 0 || !began.Before(r.last) {
		r.refusals++
		r.last, r.until = now, now.Add(wait(r.refusals))
	}
	return max(0, r.until.Sub(now))
}

// keep remembers a recipient if there is room for one; p.mu is held.
func (p *pairs) keep(who string, r *pair, now time.Time) {
	if len(p.known) >= maxPairs {
		for other, old := range p.known {
			if now.Sub(old.until) > pairMemory {
				delete(p.known, other)
			}
		}
	}
	if len(p.known) < maxPairs {
		if p.known == nil {
			p.known = make(map[string]*pair)
		}
		p.known[who] = r
		p.some.Store(true)
	}
}

// accepted forgets the refusals before a request that began then.
func (p *pairs) accepted(who string, began time.Time) {
	if !p.some.Load() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if r := p.known[who]; r != nil && began.After(r.last) {
		delete(p.known, who)
		p.some.Store(len(p.known) > 0)
	}
}

// wait is how long a recipient is to be left alone, 0 for most.
func (p *pairs) wait(who string) time.Duration {
	if !p.some.Load() {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if r := p.known[who]; r != nil {
		return max(0, time.Until(r.until))
	}
	return 0
}

// recipient is whom the item is for.
func (it *item) recipient() string {
	if it.job.To != "" {
		return string(it.job.To)
	}
	return it.job.UserID
}
