package ratelimit

import (
	"fmt"
	"testing"
	"time"
)

func ExampleGuard_Slot() {
	guard, start := NewGuard(0), time.Now()
	for range 3 { // a limiter that lost its mind gives the same slot again and again
		slot := guard.Slot("106540352242922", 100*time.Millisecond, start)
		fmt.Println(slot.Sub(start).Round(time.Millisecond))
	}
	// Output:
	// 0s
	// 100ms
	// 200ms
}

func TestGuardLetsGoodSlotsPass(t *testing.T) {
	guard, start := NewGuard(DefaultHorizon), time.Now()
	for i := range 1000 {
		slot := start.Add(time.Duration(i) * 12500 * time.Microsecond)
		if i == 500 {
			slot = slot.Add(40 * time.Millisecond) // one slow reply; the next are in time again
		}
		if got := guard.Slot("1", 12500*time.Microsecond, slot); got.Sub(slot) > time.Microsecond {
			t.Fatalf("slot %d was put off by %v", i, got.Sub(slot))
		}
	}
}

func TestGuardHoldsTheLimit(t *testing.T) {
	guard, start := NewGuard(DefaultHorizon), time.Now()
	inFirstSecond := 0
	for range 500 {
		if guard.Slot("1", 12500*time.Microsecond, start).Before(start.Add(time.Second)) {
			inFirstSecond++
		}
	}
	if inFirstSecond > 80+9 {
		t.Errorf("%d sends in a second, want at most 80 and the slack of 100 ms", inFirstSecond)
	}
	if got := guard.Slot("2", 12500*time.Microsecond, start); !got.Equal(start) {
		t.Errorf("another number was put off by %v", got.Sub(start))
	}
}

func TestGuardFollowsTheRate(t *testing.T) {
	guard, start := NewGuard(0), time.Now()
	guard.Slot("1", 10*time.Millisecond, start)
	slower := guard.Slot("1", time.Second, start)
	if d := slower.Sub(start).Round(time.Millisecond); d != time.Second {
		t.Errorf("after the rate fell to 1 a second the next send may go in %v, want 1s", d)
	}
}
