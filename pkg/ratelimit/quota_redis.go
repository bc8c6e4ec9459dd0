package ratelimit

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// RedisQuotas counts for all processes that share a Redis. What it keeps is bounded:
// of a quota of messages some 290 numbers, at most 25 KB, of one of recipients 100 to
// 130 bytes for each, up to the limit; both go a little after their window.
type RedisQuotas struct {
	rdb     redis.UniversalClient
	prefix  string
	scripts quotaScripts
}

var _ Quotas = (*RedisQuotas)(nil)

// NewRedisQuotas makes quotas. The client may repeat calls by itself: a call that
// ran twice costs room, never the limit. The horizon of the options is not used.
func NewRedisQuotas(rdb redis.UniversalClient, opts Options) *RedisQuotas {
	return &RedisQuotas{rdb: rdb, prefix: opts.namespace(), scripts: newQuotaScripts()}
}

// key holds the window, as another one needs other steps.
func (r *RedisQuotas) key(q Quota) string {
	kind := ":quota:{"
	if q.Unique {
		kind = ":unique:{"
	}
	return r.prefix + kind + q.Name + "}:" + strconv.FormatInt(q.window(), 10)
}

// Take counts messages, in one round trip. On an error some may be counted.
func (r *RedisQuotas) Take(ctx context.Context, takings []Taking) ([]Taken, error) {
	all, err := batches(takings)
	if err != nil {
		return nil, fmt.Errorf("take from quotas: %w", err)
	}
	calls := make([]call, len(all))
	for n, b := range all {
		if b.quota.Unique {
			args := append([]any{b.quota.window(), b.quota.Limit}, b.who(takings)...)
			calls[n] = r.scripts.roster.on(ctx, r.key(b.quota), args...)
		} else {
			calls[n] = r.count(ctx, b.quota, len(b.places))
		}
	}
	if err := run(ctx, r.rdb, calls); err != nil {
		return nil, fmt.Errorf("take from quotas: %w", err)
	}
	answers := make([]Taken, len(takings))
	for n, b := range all {
		if err := b.read(calls[n], answers); err != nil {
			return nil, fmt.Errorf("take from quotas: %w", err)
		}
	}
	return answers, nil
}

// read puts a script's reply into the answers.
func (b batch) read(c call, answers []Taken) error {
	if !b.quota.Unique {
		reply, err := c.integers(2)
		if err == nil {
			b.answer(answers, int(reply[0]), reply[1])
		}
		return err
	}
	reply, err := c.integers(1 + len(b.places))
	if err != nil {
		return err
	}
	for n, i := range b.places {
		if found := reply[1+n]; found > 0 {
			answers[i] = Taken{OK: true, New: found == 2}
		} else {
			answers[i] = Taken{Again: milliseconds(reply[0])}
		}
	}
	return nil
}

// Return gives back what was new, in one round trip.
func (r *RedisQuotas) Return(ctx context.Context, takings []Taking) error {
	all, err := batches(takings)
	if err != nil {
		return fmt.Errorf("return to quotas: %w", err)
	}
	calls := make([]call, len(all))
	for n, b := range all {
		if b.quota.Unique {
			args := append([]any{b.quota.window()}, b.who(takings)...)
			calls[n] = r.scripts.leave.on(ctx, r.key(b.quota), args...)
		} else {
			calls[n] = r.count(ctx, b.quota, -len(b.places))
		}
	}
	if err := run(ctx, r.rdb, calls); err != nil {
		return fmt.Errorf("return to quotas: %w", err)
	}
	return nil
}

// count takes messages, or gives back some.
func (r *RedisQuotas) count(ctx context.Context, q Quota, n int) call {
	return r.scripts.tally.on(ctx, r.key(q), q.window(), q.Step().Milliseconds(), q.Limit, n)
}

// who are the recipients, as the scripts take them.
func (b batch) who(takings []Taking) []any {
	all := make([]any, len(b.places))
	for n, i := range b.places {
		all[n] = string(binary.BigEndian.AppendUint64(nil, takings[i].Who))
	}
	return all
}
