package simulator

import (
	"math/rand/v2"
	"testing"
	"time"
)

// The ring counts as a plain list of times does, while it grows and goes round.
func TestWindow(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var w window
	var all []int64
	now := int64(0)
	for step := range 5000 {
		gap := int64(time.Second) / (1 + int64(step/50)) // ever denser, so that it grows
		now += rng.Int64N(gap)
		want := 0
		for i := len(all) - 1; i >= 0 && now-all[i] < int64(time.Second); i-- {
			want++
		}
		if got := w.count(now); got != want {
			t.Fatalf("step %d: %d within a second, want %d", step, got, want)
		}
		w.add(now)
		all = append(all, now)
	}
	if len(w.times) < 128 {
		t.Errorf("the ring grew to %d only; the test wants more", len(w.times))
	}
}
