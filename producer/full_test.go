package producer_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/producer"
)

// A stream that fills up is waited for: as workers take jobs from it all the rest
// goes in, each job once, and the waits are told.
func TestPublishAllWaitsForRoom(t *testing.T) {
	t.Parallel()
	const n, maxBytes = 500, 32 << 10
	var r *rig
	var waits atomic.Int64
	seen := make(map[string]int)
	drain := func(time.Duration) {
		waits.Add(1)
		take(t, r, seen)
	}
	r = start(t, producer.Config{Full: drain, MaxInFlight: 64}, maxBytes)
	stats, err := r.PublishAll(context.Background(), count(n), nil)
	if err != nil || stats.Published != n || stats.Duplicates != 0 {
		t.Fatalf("stats %+v, %v, want all %d published", stats, err, n)
	}
	take(t, r, seen)
	if len(seen) != n {
		t.Errorf("%d jobs came out, want %d", len(seen), n)
	}
	for id, times := range seen {
		if times != 1 {
			t.Errorf("%s came out %d times", id, times)
		}
	}
	if waits.Load() == 0 {
		t.Error("the stream was never full, so the test shows nothing")
	}
}

// take takes all jobs out of the stream, as a worker does.
func take(t *testing.T, r *rig, seen map[string]int) {
	t.Helper()
	ctx := context.Background()
	s, err := r.js.Stream(ctx, "WACAST_JOBS")
	if err != nil {
		t.Error(err)
		return
	}
	c, err := s.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{Durable: "worker", AckPolicy: jetstream.AckExplicitPolicy})
	if err != nil {
		t.Error(err)
		return
	}
	batch, err := c.FetchNoWait(1000)
	if err != nil {
		t.Error(err)
		return
	}
	for m := range batch.Messages() {
		seen[m.Headers().Get(jetstream.MsgIDHeader)]++
		if err := m.DoubleAck(ctx); err != nil {
			t.Error(err)
		}
	}
}

func TestPublishAllIsCancelledWhileTheStreamIsFull(t *testing.T) {
	t.Parallel()
	errCause := errors.New("an operator's interrupt")
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	r := start(t, producer.Config{Full: func(time.Duration) { cancel(errCause) }}, 16<<10)
	stats, err := r.PublishAll(ctx, count(100_000), nil)
	if !errors.Is(err, errCause) {
		t.Errorf("error %v, want the cause", err)
	}
	if stored := r.stored(t); stats.Published != stored || stored == 0 {
		t.Errorf("%d published, the stream holds %d, want as many and more than none", stats.Published, stored)
	}
}
