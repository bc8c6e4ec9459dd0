package app

import (
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"github.com/wacast/wacast/pkg/embed"
)

// Embedded is NATS and Redis inside the process, for a first try: NATS keeps its
// streams in data_dir, Redis keeps nothing.
type Embedded struct {
	nats  *embed.NATS
	redis *embed.Redis
}

// StartEmbedded starts both and changes the settings to lead there. NATS listens
// where nats.url says, which must be this machine, so that other commands find it
// with the same settings.
func StartEmbedded(cfg *Config, log *slog.Logger) (*Embedded, error) {
	port, err := loopbackPort(cfg.NATSURL)
	if err != nil {
		return nil, settingError("nats.url", err)
	}
	dir := filepath.Join(cfg.DataDir, "nats")
	if err := os.MkdirAll(dir, 0o700); err != nil { // it holds telephone numbers
		return nil, settingError("data_dir", err)
	}
	e := new(Embedded)
	if e.nats, err = embed.StartNATS(embed.NATSOptions{Dir: dir, Port: port, Logger: log}); err != nil {
		return nil, err
	}
	if e.redis, err = embed.StartRedis(); err != nil {
		e.Close()
		return nil, err
	}
	cfg.embedded = true
	cfg.RedisURL, cfg.RedisPassword = e.redis.URL(), nil
	cfg.RedisCA, cfg.RedisCert, cfg.RedisKey, cfg.RedisTLSName = "", "", "", ""
	log.Warn("embedded: when this process ends it forgets what was sent, and a job that is published again is sent again; production needs a Redis of its own",
		"nats", e.nats.ClientURL(), "data_dir", cfg.DataDir)
	return e, nil
}

// loopbackPort is the port of a NATS on this machine that nobody listens on yet.
func loopbackPort(list string) (int, error) {
	u, err := url.Parse(list)
	if err != nil || u.Scheme != "nats" || u.User != nil {
		return 0, fmt.Errorf("embedded, NATS is nats://127.0.0.1 with a port")
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return 0, fmt.Errorf("%s is not on this machine, and embedded, NATS is; leave it out, or leave out --embedded", u.Host)
	}
	port := u.Port()
	if port == "" {
		port = "4222"
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return 0, fmt.Errorf("%w; another port is given with --nats-url nats://127.0.0.1:PORT", err)
	}
	if err := l.Close(); err != nil {
		return 0, err
	}
	return strconv.Atoi(port)
}

// Close stops both. The app that uses them is stopped before.
func (e *Embedded) Close() {
	if e.redis != nil {
		e.redis.Close()
	}
	e.nats.Close()
}
