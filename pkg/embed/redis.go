package embed

import (
	"fmt"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// expiryPeriod is how often keys of the embedded Redis are checked for expiry.
const expiryPeriod = time.Second

// Redis is an in-process Redis on a free port of the loopback interface.
type Redis struct {
	server *miniredis.Miniredis
	addr   string
	period time.Duration
	stop   chan struct{}
	done   chan struct{}
	once   sync.Once
}

// StartRedis starts an empty in-process Redis. [Redis.Close] ends it and every
// goroutine it owns.
func StartRedis() (*Redis, error) { return startRedis(expiryPeriod) }

func startRedis(period time.Duration) (*Redis, error) {
	server := miniredis.NewMiniRedis()
	if err := server.Start(); err != nil {
		return nil, fmt.Errorf("start embedded redis: %w", err)
	}
	r := &Redis{server: server, addr: server.Addr(), period: period, stop: make(chan struct{}), done: make(chan struct{})}
	go r.expire()
	return r, nil
}

// Addr is host:port.
func (r *Redis) Addr() string { return r.addr }

// URL is the address as settings take it.
func (r *Redis) URL() string { return "redis://" + r.addr }

// Close stops the server and drops all it holds. It may be called twice.
func (r *Redis) Close() {
	r.once.Do(func() {
		close(r.stop)
		<-r.done
		r.server.Close()
	})
}

// expire drives the clock of key expiry, which miniredis leaves standing still
// (its TIME is the real time by itself). miniredis can do this on each command,
// but then each command sorts all keys; here a pass may take at most a hundredth
// of the time. A key may therefore go a period early or late, which is nothing to
// wacast: its shortest expiry is a day.
func (r *Redis) expire() {
	defer close(r.done)
	last := time.Now()
	timer := time.NewTimer(r.period)
	defer timer.Stop()
	for {
		select {
		case <-r.stop:
			return
		case <-timer.C:
		}
		now := time.Now()
		r.server.FastForward(now.Sub(last))
		last = now
		timer.Reset(max(r.period, 100*time.Since(now)))
	}
}
