package worker

import (
	"context"
	"time"
)

// places bounds the requests in flight.
type places chan struct{}

func newPlaces(n int) places { return make(places, n) }

// gatherPlaces is how long to wait for more places where they are scarce: one
// claim for a few jobs costs as much as one for many.
const gatherPlaces = time.Millisecond

// acquire takes up to n places, and waits for the first one. It returns how many
// it got: 0 only when ctx ended.
func (p places) acquire(ctx context.Context, n int) int {
	if n == 0 {
		return 0
	}
	select {
	case p <- struct{}{}:
	case <-ctx.Done():
		return 0
	}
	got := 1 + p.free(n-1)
	if got < min(n, cap(p)/4) && sleep(ctx, gatherPlaces) {
		got += p.free(n - got)
	}
	return got
}

// free takes up to n places without waiting.
func (p places) free(n int) int {
	for got := range n {
		select {
		case p <- struct{}{}:
		default:
			return got
		}
	}
	return n
}

func (p places) release(n int) {
	for range n {
		<-p
	}
}
