package queue_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

func many(n int) []job.Event {
	events := make([]job.Event, n)
	for i := range events {
		events[i] = event(job.Accepted, "c1", "111", i)
	}
	return events
}

func TestRecordTellsWhereEventsAre(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	e := r.events(t)
	if got, err := e.Record(context.Background(), nil); got != nil || err != nil {
		t.Errorf("Record of nothing = %v, %v", got, err)
	}
	if last, err := e.Ends(context.Background()); last != 0 || err != nil {
		t.Errorf("Ends of nothing = %d, %v", last, err)
	}
	events := many(5)
	record(t, e, events[1], events[3])
	got, err := e.Record(context.Background(), events) // two of them again
	if diff := cmp.Diff([]uint64{3, 1, 4, 2, 5}, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if last, err := e.Ends(context.Background()); last != 5 || err != nil {
		t.Errorf("Ends = %d, %v", last, err)
	}
	back, err := e.At(context.Background(), got)
	if diff := cmp.Diff(events, back); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestRecordIntoAFullStreamTellsWhatIsStored(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{EventsMaxBytes: 8 << 10})
	e := r.events(t)
	got, err := e.Record(context.Background(), many(40))
	var partial *queue.PartialError
	if !errors.Is(err, queue.ErrFull) || !errors.As(err, &partial) {
		t.Fatalf("Record = %v, want ErrFull", err)
	}
	for i, place := range got {
		if _, failed := partial.Failed[i]; failed != (place == 0) {
			t.Errorf("event %d is at %d, failed %v", i, place, failed)
		}
	}
	if len(got) != 40 || got[0] == 0 || got[39] != 0 {
		t.Errorf("places %v", got)
	}
}

func TestEventsAtAnyPlace(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	e := r.events(t)
	events := many(700)
	record(t, e, events...)
	s, err := r.js.Stream(context.Background(), "WACAST_EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteMsg(context.Background(), 300); err != nil {
		t.Fatal(err)
	}
	if _, err := r.js.Publish(context.Background(), "wacast.events.accepted.111.c1.0", []byte("no event")); err != nil {
		t.Fatal(err)
	}
	var places []uint64
	var want []job.Event
	for i := range events {
		places = append(places, uint64(700-i))
		want = append(want, events[699-i])
	}
	want[400] = job.Event{}
	places = append(places, 0, 701, 10_000, 1, 1)
	want = append(want, job.Event{}, job.Event{}, job.Event{}, events[0], events[0])
	check := func(what string) {
		t.Helper()
		got, err := e.At(context.Background(), places)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Error(what, err, diff)
		}
	}
	check("at first")
	// Without direct gets, as on a stream that somebody else manages, the leader is
	// asked.
	indirect := s.CachedInfo().Config
	indirect.AllowDirect = false
	if _, err := r.js.UpdateStream(context.Background(), indirect); err != nil {
		t.Fatal(err)
	}
	places, want = slices.Clone(places[690:]), want[690:]
	check("of the leader")
	ensure(t, r, queue.Settings{Names: names, JobsMaxBytes: 64 << 20})
	if !config(t, r, "WACAST_EVENTS").AllowDirect {
		t.Error("Ensure has not switched direct gets on")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.restart(t)
	}()
	check("while the server restarts")
	<-done
	if got, err := e.At(context.Background(), nil); len(got) != 0 || err != nil {
		t.Errorf("At of nothing = %v, %v", got, err)
	}
}

func TestEventsAtWithoutAStream(t *testing.T) {
	t.Parallel()
	e := bare(t).events(t)
	if _, err := e.At(context.Background(), []uint64{1}); !errors.Is(err, queue.ErrNoStream) {
		t.Errorf("At = %v, want ErrNoStream", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := e.At(ctx, []uint64{1}); !errors.Is(err, context.Canceled) {
		t.Errorf("At = %v, want Canceled", err)
	}
}

func TestScanBetweenPlaces(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	e := r.events(t)
	record(t, e, many(6000)...) // more than one pull
	middle := time.Now()
	record(t, e, event(job.Rejected, "", "222", 1), event(job.Accepted, "c2", "111", 1))
	type seen struct {
		first, last uint64
		n           int
	}
	for _, tt := range []struct {
		name   string
		filter queue.Filter
		want   seen
	}{
		{"all", queue.Filter{}, seen{1, 6002, 6002}},
		{"after", queue.Filter{After: 5990}, seen{5991, 6002, 12}},
		{"up to", queue.Filter{UpTo: 5000}, seen{1, 5000, 5000}},
		{"between", queue.Filter{After: 4095, UpTo: 4097}, seen{4096, 4097, 2}},
		{"nothing between", queue.Filter{After: 10, UpTo: 10}, seen{}},
		{"behind the end", queue.Filter{After: 6002}, seen{}},
		{"after, of a campaign", queue.Filter{After: 100, Campaign: "c2"}, seen{6002, 6002, 1}},
		{"up to, of a kind that comes later", queue.Filter{UpTo: 6000, Kinds: []job.Kind{job.Rejected}}, seen{}},
		{"since", queue.Filter{Since: middle}, seen{6001, 6002, 2}},
		{"after and since", queue.Filter{After: 5000, Since: middle, Kinds: []job.Kind{job.Accepted, job.Rejected}}, seen{6001, 6002, 2}},
	} {
		var got seen
		err := e.Scan(context.Background(), tt.filter, func(raw *queue.Raw) error {
			if got.n++; got.first == 0 {
				got.first = raw.Sequence
			}
			got.last = raw.Sequence
			ev, err := job.DecodeEvent(raw.Data)
			if err != nil || ev.Data.Kind != raw.Kind || ev.Data.From != raw.Sender || raw.Stored.IsZero() ||
				raw.Campaign != ev.Key().CampaignToken() {
				t.Errorf("raw %+v of %+v, %v", raw, ev, err)
			}
			return err
		})
		if got != tt.want || err != nil {
			t.Errorf("%s: %+v, %v; want %+v", tt.name, got, err, tt.want)
		}
	}
}
