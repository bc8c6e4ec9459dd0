package dedup

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrPolicy marks a Redis that may throw entries away when it is full.
var ErrPolicy = errors.New("the ledger's Redis may evict its entries")

// nodes is what a client of a Redis Cluster has.
type nodes interface {
	ForEachMaster(ctx context.Context, fn func(ctx context.Context, client *redis.Client) error) error
}

// checkPolicy finds out whether each node keeps what it holds.
func (l *Ledger) checkPolicy(ctx context.Context) error {
	check := func(ctx context.Context, rdb redis.UniversalClient) error {
		text, err := rdb.Info(ctx, "memory").Result()
		var refused redis.Error
		switch {
		case errors.As(err, &refused):
			return nil // a Redis that does not say
		case err != nil:
			return fmt.Errorf("read the memory policy of Redis: %w", err)
		}
		_, rest, found := strings.Cut(text, "maxmemory_policy:")
		policy, _, _ := strings.Cut(rest, "\r")
		if found && policy != "noeviction" {
			return fmt.Errorf("%w: its maxmemory-policy is %s; set it to noeviction, on every node and in its configuration", ErrPolicy, policy)
		}
		return nil
	}
	if cluster, ok := l.rdb.(nodes); ok {
		return cluster.ForEachMaster(ctx, func(ctx context.Context, rdb *redis.Client) error { return check(ctx, rdb) })
	}
	return check(ctx, l.rdb)
}

// lockTime is how long a lock lasts that is not renewed.
const lockTime = 10 * time.Second

// lock takes or renews the lock of the keeper who works, and reports whether this
// one has it. It only spares the others work: who replays a tag is fenced by the
// tag's epoch.
func (k *Keeper) lock(ctx context.Context) (bool, error) {
	return k.setLock(ctx, lockTime)
}

// unlock lets the next keeper work at once.
func (k *Keeper) unlock(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_, _ = k.setLock(ctx, 0) // else it ends by itself
}

func (k *Keeper) setLock(ctx context.Context, lasting time.Duration) (bool, error) {
	s := lockScript
	for {
		cmd := redis.NewCmd(ctx, s.name, s.text, 1, k.ledger.opts.Namespace+":keeper", k.token, lasting.Milliseconds())
		cmd.SetFirstKeyPos(3)
		missing, err := exec(ctx, k.ledger.rdb, []*redis.Cmd{cmd})
		if err != nil {
			return false, fmt.Errorf("lock the ledger's keeper: %w", err)
		}
		if !missing {
			has, err := cmd.Int()
			return has == 1, err
		}
		s = s.inFull()
	}
}
