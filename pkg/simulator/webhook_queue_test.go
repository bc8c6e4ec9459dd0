package simulator

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// Waits double from 10 seconds to an hour, and a speed divides them.
func TestBackoff(t *testing.T) {
	const s = time.Second
	want := []time.Duration{10 * s, 20 * s, 40 * s, 80 * s, 160 * s, 320 * s, 640 * s, 1280 * s, 2560 * s, 3600 * s, 3600 * s}
	for i, wait := range want {
		if got := backoff(i+1, 1); got != wait {
			t.Errorf("after attempt %d: %v, want %v", i+1, got, wait)
		}
		if got := backoff(i+1, 100); got != wait/100 {
			t.Errorf("after attempt %d, 100 times as fast: %v, want %v", i+1, got, wait/100)
		}
	}
	if got := backoff(1<<40, 1e-300); got <= 0 {
		t.Errorf("a very slow one: %v", got)
	}
}

// Updates come out by time, and by order at the same time, also when the order
// counter goes round.
func TestHeap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var h heap[update]
	var all []update
	for i := range 2000 {
		u := update{due: time.Duration(rng.IntN(40)), order: ^uint32(0) - 1000 + uint32(i)}
		all = append(all, u)
		h.push(u)
	}
	slices.SortStableFunc(all, func(a, b update) int { return int(a.due - b.due) })
	for i, want := range all {
		if got := h.pop(); got != want {
			t.Fatalf("update %d: %+v, want %+v", i, got, want)
		}
	}
	if h != nil {
		t.Error("an empty heap keeps its memory")
	}
}
