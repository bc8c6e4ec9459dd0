package worker_test

import (
	"context"
	"encoding/binary"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
)

// failingOver is a Redis that loses the answer to one claim, as a node does that ends,
// and says of the next one that entries may be lost, as another node does then.
type failingOver struct{ claims atomic.Int32 }

// isClaim tells claims from other calls of the ledger by the length of what they ask.
func isClaim(cmd redis.Cmder) bool {
	args := cmd.Args()
	if len(args) < 8 {
		return false
	}
	keys, ok := args[2].(int)
	if !ok || len(args) != 3+keys+6 {
		return false
	}
	packed, ok := args[3+keys].([]byte)
	if !ok || len(packed) != 22 {
		return false
	}
	for _, b := range packed[14:] { // the nonce, which a lookup has none of
		if b != 0 {
			return true
		}
	}
	return false
}

var errConnection = errors.New("connection reset by peer")

func (f *failingOver) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if len(cmds) != 1 || !isClaim(cmds[0]) {
			return next(ctx, cmds)
		}
		switch f.claims.Add(1) {
		case 1:
			if err := next(ctx, cmds); err != nil {
				return err
			}
			cmds[0].SetErr(errConnection)
			return errConnection
		case 2:
			reply := binary.BigEndian.AppendUint64(nil, uint64(time.Now().UnixMilli()))[2:]
			cmds[0].(*redis.Cmd).SetVal([]any{"\x03" + string(reply)})
			return nil
		}
		return next(ctx, cmds)
	}
}

func (f *failingOver) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (f *failingOver) DialHook(next redis.DialHook) redis.DialHook { return next }

// A claim whose answer was lost is given back, also when the ledger cannot say anything
// of the job meanwhile: it was not sent, and ends as if there had been no trouble.
func TestALostClaimIsGivenBackByWhoHasIt(t *testing.T) {
	r := newRigWith(t, nil, 8*time.Second)
	server := embedtest.Redis(t)
	hook := new(failingOver)
	hook.claims.Store(10) // nothing happens yet
	options := server.Client.(*redis.Client).Options()
	rdb := redis.NewClient(&redis.Options{Addr: options.Addr, Username: options.Username, Password: options.Password, DB: options.DB})
	t.Cleanup(func() { _ = rdb.Close() })
	rdb.AddHook(hook)
	r.cfg.Ledger = dedup.New(rdb, dedup.Options{Namespace: r.cfg.Namespace, Lease: 8 * time.Second})
	r.start()
	r.publish(newJob("before", job.Hold))
	r.awaitHistory("before", "accepted 1 ")
	hook.claims.Store(0)
	r.publish(newJob("a", job.Hold))
	r.awaitHistory("a", "accepted 1 ")
	if n := hook.claims.Load(); n < 3 {
		t.Errorf("%d claims, want the lost one, the refused one and another", n)
	}
	if got := r.requests("a"); len(got) != 1 {
		t.Errorf("sent %d times", len(got))
	}
}
