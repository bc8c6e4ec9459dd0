package queue_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

func (r *rig) events(tb testing.TB) *queue.Events {
	tb.Helper()
	e, err := queue.NewEvents(r.js, r.names)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(e.Close)
	return e
}

// event is what became of job n of a campaign.
func event(kind job.Kind, campaign, sender string, n int) job.Event {
	return job.NewEvent("wacast/test", time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), job.EventData{
		Kind: kind, Campaign: campaign, ID: fmt.Sprintf("j%d", n), From: sender, To: "+5491155550100",
		Stream: "WACAST_JOBS", Sequence: uint64(n), Metadata: []byte(`{"a":"<&>"}`),
	})
}

func record(tb testing.TB, e *queue.Events, events ...job.Event) {
	tb.Helper()
	if _, err := e.Record(context.Background(), events); err != nil {
		tb.Fatal(err)
	}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	e := r.events(t)
	var events []job.Event
	for n := range 100 {
		events = append(events, event(job.Accepted, "c1", "111", n))
	}
	events = append(events,
		event(job.Rejected, "c1", "111", 200), event(job.Accepted, "c1", "222", 201),
		event(job.Delivered, "c1", "111", 1), event(job.Accepted, "c2", "111", 1), event(job.Expired, "", "111", 1))
	record(t, e, events...)
	record(t, e, events[:50]...) // again, as after a crash

	for campaign, want := range map[string]map[job.Kind]uint64{
		"c1": {job.Accepted: 101, job.Rejected: 1, job.Delivered: 1}, "c2": {job.Accepted: 1}, "": {job.Expired: 1}, "c3": {},
	} {
		got, err := e.Counts(context.Background(), campaign)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Error(campaign, err, diff)
		}
	}
	got, err := e.CountsBySender(context.Background(), "c1")
	want := map[string]map[job.Kind]uint64{"111": {job.Accepted: 100, job.Rejected: 1, job.Delivered: 1}, "222": {job.Accepted: 1}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	e := r.events(t)
	var others []job.Event
	for n := range 300 { // some of them are in the same shard
		others = append(others, event(job.Accepted, "c1", "111", n))
	}
	record(t, e, others...)
	record(t, e, event(job.Sent, "c1", "111", 7))
	middle := time.Now()
	record(t, e, event(job.Delivered, "c1", "111", 7), event(job.Failed, "c1", "222", 7))

	k := job.Key{Campaign: "c1", ID: "j7"}
	for _, tt := range []struct {
		name   string
		key    job.Key
		sender string
		since  time.Time
		want   []job.Event
	}{
		{"all of it", k, "111", time.Time{}, []job.Event{event(job.Accepted, "c1", "111", 7), event(job.Sent, "c1", "111", 7), event(job.Delivered, "c1", "111", 7)}},
		{"of any sender, from a time on", k, "", middle, []job.Event{event(job.Delivered, "c1", "111", 7), event(job.Failed, "c1", "222", 7)}},
		{"in the future", k, "111", time.Now().Add(time.Hour), nil},
		{"of no campaign", job.Key{ID: "j7"}, "", time.Time{}, nil},
	} {
		got, err := e.Find(context.Background(), tt.key, tt.sender, tt.since)
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Error(tt.name, err, diff)
		}
	}
}

func TestReadUpToNow(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	e := r.events(t)
	const n = 1500 // several pulls
	var events []job.Event
	for i := range n {
		events = append(events, event(job.Accepted, "c1", "111", i))
	}
	record(t, e, events...)
	record(t, e, event(job.Accepted, "c2", "111", 1), event(job.Rejected, "c1", "222", n))
	read := 0
	err := e.Read(context.Background(), queue.Filter{Campaign: "c1", Kinds: []job.Kind{job.Accepted, job.Rejected}}, func(ev *queue.Recorded) error {
		if want := fmt.Sprintf("j%d", read); ev.Data.ID != want {
			return fmt.Errorf("event %d is of %s, want %s", read, ev.Data.ID, want)
		}
		switch read++; read {
		case 10: // what comes after the beginning is left out
			record(t, e, event(job.Rejected, "c1", "111", n+1))
		case 700: // a consumer that is lost, as with the server it is on, is made anew
			deleteConsumers(t, r, "WACAST_EVENTS")
		case 1200:
			r.restart(t)
		}
		return nil
	})
	if err != nil || read != n+1 {
		t.Errorf("read %d events, %v; want %d", read, err, n+1)
	}
	eventually(t, "the reader's consumer is gone", func() bool {
		s, err := r.js.Stream(context.Background(), "WACAST_EVENTS")
		return err == nil && s.CachedInfo().State.Consumers == 0
	})
}

func TestReadEndsWithItsFunction(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	e := r.events(t)
	record(t, e, event(job.Accepted, "c1", "111", 1), event(job.Accepted, "c1", "111", 2))
	enough := errors.New("enough")
	read := 0
	err := e.Read(context.Background(), queue.Filter{}, func(*queue.Recorded) error { read++; return enough })
	if !errors.Is(err, enough) || read != 1 {
		t.Errorf("Read = %v after %d events", err, read)
	}
	if err := e.Read(context.Background(), queue.Filter{Campaign: "none"}, func(*queue.Recorded) error { return enough }); err != nil {
		t.Errorf("Read of nothing = %v", err)
	}
}

func TestRecordIntoAFullStream(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{EventsMaxBytes: 4 << 10})
	e := r.events(t)
	var events []job.Event
	for n := range 40 {
		events = append(events, event(job.Accepted, "c1", "111", n))
	}
	_, err := e.Record(context.Background(), events)
	var partial *queue.PartialError
	if !errors.Is(err, queue.ErrFull) || !errors.As(err, &partial) {
		t.Fatalf("Record = %v, want a PartialError of ErrFull", err)
	}
	if got := r.messages(t, "WACAST_EVENTS"); got == 0 || int(got) != len(events)-len(partial.Failed) {
		t.Errorf("%d of %d events are stored, %d failed", got, len(events), len(partial.Failed))
	}
}

func TestRecordWaitsForTheServer(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	e := r.events(t)
	if err := r.js.DeleteStream(context.Background(), "WACAST_EVENTS"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	events := []job.Event{event(job.Accepted, "c1", "111", 1), event(job.Accepted, "c1", "111", 2)}
	_, err := e.Record(ctx, events)
	var partial *queue.PartialError
	if !errors.Is(err, queue.ErrNoStream) || !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &partial) || len(partial.Failed) != 2 {
		t.Fatalf("Record without a stream = %v, want both as ErrNoStream", err)
	}
	if strings.Contains(err.Error(), "5550100") {
		t.Errorf("the error has a telephone number: %v", err)
	}
	done := make(chan error)
	go func() {
		_, err := e.Record(context.Background(), events)
		done <- err
	}()
	if _, err := queue.Ensure(context.Background(), r.js, queue.Settings{Names: names, JobsMaxBytes: 64 << 20}.Topology()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("Record = %v once the stream is there", err)
	}
	if got := r.messages(t, "WACAST_EVENTS"); got != 2 {
		t.Errorf("events = %d, want 2", got)
	}
}
