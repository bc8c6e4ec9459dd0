package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Request asks for slots of one number.
type Request struct {
	// Sender is the phone number id.
	Sender string
	// Spacing is the time from slot to slot at the full limit, as [Rate.Spacing] has
	// it: whole microseconds, at most a day.
	Spacing time.Duration
	// Want is how many slots, 1 or more.
	Want int
}

// Grant answers a request.
type Grant struct {
	// First is when the first slot is, counted from the return of Reserve.
	First time.Duration
	// Spacing is the time from slot to slot, which is longer than that of the full
	// limit while the number is slowed.
	Spacing time.Duration
	// Count is how many slots were given: up to what was wanted, possibly none.
	Count int
	// Again is when to ask for more, counted likewise; 0 if nothing is missing.
	Again time.Duration
	// Share is the part of the limit that is given out: 1 unless slowed.
	Share float64
}

// Slowdown says that the API refused a number for its rate.
type Slowdown struct {
	// Sender is the phone number id.
	Sender string
	// Hold is how long nothing of the number is sent, 0 to [MaxHold]. Slots that are
	// out already are not called back, so that a hold shorter than the horizon only
	// slows a busy number.
	Hold time.Duration
}

// State is how a number stands, for display.
type State struct {
	// Share is the part of the limit that is given out: 1 unless slowed.
	Share float64
	// Hold is how long nothing of the number is sent.
	Hold time.Duration
}

// Limiter gives out slots. All requests of a call go together, and the grants
// come in the order of the requests.
type Limiter interface {
	Reserve(ctx context.Context, requests []Request) ([]Grant, error)
	// Slow puts off what is to be sent of the numbers and lowers their shares, which
	// recover step by step.
	Slow(ctx context.Context, slowdowns []Slowdown) error
}

func (r Request) validate() error {
	switch {
	case r.Sender == "":
		return errors.New("reserve slots: a request names no sender")
	case r.Spacing < time.Microsecond || r.Spacing > maxSpacing:
		return fmt.Errorf("reserve slots: spacing of %v is not between a microsecond and %v", r.Spacing, maxSpacing)
	case r.Want < 1:
		return fmt.Errorf("reserve slots: %d slots wanted, ask for 1 or more", r.Want)
	}
	return nil
}

func (d Slowdown) validate() error {
	switch {
	case d.Sender == "":
		return errors.New("slow numbers down: a slowdown names no sender")
	case d.Hold < 0:
		return fmt.Errorf("slow numbers down: hold of %v is negative", d.Hold)
	}
	return nil
}

func (d Slowdown) hold() int64 { return min(d.Hold, MaxHold).Microseconds() }

func newGrant(s Slots, spacing, part int64) Grant {
	return Grant{
		First: microseconds(s.First), Spacing: microseconds(spacing), Count: s.Count, Again: microseconds(s.Again),
		Share: float64(part) / fullShare,
	}
}

func newState(part, hold int64) State {
	return State{Share: float64(part) / fullShare, Hold: microseconds(hold)}
}

func microseconds(n int64) time.Duration { return time.Duration(n) * time.Microsecond }
