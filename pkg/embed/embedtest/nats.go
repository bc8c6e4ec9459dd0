package embedtest

import (
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/wacast/wacast/pkg/embed"
)

// NATS starts a nats-server for one test, which also listens on a free port.
func NATS(tb testing.TB) *embed.NATS {
	tb.Helper()
	n, err := embed.StartNATS(embed.NATSOptions{Dir: tb.TempDir(), Port: -1})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(n.Close)
	return n
}

// Connect starts a nats-server for one test and connects to it.
func Connect(tb testing.TB) *nats.Conn {
	tb.Helper()
	return Dial(tb, NATS(tb))
}

// Dial connects to a server for as long as the test runs.
func Dial(tb testing.TB, n *embed.NATS, opts ...nats.Option) *nats.Conn {
	tb.Helper()
	nc, err := n.Connect(opts...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(nc.Close)
	return nc
}
