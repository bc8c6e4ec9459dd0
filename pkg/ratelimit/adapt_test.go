package ratelimit

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	const now, spacing = int64(1e15), int64(12_500) // 10 slots in sharpWithin
	refused := func(n int64) pace { return pace{free: 1}.slow(now, spacing, 0, n) }
	twice, held := refused(2), pace{free: 1}.slow(now, spacing, 200_000, 2)
	slowed := func(at int64) pace { return twice.slow(at, spacing, 0, 1) }
	const toNear = riseTime * 2 / 100 // from 97 to 99 %
	for name, c := range map[string]struct {
		pace        pace
		now         int64
		part, until int64
	}{
		"never slowed":                     {pace{free: 1}, now, fullShare, 0},
		"refused once":                     {refused(1), now, fullShare, now},
		"refused once, and forgotten":      {refused(1), now + reaction, fullShare, 0},
		"refused twice":                    {twice, now, 97_000, now + 30_000},
		"refused four times":               {refused(4), now, 91_000, now + 90_000},
		"refused eight times":              {refused(8), now, 51_000, now + 490_000},
		"refused always":                   {refused(99), now, 50_000, now + 500_000},
		"one by one":                       {refused(1).slow(now+reaction-1, spacing, 0, 1), now + reaction - 1, 97_000, now + reaction - 1},
		"one by one, too far apart":        {refused(1).slow(now+reaction, spacing, 0, 1), now + reaction, fullShare, now + reaction},
		"held":                             {held, now, 97_000, now + 200_000},
		"at the end of the hold":           {held, now + 200_000, 97_000, now + 200_000},
		"what is sure comes back quickly":  {twice, now + 30_000 + toNear/2, 98_000, now + 30_000},
		"what was refused comes back slow": {twice, now + 30_000 + toNear + slowTime/2, 99_500, now + 30_000},
		"recovered, and forgotten":         {twice, now + 30_000 + toNear + slowTime, fullShare, 0},
		"refused again, of what is slowed": {slowed(now + 30_000 + 2*toNear), now + 30_000 + 2*toNear, 96_078, now + 60_000 + 2*toNear},
		"past what was refused":            {pace{share: 50_000, mark: 50_000, cut: now}, now + slowTime + pastTime/2, 75_000, 0},
		"long past it":                     {pace{share: 50_000, mark: 50_000, cut: now}, now + slowTime + pastTime*72/100, fullShare, 0},
		"held for longer":                  {held.slow(now+100_000, spacing, 500_000, 1), now + 600_000, 96_000, now + 600_000},
		"held not for less":                {held.slow(now+100_000, spacing, 1, 1), now + 200_000, 96_000, now + 200_000},
		"the least there is":               {pace{share: 1010, mark: 1010, cut: now}.slow(now+reaction, spacing, 0, 9), now + reaction, leastShare, now + reaction + 500_000},
		"the clock jumped back":            {held, now - 5e9, 97_000, now - 5e9 + 200_000},
		"the clock jumped back, and again": {held.slow(now-5e9, spacing, 0, 1), now - 5e9, 96_000, now - 5e9 + 200_000},
		"the clock jumped far ahead":       {held, now + 5e12, fullShare, 0},
		"held for longer than it takes":    {pace{share: 99_000, mark: fullShare, cut: now, until: now + 60e6}, now + 30e6, 99_000, now + 60e6},
		"held, and then recovered":         {pace{share: 99_000, mark: fullShare, cut: now, until: now + 60e6}, now + 60e6 + slowTime, fullShare, 0},
	} {
		got := c.pace.settle(c.now)
		if part := got.part(c.now); part != c.part || got.until != c.until || got.free != c.pace.free {
			t.Errorf("%s: part %d until now%+d, want %d and now%+d", name, part, got.until-now, c.part, c.until-now)
		}
	}
}

// A refusal weighs by what can be sent: of few, one is much.
func TestPaceWeighsRefusals(t *testing.T) {
	for _, c := range []struct{ spacing, share, refusals, part int64 }{
		{1_000, fullShare, 1, fullShare}, {1_000, fullShare, 2, 97_000}, {1_000, fullShare, 60, 77_722}, {1_000, fullShare, 100, 50_000},
		{1_000, 50_000, 1, 48_500}, {1_000, 50_000, 31, 37_500}, {12_500, fullShare, 6, 75_000}, {12_500, 50_000, 1, 48_000},
		{12_500, 50_000, 3, 32_000}, {1e6, fullShare, 3, 84_000}, {1e6, fullShare, 5, 50_000}, {1, fullShare, MaxRefusals, 97_000},
	} {
		p := pace{share: c.share, mark: c.share}
		if c.share == fullShare {
			p = pace{}
		}
		if got := p.slow(reaction, c.spacing, 0, c.refusals).share; got != c.part {
			t.Errorf("%+v: share %d", c, got)
		}
	}
}

func TestStretch(t *testing.T) {
	for _, c := range []struct{ spacing, part, want int64 }{
		{12_500, fullShare, 12_500}, {12_500, 50_000, 25_000}, {12_500, 94_000, 13_298}, {1, 1_000, 100}, {86_400e6, 1_000, 86_400e6},
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
			p = p.slow(now, 12_500, int64(steps[2])*10_000, int64(steps[1]%32))
			continue
		}
		full := []int64{1_000, 12_500, 12_627, 50_000}[steps[3]%4]
		before := p.settle(now)
		var s Slots
		p, s = p.next(now, full, horizon, int(steps[1])+1, int(steps[1])%(1+int(steps[2]%8)))
		spacing := stretch(full, p.part(now))
		shortest = min(shortest, spacing)
		if spacing < full {
			t.Fatalf("spacing %d, the limit's is %d", spacing, full)
		}
		if p.until-now > 255*10_000+500_000+reaction { // of the last cut, which a jump back repeats
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
		if s.Count == 0 && s.Again > max(0, p.until-now, horizon/2)+spacing {
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

// What a storm left is regained in half a minute, whatever it was.
func TestPaceRecovers(t *testing.T) {
	p, now := pace{}, int64(1e15)
	for range 1000 {
		now += 100_000
		p = p.slow(now, 12_500, 0, 1)
	}
	if p.part(now) != leastShare {
		t.Errorf("a long storm left %d, want %d", p.part(now), leastShare)
	}
	if got := p.settle(now + (30 * time.Second).Microseconds()); got.share != 0 {
		t.Errorf("after 30 s there is still %+v", got)
	}
}
