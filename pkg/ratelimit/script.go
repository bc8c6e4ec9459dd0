package ratelimit

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// script is a Lua script of one key.
//
// All words of a command that are the same in each are kept as the client takes
// them, to spare each call the conversion.
type script struct {
	source     string
	name, hash any
}

func newScript(source string) script {
	sum := sha1.Sum([]byte(source)) // the name Redis gives it
	return script{source: source, name: "evalsha", hash: hex.EncodeToString(sum[:])}
}

// call is one run of a script, on its one key: the keys of a pipeline may be on
// many nodes of a Redis Cluster.
type call struct {
	script
	*redis.Cmd
}

func (s script) on(ctx context.Context, key string, args ...any) call {
	return call{s, redis.NewCmd(ctx, append([]any{s.name, s.hash, 1, key}, args...)...)}
}

// integers reads a script's reply of n whole numbers.
func (c call) integers(n int) ([]int64, error) {
	reply, err := c.Int64Slice()
	if err == nil && len(reply) != n {
		err = fmt.Errorf("%d numbers, want %d", len(reply), n)
	}
	if err != nil {
		return nil, fmt.Errorf("read reply: %w", err)
	}
	return reply, nil
}

// run sends the calls in one pipeline. A Redis that was restarted knows no
// scripts: the calls that found none are repeated with the source in them, which
// needs no second round to a Redis Cluster's other nodes. Any other error fails the
// whole.
func run(ctx context.Context, rdb redis.UniversalClient, calls []call) error {
	missing, err := exec(ctx, rdb, calls)
	if err != nil || len(missing) == 0 {
		return err
	}
	again := make([]call, len(missing))
	for i, at := range missing {
		c := &calls[at]
		c.Cmd = redis.NewCmd(ctx, append([]any{"eval", c.source}, c.Args()[2:]...)...)
		again[i] = *c
	}
	_, err = exec(ctx, rdb, again)
	return err
}

// exec returns the places of the calls whose script Redis does not know.
func exec(ctx context.Context, rdb redis.UniversalClient, calls []call) (missing []int, err error) {
	if len(calls) == 0 {
		return nil, nil
	}
	pipe := rdb.Pipeline()
	for _, c := range calls {
		_ = pipe.Process(ctx, c.Cmd) // only queues it
	}
	_, err = pipe.Exec(ctx)
	if err == nil {
		return nil, nil
	}
	for i, c := range calls {
		switch err := c.Err(); {
		case redis.HasErrorPrefix(err, "NOSCRIPT"):
			missing = append(missing, i)
		case err != nil:
			return nil, err
		}
	}
	if len(missing) == 0 {
		return nil, err
	}
	return missing, nil
}
