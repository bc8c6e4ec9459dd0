package queue_test

import (
	"context"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// What an operator changes about ages acts on streams that are there and full: what is
// older goes, and what has no age limit stays.
func TestRetentionIsChanged(t *testing.T) {
	t.Parallel()
	settings := queue.Settings{Names: names, JobsMaxBytes: 2 << 20}
	r := start(t, settings)
	events, err := queue.NewEvents(r.js, r.names)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(events.Close)
	told := job.NewEvent("test", time.Now(), job.EventData{Kind: job.Accepted, Campaign: "c1", ID: "j1", From: bulk.Sender})
	if _, err := events.Record(t.Context(), []job.Event{told}); err != nil {
		t.Fatal(err)
	}
	publish(t, r.publisher(t, queue.PublisherConfig{}), bulk, 2)
	letter := fetch(t, r.open(t, bulk), 1, long)[0]
	if err := r.dead(t).Put(t.Context(), []queue.Letter{{Delivery: letter, Reason: job.ReasonAttempts}}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{names.ConsentBucket(), names.AnswersBucket()} {
		b, err := queue.OpenBucket(t.Context(), r.js, name)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Put(t.Context(), "k", []byte("v")); err != nil {
			t.Fatal(err)
		}
	}
	settings.EventsMaxAge, settings.DeadMaxAge = 500*time.Millisecond, 500*time.Millisecond
	if diffs, err := queue.Ensure(context.Background(), r.js, settings.Topology()); err != nil || len(diffs) > 0 {
		t.Fatal("ensure:", diffs, err)
	}
	for _, stream := range []string{"WACAST_EVENTS", "WACAST_DEAD", "KV_wacast_answers"} {
		eventually(t, stream+" is empty", func() bool { return r.messages(t, stream) == 0 })
	}
	for stream, want := range map[string]uint64{"WACAST_JOBS": 2, "KV_wacast_consent": 1} {
		if got := r.messages(t, stream); got != want {
			t.Errorf("%s has %d messages, want %d: it has no age limit", stream, got, want)
		}
	}
}
