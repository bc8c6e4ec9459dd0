package ratelimit

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Options configures [NewRedis] and [NewRedisQuotas].
type Options struct {
	// Namespace begins every key; "wacast" when empty.
	Namespace string
	// Horizon is how far ahead slots are given out; [DefaultHorizon] when 0. All
	// replicas need the same.
	Horizon time.Duration
}

// Redis gives out slots to all processes that share a Redis.
type Redis struct {
	rdb     redis.UniversalClient
	prefix  string
	horizon int64
}

var _ Limiter = (*Redis)(nil)

// NewRedis makes a limiter. The client may repeat calls by itself: a call that
// ran twice costs slots, never the limit.
func NewRedis(rdb redis.UniversalClient, opts Options) *Redis {
	horizon := opts.Horizon
	if horizon <= 0 {
		horizon = DefaultHorizon
	}
	return &Redis{rdb: rdb, prefix: opts.namespace() + ":slot:{", horizon: horizon.Microseconds()}
}

func (o Options) namespace() string { return cmp.Or(o.Namespace, "wacast") }

// key is the only one of each command: the numbers of a call may be on many nodes.
func (l *Redis) key(sender string) string { return l.prefix + sender + "}" }

// Reserve gives out slots, in one round trip for all requests. On an error some
// slots may be taken without use.
//
// A delay counts from Redis's now, which lies before the return of Reserve. A
// caller that counts from the return is late by no more than the way back, and
// never early.
func (l *Redis) Reserve(ctx context.Context, requests []Request) ([]Grant, error) {
	calls := make([]call, len(requests))
	for i, r := range requests {
		if err := r.validate(); err != nil {
			return nil, err
		}
		calls[i] = nextScript.on(ctx, l.key(r.Sender), r.Spacing.Microseconds(), l.horizon, r.Want, r.Urgent)
	}
	if err := run(ctx, l.rdb, calls); err != nil {
		return nil, fmt.Errorf("reserve slots: %w", err)
	}
	grants := make([]Grant, len(requests))
	for i := range requests {
		reply, err := calls[i].integers(6)
		if err != nil {
			return nil, fmt.Errorf("reserve slots: %w", err)
		}
		slots := Slots{First: reply[0], Count: int(reply[1]), Again: reply[2]}
		grants[i] = newGrant(slots, reply[3], reply[4], reply[5])
	}
	return grants, nil
}

// Slow lowers the shares of numbers, in one round trip. A call that is repeated
// within the reaction time only prolongs the hold.
func (l *Redis) Slow(ctx context.Context, slowdowns []Slowdown) error {
	calls := make([]call, len(slowdowns))
	for i, d := range slowdowns {
		if err := d.validate(); err != nil {
			return err
		}
		calls[i] = slowScript.on(ctx, l.key(d.Sender), d.Spacing.Microseconds(), d.hold(), d.refusals())
	}
	if err := run(ctx, l.rdb, calls); err != nil {
		return fmt.Errorf("slow numbers down: %w", err)
	}
	return nil
}

// States says how numbers stand, in their order. It only reads.
func (l *Redis) States(ctx context.Context, senders []string) ([]State, error) {
	calls := make([]call, len(senders))
	for i, sender := range senders {
		calls[i] = stateScript.on(ctx, l.key(sender))
	}
	if err := run(ctx, l.rdb, calls); err != nil {
		return nil, fmt.Errorf("read states of numbers: %w", err)
	}
	states := make([]State, len(senders))
	for i := range senders {
		reply, err := calls[i].integers(2)
		if err != nil {
			return nil, fmt.Errorf("read states of numbers: %w", err)
		}
		states[i] = newState(reply[0], reply[1])
	}
	return states, nil
}
