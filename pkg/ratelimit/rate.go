package ratelimit

import (
	"math"
	"time"
)

// DefaultHorizon is how far ahead slots are given out: long enough for a round
// trip to Redis, short enough that a job that comes late does not wait. Half of it is
// for the urgent alone, so that they find a slot whatever the others have taken.
const DefaultHorizon = 100 * time.Millisecond

// maxSpacing keeps the arithmetic far from overflow, and exact in Lua's floats.
const maxSpacing = 24 * time.Hour

// Rate is how often a number may send.
type Rate struct {
	// PerSecond is the number's limit in messages a second.
	PerSecond float64
	// Headroom is the part of a limit of up to 80 a second that stays unused: 0.01 sends
	// at 99 %. Of more it is less, down to two thirds: the more messages a second has,
	// the less uneven does jitter on the way make it. Zero, and all outside 0 to 1, is
	// none.
	Headroom float64
}

// fullHeadroom is the highest limit, in messages a second, that needs all of its headroom.
const fullHeadroom = 80

// Spacing is the time from slot to slot, in whole microseconds, rounded up so
// that no second ever holds more slots than the limit. A rate of zero or less
// has the longest spacing there is, a day.
func (r Rate) Spacing() time.Duration {
	perSecond := r.PerSecond
	if r.Headroom > 0 && r.Headroom < 1 {
		perSecond *= 1 - r.Headroom*(2+math.Sqrt(fullHeadroom/max(perSecond, fullHeadroom)))/3
	}
	// A rate written as 80 × 0.99 must not lose a microsecond to the 13th digit.
	us := math.Ceil(1e6/perSecond - 1e-6)
	if !(us < float64(maxSpacing.Microseconds())) || us < 0 {
		return maxSpacing
	}
	return time.Duration(max(us, 1)) * time.Microsecond
}

// Slots is what [Next] gives out, in microseconds.
type Slots struct {
	// First is the delay of the first slot from now; the others follow one
	// spacing apart.
	First int64
	// Count is how many slots there are.
	Count int
	// Again is the delay after which a further slot can be had; 0 if all that was
	// wanted is there.
	Again int64
	// NextFree is the state to keep.
	NextFree int64
}

// Next gives out up to want slots of a number whose next free time is nextFree, so
// many of them urgent. All times are microseconds of one clock.
//
// No slot is later than one horizon from now, none but urgent ones is later than half
// of it, and none is in the past: what was not used is gone. A nextFree of 0 is
// unknown, as after the loss of a Redis, and starts one horizon away, behind whatever
// may have been given out. A nextFree further ahead than this function ever sets it
// comes from a clock that jumped back and is cut to where the clock before the jump
// can have given slots out.
func Next(nextFree, now, spacing, horizon int64, want, urgent int) Slots {
	return give(fit(nextFree, now, spacing, horizon), now, spacing, horizon, want, urgent)
}

// fit is a next free time as it can be at a moment.
func fit(nextFree, now, spacing, horizon int64) int64 {
	if nextFree == 0 {
		return now + horizon
	}
	return min(max(nextFree, now), now+horizon+spacing)
}

// give gives out slots from a next free time on that is not in the past.
func give(free, now, spacing, horizon int64, want, urgent int) Slots {
	until := func(edge int64, most int) int64 {
		if free > edge {
			return 0
		}
		return min(int64(most), (edge-free)/spacing+1)
	}
	last, near := now+horizon, now+horizon/2
	count := max(until(near, want), until(last, min(urgent, want)))
	s := Slots{Count: int(count), NextFree: free + count*spacing}
	if s.Count > 0 {
		s.First = free - now
	}
	switch {
	case s.Count < min(urgent, want):
		s.Again = s.NextFree - last
	case s.Count < want:
		s.Again = s.NextFree - near
	}
	return s
}
