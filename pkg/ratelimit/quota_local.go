package ratelimit

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// LocalQuotas counts within one process, by the same arithmetic as [RedisQuotas].
type LocalQuotas struct {
	clock func() time.Time

	mu      sync.Mutex
	tallies map[quotaKey]*tally
	rosters map[quotaKey]*roster
}

type quotaKey struct {
	name   string
	window time.Duration
}

var _ Quotas = (*LocalQuotas)(nil)

// NewLocalQuotas makes quotas with a clock (nil is the machine's).
func NewLocalQuotas(clock func() time.Time) *LocalQuotas {
	if clock == nil {
		clock = time.Now
	}
	return &LocalQuotas{clock: clock, tallies: make(map[quotaKey]*tally), rosters: make(map[quotaKey]*roster)}
}

// Take counts messages. Its only error is a quota that makes no sense.
func (l *LocalQuotas) Take(_ context.Context, takings []Taking) ([]Taken, error) {
	all, err := batches(takings)
	if err != nil {
		return nil, fmt.Errorf("take from quotas: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock().UnixMilli()
	answers := make([]Taken, len(takings))
	for _, b := range all {
		if b.quota.Unique {
			b.enter(answers, takings, l.roster(b.quota), now)
			continue
		}
		taken, again := l.tally(b.quota).take(now, int64(b.quota.Limit), int64(len(b.places)))
		b.answer(answers, int(taken), again)
	}
	return answers, nil
}

// answer says that the first of a batch of messages were taken.
func (b batch) answer(answers []Taken, taken int, again int64) {
	for n, i := range b.places {
		if n < taken {
			answers[i] = Taken{OK: true, New: true}
		} else {
			answers[i] = Taken{Again: milliseconds(again)}
		}
	}
}

// enter counts a batch of recipients.
func (b batch) enter(answers []Taken, takings []Taking, r *roster, now int64) {
	limit := int64(b.quota.Limit)
	for _, i := range b.places {
		answers[i].OK, answers[i].New = r.take(now, limit, takings[i].Who)
	}
	for _, i := range b.places {
		if !answers[i].OK {
			answers[i].Again = milliseconds(r.again(now, limit))
		}
	}
}

// Return gives back what was new. Its only error is a quota that makes no sense.
func (l *LocalQuotas) Return(_ context.Context, takings []Taking) error {
	all, err := batches(takings)
	if err != nil {
		return fmt.Errorf("return to quotas: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock().UnixMilli()
	for _, b := range all {
		if !b.quota.Unique {
			l.tally(b.quota).giveBack(now, int64(len(b.places)))
			continue
		}
		for _, i := range b.places {
			l.roster(b.quota).giveBack(now, takings[i].Who)
		}
	}
	return nil
}

func (l *LocalQuotas) tally(q Quota) *tally {
	key := quotaKey{q.Name, q.Window}
	t := l.tallies[key]
	if t == nil {
		t = newTally(q)
		l.tallies[key] = t
	}
	return t
}

func (l *LocalQuotas) roster(q Quota) *roster {
	key := quotaKey{q.Name, q.Window}
	r := l.rosters[key]
	if r == nil {
		r = newRoster(q)
		l.rosters[key] = r
	}
	return r
}
