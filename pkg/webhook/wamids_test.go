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
			b := newBatch("ns", []*queue.HookDelivery{
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
