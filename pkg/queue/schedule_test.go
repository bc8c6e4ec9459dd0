package queue_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/queue"
)

func (r *rig) later(tb testing.TB) *queue.Later {
	tb.Helper()
	l, err := queue.NewLater(r.js, r.names)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(l.Close)
	return l
}

// put puts one job off.
func put(tb testing.TB, l *queue.Later, s queue.Scheduled) {
	tb.Helper()
	if s.Stream == "" {
		s.Stream, s.Sequence = "WACAST_JOBS", 77
	}
	if err := l.ScheduleAll(context.Background(), []queue.Scheduled{s}); err != nil {
		tb.Fatal(err)
	}
}

// watch runs Watch until the test ends and returns what it finds.
func watch(t *testing.T, qs *queue.Queues) <-chan []queue.Depth {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	found := make(chan []queue.Depth, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := qs.Watch(ctx, func(ds []queue.Depth) {
			select {
			case <-found: // only the latest counts
			default:
			}
			found <- ds
		})
		if ctx.Err() == nil {
			t.Errorf("Watch = %v", err)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return found
}

func TestWhatIsDueComesFirst(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	publish(t, r.publisher(t, queue.PublisherConfig{}), bulk, 2)
	l := r.later(t)
	begin := time.Now()
	for _, s := range []queue.Scheduled{
		{Kind: queue.KindRetry, Queue: bulk, Job: "j9", At: begin.Add(time.Second), Data: []byte("due"), Header: map[string]string{"X-Note": "2"}},
		{Kind: queue.KindSendAt, Queue: now, Job: "j9", At: begin.Add(time.Hour), Data: []byte("not yet")},
		// A second schedule for the same job and kind leaves the first as it is.
		{Kind: queue.KindRetry, Queue: bulk, Job: "j9", At: begin.Add(time.Hour), Data: []byte("replaced")},
	} {
		put(t, l, s)
	}
	if got, err := l.Waiting(context.Background(), ""); !cmp.Equal(map[string]uint64{queue.KindRetry: 1, queue.KindSendAt: 1}, got) {
		t.Errorf("waiting: %v, %v", got, err)
	}
	if got, err := l.Waiting(context.Background(), bulk.Campaign); !cmp.Equal(map[string]uint64{queue.KindRetry: 1}, got) {
		t.Errorf("waiting of %s: %v, %v", bulk.Campaign, got, err)
	}

	qs := r.queues(t)
	q, err := qs.Open(context.Background(), bulk)
	if err != nil {
		t.Fatal(err)
	}
	found := watch(t, qs)
	eventually(t, "it is due", func() bool { return dueIn(<-found) == 1 })
	if early := time.Until(begin.Add(time.Second)); early > 0 {
		t.Errorf("it was due %v early", early)
	}
	ds := fetch(t, q, 1, long)
	if diff := cmp.Diff([]string{"due"}, bodies(ds)); diff != "" {
		t.Fatal(diff)
	}
	if ds[0].Header("X-Note") != "2" || ds[0].Stream != "WACAST_JOBS" || ds[0].Sequence != 77 || ds[0].Queue != bulk {
		t.Errorf("delivery = %+v", ds[0])
	}
	if err := ds[0].Ack(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"j1", "j2"}, fetchAll(t, q, 2)); diff != "" {
		t.Error(diff)
	}
	eventually(t, "only the other schedule is left", func() bool { return r.messages(t, "WACAST_LATER") == 1 })
}

func dueIn(depths []queue.Depth) (n uint64) {
	for _, d := range depths {
		n += d.Due
	}
	return n
}

func TestWhatIsDueWakesAFetch(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	qs := r.queues(t)
	q, err := qs.Open(context.Background(), bulk)
	if err != nil {
		t.Fatal(err)
	}
	watch(t, qs)
	put(t, r.later(t), queue.Scheduled{Kind: queue.KindRetry, Queue: bulk, Job: "j1", At: time.Now().Add(-time.Second), Data: []byte("overdue")})
	begin := time.Now()
	if diff := cmp.Diff([]string{"overdue"}, bodies(fetch(t, q, 10, time.Minute))); diff != "" {
		t.Error(diff)
	}
	if took := time.Since(begin); took > 4*time.Second { // a pull for jobs waits 5 s
		t.Errorf("it took %v", took)
	}
}

func TestSchedulesSurviveARestart(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	put(t, r.later(t), queue.Scheduled{Kind: queue.KindSendAt, Queue: now, Job: "j1", At: time.Now().Add(500 * time.Millisecond), Data: []byte("kept")})
	r.restart(t)
	qs := r.queues(t)
	watch(t, qs)
	q, err := qs.Open(context.Background(), now)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"kept"}, fetchAll(t, q, 1)); diff != "" {
		t.Error(diff)
	}
}
