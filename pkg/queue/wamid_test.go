package queue_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// taken is the event of a message that the API took.
func taken(kind job.Kind, sender string, n int) job.Event {
	e := event(kind, "c1", sender, n)
	e.Data.Attempt, e.Data.Wamid = 1+n%3, job.Wamid(fmt.Sprint("wamid.", n))
	return e
}

func TestTaken(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	e := r.events(t)
	unknown := event(job.Settled, "c1", "111", 4)
	record(t, e, taken(job.Accepted, "111", 1), taken(job.Accepted, "222", 2), taken(job.Settled, "111", 3), unknown, taken(job.Sent, "111", 1))
	middle := time.Now()
	record(t, e, taken(job.Accepted, "111", 5), taken(job.Accepted, "111", 6))
	later := time.Now().Add(time.Hour)

	for name, tt := range map[string]struct {
		part  queue.TakenRange
		want  []int
		after uint64
		cut   bool
	}{
		"all of a number":    {queue.TakenRange{Sender: "111", Until: later, Most: 9}, []int{1, 5, 6, 3}, 7, false},
		"from a time on":     {queue.TakenRange{Sender: "111", Since: middle, Until: later, Most: 9}, []int{5, 6}, 7, false},
		"up to a time":       {queue.TakenRange{Sender: "111", Until: middle, Most: 9}, []int{1, 3}, 5, false},
		"behind an event":    {queue.TakenRange{Sender: "111", After: 6, Since: middle, Until: later, Most: 9}, []int{6}, 7, false},
		"as many as allowed": {queue.TakenRange{Sender: "111", Until: later, Most: 2}, []int{1, 5, 3}, 6, true},
		"one":                {queue.TakenRange{Sender: "111", Until: later, Most: 1}, []int{1, 3}, 3, true},
		"just as many":       {queue.TakenRange{Sender: "222", Until: later, Most: 1}, []int{2}, 7, false},
		"nobody's":           {queue.TakenRange{Sender: "333", Until: later, Most: 9}, nil, 7, false},
		"behind the end":     {queue.TakenRange{Sender: "111", After: 7, Until: later, Most: 9}, nil, 7, false},
		"of a stream before": {queue.TakenRange{Sender: "111", After: 99, Until: later, Most: 9}, nil, 7, false},
	} {
		var got []int
		after, all, err := e.Taken(context.Background(), tt.part, func(m queue.Taken) {
			var n int
			if _, err := fmt.Sscanf(string(m.Wamid), "wamid.%d", &n); err != nil || m.Key != (job.Key{Campaign: "c1", ID: fmt.Sprint("j", n)}) || m.Attempt != 1+n%3 || m.Stored.IsZero() {
				t.Errorf("%s: %+v, %v", name, m, err)
			}
			got = append(got, n)
		})
		if diff := cmp.Diff(tt.want, got); diff != "" || after != tt.after || all == tt.cut || err != nil {
			t.Errorf("%s: after %d, all %v, %v %s", name, after, all, err, diff)
		}
	}
	for number, want := range map[string]bool{"111": true, "222": true, "333": false} {
		if got, err := e.Sends(context.Background(), number); got != want || err != nil {
			t.Errorf("%s sends: %v, %v", number, got, err)
		}
	}
}

// BenchmarkTaken reads all messages that a number has sent.
func BenchmarkTaken(b *testing.B) {
	e := apart(b).events(b)
	var events []job.Event
	for n := range b.N {
		if events = append(events, taken(job.Accepted, "111", n)); len(events) == 1000 || n == b.N-1 {
			record(b, e, events...)
			events = events[:0]
		}
	}
	part := queue.TakenRange{Sender: "111", Until: time.Now().Add(time.Hour), Most: math.MaxInt}
	defer measure(b)()
	n := 0
	if _, _, err := e.Taken(context.Background(), part, func(queue.Taken) { n++ }); err != nil || n != b.N {
		b.Fatalf("read %d of %d: %v", n, b.N, err)
	}
}

// BenchmarkTakenNothing asks for what is new, of which there is nothing.
func BenchmarkTakenNothing(b *testing.B) {
	e := apart(b).events(b)
	for n := range 2000 {
		record(b, e, taken(job.Accepted, "111", n), taken(job.Sent, "111", n))
	}
	defer measure(b)()
	for range b.N {
		ok, err := e.Sends(context.Background(), "333")
		if err != nil || ok {
			b.Fatal(ok, err)
		}
		if _, _, err := e.Taken(context.Background(), queue.TakenRange{Sender: "111", After: 3999, Until: time.Now(), Most: 9}, func(queue.Taken) {}); err != nil {
			b.Fatal(err)
		}
	}
}
