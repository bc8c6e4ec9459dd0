package webhook_test

import (
	"context"
	"strings"
	"testing"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
)

// again is the second attempt, as far as its claim.
func (m *message) again() *message {
	m.r.tb.Helper()
	must[[]dedup.Change](m.r.tb)(m.r.ledger.Again(m.r.tb.Context(), []dedup.Retrial{{Subject: m.subject, Attempt: 1}}))
	m.reclaim()
	return m
}

// settled records how the second attempt ended, as the worker does: first the event,
// then the ledger.
func (m *message) settled(was, outcome job.Kind) {
	m.r.tb.Helper()
	event := job.NewEvent("worker", begun, job.EventData{
		Kind: job.Settled, Was: was, Outcome: outcome,
		Campaign: "c", ID: m.id, From: number, Attempt: 2, Stream: m.r.names.JobsStream(), Sequence: m.publication,
	})
	if was == "" {
		event.Data.Kind, event.Data.Outcome = outcome, ""
		event = job.NewEvent("worker", begun, event.Data)
	}
	sequences := must[[]uint64](m.r.tb)(m.r.events.Record(m.r.tb.Context(), []job.Event{event}))
	state, _ := dedup.StateOf(outcome)
	must[[]dedup.Change](m.r.tb)(m.r.ledger.Settle(m.r.tb.Context(), []dedup.Settlement{
		{Subject: m.subject, Nonce: m.nonce, Attempt: 2, State: state, Event: sequences[0]}}))
}

// ofSecond is a status of another attempt than the first.
func (r *rig) ofSecond(id, status string, second int) string {
	token := job.Token{Namespace: r.names.Namespace, Key: key(id), Attempt: 2}.String()
	return strings.Replace(r.status(id, status, second), r.token(id), token, 1)
}

func (r *rig) waits() {
	r.tb.Helper()
	eventually(r.tb, "the status waits", func() bool { return value(r.tb, r.registry, "wacast_webhook_updates_total", "waiting") > 0 })
}

// The answer to the first attempt was lost, and the second is refused. A webhook that
// says that the first was taken settles the job, whenever it comes.
func TestTheResentAttemptIsRefused(t *testing.T) {
	const want = "unknown settled(unknown>rejected)@0 settled(rejected>accepted)@1 sent@1"
	for name, early := range map[string]bool{"while it is in flight": true, "after it is on record": false} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			m := r.unknown("a").again()
			r.start(nil)
			told := webhookOf(r.status("a", "sent", 1))
			if early {
				r.post(told)
				r.waits()
			}
			m.settled(job.Unknown, job.Rejected)
			if !early {
				r.post(told)
			}
			r.processed()
			r.post(webhookOf(r.status("a", "sent", 1), r.status("a", "delivered", 2))) // what is known is not said again
			r.processed()
			if got := r.story("a"); got != want+" delivered@2" {
				t.Errorf("%s, want %s", got, want)
			}
			for _, e := range r.recorded("a")[2:] {
				if e.Data.Attempt != 1 || e.Data.Sequence != m.publication || e.Data.Wamid == "" {
					t.Errorf("recorded %+v", e.Data)
				}
			}
			entries := must[[]dedup.Entry](t)(r.ledger.Lookup(context.Background(), []dedup.Subject{m.subject}))
			if e := entries[0]; e.State != dedup.Accepted || e.Attempt != 1 || !e.SamePublication {
				t.Errorf("entry %+v", e)
			}
			if n := value(t, r.registry, "wacast_webhook_updates_total", "contradiction"); n != 0 {
				t.Errorf("%v contradictions", n)
			}
		})
	}
}

// The API took both attempts: one outcome, one count of each status, and a note of
// the second message, once.
func TestTheResentAttemptIsASecondMessage(t *testing.T) {
	for name, tt := range map[string]struct {
		outcome job.Kind
		want    string
	}{
		"the answer says so": {job.Accepted, "unknown settled(unknown>accepted)@0 sent@1 settled(accepted>accepted)@1 delivered@2"},
		"both were lost":     {job.Unknown, "unknown settled(unknown>unknown)@0 settled(unknown>accepted)@1 sent@1 delivered@2 settled(accepted>accepted)@2"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			m := r.unknown("a").again()
			r.start(nil)
			r.post(webhookOf(r.status("a", "sent", 1)))
			r.waits()
			m.settled(job.Unknown, tt.outcome)
			r.processed()
			for _, statuses := range [][]string{
				{r.ofSecond("a", "delivered", 2)}, {r.status("a", "delivered", 3), r.ofSecond("a", "sent", 4)},
			} {
				r.post(webhookOf(statuses...))
				r.processed()
			}
			if got := r.story("a"); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
			if n := value(t, r.registry, "wacast_accepted_twice_total", ""); n != 1 {
				t.Errorf("counted %v", n)
			}
			if n := value(t, r.registry, "wacast_statuses_total", "delivered"); n != 1 {
				t.Errorf("%v are delivered", n)
			}
		})
	}
}

// That the API took what it had clearly refused is for a person to look at.
func TestEvidenceOfARefusedAttempt(t *testing.T) {
	r := newRig(t)
	m := r.claim("a")
	must[[]dedup.Change](t)(r.ledger.Reopen(t.Context(), []dedup.Reopening{{Subject: m.subject, Nonce: m.nonce, Next: 2}}))
	m.reclaim()
	m.settled("", job.Rejected)
	r.post(webhookOf(r.status("a", "sent", 1)), webhookOf(r.ofSecond("a", "sent", 1)))
	r.start(nil)
	if left := r.processed(); left.Odd != 2 || r.story("a") != "rejected@0" {
		t.Errorf("%d in quarantine, history %s", left.Odd, r.story("a"))
	}
}
