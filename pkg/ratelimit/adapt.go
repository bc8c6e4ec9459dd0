package ratelimit

import "time"

// What a refusal of the API for a number's rate does to the number's share, in parts
// of its limit. [Simulate] chose the figures.
//
// Within one reaction time all refusals are of one overload, and how many of them there
// are against what could be sent tells how much was too much: jitter on the way provokes
// one here and there, of which nothing needs to become less; where the API gives the
// number less than its limit, it refuses all. What was too much has also filled the
// API's second, so that the number is held for just as much of a second.
//
// The share rises quickly to just below the share that was refused, since after a stall
// on the way all is well again; slowly from there, since the API may still give no more;
// and the faster the longer it is past that.
const (
	fullShare  = 100_000
	leastShare = 1_000
	gentleCut  = 3_000  // of a number slowed already, or refused twice in a reaction time
	sharpCut   = 50_000 // the most
	near       = 1_000  // of the share that was refused
)

// Times of the same, in microseconds.
const (
	reaction = 300_000
	// sharpWithin is how long all requests have to be refused for the sharp cut, and
	// leastMany is how many slots are in there at least.
	sharpWithin = 125_000
	leastMany   = 5
	// riseTime is how long it takes to regain quickly what was refused, slowTime from
	// near it to all of it, pastTime from there to the full limit.
	riseTime = 10_000_000
	slowTime = 4_000_000
	pastTime = 14_000_000
)

// MaxHold is the longest hold of a number; a longer one is cut to it. What is to
// last is a stop, which a person can see and lift.
const MaxHold = 15 * time.Minute

// pace is what is kept of a number. All times are microseconds of one clock.
type pace struct {
	// free is the next free time, as [Next] has it.
	free int64
	// share is the part of the limit that was left by the last cut; 0 when there
	// was none, or when all of it is forgotten. mark is the share that was refused.
	share, mark int64
	// cut is when the refusals began that led to it, and count is how many there were.
	cut, count int64
	// until is the time before which nothing is sent.
	until int64
}

// settle brings the pace to now. A clock that jumped back to before the cut takes
// cut and hold with it, so that a hold lasts once more at worst. What has recovered
// is forgotten.
func (p pace) settle(now int64) pace {
	if p.share == 0 {
		return p
	}
	if back := p.cut - now; back > 0 {
		p.cut, p.until = p.cut-back, p.until-back
	}
	if p.until <= now && now-p.cut >= reaction && p.part(now) == fullShare {
		return pace{free: p.free}
	}
	return p
}

// part is the share now, which it regains from the cut, or from the end of the hold, on.
func (p pace) part(now int64) int64 {
	if p.share == 0 {
		return fullShare
	}
	since := min(max(0, now-max(p.cut, p.until)), riseTime+slowTime+pastTime)
	known := max(p.share, p.mark-p.mark*near/fullShare)
	rise := (known - p.share) * riseTime / p.mark
	if since < rise {
		return p.share + since*p.mark/riseTime
	}
	if since -= rise; since < slowTime {
		return known + (p.mark-known)*since/slowTime
	}
	past := (since - slowTime) / 1_000
	return min(fullShare, p.mark+past*past*fullShare/(pastTime/1_000*pastTime/1_000))
}

// slow takes refusals that came now, of a number whose full spacing is given.
func (p pace) slow(now, spacing, hold, refusals int64) pace {
	p = p.settle(now)
	if p.share == 0 || now-p.cut >= reaction {
		p.mark, p.cut, p.count = p.part(now), now, 0
	}
	p.count += refusals
	cut := p.lost(spacing)
	p.share = max(leastShare, p.mark*(fullShare-cut)/fullShare)
	p.until = max(p.until, now+hold, p.cut+cut*1_000_000/fullShare)
	return p
}

// lost is what the refusals since the cut cost of the share that was refused: the
// square of their part of what can be sent.
func (p pace) lost(spacing int64) int64 {
	many := max(leastMany, sharpWithin/stretch(spacing, p.mark))
	over := p.count
	if p.mark == fullShare {
		over--
	}
	if over == 0 {
		return 0
	}
	over = min(over, many)
	return min(sharpCut, max(gentleCut, over*over*fullShare/(many*many)))
}

// stretch is the spacing of a part of the limit whose full spacing is given.
func stretch(spacing, part int64) int64 {
	return min((spacing*fullShare+part-1)/part, maxSpacing.Microseconds())
}

// next is [Next] of a number that may be slowed; spacing is that of its full
// limit. The slots are [stretch] of it apart.
func (p pace) next(now, spacing, horizon int64, want, urgent int) (pace, Slots) {
	p = p.settle(now)
	spacing = stretch(spacing, p.part(now))
	s := give(max(fit(p.free, now, spacing, horizon), p.until), now, spacing, horizon, want, urgent)
	p.free = s.NextFree
	return p, s
}
