package worker_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/worker"
)

// virtually runs a test with [newConfig] in virtual time, servers included.
func virtually(t *testing.T, api worker.API, mps int, test func(t *testing.T, cfg worker.Config, js jetstream.JetStream)) {
	t.Helper()
	embedtest.Virtual(t, func(t *testing.T, nc *nats.Conn, rdb *redis.Client) {
		cfg, js := newConfigOver(t, api, mps, 30*time.Second, nc, rdb, "virtual")
		test(t, cfg, js)
	})
}
