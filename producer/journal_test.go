package producer_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/producer"
)

// published reads the events of what was published.
func (r *rig) published(tb testing.TB) []job.EventData {
	tb.Helper()
	events, err := queue.NewEvents(r.js, queue.Names{Namespace: "wacast"})
	if err != nil {
		tb.Fatal(err)
	}
	defer events.Close()
	var all []job.EventData
	err = events.Read(context.Background(), queue.Filter{}, func(e *queue.Recorded) error {
		all = append(all, e.Data)
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

func TestWhatIsPublishedIsOnRecord(t *testing.T) {
	t.Parallel()
	r := start(t, producer.Config{}, roomy)
	source := func(yield func(*job.Job, error) bool) {
		for j := range count(2400) {
			switch {
			case strings.HasSuffix(j.ID, "7"):
				j.Lane, j.Campaign = job.Transactional, ""
			case strings.HasSuffix(j.ID, "8"):
				j.From = "222"
			}
			if !yield(j, nil) {
				return
			}
		}
	}
	for range 2 { // the same jobs have the same places
		if _, err := r.PublishAll(context.Background(), source, nil); err != nil {
			t.Fatal(err)
		}
	}
	places := make(map[uint64]queue.ID)
	for _, d := range r.published(t) {
		if d.Kind != job.Published || d.Stream != "WACAST_JOBS" || d.Count < 1 || d.Count > 1000 || d.ID != "" {
			t.Errorf("event %+v", d)
		}
		ranges, err := queue.ParseRanges(d.Sequences)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, part := range ranges {
			for s := part.First; s <= part.Last; s++ {
				places[s] = queue.ID{Sender: d.From, Lane: d.Lane, Campaign: d.Campaign}
				n++
			}
		}
		if n != d.Count {
			t.Errorf("%d sequences for %d jobs: %s", n, d.Count, d.Sequences)
		}
	}
	counts := make(map[queue.ID]int)
	for s, id := range places {
		if s < 1 || s > 2400 {
			t.Errorf("%d is no place of a job", s)
		}
		counts[id]++
	}
	want := map[queue.ID]int{
		{Sender: "106540352242922", Lane: job.Bulk, Campaign: "reminders"}: 1920,
		{Sender: "222", Lane: job.Bulk, Campaign: "reminders"}:             240,
		{Sender: "106540352242922", Lane: job.Transactional}:               240,
	}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Error(diff)
	}
}

func TestCloseRecordsTheRest(t *testing.T) {
	t.Parallel()
	r := start(t, producer.Config{}, roomy)
	for n := range 3 {
		if _, err := r.Publish(context.Background(), numbered(n)); err != nil {
			t.Fatal(err)
		}
	}
	if early := r.published(t); len(early) > 0 {
		t.Errorf("too early on record: %+v", early)
	}
	r.Close()
	r.Close()
	want := []job.EventData{{
		Kind: job.Published, Campaign: "reminders", From: "106540352242922", Lane: job.Bulk,
		Count: 3, Stream: "WACAST_JOBS", Sequences: "1-3",
	}}
	if diff := cmp.Diff(want, r.published(t)); diff != "" {
		t.Error(diff)
	}
}

// A campaign system whose credentials allow jobs and nothing else is served as well.
func TestWhoMayNotRecordPublishesAllTheSame(t *testing.T) {
	t.Parallel()
	server := embedtest.StartNATS(t, `authorization {users: [
		{user: all, password: a}
		{user: jobs, password: j, permissions: {publish: ["wacast.jobs.>", "wacast.hint.>"]}}
	]}`)
	dial := func(user, password string) *nats.Conn {
		nc, err := nats.Connect("nats://"+server.Addr(), nats.UserInfo(user, password), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return nc
	}
	js, err := jetstream.New(dial("all", "a"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := queue.Ensure(context.Background(), js, settings(roomy).Topology()); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	p, err := producer.New(dial("jobs", "j"), producer.Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if stats, err := p.PublishAll(context.Background(), count(1500), nil); err != nil || stats.Published != 1500 {
			t.Errorf("stats %+v, %v", stats, err)
		}
	}
	p.Close()
	// The word of the server ended the wait, not the time.
	if n := strings.Count(log.String(), "level=WARN"); n != 1 || !strings.Contains(log.String(), "credentials") {
		t.Errorf("the log says %q, want one warning", log.String())
	}
}
