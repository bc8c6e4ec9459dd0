package queue_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/queue"
)

// long is a wait that a test does not reach when it passes.
const long = 10 * time.Second

func TestFetchInOrder(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	publish(t, r.publisher(t, queue.PublisherConfig{}), bulk, 5)
	q := r.open(t, bulk)
	var got []string
	for _, most := range []int{2, 2, 2} {
		ds := fetch(t, q, most, long)
		if len(ds) > most {
			t.Errorf("Fetch(%d) returned %d", most, len(ds))
		}
		got = append(got, bodies(ds)...)
		for _, d := range ds {
			if err := d.Ack(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if diff := cmp.Diff([]string{"j1", "j2", "j3", "j4", "j5"}, got); diff != "" {
		t.Error(diff)
	}
	eventually(t, "acked jobs leave the stream", func() bool { return r.messages(t, "WACAST_JOBS") == 0 })
}

func TestDeliveryTellsThePublication(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	before := time.Now()
	publish(t, r.publisher(t, queue.PublisherConfig{}), now, 2)
	d := fetch(t, r.open(t, now), 10, long)[1]
	if d.Queue != now || d.Stream != "WACAST_JOBS" || d.Sequence != 2 || d.Subject() != "wacast.jobs.106540352242922.transactional._" {
		t.Errorf("delivery = %+v, %s", d, d.Subject())
	}
	if d.Published.Before(before) || d.Published.After(time.Now()) {
		t.Errorf("published at %v, want after %v", d.Published, before)
	}
	if got := d.Header("Nats-Msg-Id"); got != "_/j2" {
		t.Errorf("message id = %q", got)
	}
}

func TestFetchReturnsAsSoonAsThereIsSomething(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	p := r.publisher(t, queue.PublisherConfig{})
	q := r.open(t, bulk)
	got := make(chan []string, 1)
	go func() {
		ds, err := q.Fetch(context.Background(), 100, time.Minute)
		if err != nil {
			t.Error(err)
		}
		got <- bodies(ds)
	}()
	eventually(t, "the pull", func() bool { return waiting(t, r) == 1 })
	publish(t, p, bulk, 1)
	select {
	case ids := <-got:
		if diff := cmp.Diff([]string{"j1"}, ids); diff != "" {
			t.Error(diff)
		}
	case <-time.After(long):
		t.Error("Fetch waits on although there is a job")
	}
}

// waiting is how many pulls wait at the consumers of jobs.
func waiting(t *testing.T, r *rig) int {
	t.Helper()
	s, err := r.js.Stream(context.Background(), "WACAST_JOBS")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	consumers := s.ListConsumers(context.Background())
	for c := range consumers.Info() {
		n += c.NumWaiting
	}
	if err := consumers.Err(); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestFetchOfNothingEndsInTime(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	q := r.open(t, bulk)
	begin := time.Now()
	if ds := fetch(t, q, 10, 300*time.Millisecond); len(ds) != 0 {
		t.Errorf("fetched %v from nothing", bodies(ds))
	}
	if took := time.Since(begin); took < 200*time.Millisecond || took > 2*time.Second {
		t.Errorf("Fetch took %v, want 300ms", took)
	}
	if n := waiting(t, r); n != 0 {
		t.Errorf("%d pulls wait after the end of Fetch", n)
	}
}

func TestFetchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	q := r.open(t, bulk)
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(context.Background())
	time.AfterFunc(50*time.Millisecond, func() { cancel(stop) })
	if _, err := q.Fetch(ctx, 10, time.Minute); !errors.Is(err, stop) {
		t.Errorf("Fetch = %v, want the cause", err)
	}
	// What its pull brings now is what the next Fetch returns.
	publish(t, r.publisher(t, queue.PublisherConfig{}), bulk, 3)
	if diff := cmp.Diff([]string{"j1", "j2", "j3"}, fetchAll(t, q, 3)); diff != "" {
		t.Error(diff)
	}
}

// fetchAll fetches until it has n jobs.
func fetchAll(t *testing.T, q *queue.Queue, n int) []string {
	t.Helper()
	var got []string
	for len(got) < n {
		ds := fetch(t, q, 10, long)
		if len(ds) == 0 {
			t.Fatalf("no more came after %v", got)
		}
		got = append(got, bodies(ds)...)
	}
	return got
}

func TestNakComesBackAfterItsDelay(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	publish(t, r.publisher(t, queue.PublisherConfig{}), bulk, 2)
	q := r.open(t, bulk)
	first := fetch(t, q, 2, long)
	if err := first[0].Nak(400 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if err := first[1].Nak(0); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"j2"}, bodies(fetch(t, q, 2, long))); diff != "" {
		t.Error("at once:", diff)
	}
	if diff := cmp.Diff([]string{"j1"}, bodies(fetch(t, q, 2, long))); diff != "" {
		t.Error("later:", diff)
	}
	if took := time.Since(begin); took < 350*time.Millisecond {
		t.Errorf("came back after %v, want 400ms", took)
	}
}

func TestTwoWorkersShareAQueue(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	a, b := r.open(t, bulk), r.open(t, bulk)
	publish(t, r.publisher(t, queue.PublisherConfig{}), bulk, 4)
	got := append(bodies(fetch(t, a, 2, long)), bodies(fetch(t, b, 2, long))...)
	if diff := cmp.Diff([]string{"j1", "j2", "j3", "j4"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestCloseGivesBack(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	leaver, stayer := r.open(t, bulk), r.open(t, bulk)
	// A pull that outlives its Fetch gets jobs nobody fetches.
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := leaver.Fetch(ctx, 10, time.Minute); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	publish(t, r.publisher(t, queue.PublisherConfig{}), bulk, 3)
	eventually(t, "a job is on its way", func() bool { return inFlight(t, r) > 0 })
	leaver.Close()
	leaver.Close()
	begin := time.Now()
	fetchAll(t, stayer, 3)
	if took := time.Since(begin); took > queue.AckWait(bulk.Lane)/2 {
		t.Errorf("the jobs came back after %v, by the ack wait", took)
	}
	if _, err := leaver.Fetch(context.Background(), 1, time.Second); !errors.Is(err, queue.ErrClosed) {
		t.Errorf("Fetch of a closed queue = %v, want ErrClosed", err)
	}
}

func inFlight(t *testing.T, r *rig) uint64 {
	t.Helper()
	depths, err := r.queues(t).Depths(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var n uint64
	for _, d := range depths {
		n += d.InFlight
	}
	return n
}

func TestOpenIsShared(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	qs := r.queues(t)
	a, err := qs.Open(context.Background(), bulk)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := qs.Open(context.Background(), bulk); err != nil || a != b {
		t.Errorf("a second Open = %p, %v; want %p", b, err, a)
	}
	a.Close()
	if c, err := qs.Open(context.Background(), bulk); err != nil || a == c {
		t.Errorf("Open after Close = %p, %v; want another than %p", c, err, a)
	}
}

func TestConsumerDeletedIsMadeAnew(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	q := r.open(t, bulk)
	p := r.publisher(t, queue.PublisherConfig{})
	deleteConsumers(t, r, "WACAST_JOBS")
	publish(t, p, bulk, 1)
	if diff := cmp.Diff([]string{"j1"}, bodies(fetch(t, q, 10, long))); diff != "" {
		t.Error("deleted between two pulls:", diff)
	}

	got := make(chan []string)
	go func() {
		ds, err := q.Fetch(context.Background(), 10, time.Minute)
		if err != nil {
			t.Error(err)
		}
		got <- bodies(ds)
	}()
	eventually(t, "the pull", func() bool { return waiting(t, r) == 1 })
	deleteConsumers(t, r, "WACAST_JOBS")
	// Nobody has acked j1, and its delivery went with the consumer.
	if diff := cmp.Diff([]string{"j1"}, <-got); diff != "" {
		t.Error("deleted during a pull:", diff)
	}
}

func deleteConsumers(t *testing.T, r *rig, stream string) {
	t.Helper()
	s, err := r.js.Stream(context.Background(), stream)
	if err != nil {
		t.Fatal(err)
	}
	list := s.ConsumerNames(context.Background())
	for name := range list.Name() {
		if err := s.DeleteConsumer(context.Background(), name); err != nil {
			t.Fatal(err)
		}
	}
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
}

func TestFetchAfterAServerRestart(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	q := r.open(t, bulk)
	publish(t, r.publisher(t, queue.PublisherConfig{}), bulk, 2)
	for _, d := range fetch(t, q, 1, long) {
		if err := d.Ack(); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the ack", func() bool { return r.messages(t, "WACAST_JOBS") == 1 })
	r.restart(t)
	var got []string
	eventually(t, "jobs after the restart", func() bool {
		ds, _ := q.Fetch(context.Background(), 10, time.Second) // the server may not be ready at first
		got = bodies(ds)
		return len(got) > 0
	})
	if diff := cmp.Diff([]string{"j2"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestFetchSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	q := r.open(t, bulk)
	if err := r.js.DeleteStream(context.Background(), "WACAST_JOBS"); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Fetch(context.Background(), 10, 500*time.Millisecond); !errors.Is(err, queue.ErrNoStream) {
		t.Errorf("Fetch without a stream = %v, want ErrNoStream", err)
	}
	if _, err := r.queues(t).Open(context.Background(), now); !errors.Is(err, queue.ErrNoStream) {
		t.Errorf("Open without a stream = %v, want ErrNoStream", err)
	}
	r.server.Close()
	if _, err := q.Fetch(context.Background(), 10, 200*time.Millisecond); err == nil {
		t.Error("Fetch without a server is silent")
	}
}

func TestConsumersOfOtherVersions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, version string
		want          time.Duration
	}{
		{"an earlier one is brought up to date", "0", 30 * time.Second},
		{"a later one stays", "2", time.Minute},
		{"one of the same version that somebody changed stays", "1", time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := start(t, queue.Settings{})
			r.open(t, bulk).Close()
			s, err := r.js.Stream(context.Background(), "WACAST_JOBS")
			if err != nil {
				t.Fatal(err)
			}
			name := <-s.ConsumerNames(context.Background()).Name()
			c, err := s.Consumer(context.Background(), name)
			if err != nil {
				t.Fatal(err)
			}
			config := c.CachedInfo().Config
			config.AckWait, config.Metadata = time.Minute, map[string]string{"wacast-consumer": tt.version}
			if _, err := s.UpdateConsumer(context.Background(), config); err != nil {
				t.Fatal(err)
			}
			r.open(t, bulk)
			if c, err = s.Consumer(context.Background(), name); err != nil {
				t.Fatal(err)
			}
			if got := c.CachedInfo().Config.AckWait; got != tt.want {
				t.Errorf("ack wait = %v, want %v", got, tt.want)
			}
		})
	}
}
