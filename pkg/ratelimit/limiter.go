package ratelimit

import (
	"context"
	"fmt"
	"time"
)

// Request asks for slots of one number.
type Request struct {
	// Sender is the phone number id.
	Sender string
	// Spacing is the time from slot to slot, as [Rate.Spacing] has it: whole
	// microseconds, at most a day.
	Spacing time.Duration
	// Want is how many slots, 1 or more.
	Want int
}

// Grant answers a request.
type Grant struct {
	// First is when the first slot is, counted from the return of Reserve.
	First time.Duration
	// Spacing is the time from slot to slot.
	Spacing time.Duration
	// Count is how many slots were given: up to what was wanted, possibly none.
	Count int
	// Again is when to ask for more, counted likewise; 0 if nothing is missing.
	Again time.Duration
}

// Limiter gives out slots. All requests of a call go together, and the grants
// come in the order of the requests.
type Limiter interface {
	Reserve(ctx context.Context, requests []Request) ([]Grant, error)
}

func (r Request) validate() error {
	switch {
	case r.Sender == "":
		return fmt.Errorf("reserve slots: a request names no sender")
	case r.Spacing < time.Microsecond || r.Spacing > maxSpacing:
		return fmt.Errorf("reserve slots: spacing of %v is not between a microsecond and %v", r.Spacing, maxSpacing)
	case r.Want < 1:
		return fmt.Errorf("reserve slots: %d slots wanted, ask for 1 or more", r.Want)
	}
	return nil
}

func (r Request) grant(first, again int64, count int) Grant {
	return Grant{First: microseconds(first), Spacing: r.Spacing, Count: count, Again: microseconds(again)}
}

func microseconds(n int64) time.Duration { return time.Duration(n) * time.Microsecond }
