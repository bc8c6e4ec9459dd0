package ratelimit

import "time"

// What a refusal of the API for a number's rate does to the number's share, in
// thousandths of its limit. [Simulate] chose the figures. A refusal by itself is
// mostly jitter on the way, of which a gentle cut makes more room at little cost; a
// second one so soon says that the API gives the number less than its limit, and is
// answered by a sharp cut. Within one reaction time all refusals are of one overload:
// those of messages that were on their way when the share fell say nothing new.
const (
	fullShare   = 1000
	leastShare  = 10
	gentleCut   = 940
	sharpCut    = 600
	reaction    = 300_000   // microseconds
	storm       = 2_000_000 // two cuts less than this apart are of one storm
	recoverStep = 100_000   // microseconds to regain a thousandth
)

// MaxHold is the longest hold of a number; a longer one is cut to it. What is to
// last is a stop, which a person can see and lift.
const MaxHold = 15 * time.Minute

// pace is what is kept of a number. All times are microseconds of one clock.
type pace struct {
	// free is the next free time, as [Next] has it.
	free int64
	// share is the part of the limit that was left by the last cut; 0 when there
	// was none, or when all of it is forgotten.
	share int64
	// cut is when that was, and until the time before which nothing is sent, which is
	// no earlier than the last refusal.
	cut, until int64
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
	if p.until <= now && p.part(now) == fullShare {
		return pace{free: p.free}
	}
	return p
}

// part is the share now: it regains a thousandth a step from the last refusal, or
// from the end of the hold, on.
func (p pace) part(now int64) int64 {
	if p.share == 0 {
		return fullShare
	}
	since := max(p.cut, p.until)
	return min(fullShare, p.share+max(0, now-since)/recoverStep)
}

// slow is a refusal that came now.
func (p pace) slow(now, hold int64) pace {
	p = p.settle(now)
	if since := now - p.cut; p.share == 0 || since >= reaction {
		cut := int64(gentleCut)
		if p.share != 0 && since < storm {
			cut = sharpCut
		}
		p.share, p.cut = max(leastShare, p.part(now)*cut/fullShare), now
	}
	p.until = max(p.until, now+hold)
	return p
}

// stretch is the spacing of a part of the limit whose full spacing is given.
func stretch(spacing, part int64) int64 {
	return min((spacing*fullShare+part-1)/part, maxSpacing.Microseconds())
}

// next is [Next] of a number that may be slowed; spacing is that of its full
// limit. The slots are [stretch] of it apart.
func (p pace) next(now, spacing, horizon int64, want int) (pace, Slots) {
	p = p.settle(now)
	spacing = stretch(spacing, p.part(now))
	free := max(Next(p.free, now, spacing, horizon, 0).NextFree, p.until)
	s := Slots{Again: free - now - horizon, NextFree: free}
	if s.Again <= 0 {
		s = Next(free, now, spacing, horizon, want)
	}
	p.free = s.NextFree
	return p, s
}
