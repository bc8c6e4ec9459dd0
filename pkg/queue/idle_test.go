package queue_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// A queue without jobs is asked for once; one whose jobs others have, every few
// seconds; and both have a job at once when there is one.
func TestIdleQueuesAreLeftAlone(t *testing.T) {
	embedtest.Virtual(t, func(t *testing.T, nc *nats.Conn, _ *redis.Client) {
		js := must[jetstream.JetStream](t)(jetstream.New(nc))
		names := queue.Names{Namespace: "wacast"}
		must[[]queue.Difference](t)(queue.Ensure(t.Context(), js, queue.Settings{Names: names}.Topology()))
		var pulls atomic.Int64
		must[*nats.Subscription](t)(nc.Subscribe("$JS.API.CONSUMER.MSG.NEXT.>", func(*nats.Msg) { pulls.Add(1) }))
		open := func() *queue.Queue {
			qs := must[*queue.Queues](t)(queue.NewQueues(js, queue.QueuesConfig{Names: names}))
			ctx, cancel := context.WithCancel(t.Context())
			go func() { _ = qs.Watch(ctx, func([]queue.Depth) {}) }() // ends with its context
			t.Cleanup(func() { cancel(); qs.Close() })
			return must[*queue.Queue](t)(qs.Open(t.Context(), queue.ID{Sender: "1", Lane: job.Bulk, Campaign: "c"}))
		}
		ours, others := open(), open()
		time.Sleep(2 * time.Second) // a look
		fetchIn := func(q *queue.Queue, wait time.Duration, want int, after time.Duration) []*queue.Delivery {
			began := time.Now()
			got := must[[]*queue.Delivery](t)(q.Fetch(t.Context(), 10, wait))
			if took := time.Since(began); len(got) != want || took < after || took > after+100*time.Millisecond {
				t.Errorf("%d jobs after %v, want %d after %v", len(got), took, want, after)
			}
			return got
		}
		fetchIn(ours, 30*time.Second, 0, 30*time.Second-50*time.Millisecond)
		if n := pulls.Swap(0); n != 1 {
			t.Errorf("%d pulls of an empty queue in 30 s, want 1", n)
		}
		publishAfter := func(d time.Duration) {
			time.AfterFunc(d, func() { must[*jetstream.PubAck](t)(js.Publish(t.Context(), "wacast.jobs.1.bulk.c", []byte("{}"))) })
		}
		publishAfter(12 * time.Second)
		held := fetchIn(others, 30*time.Second, 1, 12*time.Second)
		pulls.Store(0)
		time.AfterFunc(20*time.Second, func() { _ = held[0].Nak(0) })
		got := fetchIn(ours, 30*time.Second, 1, 20*time.Second)
		if n := pulls.Load(); n < 9 || n > 11 {
			t.Errorf("%d pulls in 20 s of a queue whose jobs others have, want one in 2 s", n)
		}
		for _, d := range got {
			_ = d.Ack()
		}
	})
}

func must[T any](tb testing.TB) func(T, error) T {
	return func(v T, err error) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}
