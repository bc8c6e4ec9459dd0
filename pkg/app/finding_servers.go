package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"github.com/wacast/wacast/pkg/queue"
)

// serverTimeout bounds the look at NATS, and that at Redis.
const serverTimeout = 5 * time.Second

// nats looks at the server and wacast's streams.
func (x *examination) nats(ctx context.Context) {
	const name = "nats"
	nc, err := DialOnce(x.cfg)
	if err != nil {
		remedy := "Start one (nats-server -js), or say where it is: nats.url (WACAST_NATS_URL)."
		if errors.Is(err, nats.ErrAuthorization) {
			remedy = "Give nats.creds (WACAST_NATS_CREDS), or user and password in nats.url (WACAST_NATS_URL)."
		}
		x.fail(name, err.Error(), remedy)
		return
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		x.fail(name, err.Error(), "Check nats.url (WACAST_NATS_URL).")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, serverTimeout)
	defer cancel()
	differences, err := queue.Diff(ctx, js, x.cfg.Topology())
	if err != nil {
		x.fail(name, err.Error(), "wacast needs a nats-server 2.12 or later with JetStream: nats-server -js")
		return
	}
	x.streams(name, nc.ConnectedServerVersion(), differences)
}

// streams judges how the streams differ from what wacast would have.
func (x *examination) streams(name, version string, differences []queue.Difference) {
	var missing, wrong, other []string
	for _, d := range differences {
		switch {
		case d.Have == "missing":
			missing = append(missing, d.Stream)
		case d.Required:
			wrong = append(wrong, d.String())
		default:
			other = append(other, d.String())
		}
	}
	text := "nats-server " + version + " with JetStream"
	switch {
	case len(wrong) > 0:
		x.fail(name, text+"; "+listed(wrong), "A guarantee of wacast rests on it: change the stream, or choose another namespace (WACAST_NAMESPACE).")
	case len(missing) > 0:
		x.warn(name, text+"; not there yet: "+listed(missing), "Nothing to do: a worker creates them when it starts.")
	case len(other) > 0:
		x.warn(name, text+"; "+listed(other), "Restart a worker, which changes what it may; else change the stream or the setting.")
	default:
		x.ok(name, "%s, all streams are as they should be", text)
	}
}

// redis looks at what the ledger rests on: that nothing is evicted, and that it
// survives a restart.
func (x *examination) redis(ctx context.Context) {
	const name = "redis"
	ctx, cancel := context.WithTimeout(ctx, serverTimeout)
	defer cancel()
	info, err := redisInfo(ctx, x.cfg)
	switch {
	case err != nil:
		x.fail(name, err.Error(), "Start one (redis-server --appendonly yes --maxmemory-policy noeviction), or say where it is: redis.url (WACAST_REDIS_URL).")
	case info["maxmemory_policy"] == "":
		x.warn(name, "it answers, but does not tell its maxmemory-policy", "Make sure that it is noeviction.")
	case info["maxmemory_policy"] != "noeviction":
		x.fail(name, "maxmemory-policy is "+info["maxmemory_policy"]+": when memory is short, Redis forgets what was sent", "redis-cli CONFIG SET maxmemory-policy noeviction, and the same in its configuration.")
	case info["aof_enabled"] == "0":
		x.warn(name, "Redis "+info["redis_version"]+", noeviction, but without an append-only file: a crash forgets what was sent since the last snapshot", "redis-cli CONFIG SET appendonly yes, and the same in its configuration.")
	default:
		x.ok(name, "Redis %s, noeviction, with an append-only file", info["redis_version"])
	}
}

// redisInfo is what INFO tells, by field.
func redisInfo(ctx context.Context, cfg Config) (map[string]string, error) {
	var rdb redis.UniversalClient
	rdb, err := dialRedis(cfg)
	if err != nil {
		return nil, err
	}
	defer rdb.Close()
	if err := rdb.Ping(ctx).Err(); err != nil {
		return nil, fmt.Errorf("no answer from %s: %w", withoutPassword(cfg.RedisURL), err)
	}
	text, err := rdb.Info(ctx).Result()
	if err != nil {
		return map[string]string{}, nil // some services do not allow INFO
	}
	fields := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	return fields, nil
}
