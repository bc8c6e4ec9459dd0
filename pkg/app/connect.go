package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"
)

// connectWait is the pause between two tries at a server that is away.
const connectWait = time.Second

// dialNATS connects in the background, for as long as it takes, and says in the
// log what it waits for.
func dialNATS(cfg Config, log *slog.Logger) (*nats.Conn, error) {
	opts := []nats.Option{
		nats.Name("wacast"),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(connectWait),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Error("NATS is away, sending waits for it", "error", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { log.Info("NATS is back") }),
	}
	if cfg.NATSCreds != "" {
		opts = append(opts, nats.UserCredentials(cfg.NATSCreds))
	}
	nc, err := nats.Connect(cfg.NATSURL, opts...)
	if err != nil {
		return nil, fmt.Errorf("nats.url (%sNATS_URL): %w", envPrefix, withoutURL(err))
	}
	return nc, nil
}

// dialRedis makes a client; it connects when it is used. Nothing is repeated by
// the client itself: the ledger decides what may be.
func dialRedis(cfg Config) (*redis.Client, error) {
	opts, err := redis.ParseURL(cfg.RedisURL)
	if err != nil {
		return nil, fmt.Errorf("redis.url (%sREDIS_URL): not a Redis URL", envPrefix) // the text may hold a password
	}
	opts.MaxRetries = -1
	opts.ContextTimeoutEnabled = true
	opts.DialTimeout = 2 * time.Second
	opts.ReadTimeout, opts.WriteTimeout = 5*time.Second, 5*time.Second
	return redis.NewClient(opts), nil
}

// QuietRedis keeps the Redis client from writing to standard error by itself,
// beside the log. It is for main: the setting is the whole process's.
func QuietRedis() { redis.SetLogger(quiet{}) }

type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

// await repeats do until it works or ctx ends, and says once what it waits for
// and once that it came.
func await(ctx context.Context, log *slog.Logger, what string, do func(context.Context) error) error {
	var since time.Time
	for {
		err := do(ctx)
		if err == nil {
			if !since.IsZero() {
				log.Info(what+" has come", "waited", time.Since(since).Round(time.Millisecond))
			}
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if since.IsZero() {
			since = time.Now()
			log.Warn("waiting for "+what, "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(connectWait):
		}
	}
}

// DialOnce connects for a single command, which fails at once where a worker
// would wait.
func DialOnce(cfg Config) (*nats.Conn, error) {
	opts := []nats.Option{nats.Name("wacast"), nats.MaxReconnects(-1), nats.ReconnectWait(connectWait)}
	if cfg.NATSCreds != "" {
		opts = append(opts, nats.UserCredentials(cfg.NATSCreds))
	}
	nc, err := nats.Connect(cfg.NATSURL, opts...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS at %s (%sNATS_URL): %w", withoutPassword(cfg.NATSURL), envPrefix, withoutURL(err))
	}
	return nc, nil
}

// withoutURL drops the address that the error quotes: it may hold a password.
func withoutURL(err error) error {
	var quoted *url.Error
	if errors.As(err, &quoted) {
		return quoted.Err
	}
	return err
}
