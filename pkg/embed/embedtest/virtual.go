package embedtest

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/nats-io/nats-server/v2/server/ats"
	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"

	"github.com/wacast/wacast/pkg/embed"
)

// Virtual runs a test in a synctest bubble that has a NATS and a Redis of its own,
// reached without the network: all of a pipeline then runs on the bubble's clock,
// servers included. Minutes pass in a moment, and the times that the test sees are
// those of an idle machine, however busy this one is.
func Virtual(t *testing.T, test func(t *testing.T, nc *nats.Conn, rdb *redis.Client)) {
	t.Helper()
	// nats-server has one clock for all servers of a process, which would be of the
	// first bubble, and wait in it for what no bubble may wait for.
	ats.Register()
	defer ats.Unregister()
	// Go's resolver keeps a channel for good that would belong to the first bubble that
	// looks up a name; so one is looked up before.
	_, _ = net.DefaultResolver.LookupHost(t.Context(), "localhost")
	synctest.Test(t, func(t *testing.T) {
		n, err := embed.StartNATS(embed.NATSOptions{Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(n.Close)
		test(t, Dial(t, n), virtualRedis(t))
	})
}

func virtualRedis(t *testing.T) *redis.Client {
	mini := miniredis.NewMiniRedis()
	mini.ClockTTL(true)
	rdb := redis.NewClient(&redis.Options{
		MaxRetries:      -1,
		Dialer:          func(context.Context, string, string) (net.Conn, error) { return mini.Dial() },
		ConnMaxIdleTime: 1000 * time.Hour, // an hour is a moment here
	})
	t.Cleanup(func() {
		_ = rdb.Close() // has nothing to say
		mini.Close()
	})
	return rdb
}
