package ratelimit

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSpacing(t *testing.T) {
	for _, c := range []struct {
		rate Rate
		want time.Duration
	}{
		{Rate{PerSecond: 80}, 12500 * time.Microsecond},
		{Rate{PerSecond: 80, Headroom: 0.01}, 12627 * time.Microsecond}, // 12626.26…, up
		{Rate{PerSecond: 320, Headroom: 0.6}, 6250 * time.Microsecond},  // five sixths of 0.6
		{Rate{PerSecond: 20, Headroom: 0.5}, 100 * time.Millisecond},
		{Rate{PerSecond: 3}, 333334 * time.Microsecond},
		{Rate{PerSecond: 0.5}, 2 * time.Second},
		{Rate{PerSecond: 5e6}, time.Microsecond},
		{Rate{PerSecond: 80, Headroom: 1}, 12500 * time.Microsecond},
		{Rate{}, 24 * time.Hour},
		{Rate{PerSecond: -1}, 24 * time.Hour},
		{Rate{PerSecond: 1e-300}, 24 * time.Hour},
	} {
		if got := c.rate.Spacing(); got != c.want {
			t.Errorf("%+v: spacing %v, want %v", c.rate, got, c.want)
		}
	}
}

func TestNext(t *testing.T) {
	const now, spacing, horizon = 1_000_000, 10_000, 100_000
	for name, c := range map[string]struct {
		nextFree int64
		want     int
		urgent   int
		slots    Slots
	}{
		"unknown: none before half of the horizon": {0, 1, 0, Slots{Again: 50_000, NextFree: 1_100_000}},
		"unknown, urgent: one horizon away":        {0, 1, 1, Slots{First: 100_000, Count: 1, NextFree: 1_110_000}},
		"unknown, urgent: no second one yet":       {0, 2, 2, Slots{First: 100_000, Count: 1, Again: 10_000, NextFree: 1_110_000}},
		"idle: at once":                            {999_999, 1, 0, Slots{First: 0, Count: 1, NextFree: 1_010_000}},
		"idle for long: no burst":                  {1, 3, 0, Slots{First: 0, Count: 3, NextFree: 1_030_000}},
		"busy: behind the others":                  {1_005_000, 2, 0, Slots{First: 5_000, Count: 2, NextFree: 1_025_000}},
		"up to half of the horizon":                {1_005_000, 99, 0, Slots{First: 5_000, Count: 5, Again: 5_000, NextFree: 1_055_000}},
		"a slot on the half":                       {1_000_000, 99, 0, Slots{First: 0, Count: 6, Again: 10_000, NextFree: 1_060_000}},
		"urgent up to the horizon":                 {1_005_000, 99, 99, Slots{First: 5_000, Count: 10, Again: 5_000, NextFree: 1_105_000}},
		"the urgent ones of many":                  {1_040_000, 99, 5, Slots{First: 40_000, Count: 5, Again: 40_000, NextFree: 1_090_000}},
		"less urgent ones than there are slots":    {1_010_000, 99, 2, Slots{First: 10_000, Count: 5, Again: 10_000, NextFree: 1_060_000}},
		"urgent ones behind the half":              {1_060_000, 3, 1, Slots{First: 60_000, Count: 1, Again: 20_000, NextFree: 1_070_000}},
		"more urgent than wanted":                  {1_060_000, 1, 9, Slots{First: 60_000, Count: 1, NextFree: 1_070_000}},
		"all given out":                            {1_100_001, 1, 1, Slots{Again: 1, NextFree: 1_100_001}},
		"half given out":                           {1_050_001, 1, 0, Slots{Again: 1, NextFree: 1_050_001}},
		"as far as Next ever goes":                 {1_110_000, 1, 1, Slots{Again: 10_000, NextFree: 1_110_000}},
		"the clock jumped back":                    {9_000_000, 1, 1, Slots{Again: 10_000, NextFree: 1_110_000}},
		"nothing wanted, idle":                     {1, 0, 0, Slots{NextFree: 1_000_000}},
		"nothing wanted, all is gone":              {1_110_000, 0, 0, Slots{NextFree: 1_110_000}},
	} {
		if diff := cmp.Diff(c.slots, Next(c.nextFree, now, spacing, horizon, c.want, c.urgent)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestNextWithASpacingAboveTheHorizon(t *testing.T) {
	const spacing, horizon = 2_000_000, 100_000
	first := Next(1, 10_000_000, spacing, horizon, 5, 0)
	if want := (Slots{Count: 1, Again: 1_950_000, NextFree: 12_000_000}); first != want {
		t.Fatalf("first call: %+v, want %+v", first, want)
	}
	second := Next(first.NextFree, 10_000_000+first.Again, spacing, horizon, 5, 0)
	if want := (Slots{First: 50_000, Count: 1, Again: 2_000_000, NextFree: 14_000_000}); second != want {
		t.Errorf("second call: %+v, want %+v", second, want)
	}
}

// history is what the property tests remember of a number's slots, in real time.
type history struct {
	t                *testing.T
	spacing, horizon int64
	nextFree         int64
	slots            []int64
}

// reserve asks at a real time with a clock that may be off, and checks what holds
// of each answer by itself.
func (r *history) reserve(real, clock int64, want, urgent int) Slots {
	r.t.Helper()
	s := Next(r.nextFree, clock, r.spacing, r.horizon, want, urgent)
	r.nextFree = s.NextFree
	if s.Count > want || (s.Count < want) != (s.Again > 0) {
		r.t.Fatalf("wanted %d: %+v", want, s)
	}
	for i := range int64(s.Count) {
		delay := s.First + i*r.spacing
		if delay < 0 || delay > r.horizon || delay > r.horizon/2 && s.Count > urgent {
			r.t.Fatalf("slot %d of %+v is outside of now and the horizon %d", i, s, r.horizon)
		}
		r.slots = append(r.slots, real+delay)
	}
	return s
}

// spaced checks that slots are a spacing apart, whence no sliding second holds
// more than the limit, which it counts as well.
func (r *history) spaced(limit int) {
	r.t.Helper()
	from := 0
	for i, slot := range r.slots {
		if i > 0 && slot-r.slots[i-1] < r.spacing {
			r.t.Fatalf("slot %d comes %d µs after the one before, want %d", i, slot-r.slots[i-1], r.spacing)
		}
		for r.slots[from] <= slot-1_000_000 {
			from++
		}
		if n := i - from + 1; n > limit {
			r.t.Fatalf("%d slots in the second that ends with slot %d, want at most %d", n, i, limit)
		}
	}
}

// FuzzNext asks at times, by amounts and with backward jumps of the clock that
// the input chooses: three bytes a call.
func FuzzNext(f *testing.F) {
	f.Add(uint16(80), []byte{0, 10, 0, 0, 10, 0, 200, 10, 0, 0, 255, 0})
	f.Add(uint16(1), []byte{255, 1, 0, 255, 1, 0, 255, 1, 255, 0, 1, 0})
	f.Add(uint16(1000), []byte{1, 255, 0, 50, 255, 3, 50, 255, 3})
	f.Fuzz(func(t *testing.T, perSecond uint16, calls []byte) {
		limit := int(perSecond%2000) + 1
		r := &history{t: t, horizon: DefaultHorizon.Microseconds(), spacing: Rate{PerSecond: float64(limit)}.Spacing().Microseconds()}
		real, behind := int64(1e15), int64(0)
		for ; len(calls) >= 3; calls = calls[3:] {
			real += int64(calls[0]) * int64(calls[0]) * 7 // 0 to 0.45 s
			behind += int64(calls[2]) * int64(calls[2]) * 997
			r.reserve(real, real-behind, int(calls[1]), int(calls[1]^calls[0])%8)
		}
		r.spaced(limit)
	})
}

func TestNextUnderManyReplicas(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 1))
		limit := 1 + rng.IntN(500)
		r := &history{t: t, horizon: DefaultHorizon.Microseconds(), spacing: Rate{PerSecond: float64(limit)}.Spacing().Microseconds()}
		now := int64(1e15)
		for range 2000 {
			now += rng.Int64N(3 * r.spacing)
			r.reserve(now, now, 1+rng.IntN(20), rng.IntN(5))
		}
		r.spaced(limit)
	}
}

// A caller that asks when it is told to uses every slot there is.
func TestNextIsUsedInFull(t *testing.T) {
	for _, perSecond := range []float64{0.5, 1, 3, 10, 79.9, 80, 1000} {
		r := &history{t: t, horizon: DefaultHorizon.Microseconds(), spacing: Rate{PerSecond: perSecond}.Spacing().Microseconds()}
		r.nextFree = 1
		start := int64(1e15)
		for now := start; now < start+60e6; {
			now += r.reserve(now, now, 1000, 0).Again
		}
		for i, slot := range r.slots {
			if want := start + int64(i)*r.spacing; slot != want {
				t.Fatalf("%v a second: slot %d is %d µs late", perSecond, i, slot-want)
			}
		}
		if want := int(60e6 / float64(r.spacing)); len(r.slots) < want {
			t.Errorf("%v a second: %d slots in a minute, want %d", perSecond, len(r.slots), want)
		}
	}
}

// After a loss of the state no slot comes before those of the state that was lost.
func TestNextAfterALoss(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	r := &history{t: t, horizon: 100_000, spacing: 12_500}
	now := int64(1e15)
	for range 5000 {
		now += rng.Int64N(50_000)
		if rng.IntN(10) == 0 {
			r.nextFree = 0
		}
		before := len(r.slots)
		r.reserve(now, now, 1+rng.IntN(20), rng.IntN(5))
		if before > 0 && before < len(r.slots) && r.slots[before] < r.slots[before-1] {
			t.Fatalf("a slot at %d after one at %d", r.slots[before], r.slots[before-1])
		}
	}
}
