package queue_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

const (
	trace      = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	otherTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
)

// A job stays in its publisher's trace: as it comes, once it was put off, and as a dead
// letter.
func TestTraceparentStays(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	p, ctx := r.publisher(t, queue.PublisherConfig{}), context.Background()
	if _, err := p.Publish(job.WithTraceparent(ctx, trace), bulk, key(bulk, 1), []byte("{}")); err != nil {
		t.Fatal(err)
	}
	qs := r.queues(t)
	q, err := qs.Open(ctx, bulk)
	if err != nil {
		t.Fatal(err)
	}
	d := fetch(t, q, 1, long)[0]
	if got := d.Traceparent(); got != trace {
		t.Errorf("the job comes with %q", got)
	}
	letters, err := queue.NewDead(r.js, names)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(letters.Close)
	if err := letters.Put(ctx, []queue.Letter{{Delivery: d, Reason: job.ReasonConflict}}); err != nil {
		t.Fatal(err)
	}
	if err := letters.Read(ctx, queue.DeadFilter{}, func(l *queue.StoredLetter) error {
		if l.Traceparent != trace {
			t.Errorf("the letter has %q", l.Traceparent)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	later, err := queue.NewLater(r.js, names)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(later.Close)
	if err := later.ScheduleAll(ctx, []queue.Scheduled{{
		Kind: queue.KindRetry, Queue: bulk, Job: key(bulk, 1).ID, At: time.Now(), Stream: d.Stream, Sequence: d.Sequence, Data: d.Data,
		Traceparent: d.Traceparent(),
	}}); err != nil {
		t.Fatal(err)
	}
	if err := d.Ack(); err != nil {
		t.Fatal(err)
	}
	watch(t, qs)
	if got := fetch(t, q, 1, long)[0]; got.Kind != queue.KindRetry || got.Traceparent() != trace {
		t.Errorf("put off as %q, the job comes with %q", got.Kind, got.Traceparent())
	}
}

// What others wrote: as HTTP spells headers, garbage, nothing.
func TestTraceparentOfStrangers(t *testing.T) {
	r := start(t, queue.Settings{})
	for _, h := range []nats.Header{{"Traceparent": {otherTrace}}, {"traceparent": {"garbage"}}, nil} {
		if _, err := r.js.PublishMsg(context.Background(), &nats.Msg{Subject: names.JobSubject(bulk), Header: h, Data: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
	}
	all := fetch(t, r.open(t, bulk), 3, long)
	for i, want := range []job.Traceparent{otherTrace, "", ""} {
		d := all[i]
		if got := d.Traceparent(); got != want {
			t.Errorf("number %d comes with %q, want %q", i, got, want)
		}
		if n := testing.AllocsPerRun(10, func() { d.Traceparent() }); n != 0 {
			t.Errorf("number %d: %v allocations to look", i, n)
		}
	}
}
