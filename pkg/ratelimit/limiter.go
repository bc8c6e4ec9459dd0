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
	// Urgent is how many of them must not wait behind those that others took in
	// advance: they alone may be in the further half of the horizon.
	Urgent int
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
	// Clock is the limiter's time when it answered, in microseconds: First counts from
	// then. How far it lies behind at the return of Reserve is the way back, which is
	// uneven, and a clock that is off, which is not.
	Clock int64
}

// Slowdown says that the API refused a number for its rate.
type Slowdown struct {
	// Sender is the phone number id.
	Sender string
	// Spacing is that of the requests. It tells how much of what can be sent a refusal is.
	Spacing time.Duration
	// Hold is how long nothing of the number is sent, 0 to [MaxHold]. Slots that are
	// out already are not called back, so that a hold shorter than the horizon only
	// slows a busy number.
	Hold time.Duration
	// Refusals is how many it stands for, up to [MaxRefusals]; 1 when 0. One by itself
	// says little, many in a short time say that the number has to do with less.
	Refusals int
}

// MaxRefusals is more than has any effect.
const MaxRefusals = 10_000

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
	case !possible(r.Spacing):
		return fmt.Errorf("reserve slots: spacing of %v is not between a microsecond and %v", r.Spacing, maxSpacing)
	case r.Want < 1:
		return fmt.Errorf("reserve slots: %d slots wanted, ask for 1 or more", r.Want)
	case r.Urgent < 0 || r.Urgent > r.Want:
		return fmt.Errorf("reserve slots: %d of %d slots are urgent, ask for 0 or more and not for more than all", r.Urgent, r.Want)
	}
	return nil
}

func possible(spacing time.Duration) bool {
	return spacing >= time.Microsecond && spacing <= maxSpacing
}

func (d Slowdown) validate() error {
	switch {
	case d.Sender == "":
		return errors.New("slow numbers down: a slowdown names no sender")
	case !possible(d.Spacing):
		return fmt.Errorf("slow numbers down: spacing of %v is not between a microsecond and %v", d.Spacing, maxSpacing)
	case d.Hold < 0:
		return fmt.Errorf("slow numbers down: hold of %v is negative", d.Hold)
	case d.Refusals < 0 || d.Refusals > MaxRefusals:
		return fmt.Errorf("slow numbers down: %d refusals are not between 0 and %d", d.Refusals, MaxRefusals)
	}
	return nil
}

func (d Slowdown) hold() int64     { return min(d.Hold, MaxHold).Microseconds() }
func (d Slowdown) refusals() int64 { return int64(max(d.Refusals, 1)) }

func newGrant(s Slots, spacing, part, now int64) Grant {
	return Grant{
		First: microseconds(s.First), Spacing: microseconds(spacing), Count: s.Count, Again: microseconds(s.Again),
		Share: float64(part) / fullShare, Clock: now,
	}
}

func newState(part, hold int64) State {
	return State{Share: float64(part) / fullShare, Hold: microseconds(hold)}
}

func microseconds(n int64) time.Duration { return time.Duration(n) * time.Microsecond }
