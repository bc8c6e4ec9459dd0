package worker_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/worker"
)

// While transactional jobs alone would fill the limit of a number, for a minute of
// virtual time, each 20th slot is a bulk job's, and no slot is lost.
func TestBulkGetsItsMinimum(t *testing.T) {
	const mps, seconds = 50, 60
	api := &stopwatch{came: make(map[string][]time.Time)}
	virtually(t, api, mps, func(t *testing.T, cfg worker.Config, js jetstream.JetStream) {
		publish(t, js, cfg.Namespace, jobsOf("100", "coupons", job.Bulk, 2*mps*seconds))
		publish(t, js, cfg.Namespace, jobsOf("100", "confirmations", job.Transactional, 2*mps*seconds))
		start(t, cfg)
		time.Sleep(seconds * time.Second)
		bulk, transactional := api.times("coupons"), api.times("confirmations")
		both := slices.Concat(bulk, transactional)
		slices.SortFunc(both, time.Time.Compare)
		both = both[mps:] // both queues have been found
		if took := both[len(both)-1].Sub(both[0]); took != time.Duration(len(both)-1)*time.Second/mps {
			t.Errorf("%d slots took %v at %d a second", len(both), took, mps)
		}
		for len(bulk) > 0 && bulk[0].Before(both[0]) {
			bulk = bulk[1:]
		}
		if want := len(both) / 20; len(bulk) < want-1 || len(bulk) > want+1 {
			t.Errorf("bulk had %d of %d slots, want %d", len(bulk), len(both), want)
		}
		for i := 1; i < len(bulk); i++ {
			if gap := bulk[i].Sub(bulk[i-1]); gap != 20*time.Second/mps {
				t.Fatalf("bulk waited %v for a slot, want %v", gap, 20*time.Second/mps)
			}
		}
	})
}

// A transactional job takes the next slot that is not claimed yet, however many bulk
// jobs of however many campaigns the number has; and what slots it leaves are theirs.
func TestTransactionalJobsGoFirst(t *testing.T) {
	for _, campaigns := range []int{1, 50} {
		t.Run(fmt.Sprint(campaigns, " bulk campaigns"), func(t *testing.T) {
			const mps, every, n = 20, 713 * time.Millisecond, 30
			api := &stopwatch{came: make(map[string][]time.Time)}
			virtually(t, api, mps, func(t *testing.T, cfg worker.Config, js jetstream.JetStream) {
				for i := range campaigns {
					publish(t, js, cfg.Namespace, jobsOf("100", fmt.Sprint("c", i), job.Bulk, 2000/campaigns))
				}
				start(t, cfg)
				time.Sleep(5 * time.Second)
				var published []time.Time
				for i := range n {
					publish(t, js, cfg.Namespace, jobsOf("100", "confirmations", job.Transactional, i+1)) // those before are duplicates
					published = append(published, time.Now())
					time.Sleep(every)
				}
				came := api.times("confirmations")
				if len(came) != n {
					t.Fatalf("%d were sent, want %d", len(came), n)
				}
				var waits []time.Duration
				for i, at := range came {
					waits = append(waits, at.Sub(published[i]))
				}
				// The slot that comes next may be claimed already.
				if slowest := slices.Max(waits); slowest > 2*time.Second/mps+20*time.Millisecond {
					t.Errorf("the slowest waited %v, slots are %v apart: %v", slowest, time.Second/mps, waits)
				}
				t.Logf("waits %v", waits)
			})
		})
	}
}
