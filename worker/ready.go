package worker

import (
	"context"
	"sync"

	"github.com/wacast/wacast/pkg/job"
)

// ready holds the jobs of one number that only wait for a slot, by lane. It is
// safe for concurrent use.
type ready struct {
	mu    sync.Mutex
	lanes map[job.Lane][]*item
	n     int
	wake  chan struct{} // holds a token while there may be something
}

func newReady() *ready {
	return &ready{lanes: make(map[job.Lane][]*item), wake: make(chan struct{}, 1)}
}

// push adds items behind those of their lane.
func (r *ready) push(items ...*item) {
	r.mu.Lock()
	for _, it := range items {
		lane := it.delivery.Queue.Lane
		r.lanes[lane] = append(r.lanes[lane], it)
	}
	r.n += len(items)
	r.mu.Unlock()
	r.signal()
}

// putBack adds items before those of their lane, in their order.
func (r *ready) putBack(items []*item) {
	r.mu.Lock()
	for i := len(items) - 1; i >= 0; i-- {
		lane := items[i].delivery.Queue.Lane
		r.lanes[lane] = append([]*item{items[i]}, r.lanes[lane]...)
	}
	r.n += len(items)
	r.mu.Unlock()
	r.signal()
}

// take removes up to n items, transactional ones first.
func (r *ready) take(n int) []*item {
	r.mu.Lock()
	defer r.mu.Unlock()
	n = min(n, r.n)
	taken := make([]*item, 0, n)
	for _, lane := range job.Lanes() {
		k := min(n-len(taken), len(r.lanes[lane]))
		taken = append(taken, r.lanes[lane][:k]...)
		r.lanes[lane] = r.lanes[lane][k:]
	}
	r.n -= len(taken)
	return taken
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

func (r *ready) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}
