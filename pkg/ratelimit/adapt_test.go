package ratelimit

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	const now = int64(1e15)
	slowed := pace{free: 1}.slow(now, 200_000)
	for name, c := range map[string]struct {
		pace        pace
		now         int64
		part, until int64
	}{
		"never slowed":                        {pace{free: 1}, now, 1000, 0},
		"slowed":                              {slowed, now, 940, now + 200_000},
		"at the end of the hold":              {slowed, now + 200_000, 940, now + 200_000},
		"a step later":                        {slowed, now + 300_000, 941, now + 200_000},
		"recovered, and forgotten":            {slowed, now + 200_000 + 60*recoverStep, 1000, 0},
		"again, within the reaction":          {slowed.slow(now+reaction-1, 0), now + reaction, 940, now + reaction - 1},
		"again, and held for longer":          {slowed.slow(now+100_000, 500_000), now + 600_000, 940, now + 600_000},
		"again, and not held for less":        {slowed.slow(now+100_000, 1), now + 200_000, 940, now + 200_000},
		"again, in a storm":                   {slowed.slow(now+reaction, 0), now + reaction, 564, now + reaction},
		"again, after the storm":              {slowed.slow(now+storm, 0), now + storm, 900, now + storm},
		"the least there is":                  {pace{share: 11, cut: now}.slow(now+reaction, 0), now + reaction, 10, now + reaction},
		"the clock jumped back":               {slowed, now - 5e9, 940, now - 5e9 + 200_000},
		"the clock jumped back, and again":    {slowed.slow(now-5e9, 0), now - 5e9, 940, now - 5e9 + 200_000},
		"the clock jumped far ahead":          {slowed, now + 5e12, 1000, 0},
		"held for longer than it takes":       {pace{share: 990, cut: now, until: now + 60e6}, now + 30e6, 990, now + 60e6},
		"held for longer, and then recovered": {pace{share: 990, cut: now, until: now + 60e6}, now + 61e6, 1000, 0},
	} {
		got := c.pace.settle(c.now)
		if part := got.part(c.now); part != c.part || got.until != c.until || got.free != c.pace.free {
			t.Errorf("%s: part %d until %d, want %d and %d", name, part, got.until, c.part, c.until)
		}
	}
}

func TestStretch(t *testing.T) {
	for _, c := range []struct{ spacing, part, want int64 }{
		{12_500, 1000, 12_500}, {12_500, 500, 25_000}, {12_500, 940, 13_298}, {1, 10, 100}, {86_400e6, 10, 86_400e6},
	} {
		if got := stretch(c.spacing, c.part); got != c.want {
			t.Errorf("%d µs at %d thousandths are %d, want %d", c.spacing, c.part, got, c.want)
		}
	}
}

// checkPace asks and slows by what the input says, four bytes a step, with a limit
// that changes and a clock that jumps back. No two slots are closer than the shortest
// spacing that a call asked with since the first of them, none is in a hold, and a
// hold does not last longer than it was meant to.
func checkPace(t *testing.T, steps []byte) {
	const horizon = 100_000
	real, behind := int64(1e15), int64(0)
	var p pace
	last, shortest := int64(0), int64(0)
	for ; len(steps) >= 4; steps = steps[4:] {
		real += int64(steps[0]) * int64(steps[0]) * 7
		if steps[3] >= 240 {
			behind += int64(steps[2]) * int64(steps[2]) * 997
		}
		now := real - behind
		if steps[3]%8 == 0 {
			p = p.slow(now, int64(steps[2])*10_000)
			continue
		}
		full := []int64{1_000, 12_500, 12_627, 50_000}[steps[3]%4]
		before := p.settle(now)
		var s Slots
		p, s = p.next(now, full, horizon, int(steps[1])+1)
		spacing := stretch(full, p.part(now))
		shortest = min(shortest, spacing)
		if spacing < full {
			t.Fatalf("spacing %d, the limit's is %d", spacing, full)
		}
		if p.until-now > 255*10_000+reaction { // of the last cut, which a jump back repeats
			t.Fatalf("held for %d µs", p.until-now)
		}
		for i := range int64(s.Count) {
			delay := s.First + i*spacing
			if slot := real + delay; delay < 0 || delay > horizon || slot-last < shortest {
				t.Fatalf("slot %d of %+v comes %d µs after the one before, spacing %d", i, s, slot-last, spacing)
			} else if now+delay < before.until {
				t.Fatalf("slot %d of %+v is in the hold until %d", i, s, before.until-now)
			} else {
				last, shortest = slot, spacing
			}
		}
		if s.Count == 0 && s.Again > max(0, p.until-now)+spacing {
			t.Fatalf("%+v, held for %d, spacing %d", s, p.until-now, spacing)
		}
	}
}

// FuzzPace is [checkPace] with an input that the fuzzer chooses.
func FuzzPace(f *testing.F) {
	f.Add([]byte{0, 10, 0, 1, 0, 10, 100, 0, 200, 10, 0, 2, 0, 255, 90, 241})
	f.Add([]byte{255, 1, 0, 8, 255, 1, 0, 16, 255, 1, 255, 24, 1, 0, 0, 3})
	f.Fuzz(func(t *testing.T, steps []byte) { checkPace(t, steps) })
}

func TestPaceHolds(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 5))
		steps := make([]byte, 8000)
		for i := range steps {
			steps[i] = byte(rng.Uint32())
			if i%4 == 0 {
				steps[i] >>= rng.IntN(6)
			}
		}
		checkPace(t, steps)
	}
}

// What a storm left is regained in about a hundred seconds, whatever it was.
func TestPaceRecovers(t *testing.T) {
	p, now := pace{}, int64(1e15)
	for range 1000 {
		now += 100_000
		p = p.slow(now, 0)
	}
	if p.part(now) != leastShare {
		t.Errorf("a long storm left %d thousandths, want %d", p.part(now), leastShare)
	}
	if got := p.settle(now + (100 * time.Second).Microseconds()); got.share != 0 {
		t.Errorf("after 100 s there is still %+v", got)
	}
}
