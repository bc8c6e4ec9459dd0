package worker

import (
	"sync/atomic"
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// item is one job on its way through the worker. It belongs to one stage at a
// time, which alone may change it.
type item struct {
	delivery *queue.Delivery
	intake   *intake
	// touched is when the server was last told that the job is being worked on,
	// in Unix milliseconds; the keeper reads it beside the stages.
	touched atomic.Int64

	job     *job.Job
	subject dedup.Subject
	number  sender.Number
	message whatsapp.Message
	readyAt time.Time

	// left says that it counts no longer as waiting; the intake's mutex guards it.
	left bool
	// maybeClaimed says that a claim may stand in the ledger whose answer was lost.
	maybeClaimed bool

	// nonce names this delivery in the ledger, so that a claim may be repeated.
	nonce   dedup.Nonce
	attempt int
	// open is the attempt that is open, as the ledger said before any claim.
	open int
	// lease is until when the claim is ours, by the local monotonic clock.
	lease time.Time
	// probes are the stopped targets this item was let through to try.
	probes []sender.Target

	end ending
}

// targets are what a stop of would keep the item from being sent.
func (it *item) targets() []sender.Target {
	waba := it.number.Account.WABA
	return []sender.Target{
		{Scope: sender.ScopeAccount, Name: waba},
		{Scope: sender.ScopeNumber, Name: it.number.ID},
		{Scope: sender.ScopeTemplate, Name: waba + "/" + it.job.Template.Name},
	}
}

// ending is what the recorder does with an item.
type ending struct {
	// outcome ends the job with an event; empty gives it back.
	outcome job.Kind
	reason  job.Reason
	code    int
	detail  string
	// accepted is the API's answer, for outcome accepted.
	accepted whatsapp.Accepted
	// claimed says that the ledger holds our claim, which must be settled or
	// given back.
	claimed bool
	// stale is the claim of a lost owner, to be settled with the outcome that the
	// owner put on record.
	stale *staleClaim
	// settled says that the outcome is on record already: only settle and ack.
	settled bool
	// overtaken says that another worker has put the job on record as unknown
	// while this one waited for the answer: the outcome settles it.
	overtaken bool
	// later says that the job's time has not come: it goes into the schedule.
	later bool
	// nextAttempt is the attempt the job is given back for.
	nextAttempt int
	// delay is how long the queue keeps a job that was given back.
	delay time.Duration
}

// event is the item's outcome as it is recorded: under the queue the job was in,
// whatever the job itself says.
func (it *item) event(source string, at time.Time) job.Event {
	d, e := it.delivery, &it.end
	data := job.EventData{
		Kind: e.outcome, From: d.Queue.Sender, Lane: d.Queue.Lane,
		Reason: e.reason, Code: e.code, Detail: e.detail,
		Stream: d.Stream, Sequence: d.Sequence, Attempt: it.attempt,
	}
	if d.Queue.Campaign != job.NoCampaign {
		data.Campaign = d.Queue.Campaign
	}
	if j := it.job; j != nil {
		data.ID, data.To, data.UserID, data.Metadata = j.ID, j.To, j.UserID, j.Metadata
		data.Template, data.Language = j.Template.Name, j.Template.Language
	}
	if e.overtaken {
		data.Kind, data.Outcome = job.Settled, e.outcome
	}
	if e.outcome == job.Accepted {
		data.Wamid, data.WaID = job.Wamid(e.accepted.MessageID), job.Phone(e.accepted.WaID)
	}
	return job.NewEvent(source, at, data)
}

// held says that the API took the message but keeps it for now: it may be dropped
// later (Cloud API fact sheet 3.6).
func (it *item) held(source string, at time.Time) job.Event {
	ev := it.event(source, at)
	ev.Data.Kind, ev.Data.Detail = job.Held, "held for quality assessment"
	return job.NewEvent(source, at, ev.Data)
}
