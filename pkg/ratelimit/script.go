package ratelimit

import (
	"context"
	"crypto/sha1"
	"encoding/hex"

	"github.com/redis/go-redis/v9"
)

// nextScript is [Next] on Redis's clock, and what keeps its state.
//
// KEYS[1] the number's next free time, microseconds.
// ARGV    spacing, horizon (microseconds), slots wanted.
// Returns delay of the first slot, count, delay after which to ask again.
var nextScript = newScript(`
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local spacing, want = tonumber(ARGV[1]), tonumber(ARGV[3])
local last = now + ARGV[2]
local free = tonumber(redis.call('GET', KEYS[1]) or 0)
if free == 0 then
  free = last
elseif free < now then
  free = now
elseif free > last + spacing then
  free = last + spacing
end
local count, first, again = 0, 0, 0
if free <= last then
  count = math.min(want, math.floor((last - free) / spacing) + 1)
  first = free - now
  free = free + count * spacing
end
if count < want then
  again = free - last
end
redis.call('SET', KEYS[1], string.format('%.0f', free), 'EX', 172800) -- twice the longest spacing
return {first, count, again}
`)

// script is a Lua script of one key.
type script struct{ source, hash string }

func newScript(source string) script {
	sum := sha1.Sum([]byte(source)) // the name Redis gives it
	return script{source: source, hash: hex.EncodeToString(sum[:])}
}

func (s script) command(ctx context.Context, key string, args ...any) *redis.Cmd {
	return redis.NewCmd(ctx, append([]any{"evalsha", s.hash, 1, key}, args...)...)
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
