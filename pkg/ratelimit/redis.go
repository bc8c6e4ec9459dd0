package ratelimit

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Options configures [NewRedis].
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
	if opts.Namespace == "" {
		opts.Namespace = "wacast"
	}
	if opts.Horizon <= 0 {
		opts.Horizon = DefaultHorizon
	}
	return &Redis{rdb: rdb, prefix: opts.Namespace + ":slot:{", horizon: opts.Horizon.Microseconds()}
}

// Reserve gives out slots, in one round trip for all requests. On an error some
// slots may be taken without use.
//
// A delay counts from Redis's now, which lies before the return of Reserve. A
// caller that counts from the return is late by no more than the way back, and
// never early.
func (l *Redis) Reserve(ctx context.Context, requests []Request) ([]Grant, error) {
	cmds := make([]*redis.Cmd, len(requests))
	for i, r := range requests {
		if err := r.validate(); err != nil {
			return nil, err
		}
		cmds[i] = nextScript.command(ctx, l.prefix+r.Sender+"}", r.Spacing.Microseconds(), l.horizon, r.Want)
	}
	if err := nextScript.run(ctx, l.rdb, cmds); err != nil {
		return nil, fmt.Errorf("reserve slots: %w", err)
	}
	grants := make([]Grant, len(requests))
	for i, r := range requests {
		reply, err := cmds[i].Int64Slice()
		if err != nil {
			return nil, fmt.Errorf("reserve slots: read reply: %w", err)
		}
		grants[i] = r.grant(reply[0], reply[2], int(reply[1]))
	}
	return grants, nil
}
