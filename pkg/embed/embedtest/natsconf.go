package embedtest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// ConfiguredNATS is a nats-server with a configuration of the test's own.
type ConfiguredNATS struct {
	tb     testing.TB
	file   string
	listen string
	server *server.Server
	log    serverLog
}

// StartNATS starts a nats-server on a free port with JetStream and a configuration,
// in the server's own language: users, TLS and the like.
func StartNATS(tb testing.TB, configuration string) *ConfiguredNATS {
	tb.Helper()
	n := &ConfiguredNATS{tb: tb, file: filepath.Join(tb.TempDir(), "nats.conf"), listen: "127.0.0.1:-1"}
	n.start(configuration)
	n.listen = n.Addr()
	tb.Cleanup(n.stop)
	return n
}

// Restart has the server come back at its address with what it stored and another
// configuration. A reload would do, but the server has data races with it.
func (n *ConfiguredNATS) Restart(configuration string) {
	n.tb.Helper()
	n.stop()
	n.start(configuration)
}

func (n *ConfiguredNATS) start(configuration string) {
	n.tb.Helper()
	configuration = fmt.Sprintf("listen: %q\njetstream {store_dir: %q}\n%s", n.listen, filepath.Dir(n.file), configuration)
	if err := os.WriteFile(n.file, []byte(configuration), 0o600); err != nil {
		n.tb.Fatal(err)
	}
	opts, err := server.ProcessConfigFile(n.file)
	if err != nil {
		n.tb.Fatal(err)
	}
	opts.NoSigs, opts.NoLog = true, true
	if n.server, err = server.NewServer(opts); err != nil {
		n.tb.Fatal(err)
	}
	n.server.SetLogger(&n.log, false, false)
	n.server.Start()
	if !n.server.ReadyForConnections(10 * time.Second) {
		n.tb.Fatal("nats-server is not ready")
	}
}

func (n *ConfiguredNATS) stop() {
	n.server.Shutdown()
	n.server.WaitForShutdown()
}

// Addr is host:port.
func (n *ConfiguredNATS) Addr() string { return n.server.Addr().String() }

// Violations are what the server has refused to its users, in its own words.
func (n *ConfiguredNATS) Violations() []string {
	n.log.mu.Lock()
	defer n.log.mu.Unlock()
	return slices.Clone(n.log.violations)
}

// serverLog keeps the violations of permissions out of what the server logs.
type serverLog struct {
	mu         sync.Mutex
	violations []string
}

// Errorf is where the server logs violations.
func (l *serverLog) Errorf(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if !strings.Contains(line, "Violation") {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.violations = append(l.violations, line)
}

func (*serverLog) Noticef(string, ...any) {}
func (*serverLog) Warnf(string, ...any)   {}
func (*serverLog) Fatalf(string, ...any)  {}
func (*serverLog) Debugf(string, ...any)  {}
func (*serverLog) Tracef(string, ...any)  {}

// Connections counts the connections that were ever tried.
func (n *ConfiguredNATS) Connections() uint64 {
	n.tb.Helper()
	varz, err := n.server.Varz(nil)
	if err != nil {
		n.tb.Fatal(err)
	}
	return varz.TotalConnections
}
