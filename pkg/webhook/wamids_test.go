package webhook

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/whatsapp"
)

func TestWamidsAreBounded(t *testing.T) {
	w := newWamids()
	token := func(i int) job.Token {
		return job.Token{Namespace: "ns", Key: job.Key{ID: fmt.Sprint("j", i)}, Attempt: 1}
	}
	for i := range 3 * maxWamids {
		w.add(fmt.Sprint("wamid.", i), token(i))
		if _, ok := w.find("wamid.0"); !ok { // which is asked for all the while
			t.Fatalf("after %d the first one is forgotten", i)
		}
	}
	if n := len(w.young) + len(w.old); n > maxWamids {
		t.Errorf("%d are remembered, want at most %d", n, maxWamids)
	}
	last := 3*maxWamids - 1
	if got, ok := w.find(fmt.Sprint("wamid.", last)); !ok || got != token(last) {
		t.Errorf("the last one: %v, %v", got, ok)
	}
	if _, ok := w.find("wamid.1"); ok {
		t.Error("one is remembered that nobody asked for since")
	}
}

// slow takes its time to find nothing.
type slow struct {
	Events
	searches int
}

func (s *slow) Sends(context.Context, string) (bool, error) { return true, nil }

func (s *slow) Taken(context.Context, queue.TakenRange, func(queue.Taken)) (uint64, bool, error) {
	s.searches++
	time.Sleep(100 * time.Millisecond)
	return 1, true, nil
}

// stream is one of messages, each a minute after the one before; as many are read as
// it counts.
type stream struct {
	Events
	first    time.Time
	messages int
	reads    int
}

func (s *stream) Sends(context.Context, string) (bool, error) { return true, nil }

func (s *stream) Taken(_ context.Context, part queue.TakenRange, fn func(queue.Taken)) (uint64, bool, error) {
	for n, read := part.After, 0; ; n++ {
		at := s.first.Add(time.Duration(n) * time.Minute)
		switch {
		case int(n) >= s.messages || at.After(part.Until):
			return n, true, nil
		case part.After == 0 && at.Before(part.Since):
			continue
		case read == part.Most:
			return n, false, nil
		}
		read++
		s.reads++
		fn(queue.Taken{Wamid: job.Wamid(fmt.Sprint("w", n)), Key: job.Key{ID: fmt.Sprint("j", n)}, Attempt: 1, Stored: at})
	}
}

// What is read of a number follows the statuses: each message once while they keep
// coming, a part of what is older for those that come late, and nothing of the time in
// between when there were none.
func TestReadingFollowsTheStatuses(t *testing.T) {
	first := time.Unix(1790000000, 0)
	s := &stream{first: first, messages: 10_000}
	f := newFinder("ns")
	for _, step := range []struct {
		what           string
		earliest, last int // minutes of the earliest status and of the latest webhook
		reads          int
		found, missing []int
	}{
		{"the first", 5000, 5000, 5, []int{4998, 5000, 5002}, []int{4997, 5003}},
		{"the next", 5001, 5003, 3, []int{5005}, []int{5006}},
		{"the same", 5001, 5003, 0, nil, nil},
		{"one that is late", 100, 5003, 16, []int{98, 100, 113}, []int{97, 114}},
		{"after a silence", 9000, 9000, 5, []int{8998, 9002, 5000}, []int{8000}},
		{"a little earlier", 8999, 9001, 3, []int{8997, 9003}, nil},
		{"at the end", 9999, 9999, 3, []int{9999}, nil},
		{"after the end", 10_050, 10_050, 0, nil, nil},
	} {
		before := s.reads
		at := func(minute int) time.Time { return first.Add(time.Duration(minute) * time.Minute) }
		w := f.wanted([]bare{
			{hook: &hook{delivery: &queue.HookDelivery{Stored: at(step.last)}}, update: &whatsapp.Update{Number: "1"}, at: at(step.earliest)},
		})
		if err := f.read(t.Context(), s, w[0]); err != nil {
			t.Fatal(err)
		}
		if got := s.reads - before; got != step.reads {
			t.Errorf("%s: %d messages are read, want %d", step.what, got, step.reads)
		}
		for _, n := range step.found {
			if _, ok := f.known.find(fmt.Sprint("w", n)); !ok {
				t.Errorf("%s: message %d is not found", step.what, n)
			}
		}
		for _, n := range step.missing {
			if _, ok := f.known.find(fmt.Sprint("w", n)); ok {
				t.Errorf("%s: message %d is found", step.what, n)
			}
		}
	}
}

// A status is foreign once its number was searched after the message must have been on
// record, and not because there was no time for a search.
func TestIsForeign(t *testing.T) {
	const second = time.Second
	for name, tt := range map[string]struct {
		delivered int
		age       time.Duration
		searched  time.Duration // ago; 0 for now
		want      bool
	}{
		"it has just come":                {1, 0, 0, false},
		"it came again too soon":          {2, 1 * second, 0, false},
		"it came again":                   {3, 3 * second, 0, true},
		"searched before it came":         {3, 3 * second, 4 * second, false},
		"searched when it came":           {3, 3 * second, 5 * second / 2, false},
		"searched a moment later":         {3, 3 * second, 3 * second / 2, true},
		"searched long before":            {4, 7 * second, 8 * second, false},
		"searched while it was away":      {4, 7 * second, 5 * second, true},
		"given back in trouble":           {6, 1 * second, 3 * second, false},
		"old, and searched":               {1, time.Hour, 0, true},
		"old, and there is no time":       {1, time.Hour, 5 * second, false},
		"old, and searched while away":    {4, time.Hour, 5 * second, true},
		"old, of a platform that repeats": {2, time.Hour, 0, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			number := &reading{ours: true, searched: began.Add(-tt.searched)}
			s := bare{hook: &hook{delivery: &queue.HookDelivery{Delivered: tt.delivered, Stored: began.Add(-tt.age)}}}
			if got := s.isForeign(number, began); got != tt.want {
				t.Errorf("%s: %v, want %v", name, got, tt.want)
			}
			if s.isForeign(nil, began) || s.isForeign(&reading{ours: true}, began) || !s.isForeign(&reading{}, began) {
				t.Errorf("%s: a number nobody has looked at, one that was not searched, or one that is not ours", name)
			}
		})
	}
}

// However many foreign statuses come, searching takes a tenth of the time; what there
// was no time for comes again while it is fresh, and is counted as such later.
func TestSearchHasAShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := new(slow)
		p := &Processor{
			cfg: ProcessorConfig{Events: events, Metrics: NewMetrics(prometheus.NewRegistry())}, finder: newFinder("ns"), recording: &trouble{},
			work: t.Context(), fetch: t.Context(),
		}
		var waited, foreign, unsearched int
		for began := time.Now(); time.Since(began) < 10*time.Second; time.Sleep(10 * time.Millisecond) {
			b := newBatch("ns", nil, []*queue.HookDelivery{
				{Stored: time.Now(), Delivered: 1, Body: bots}, {Stored: time.Now(), Delivered: maxReturns, Body: bots},
			})
			if !p.match(b) {
				t.Fatal("it gave up")
			}
			if b.hooks[0].waits {
				waited++
			}
			foreign += b.hooks[1].tally[updateForeign]
			unsearched += b.hooks[1].tally[updateUnsearched]
		}
		if events.searches != 10 {
			t.Errorf("%d searches of 100 ms in 10 s, want 10", events.searches)
		}
		if foreign != 10 || unsearched < 800 || waited != foreign+unsearched {
			t.Errorf("%d foreign, %d unsearched, %d waited", foreign, unsearched, waited)
		}
	})
}

var bots = []byte(`{"entry":[{"changes":[{"value":{"metadata":{"phone_number_id":"1"},"statuses":[{"id":"wamid.bot","status":"sent"}]}}]}]}`)
