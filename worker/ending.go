package worker

import (
	"cmp"
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// ending is what the recorder does with an item.
type ending struct {
	// outcome ends the job with an event; empty gives it back.
	outcome job.Kind
	reason  job.Reason
	code    int
	detail  string
	// accepted is the API's answer, for outcome accepted.
	accepted whatsapp.Accepted
	// claimed says that the ledger holds our claim, or an entry that waits for this
	// outcome's event: it is settled, or given back.
	claimed bool
	// stale is the claim of a lost owner, to be settled with the outcome that the
	// owner put on record.
	stale *staleClaim
	// settled says that there is no outcome to record: it is on record already, or
	// the job goes on to wait. It is acked.
	settled bool
	// since is when that was, where it is known.
	since time.Time
	// optedOut is when a refusal told that the recipient has opted out, which has an
	// event; zero where none did.
	optedOut time.Time
	// missed says that no answer to the message came in time, which has an event.
	missed bool
	// event is the place of the outcome's event in the stream.
	event uint64
	// unrecorded says that the outcome this one corrects is not on record for
	// certain: the worker that found it may have died.
	unrecorded bool
	// letter says that the job becomes a dead letter although its outcome is
	// unknown: its policy leaves it to a person.
	letter bool
	// putOff says that the job waits once more for the deadline of its unknown outcome.
	putOff bool
	// later says that the job's time has not come: it goes into the schedule, until
	// its send_at or until it is to be tried again.
	later   bool
	retryAt time.Time
	// nextAttempt is the attempt the job is given back for.
	nextAttempt int
	// delay is how long the queue keeps a job that was given back.
	delay time.Duration
	// aside says that the delay may end before: when the job's template goes on.
	aside bool
}

// acks reports whether the item's message is taken out of its stream.
func (e *ending) acks() bool { return e.outcome != "" || e.settled || e.later }

// records reports whether the ending has an event.
func (e *ending) records() bool { return e.outcome != "" && !e.settled }

// unsent is how an item ends that was to be tried once more and was not. What was
// unknown stays so, for a person to decide: that it cannot be sent now says nothing
// of what was sent before.
func (it *item) unsent(e ending) ending {
	unknown := it.was == job.Unknown && e.outcome != job.Accepted
	if !it.again {
		if unknown {
			return ending{outcome: job.Unknown, reason: e.reason, code: e.code, detail: e.detail, settled: true, letter: true}
		}
		return e
	}
	it.attempt, e.claimed = it.open, true
	if unknown {
		e.outcome, e.letter = job.Unknown, true
	}
	return e
}

// event is the item's outcome as it is recorded: under the queue the job was in,
// whatever the job itself says.
func (it *item) event(source string, at time.Time) job.Event {
	d, e := it.delivery, &it.end
	data := job.EventData{
		Kind: e.outcome, From: d.Queue.Sender, Lane: d.Queue.Lane,
		Reason: e.reason, Code: e.code, Detail: e.detail,
		Stream: d.Stream, Sequence: d.Sequence, Attempt: it.attempt, Body: uint16(it.subject.Body),
	}
	if d.Queue.Campaign != job.NoCampaign {
		data.Campaign = d.Queue.Campaign
	}
	if j := it.job; j != nil {
		data.ID, data.To, data.UserID, data.Metadata = j.ID, j.To, j.UserID, j.Metadata
		data.Template, data.Language = j.Template.Name, j.Template.Language
	}
	if it.was != "" {
		data.Kind, data.Was, data.Outcome = job.Settled, it.was, e.outcome
	}
	if e.outcome == job.Accepted {
		data.Wamid, data.WaID = job.Wamid(e.accepted.MessageID), job.Phone(e.accepted.WaID)
		data.UserID = cmp.Or(data.UserID, e.accepted.UserID)
		if e.accepted.Status == whatsapp.StatusHeld {
			data.Reason = job.ReasonHeld
		}
	}
	if e.outcome == job.Accepted || e.outcome == job.Suppressed {
		data.WindowUntil = it.window
	}
	ev := job.NewEvent(source, at, data)
	if data.Outcome == job.Unknown {
		ev.ID += "/" + string(job.Unknown) // what settles this attempt later has an id too
	}
	return ev
}

// held says that the API took the message but keeps it for now: it may be dropped
// later (Cloud API fact sheet 3.6).
func (it *item) held(source string, at time.Time) job.Event {
	ev := it.event(source, at)
	ev.Data.Kind, ev.Data.Was, ev.Data.Outcome, ev.Data.Detail = job.Held, "", "", "held for quality assessment"
	return job.NewEvent(source, at, ev.Data)
}

// lost is the outcome that another worker found for the item, and may have died
// before it was on record.
func (it *item) lost(source string, at time.Time) job.Event {
	found := item{delivery: it.delivery, job: it.job, subject: it.subject, attempt: it.attempt}
	found.end = ending{outcome: job.Unknown, reason: job.ReasonOwnerLost, detail: ownerLost}
	return found.event(source, at)
}

// retrialMark is the publication as the ledger knows it once its outcome is on
// record and it is tried once more. It tells a copy of the message whose ack was
// lost from the one that is tried.
func retrialMark(stream string, sequence uint64) dedup.Publication {
	return dedup.PublicationOf(stream+"/again", sequence)
}
