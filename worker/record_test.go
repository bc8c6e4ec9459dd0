package worker_test

import (
	"slices"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

func (r *rig) settle(s dedup.Settlement) {
	r.t.Helper()
	if got := must[[]dedup.Change](r.t)(r.cfg.Ledger.Settle(r.t.Context(), []dedup.Settlement{s})); !got[0].Done {
		r.t.Fatalf("settled as %+v", got[0])
	}
}

func subject(id string, sequence uint64, r *rig) dedup.Subject {
	s := dedup.Subject{Key: job.Key{Campaign: "c", ID: id}, Body: newJob(id, job.Hold).BodyHash()}
	if sequence > 0 {
		s.Publication = dedup.PublicationOf((queue.Names{Namespace: r.cfg.Namespace}).JobsStream(), sequence)
	}
	return s
}

// A job that was cancelled alone is never sent: its first publication ends so, once,
// and further ones are duplicates.
func TestCancelledJob(t *testing.T) {
	r := newRig(t, nil)
	r.settle(dedup.Settlement{Subject: dedup.Subject{Key: job.Key{Campaign: "c", ID: "a"}}, State: dedup.Cancelled})
	r.publish(newJob("a", job.Hold))
	r.start()
	r.awaitHistory("a", "cancelled 0 cancelled")
	if e := r.entry("a"); e.State != dedup.Cancelled || e.Event == 0 {
		t.Errorf("entry %+v, want it to name its event", e)
	}
	j := newJob("a", job.Hold)
	data := must[[]byte](t)(job.Encode(j))
	if _, err := r.js.Publish(t.Context(), (queue.Names{Namespace: r.cfg.Namespace}).JobSubject(queue.IDOf(j)), data); err != nil {
		t.Fatal(err)
	}
	r.awaitHistory("a", "cancelled 0 cancelled", "duplicate 0 already_settled")
	if r.sentCount() != 0 {
		t.Error("a cancelled job was sent")
	}
}

// Crashes of a worker between its steps, as the next one finds them: in the ledger,
// in the stream of events, in the stream of jobs.
func TestWhatADeadWorkerLeft(t *testing.T) {
	const sequence = 1
	claim := func(r *rig) dedup.Subject {
		s := subject("a", sequence, r)
		claims := must[[]dedup.Claim](t)(r.cfg.Ledger.Claim(r.t.Context(), []dedup.ClaimRequest{{Subject: s, Nonce: 7}}))
		if claims[0].Verdict != dedup.Yours {
			r.t.Fatal(claims[0].Verdict)
		}
		return s
	}
	record := func(r *rig, kind job.Kind, reason job.Reason) {
		ev := job.NewEvent("dead", time.Now(), job.EventData{
			Kind: kind, Campaign: "c", ID: "a", From: number, Lane: job.Bulk, Reason: reason, Attempt: 1,
			Stream: (queue.Names{Namespace: r.cfg.Namespace}).JobsStream(), Sequence: sequence,
		})
		must[[]uint64](r.t)(r.cfg.Events.Record(r.t.Context(), []job.Event{ev}))
	}
	tests := []struct {
		name    string
		left    func(r *rig)
		history []string
		state   dedup.State
		waits   bool // for the deadline
	}{
		{"a claim", func(r *rig) { claim(r) }, []string{"unknown 1 owner_lost"}, dedup.Unknown, true},
		{"a claim, and a webhook came", func(r *rig) { claim(r); r.attest("a", 1) }, []string{"accepted 1 webhook"}, dedup.Accepted, false},
		{"an event", func(r *rig) { claim(r); record(r, job.Accepted, "") }, []string{"accepted 1 "}, dedup.Accepted, false},
		{"an event of an unknown outcome", func(r *rig) { claim(r); record(r, job.Unknown, job.ReasonTimeout) },
			[]string{"unknown 1 timeout"}, dedup.Unknown, true},
		{"an event of an unknown outcome, and a webhook came", func(r *rig) {
			claim(r)
			record(r, job.Unknown, job.ReasonTimeout)
			time.Sleep(1100 * time.Millisecond) // the lease is real time of Redis
			r.attest("a", 1)
		}, []string{"unknown 1 timeout", "settled 1 webhook unknown>accepted"}, dedup.Accepted, false},
		{"an entry without an event", func(r *rig) {
			s := claim(r)
			r.settle(dedup.Settlement{Subject: s, Nonce: 7, Attempt: 1, State: dedup.Unknown})
		}, []string{"unknown 1 owner_lost"}, dedup.Unknown, true},
		{"an entry of an acceptance without an event", func(r *rig) {
			s := claim(r)
			r.settle(dedup.Settlement{Subject: s, Nonce: 7, Attempt: 1, State: dedup.Accepted})
		}, []string{"accepted 1 webhook"}, dedup.Accepted, false},
		{"all but the ack", func(r *rig) {
			s := claim(r)
			record(r, job.Accepted, "")
			r.settle(dedup.Settlement{Subject: s, Nonce: 7, Attempt: 1, State: dedup.Accepted, Event: 1})
		}, []string{"accepted 1 "}, dedup.Accepted, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRigWith(t, nil, time.Second)
			r.cfg.UnknownDeadline = time.Hour
			r.publish(newJob("a", job.Hold))
			tt.left(r)
			r.start()
			r.eventually("the event in the entry", func() bool {
				e := r.entry("a")
				return e.State == tt.state && e.Event != 0
			})
			r.eventually("the ack", func() bool { return len(must[[]queue.Depth](t)(r.cfg.Queues.Depths(t.Context()))) == 0 })
			if got := r.history("a"); !slices.Equal(got, tt.history) {
				t.Errorf("history %q, want %q", got, tt.history)
			}
			if e := r.entry("a"); tt.state == dedup.Accepted && e.Seen&dedup.SeenDoubt != 0 || r.sentCount() != 0 || (r.waiting() == 1) != tt.waits {
				t.Errorf("entry %+v, %d sent, %d wait for the deadline", e, r.sentCount(), r.waiting())
			}
		})
	}
}

// A copy of a publication whose ack was lost must not be sent, nor end the
// publication a second time, while it is tried once more.
func TestALateCopyOfWhatIsTriedOnceMore(t *testing.T) {
	r := newRig(t, nil)
	s := subject("a", 1, r)
	s.Publication = dedup.PublicationOf((queue.Names{Namespace: r.cfg.Namespace}).JobsStream()+"/again", 1)
	if got := must[[]dedup.Change](t)(r.cfg.Ledger.Again(t.Context(), []dedup.Retrial{{Subject: s, Attempt: 1}})); !got[0].Done {
		t.Fatalf("%+v", got[0])
	}
	r.publish(newJob("a", job.Hold))
	r.start()
	r.idle()
	if e := r.entry("a"); r.sentCount() != 0 || len(r.history("a")) != 0 || e.State != dedup.Open || e.Attempt != 2 {
		t.Errorf("%d sent, history %v, entry %+v", r.sentCount(), r.history("a"), e)
	}
}
