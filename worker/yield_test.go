package worker_test

import (
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// While a worker waits for the API, another one records an outcome of the same
// publication, as it would where the first has outlived its lease. There is one
// outcome then, and it says what is known.
func TestTwoWorkersRecordOneOutcome(t *testing.T) {
	tests := []struct {
		name    string
		stood   job.Kind
		answer  error
		history []string
		state   dedup.State
		waits   uint64
	}{
		{"accepted after unknown", job.Unknown, nil, []string{"unknown 1 owner_lost", "settled 1  unknown>accepted"}, dedup.Accepted, 0},
		{"unknown after accepted", job.Accepted, errLost, []string{"accepted 1 webhook"}, dedup.Accepted, 0},
		{"unknown after unknown", job.Unknown, errLost, []string{"unknown 1 owner_lost"}, dedup.Unknown, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r *rig
			r = newRig(t, func(token job.Token) error {
				reason := map[job.Kind]job.Reason{job.Unknown: job.ReasonOwnerLost, job.Accepted: job.ReasonWebhook}[tt.stood]
				ev := job.NewEvent("another", time.Now(), job.EventData{
					Kind: tt.stood, Campaign: "c", ID: "a", From: number, Lane: job.Bulk, Reason: reason, Attempt: token.Attempt,
					Stream: (queue.Names{Namespace: r.cfg.Namespace}).JobsStream(), Sequence: 1,
				})
				must[[]uint64](r.t)(r.cfg.Events.Record(r.t.Context(), []job.Event{ev}))
				return tt.answer
			})
			r.publish(newJob("a", job.Hold))
			r.start()
			r.awaitHistory("a", tt.history...)
			r.eventually("the end of the job", func() bool {
				return len(must[[]queue.Depth](t)(r.cfg.Queues.Depths(t.Context()))) == 0 && r.waiting() == tt.waits
			})
			if e := r.entry("a"); e.State != tt.state || e.Event == 0 {
				t.Errorf("entry %+v, want %v, with its event", e, tt.state)
			}
		})
	}
}
