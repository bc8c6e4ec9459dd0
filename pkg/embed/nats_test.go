package embed_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/wacast/wacast/pkg/embed"
)

func ExampleStartNATS() {
	n, err := embed.StartNATS(embed.NATSOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer n.Close()
	nc, err := n.Connect()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "JOBS", Subjects: []string{"jobs"}}); err != nil {
		fmt.Println(err)
		return
	}
	ack, err := js.Publish(ctx, "jobs", []byte("hello"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ack.Stream, ack.Sequence)
	// Output: JOBS 1
}

// leavesNothing fails a test that leaves goroutines behind; it comes first in a
// test, so that it looks last.
func leavesNothing(t *testing.T) {
	t.Helper()
	ignore := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, ignore) })
}

// putMessage publishes one message and returns how many the stream then has.
func putMessage(t *testing.T, nc *nats.Conn) uint64 {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "s", nil); err != nil {
		t.Fatal(err)
	}
	info, err := stream.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return info.State.Msgs
}

func startNATS(t *testing.T, opts embed.NATSOptions) *embed.NATS {
	t.Helper()
	n, err := embed.StartNATS(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

func connectNATS(t *testing.T, n *embed.NATS) *nats.Conn {
	t.Helper()
	nc, err := n.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func TestNATSKeepsItsDirectory(t *testing.T) {
	leavesNothing(t)
	dir := t.TempDir()
	first := startNATS(t, embed.NATSOptions{Dir: dir})
	nc := connectNATS(t, first)
	if got := putMessage(t, nc); got != 1 {
		t.Fatalf("messages = %d, want 1", got)
	}
	nc.Close()
	first.Close()
	second := startNATS(t, embed.NATSOptions{Dir: dir})
	if got := putMessage(t, connectNATS(t, second)); got != 2 {
		t.Errorf("messages after a new start = %d, want 2", got)
	}
}

func TestNATSRestartKeepsConnections(t *testing.T) {
	leavesNothing(t)
	n := startNATS(t, embed.NATSOptions{})
	nc := connectNATS(t, n)
	putMessage(t, nc)
	back := nc.StatusChanged(nats.CONNECTED)
	if err := n.Restart(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-back:
	case <-time.After(20 * time.Second):
		t.Fatal("the connection did not come back")
	}
	if got := putMessage(t, nc); got != 2 {
		t.Errorf("messages after a restart = %d, want 2", got)
	}
}

func TestNATSRemovesItsOwnDirectory(t *testing.T) {
	leavesNothing(t)
	t.Setenv("TMPDIR", t.TempDir())
	n := startNATS(t, embed.NATSOptions{})
	putMessage(t, connectNATS(t, n))
	if got := tempDirs(t); len(got) != 1 {
		t.Fatalf("directories while running: %v, want one", got)
	}
	n.Close()
	n.Close()
	if got := tempDirs(t); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}

func tempDirs(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(os.TempDir(), "wacast-nats-*"))
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

func TestNATSListens(t *testing.T) {
	leavesNothing(t)
	quiet := startNATS(t, embed.NATSOptions{})
	if url := quiet.ClientURL(); url != "" {
		t.Errorf("ClientURL without a listener = %q", url)
	}
	n := startNATS(t, embed.NATSOptions{Port: -1})
	url := n.ClientURL()
	if err := n.Restart(); err != nil {
		t.Fatal(err)
	}
	if again := n.ClientURL(); again != url {
		t.Errorf("ClientURL after a restart = %q, want %q", again, url)
	}
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	putMessage(t, nc)
}

func TestNATSSaysWhatIsWrong(t *testing.T) {
	leavesNothing(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	n, err := embed.StartNATS(embed.NATSOptions{Dir: file, Logger: log})
	if err == nil {
		n.Close()
		t.Fatal("started in a directory that is a file")
	}
	for _, want := range []string{file, "JetStream"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not say %q: %v", want, err)
		}
	}
	if !strings.Contains(out.String(), "JetStream") {
		t.Errorf("the server's own words are missing from the log: %q", out.String())
	}
}

func TestNATSClosedIsClosed(t *testing.T) {
	leavesNothing(t)
	n := startNATS(t, embed.NATSOptions{})
	n.Close()
	if err := n.Restart(); err == nil {
		t.Error("a closed server was restarted")
	}
	if _, err := n.Connect(); err == nil {
		t.Error("connected to a closed server")
	}
}
