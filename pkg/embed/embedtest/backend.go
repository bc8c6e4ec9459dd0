package embedtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/wacast/wacast/pkg/embed"
)

const (
	envURL     = "WACAST_TEST_REDIS_URL"
	envRequire = "WACAST_REQUIRE_REDIS"
	// envBackend is how Main tells Redis what the server behind envURL is.
	envBackend = "WACAST_TEST_REDIS_BACKEND"
)

// startTimeout is generous: test machines are busy.
const startTimeout = 15 * time.Second

// backend is a Redis for tests and what ends it.
type backend struct {
	name string
	url  string
	stop func()
}

func (b *backend) mini() bool { return strings.HasPrefix(b.name, "miniredis") }

// openBackend follows the order the package comment gives.
func openBackend() (*backend, error) {
	if url := os.Getenv(envURL); url != "" {
		name := os.Getenv(envBackend)
		if name == "" {
			name = "the server of " + envURL
		}
		return &backend{name: name, url: url, stop: func() {}}, nil
	}
	if path := findRedis(); path != "" {
		return startServer(path)
	}
	if os.Getenv(envRequire) == "1" {
		return nil, errors.New(envRequire + "=1 wants a real Redis and there is none: install redis-server or valkey-server, or set " + envURL)
	}
	return startMiniredis()
}

func startMiniredis() (*backend, error) {
	r, err := embed.StartRedis()
	if err != nil {
		return nil, err
	}
	return &backend{name: "miniredis (no redis-server on PATH; results hold for miniredis only)", url: r.URL(), stop: r.Close}, nil
}

// guardian runs the server and kills it when its own standard input ends, which
// it also does when the test process dies without a goodbye.
const guardian = `"$@" & pid=$!; read -r _; kill -KILL $pid; wait $pid`

// startServer runs a real server on a socket in a directory of its own, without
// persistence.
func startServer(path string) (*backend, error) {
	dir, err := os.MkdirTemp("", "wacast-redis-")
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	socket := filepath.Join(dir, "redis.sock")
	stop, err := guard(filepath.Join(dir, "log"), path,
		"--port", "0", "--unixsocket", socket, "--dir", dir, "--save", "", "--appendonly", "no")
	if err == nil {
		b := &backend{url: "unix://" + socket, stop: func() { stop(); os.RemoveAll(dir) }}
		if b.name, err = await(b.url); err == nil {
			b.name += " (" + path + ", started for this run)"
			return b, nil
		}
		stop()
	}
	log, _ := os.ReadFile(filepath.Join(dir, "log"))
	os.RemoveAll(dir)
	return nil, fmt.Errorf("start %s: %w\n%s", path, err, log)
}

// guard starts a program under the guardian, with its output in a file.
func guard(logName string, command ...string) (stop func(), err error) {
	log, err := os.Create(logName)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command("/bin/sh", append([]string{"-c", guardian, "sh"}, command...)...)
	cmd.Stdout, cmd.Stderr = log, log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() { closeAndWait(stdin, cmd) }, nil
}

func closeAndWait(stdin io.Closer, cmd *exec.Cmd) {
	stdin.Close()
	_ = cmd.Wait() // it ends by the kill it was told to do
}

// await waits until the server answers and returns its name and version.
func await(url string) (string, error) {
	opts, err := redis.ParseURL(url)
	if err != nil {
		return "", err
	}
	rdb := redis.NewClient(opts)
	defer rdb.Close()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for {
		info, err := rdb.Info(ctx, "server").Result()
		if err == nil {
			return version(info), nil
		}
		select {
		case <-ctx.Done():
			return "", err
		case <-time.After(5 * time.Millisecond): // nothing signals that the socket is there
		}
	}
}

// version reads the lines of INFO; Valkey has its own beside Redis's.
func version(info string) string {
	for _, name := range []string{"valkey", "redis"} {
		if _, rest, ok := strings.Cut(info, name+"_version:"); ok {
			number, _, _ := strings.Cut(rest, "\r\n")
			return name + " " + number
		}
	}
	return "redis of no version"
}
