package embedtest

import (
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Spawn starts a real Redis or Valkey for one test, in a directory of its own and
// without persistence, with more of its arguments (--name value …), and waits until
// it listens on the port. It ends with the test, or when kill is called, which is
// no clean stop. What Spawn is for miniredis cannot do: without a real server the
// test is skipped, or fails where WACAST_REQUIRE_REDIS=1 wants one.
func Spawn(tb testing.TB, port int, args ...string) (kill func()) {
	tb.Helper()
	program := RedisServer(tb)
	dir := tb.TempDir()
	log := filepath.Join(dir, "log")
	command := []string{program, "--dir", dir, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"}
	if len(args) > 0 && args[0] == "--sentinel" { // keeps its state in a file that it must find
		config := filepath.Join(dir, "sentinel.conf")
		if err := os.WriteFile(config, nil, 0o600); err != nil {
			tb.Fatal(err)
		}
		command = []string{program, config, "--dir", dir, "--bind", "127.0.0.1"}
	}
	kill, err := guard(log, append(command, args...)...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(kill)
	for deadline := time.Now().Add(startTimeout); ; {
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			conn.Close()
			return kill
		}
		if time.Now().After(deadline) {
			said, _ := os.ReadFile(log)
			tb.Fatalf("%s does not listen: %v\n%s", program, err, said)
		}
		time.Sleep(5 * time.Millisecond) // nothing signals that it listens
	}
}

// RedisServer is the program of a real server: what is broken, miniredis does not have.
// Without one the test is skipped, or fails where WACAST_REQUIRE_REDIS=1 wants one.
func RedisServer(tb testing.TB) string {
	tb.Helper()
	path := findRedis()
	if path == "" && os.Getenv(envRequire) == "1" {
		tb.Fatal("there is no redis-server or valkey-server on PATH")
	}
	if path == "" {
		tb.Skip("there is no redis-server or valkey-server on PATH")
	}
	return path
}

// findRedis is the first real server on PATH, "" without one.
func findRedis() string {
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// Port is a free port of the loopback interface, below those that the system
// gives to clients, where nobody takes it before the server that it is for.
func Port(tb testing.TB) int {
	tb.Helper()
	for range 1000 {
		port := 20_000 + rand.IntN(12_000)
		if l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			l.Close()
			return port
		}
	}
	tb.Fatal("no port is free")
	return 0
}
