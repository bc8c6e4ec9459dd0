package worker

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/wacast/wacast/pkg/job"
)

// bulkTurn is how often bulk jobs are served for certain: of as many slots, one is
// theirs however many transactional jobs wait.
const bulkTurn = 20

// ready holds the jobs of one number that only wait for a slot. Transactional ones go
// first, and in each lane the campaigns take turns. It is safe for concurrent use.
type ready struct {
	mu    sync.Mutex
	lanes map[job.Lane]*rota
	n     int
	// passed counts the transactional jobs that went before a bulk one that waits.
	passed int
	wake   chan struct{} // holds a token while there may be something
	hurry  chan struct{} // holds a token when a transactional job may have come
}

func newReady() *ready {
	r := &ready{lanes: make(map[job.Lane]*rota), wake: make(chan struct{}, 1), hurry: make(chan struct{}, 1)}
	for _, lane := range job.Lanes() {
		r.lanes[lane] = newRota()
	}
	return r
}

// push adds items behind those of their queue.
func (r *ready) push(items ...*item) {
	r.mu.Lock()
	first := r.lanes[job.Transactional]
	urgent := first.n
	for _, it := range items {
		r.lanes[it.delivery.Queue.Lane].push(it)
	}
	urgent = first.n - urgent
	r.n += len(items)
	r.mu.Unlock()
	signal(r.wake)
	if urgent > 0 {
		signal(r.hurry)
	}
}

// putBack adds items before those of their queue, in their order.
func (r *ready) putBack(items []*item) {
	r.mu.Lock()
	for _, it := range slices.Backward(items) {
		r.lanes[it.delivery.Queue.Lane].unpop(it)
	}
	r.n += len(items)
	r.mu.Unlock()
	signal(r.wake)
}

// take removes up to n items, in the order in which they are to be sent.
func (r *ready) take(n int) []*item {
	r.mu.Lock()
	defer r.mu.Unlock()
	n = min(n, r.n)
	taken := make([]*item, n)
	for i := range taken {
		taken[i] = r.pick()
	}
	r.n -= n
	return taken
}

// pick removes the item that is to be sent next. There must be one; r.mu is held.
func (r *ready) pick() *item {
	first, bulk := r.lanes[job.Transactional], r.lanes[job.Bulk]
	switch {
	case bulk.n == 0:
		r.passed = 0
		return first.pop()
	case first.n == 0, r.passed == bulkTurn-1:
		r.passed = 0
		return bulk.pop()
	}
	r.passed++
	return first.pop()
}

func (r *ready) len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.n
}

// wait returns once there is an item, or false when ctx ends.
func (r *ready) wait(ctx context.Context) bool {
	for r.len() == 0 {
		select {
		case <-ctx.Done():
			return false
		case <-r.wake:
		}
	}
	return ctx.Err() == nil
}

// count says how many items there are, and how many of them are transactional. Rest
// then returns for what comes after.
func (r *ready) count() (all, urgent int) {
	select {
	case <-r.hurry:
	default:
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.n, r.lanes[job.Transactional].n
}

// rest waits for a while, or until a transactional item comes or ctx ends.
func (r *ready) rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.hurry:
	case <-ctx.Done():
	}
}

func signal(token chan<- struct{}) {
	select {
	case token <- struct{}{}:
	default:
	}
}
