package worker

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

func testItem(id string, lane job.Lane) *item {
	return &item{delivery: &queue.Delivery{Queue: queue.ID{Sender: "1", Lane: lane, Campaign: "c"}}, job: &job.Job{ID: id}}
}

func ids(items []*item) []string {
	var list []string
	for _, it := range items {
		list = append(list, it.job.ID)
	}
	return list
}

func TestReadyServesTransactionalFirstAndEachLaneInOrder(t *testing.T) {
	r := newReady()
	b1, b2, b3 := testItem("b1", job.Bulk), testItem("b2", job.Bulk), testItem("b3", job.Bulk)
	t1, t2 := testItem("t1", job.Transactional), testItem("t2", job.Transactional)
	r.push(b1, b2)
	r.push(t1, b3)
	steps := []struct {
		do   func() []*item
		want []string
	}{
		{func() []*item { return r.take(2) }, []string{"t1", "b1"}},
		{func() []*item { r.push(t2); return r.take(1) }, []string{"t2"}},
		{func() []*item { r.putBack([]*item{t2, b1}); return r.take(2) }, []string{"t2", "b1"}},
		{func() []*item { return r.take(10) }, []string{"b2", "b3"}},
		{func() []*item { return r.take(10) }, nil},
	}
	for i, s := range steps {
		if diff := cmp.Diff(s.want, ids(s.do())); diff != "" {
			t.Errorf("step %d (-want +got):\n%s", i, diff)
		}
	}
	if r.len() != 0 {
		t.Errorf("%d left, want none", r.len())
	}
}

func TestReadyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReady()
		ctx, cancel := context.WithCancel(t.Context())
		results := make(chan bool)
		wait := func() { results <- r.wait(ctx) }
		go wait()
		synctest.Wait()
		r.push(testItem("a", job.Bulk))
		if !<-results {
			t.Error("a push did not wake the line")
		}
		r.take(1)
		go wait()
		synctest.Wait()
		cancel()
		if <-results {
			t.Error("wait reports an item after its context ended")
		}
	})
}

// Slots keep their times, their order and their number, and no group is wider than
// the claim window.
func TestGroup(t *testing.T) {
	first := time.Unix(1_790_000_000, 0)
	for _, spacing := range []time.Duration{50 * time.Microsecond, time.Millisecond, 3 * time.Millisecond, 12500 * time.Microsecond, time.Second} {
		for _, count := range []int{1, 2, 7, 100, 2000} {
			i := 0
			for _, g := range group(first, spacing, count) {
				if len(g) == 0 || g[len(g)-1].Sub(g[0]) >= claimWindow {
					t.Errorf("spacing %s: a group of %d over %s", spacing, len(g), g[len(g)-1].Sub(g[0]))
				}
				for _, at := range g {
					if want := first.Add(time.Duration(i) * spacing); !at.Equal(want) {
						t.Fatalf("spacing %s: slot %d at %s, want %s", spacing, i, at, want)
					}
					i++
				}
			}
			if i != count {
				t.Errorf("spacing %s: %d slots, want %d", spacing, i, count)
			}
		}
	}
}

func TestPlacesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := newPlaces(3), newShare()
		if got := p.acquire(t.Context(), s, 2); got != 2 {
			t.Errorf("first %d, want 2", got)
		}
		if got := p.acquire(t.Context(), s, 5); got != 1 {
			t.Errorf("then %d, want the one that is left", got)
		}
		got := make(chan int)
		go func() { got <- p.acquire(t.Context(), s, 1) }()
		synctest.Wait()
		select {
		case n := <-got:
			t.Errorf("a fourth place was given: %d", n)
		default:
		}
		p.release(s, 2)
		if n := <-got; n != 1 {
			t.Errorf("after a release %d, want 1", n)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		p.acquire(t.Context(), s, 3)
		if n := p.acquire(ctx, s, 1); n != 0 {
			t.Errorf("%d places after the context ended, want 0", n)
		}
	})
}

func TestPauseGrowsAndIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pause
		var waits []time.Duration
		for range 8 {
			start := time.Now()
			p.wait(t.Context())
			waits = append(waits, time.Since(start))
		}
		ms := time.Millisecond
		want := []time.Duration{50 * ms, 100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 2000 * ms, 2000 * ms}
		if diff := cmp.Diff(want, waits); diff != "" {
			t.Errorf("waits (-want +got):\n%s", diff)
		}
		p.reset()
		start := time.Now()
		p.wait(t.Context())
		if got := time.Since(start); got != 50*ms {
			t.Errorf("after a reset %s, want %s", got, 50*ms)
		}
	})
}

// A line that found no slots rests until a transactional job comes, and no bulk job
// ends that.
func TestReadyRestEndsWithATransactionalJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReady()
		r.push(testItem("b1", job.Bulk), testItem("t1", job.Transactional))
		if all, urgent := r.count(); all != 2 || urgent != 1 {
			t.Errorf("%d items, %d of them transactional; want 2 and 1", all, urgent)
		}
		rest := func(want time.Duration) {
			t.Helper()
			began := time.Now()
			if r.rest(t.Context(), time.Second); time.Since(began) != want {
				t.Errorf("it rested for %v, want %v", time.Since(began), want)
			}
		}
		rest(time.Second) // for what is there a slot was asked for
		time.AfterFunc(5*time.Millisecond, func() { r.push(testItem("b2", job.Bulk)) })
		time.AfterFunc(9*time.Millisecond, func() { r.push(testItem("t2", job.Transactional)) })
		rest(9 * time.Millisecond)
		rest(time.Second)
	})
}
