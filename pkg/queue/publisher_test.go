package queue_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

func TestPublishTwiceIsStoredOnce(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	p := r.publisher(t, queue.PublisherConfig{})
	var got []queue.Ack
	for range 2 {
		a, err := p.Publish(context.Background(), bulk, key(bulk, 1), []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, a)
	}
	if diff := cmp.Diff([]queue.Ack{{Sequence: 1}, {Sequence: 1, Duplicate: true}}, got); diff != "" {
		t.Error(diff)
	}
	if n := r.messages(t, "WACAST_JOBS"); n != 1 {
		t.Errorf("messages = %d, want 1", n)
	}
}

func TestPublishIntoAFullStream(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{JobsMaxBytes: 8 << 10})
	p := r.publisher(t, queue.PublisherConfig{})
	body := []byte(strings.Repeat("x", 1000))
	var err error
	n := 0
	for ; err == nil && n < 100; n++ {
		_, err = p.Publish(context.Background(), bulk, key(bulk, n), body)
	}
	if !errors.Is(err, queue.ErrFull) {
		t.Fatalf("after %d jobs: %v, want ErrFull", n, err)
	}
	q := r.open(t, bulk)
	for _, d := range fetch(t, q, 2, long) {
		if err := d.Ack(); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "there is room again", func() bool {
		_, err := p.Publish(context.Background(), bulk, key(bulk, n), body)
		return err == nil
	})
}

func TestPublishWithoutAStream(t *testing.T) {
	t.Parallel()
	r := bare(t)
	p := r.publisher(t, queue.PublisherConfig{})
	_, err := p.Publish(context.Background(), bulk, key(bulk, 1), []byte("{}"))
	if !errors.Is(err, queue.ErrNoStream) {
		t.Errorf("Publish = %v, want ErrNoStream", err)
	}
}

func TestPublishWaitsOutAMissingStream(t *testing.T) {
	t.Parallel()
	r := bare(t)
	p := r.publisher(t, queue.PublisherConfig{})
	acks := make(chan queue.Ack, 1)
	if err := p.PublishAsync(context.Background(), bulk, key(bulk, 1), []byte("{}"), func(a queue.Ack) { acks <- a }); err != nil {
		t.Fatal(err)
	}
	if _, err := queue.Ensure(context.Background(), r.js, queue.Settings{Names: names, JobsMaxBytes: 1 << 20}.Topology()); err != nil {
		t.Fatal(err)
	}
	if a := <-acks; a.Err != nil || a.Sequence != 1 {
		t.Errorf("ack = %+v, want the first message", a)
	}
}

// deaf stands in for a stream whose first acks are lost.
type deaf struct {
	lost atomic.Int64 // how many acks to lose
	ids  chan string  // message ids as they come
}

func newDeaf(t *testing.T, r *rig, lost int64) *deaf {
	t.Helper()
	d := &deaf{ids: make(chan string, 100)}
	d.lost.Store(lost)
	sub, err := r.nc.Subscribe("wacast.jobs.>", func(m *nats.Msg) {
		d.ids <- m.Header.Get("Nats-Msg-Id") + " " + string(m.Data)
		if d.lost.Add(-1) < 0 {
			_ = m.Respond([]byte(`{"stream":"WACAST_JOBS","seq":7}`))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Unsubscribe() })
	return d
}

func TestPublishRepeatsWithTheSameID(t *testing.T) {
	t.Parallel()
	r := bare(t)
	d := newDeaf(t, r, 1)
	a, err := r.publisher(t, queue.PublisherConfig{}).Publish(context.Background(), bulk, key(bulk, 1), []byte("body"))
	if err != nil || a.Sequence != 7 {
		t.Errorf("Publish = %+v, %v", a, err)
	}
	if diff := cmp.Diff([]string{"c1/j1 body", "c1/j1 body"}, []string{<-d.ids, <-d.ids}); diff != "" {
		t.Error(diff)
	}
}

func TestPublishGivesUp(t *testing.T) {
	t.Parallel()
	r := bare(t)
	newDeaf(t, r, 1000)
	p := r.publisher(t, queue.PublisherConfig{Patience: time.Millisecond})
	if _, err := p.Publish(context.Background(), bulk, key(bulk, 1), nil); !errors.Is(err, queue.ErrNoAck) {
		t.Errorf("out of patience: %v, want ErrNoAck", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	_, err := p.Publish(ctx, bulk, key(bulk, 1), nil)
	if !errors.Is(err, queue.ErrNoAck) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("out of time: %v, want ErrNoAck and DeadlineExceeded", err)
	}
}

func TestPublishAsyncHoldsBack(t *testing.T) {
	t.Parallel()
	r := bare(t)
	newDeaf(t, r, 1000)
	p := r.publisher(t, queue.PublisherConfig{MaxInFlight: 2})
	acks := make(chan queue.Ack, 3)
	for i := range 2 {
		if err := p.PublishAsync(context.Background(), bulk, key(bulk, i), nil, func(a queue.Ack) { acks <- a }); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := p.PublishAsync(ctx, bulk, key(bulk, 3), nil, func(queue.Ack) { t.Error("told of a job that was not published") }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the third of two: %v, want DeadlineExceeded", err)
	}
	p.Close()
	for range 2 {
		if a := <-acks; !errors.Is(a.Err, queue.ErrClosed) {
			t.Errorf("ack after Close = %+v, want ErrClosed", a)
		}
	}
	if err := p.PublishAsync(context.Background(), bulk, key(bulk, 4), nil, nil); !errors.Is(err, queue.ErrClosed) {
		t.Errorf("PublishAsync after Close = %v, want ErrClosed", err)
	}
}

func TestPublishThroughARestart(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	p := r.publisher(t, queue.PublisherConfig{})
	const n = 200
	acks := make(chan queue.Ack, n)
	for i := range n {
		if i == n/2 {
			r.restart(t)
		}
		if err := p.PublishAsync(context.Background(), bulk, key(bulk, i), []byte("{}"), func(a queue.Ack) { acks <- a }); err != nil {
			t.Fatal(err)
		}
	}
	for range n {
		if a := <-acks; a.Err != nil {
			t.Fatal(a.Err)
		}
	}
	if got := r.messages(t, "WACAST_JOBS"); got != n {
		t.Errorf("messages = %d, want %d", got, n)
	}
}

func TestPublishTooLarge(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	_, err := r.publisher(t, queue.PublisherConfig{}).Publish(context.Background(), bulk, key(bulk, 1), make([]byte, 2<<20))
	if !errors.Is(err, nats.ErrMaxPayload) {
		t.Errorf("Publish = %v, want ErrMaxPayload", err)
	}
}

func ExamplePublisher() {
	r, done := exampleRig()
	defer done()
	p, err := queue.NewPublisher(r.nc, queue.PublisherConfig{Names: r.names})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()
	j := &job.Job{
		V: 1, ID: "appt-8812", Campaign: "reminders", From: "106540352242922", To: "+5491155550100",
		Template: job.Template{Name: "appointment_confirmation", Language: "es_AR"},
	}
	data, err := job.Encode(j)
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		ack, err := p.Publish(context.Background(), queue.IDOf(j), j.Key(), data)
		fmt.Println(ack.Sequence, ack.Duplicate, err)
	}
	// Output:
	// 1 false <nil>
	// 1 true <nil>
}
