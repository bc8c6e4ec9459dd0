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

func (s script) command(ctx context.Context, key string, args ...any) *redis.Cmd {
	return redis.NewCmd(ctx, append([]any{s.name, s.hash, 1, key}, args...)...)
}

// integers reads a script's reply of n whole numbers.
func integers(cmd *redis.Cmd, n int) ([]int64, error) {
	reply, err := cmd.Int64Slice()
	if err == nil && len(reply) != n {
		err = fmt.Errorf("%d numbers, want %d", len(reply), n)
	}
	if err != nil {
		return nil, fmt.Errorf("read reply: %w", err)
	}
	return reply, nil
}

// run sends the commands in one pipeline. A Redis that was restarted knows no
// scripts: the commands that found none are repeated with the source in them,
// which needs no second round to a Redis Cluster's other nodes. Any other error
// fails the whole.
func (s script) run(ctx context.Context, rdb redis.UniversalClient, cmds []*redis.Cmd) error {
	missing, err := s.exec(ctx, rdb, cmds)
	if err != nil || len(missing) == 0 {
		return err
	}
	again := make([]*redis.Cmd, len(missing))
	for i, at := range missing {
		args := append([]any{"eval", s.source}, cmds[at].Args()[2:]...)
		again[i] = redis.NewCmd(ctx, args...)
		cmds[at] = again[i]
	}
	_, err = s.exec(ctx, rdb, again)
	return err
}

// exec returns the places of the commands whose script Redis does not know.
func (s script) exec(ctx context.Context, rdb redis.UniversalClient, cmds []*redis.Cmd) (missing []int, err error) {
	if len(cmds) == 0 {
		return nil, nil
	}
	pipe := rdb.Pipeline()
	for _, cmd := range cmds {
		_ = pipe.Process(ctx, cmd) // only queues it
	}
	_, err = pipe.Exec(ctx)
	if err == nil {
		return nil, nil
	}
	for i, cmd := range cmds {
		switch err := cmd.Err(); {
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
