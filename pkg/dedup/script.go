package dedup

import (
	"context"
	"crypto/sha1"
	"encoding/hex"

	"github.com/redis/go-redis/v9"
)

// script is the command that runs a Lua script, and its source. The command's
// words are kept as the client takes them, to spare each call the conversion.
type script struct {
	name, text any
	source     string
}

var (
	lookupScript = newScript(lookupSource)
	claimScript  = newScript(claimSource)
	changeScript = newScript(changeSource)
	epochScript  = newScript(epochSource)
	replayScript = newScript(replaySource)
	lockScript   = newScript(lockSource)
)

func newScript(source string) script {
	sum := sha1.Sum([]byte(source)) // the name Redis gives it
	return script{name: "evalsha", text: hex.EncodeToString(sum[:]), source: source}
}

// inFull sends the source, after which Redis knows the script.
func (s script) inFull() script {
	return script{name: "eval", text: s.source, source: s.source}
}

// exec sends commands in one pipeline. It reports whether Redis did not know the
// script of some, and returns any other error for the whole.
func exec(ctx context.Context, rdb redis.UniversalClient, cmds []*redis.Cmd) (missing bool, err error) {
	pipe := rdb.Pipeline()
	for _, cmd := range cmds {
		_ = pipe.Process(ctx, cmd) // only queues it
	}
	_, err = pipe.Exec(ctx)
	if err == nil {
		return false, nil
	}
	for _, cmd := range cmds {
		switch {
		case isMissing(cmd):
			missing = true
		case cmd.Err() != nil:
			return false, cmd.Err()
		}
	}
	if !missing {
		return false, err
	}
	return true, nil
}

func isMissing(cmd *redis.Cmd) bool { return redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") }
