package queue_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

func TestDiscover(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	p := r.publisher(t, queue.PublisherConfig{})
	qs := r.queues(t)
	if found, err := qs.Discover(context.Background()); err != nil || len(found) != 0 {
		t.Fatalf("Discover of nothing = %v, %v", found, err)
	}
	publish(t, p, bulk, 3)
	publish(t, p, now, 1)
	// Anybody may publish anything that fits the stream; its jobs must not be lost.
	strange := queue.ID{Sender: "me", Lane: "fast", Campaign: "ünï*"}
	if _, err := r.js.Publish(context.Background(), "wacast.jobs.me.fast.ünï*", []byte("?")); err != nil {
		t.Fatal(err)
	}
	want := []queue.Depth{{ID: bulk, Queued: 3}, {ID: now, Queued: 1}, {ID: strange, Queued: 1}}
	found, err := qs.Discover(context.Background())
	if diff := cmp.Diff(want, found); diff != "" || err != nil {
		t.Error(err, diff)
	}
	q, err := qs.Open(context.Background(), strange)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"?"}, bodies(fetch(t, q, 1, long))); diff != "" {
		t.Error(diff)
	}
}

func TestDepths(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	begin := time.Now()
	publish(t, r.publisher(t, queue.PublisherConfig{}), bulk, 5)
	qs := r.queues(t)
	q, err := qs.Open(context.Background(), bulk)
	if err != nil {
		t.Fatal(err)
	}
	ds := fetch(t, q, 3, long)
	want := []queue.Depth{{ID: bulk, Queued: 2, InFlight: 3}}
	got, err := qs.Depths(context.Background())
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	oldest, err := qs.Oldest(context.Background(), bulk)
	if err != nil || oldest.Before(begin) || oldest.After(time.Now()) {
		t.Errorf("oldest = %v, %v", oldest, err)
	}
	if err := ds[0].Ack(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the next one is the oldest", func() bool {
		next, err := qs.Oldest(context.Background(), bulk)
		return err == nil && next.After(oldest)
	})
	if none, err := qs.Oldest(context.Background(), now); err != nil || !none.IsZero() {
		t.Errorf("oldest of an empty queue = %v, %v", none, err)
	}
}

func TestAHintIsHeardAtOnce(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	qs, err := queue.NewQueues(r.js, queue.QueuesConfig{Names: r.names, Every: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(qs.Close)
	found := watch(t, qs)
	if ds := <-found; len(ds) != 0 {
		t.Fatalf("found %v in empty streams", ds)
	}
	publish(t, r.publisher(t, queue.PublisherConfig{}), bulk, 1)
	select {
	case ds := <-found:
		if diff := cmp.Diff([]queue.Depth{{ID: bulk, Queued: 1}}, ds); diff != "" {
			t.Error(diff)
		}
	case <-time.After(long):
		t.Error("nobody heard the hint")
	}
}

func TestWatchSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	r := bare(t)
	err := r.queues(t).Watch(context.Background(), func([]queue.Depth) {})
	if !errors.Is(err, queue.ErrNoStream) {
		t.Errorf("Watch without streams = %v, want ErrNoStream", err)
	}
	if _, err := r.queues(t).Depths(context.Background()); !errors.Is(err, queue.ErrNoStream) {
		t.Errorf("Depths without streams = %v, want ErrNoStream", err)
	}
	if _, err := r.queues(t).Oldest(context.Background(), bulk); !errors.Is(err, queue.ErrNoStream) {
		t.Errorf("Oldest without streams = %v, want ErrNoStream", err)
	}
	if _, err := r.events(t).Counts(context.Background(), ""); !errors.Is(err, queue.ErrNoStream) {
		t.Errorf("Counts without streams = %v, want ErrNoStream", err)
	}
	if _, err := r.events(t).Find(context.Background(), job.Key{ID: "j"}, "", time.Time{}); !errors.Is(err, queue.ErrNoStream) {
		t.Errorf("Find without streams = %v, want ErrNoStream", err)
	}
	if _, err := queue.OpenBucket(context.Background(), r.js, r.names.CampaignsBucket()); !errors.Is(err, queue.ErrNoStream) {
		t.Errorf("OpenBucket without streams = %v, want ErrNoStream", err)
	}
}
