package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/queue"
)

// An interrupt ends a publish that waits for input, as at a terminal: nothing
// needs to be typed first.
func TestPublishIsInterrupted(t *testing.T) {
	server := embedtest.NATS(t)
	t.Setenv("WACAST_NATS_URL", server.ClientURL())
	js, err := jetstream.New(embedtest.Dial(t, server))
	if err != nil {
		t.Fatal(err)
	}
	settings := queue.Settings{Names: queue.Names{Namespace: "wacast"}, JobsMaxBytes: 1 << 20}
	if _, err := queue.Ensure(t.Context(), js, settings.Topology()); err != nil {
		t.Fatal(err)
	}

	typed, keyboard := io.Pipe()
	defer keyboard.Close()
	var out, errs strings.Builder
	root := newRoot()
	root.SetIn(typed)
	root.SetOut(&out)
	root.SetErr(&errs)
	ctx, interrupt := context.WithCancelCause(context.Background())
	defer interrupt(nil)
	code := make(chan int, 1)
	go func() { code <- execute(ctx, root, []string{"publish"}) }()
	fmt.Fprintln(keyboard, `{"v": 1, "id": "a", "from": "106540352242922", "to": "+5491155550100", "template": {"name": "hello", "language": "en"}}`)
	awaitStored(t, js, 1)
	interrupt(fmt.Errorf("interrupt signal received"))

	select {
	case got := <-code:
		if got != exitFailed {
			t.Errorf("exit code %d, want %d", got, exitFailed)
		}
	case <-time.After(patience):
		t.Fatal("it still waits for input")
	}
	if want := "published 1 job"; !strings.HasPrefix(out.String(), want) {
		t.Errorf("output %q, want it to begin with %q", &out, want)
	}
	if want := "wacast: published 1, then: interrupt signal received\nhint: what was published stays; publish the same input again to go on\n"; errs.String() != want {
		t.Errorf("errors %q, want %q", &errs, want)
	}
}

func awaitStored(t *testing.T, js jetstream.JetStream, want uint64) {
	t.Helper()
	s, err := js.Stream(t.Context(), "WACAST_JOBS")
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) { // no signal tells of a stored job
		info, err := s.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if info.State.Msgs == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the stream holds %d jobs, want %d", info.State.Msgs, want)
		}
	}
}
