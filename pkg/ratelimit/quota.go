package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	minWindow = time.Minute
	maxWindow = 31 * 24 * time.Hour
)

// Quota allows so many messages, or so many different recipients, in any rolling
// window, whatever the number of replicas. Quotas of another window, or of
// another kind, are others, even of the same name; the limit may change at any time.
type Quota struct {
	// Name says what is counted, such as "number/106540352242922".
	Name string
	// Limit is how many there may be, 1 or more.
	Limit int
	// Window is how long one counts: a minute to 31 days.
	Window time.Duration
	// Unique counts recipients, each once, until their last message is a window ago.
	Unique bool
}

// Taking asks for room for one message.
type Taking struct {
	Quota Quota
	// Who is a keyed hash of the recipient, for quotas that are unique.
	Who uint64
}

// Taken answers a taking.
type Taken struct {
	// OK is that the message is within the quota.
	OK bool
	// New is that this call counted it, so that it can be returned. A recipient who
	// was counted already is OK and not new.
	New bool
	// Again is when there may be room, if it is not OK.
	Again time.Duration
}

// Quotas count what is sent. All takings of a call go together, each is answered
// by itself, and the answers come in their order.
type Quotas interface {
	Take(ctx context.Context, takings []Taking) ([]Taken, error)
	// Return gives back what was new and is not sent after all. It belongs soon after
	// the taking: room in a quota of messages comes back only within [Quota.Step] of it.
	Return(ctx context.Context, takings []Taking) error
}

// steps is into how many parts a window is cut whose messages are counted.
const steps = 288

// Step is how exactly the time of a message is kept, five minutes for a day: it
// counts for at most two steps longer than the window, and never shorter. The times
// of unique recipients are kept to the millisecond.
func (q Quota) Step() time.Duration {
	return max(time.Second, (q.Window/steps + time.Millisecond - 1).Truncate(time.Millisecond))
}

// window is in milliseconds, rounded up.
func (q Quota) window() int64 { return (q.Window + time.Millisecond - 1).Milliseconds() }

func (q Quota) validate() error {
	switch {
	case q.Name == "":
		return errors.New("a quota has no name")
	case q.Limit < 1:
		return fmt.Errorf("quota %s has a limit of %d, use 1 or more", q.Name, q.Limit)
	case q.Window < minWindow || q.Window > maxWindow:
		return fmt.Errorf("quota %s has a window of %v, use %v to %v", q.Name, q.Window, minWindow, maxWindow)
	}
	return nil
}

// batch is the takings of one quota in a call.
type batch struct {
	quota  Quota
	places []int // in the call
}

// batches sorts takings by quota, in the order in which the quotas come.
func batches(takings []Taking) ([]batch, error) {
	at := make(map[Quota]int)
	var all []batch
	for i, t := range takings {
		n, ok := at[t.Quota]
		if !ok {
			if err := t.Quota.validate(); err != nil {
				return nil, err
			}
			n = len(all)
			at[t.Quota] = n
			all = append(all, batch{quota: t.Quota})
		}
		all[n].places = append(all[n].places, i)
	}
	return all, nil
}

func milliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
