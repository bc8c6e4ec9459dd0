package queue_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

type place struct {
	Stream   string
	Sequence uint64
}

func present(tb testing.TB, qs *queue.Queues, campaign string) map[place]int {
	tb.Helper()
	got := make(map[place]int)
	err := qs.Present(context.Background(), campaign, func(stream string, sequence uint64, at time.Time) error {
		if time.Since(at) > time.Minute {
			tb.Errorf("%s %d was stored %v", stream, sequence, at)
		}
		got[place{stream, sequence}]++
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return got
}

func inJobs(sequences ...uint64) map[place]int {
	all := make(map[place]int)
	for _, s := range sequences {
		all[place{"WACAST_JOBS", s}] = 1
	}
	return all
}

func TestPresentListsWhatHasNoOutcome(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	qs, l := r.queues(t), r.later(t)
	p := r.publisher(t, queue.PublisherConfig{})
	publish(t, p, bulk, 4) // 1 to 4
	publish(t, p, now, 1)  // 5, of no campaign
	q := r.open(t, bulk)
	ds := fetch(t, q, 2, long)
	if err := ds[0].Ack(); err != nil { // 1 has ended, 2 is in flight
		t.Fatal(err)
	}
	eventually(t, "1 is gone", func() bool { return r.messages(t, "WACAST_JOBS") == 4 })
	past, hour := time.Now().Add(-time.Second), time.Now().Add(time.Hour)
	for n, s := range []queue.Scheduled{
		{Kind: queue.KindSendAt, At: hour}, {Kind: queue.KindRetry, At: past, Attempt: 1}, // 100 and 101 wait
		{Kind: queue.KindUnknown, At: hour, Was: job.Unknown}, {Kind: queue.KindUnknown, At: past}, // the others have an outcome
		{Kind: queue.KindReplay, At: past, Was: job.Rejected}, {Kind: queue.KindResend, At: hour, Was: job.Unknown}, {Kind: queue.KindReply, At: hour},
	} {
		s.Queue, s.Job, s.Stream, s.Sequence = bulk, fmt.Sprintf("later-%d", n), "WACAST_JOBS", uint64(100+n)
		put(t, l, s)
	}
	put(t, l, queue.Scheduled{Kind: queue.KindWindow, Queue: now, Job: "j", At: hour, Stream: "WACAST_JOBS", Sequence: 200})
	eventually(t, "three are due", func() bool {
		found, err := qs.Discover(context.Background())
		return err == nil && dueIn(found) == 3
	})
	for campaign, want := range map[string]map[place]int{
		"c1": inJobs(2, 3, 4, 100, 101), job.NoCampaign: inJobs(5, 200), "c2": {}, "": inJobs(2, 3, 4, 5, 100, 101, 200),
	} {
		if diff := cmp.Diff(want, present(t, qs, campaign)); diff != "" {
			t.Errorf("campaign %q: %s", campaign, diff)
		}
	}
	if again, err := qs.Again(context.Background(), "c1"); again != 2 || err != nil { // unknown and replay are due
		t.Errorf("Again = %d, %v; want 2", again, err)
	}
	first, last, err := qs.Ends(context.Background())
	if first != 2 || last != 5 || err != nil {
		t.Errorf("Ends = %d, %d, %v", first, last, err)
	}
	errEnough := errors.New("enough")
	err = qs.Present(context.Background(), "", func(string, uint64, time.Time) error { return errEnough })
	if !errors.Is(err, errEnough) {
		t.Errorf("Present = %v, want the function's error", err)
	}
}

// What a publisher writes into a header must not lead a verification astray.
func TestPresentBelievesTheServerAlone(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	for range 3 {
		m := nats.NewMsg(r.names.JobSubject(bulk))
		m.Header = nats.Header{
			"Status": {"204"}, "Nats-Num-Pending": {"0"}, "Nats-Sequence": {"7"}, "Nats-Last-Sequence": {"7"},
			"Nats-Time-Stamp": {"no time"}, "Wacast-Stream": {"WACAST_JOBS"}, "Wacast-Sequence": {"9"},
		}
		if _, err := r.js.PublishMsg(context.Background(), m); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(inJobs(1, 2, 3), present(t, r.queues(t), "c1")); diff != "" {
		t.Error(diff)
	}
}

func TestPurgeCountsWhatItTakes(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	qs, p := r.queues(t), r.publisher(t, queue.PublisherConfig{})
	const n = 5000 // more than a page
	publish(t, p, bulk, n)
	other := queue.ID{Sender: bulk.Sender, Lane: job.Bulk, Campaign: "c2"}
	publish(t, p, other, 10)
	q := r.open(t, bulk)
	ds := fetch(t, q, 3, long)
	if flying, err := qs.InFlight(context.Background(), "c1"); flying != 3 || err != nil {
		t.Errorf("InFlight = %d, %v", flying, err)
	}
	for _, d := range ds {
		if err := d.Ack(); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "nothing is in flight", func() bool {
		flying, err := qs.InFlight(context.Background(), "c1")
		return err == nil && flying == 0
	})
	listed, err := qs.Sequences(context.Background(), bulk, n-1000)
	if err != nil || len(listed) != n-1003 || listed[0] != 4 || listed[len(listed)-1] != n-1000 {
		t.Fatalf("%d sequences, %v", len(listed), err)
	}
	if got := queue.Ranges(listed); got != fmt.Sprintf("4-%d", n-1000) {
		t.Error(got)
	}
	r.restart(t)
	for _, tt := range []struct {
		id         queue.ID
		upTo, want uint64
	}{{bulk, 0, 0}, {bulk, n - 1000, n - 1003}, {bulk, n - 1000, 0}, {bulk, n + 10, 1000}, {other, n + 1, 1}, {now, 1 << 40, 0}} {
		if got, err := qs.Purge(context.Background(), tt.id, tt.upTo); got != tt.want || err != nil {
			t.Errorf("Purge of %s up to %d = %d, %v; want %d", tt.id, tt.upTo, got, err, tt.want)
		}
	}
	if left := present(t, qs, ""); len(left) != 9 {
		t.Errorf("left: %v", left)
	}
	// The consumer goes on with what is published after.
	if _, err := p.Publish(context.Background(), bulk, key(bulk, n+1), []byte("new")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"new"}, fetchAll(t, q, 1)); diff != "" {
		t.Error(diff)
	}
}

func TestPresentOfManyThroughARestart(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	const n = 6000 // more than a page
	publish(t, r.publisher(t, queue.PublisherConfig{}), bulk, n)
	next := uint64(1)
	err := r.queues(t).Present(context.Background(), "c1", func(_ string, sequence uint64, _ time.Time) error {
		if sequence != next {
			return fmt.Errorf("%d came, want %d", sequence, next)
		}
		if next++; next == n/2 {
			r.restart(t)
		}
		return nil
	})
	if err != nil || next != n+1 {
		t.Errorf("read up to %d, %v", next-1, err)
	}
}

func TestPresentWithoutStreams(t *testing.T) {
	t.Parallel()
	qs := bare(t).queues(t)
	if err := qs.Present(context.Background(), "", nil); err == nil {
		t.Error("Present of no stream gave no error")
	}
	if _, _, err := qs.Ends(context.Background()); !errors.Is(err, queue.ErrNoStream) {
		t.Errorf("Ends = %v, want ErrNoStream", err)
	}
	if _, err := qs.Purge(context.Background(), bulk, 1); !errors.Is(err, queue.ErrNoStream) {
		t.Errorf("Purge = %v, want ErrNoStream", err)
	}
}
