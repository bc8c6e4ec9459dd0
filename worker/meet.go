package worker

import (
	"context"
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
)

// staleClaim is a claim whose owner recorded no outcome within its lease.
type staleClaim struct {
	nonce   dedup.Nonce
	attempt int
}

// meet decides what the ledger's entry means for an item, and reports whether the
// item may go on.
func (w *Worker) meet(it *item, e dedup.Entry) bool {
	switch {
	case e.State == dedup.None:
		return true
	case !e.SameBody:
		w.end(it, ending{outcome: job.Rejected, reason: job.ReasonConflict,
			detail: "this campaign and id came before with another body; give the new message an id of its own"})
	case e.State == dedup.Open:
		return true
	case e.State.Final() && e.SamePublication:
		w.end(it, ending{settled: true}) // the crash came between settle and ack
	case e.State.Final():
		w.end(it, ending{outcome: job.Duplicate, reason: job.ReasonAlreadySettled, detail: "ended before as " + e.State.String()})
	case e.LeaseLeft > 0:
		w.giveBack(it, causeHeld, e.LeaseLeft)
	case !e.SamePublication:
		w.giveBack(it, causeHeld, otherDelay)
	default:
		w.resolve(it, e)
	}
	return false
}

// resolve ends a job whose claim outlived its lease: the owner may have sent it.
// If the owner came as far as recording the outcome, that stands; else nobody
// can say, and the outcome is unknown.
func (w *Worker) resolve(it *item, e dedup.Entry) {
	it.attempt = e.Attempt
	stale := &staleClaim{nonce: e.Nonce, attempt: e.Attempt}
	found, err := w.recorded(it, e)
	switch {
	case err != nil:
		w.log.Error("the events of a job whose owner was lost cannot be read; it is tried again", "job", it.job, "error", err)
		w.giveBack(it, causeHeld, otherDelay)
	case found != "":
		if _, ok := dedup.StateOf(found); !ok {
			stale = nil // an outcome of the publication, none of the job
		}
		w.end(it, ending{outcome: found, settled: true, stale: stale})
	default:
		w.end(it, ending{outcome: job.Unknown, reason: job.ReasonOwnerLost, stale: stale,
			detail: "the worker that claimed the job recorded no outcome"})
	}
}

// eventsSlack covers clocks that differ between Redis and NATS.
const eventsSlack = time.Minute

// recorded looks for the outcome that a lost owner put on record for this
// publication; empty when there is none.
func (w *Worker) recorded(it *item, e dedup.Entry) (job.Kind, error) {
	ctx, cancel := context.WithTimeout(w.work, recordTimeout)
	defer cancel()
	events, err := w.cfg.Events.Find(ctx, it.job.Key(), it.job.From, e.Since.Add(-eventsSlack))
	if err != nil {
		return "", err
	}
	for _, ev := range events {
		if ev.Data.Kind.IsOutcome() && ev.Data.Stream == it.delivery.Stream && ev.Data.Sequence == it.delivery.Sequence {
			return ev.Data.Kind, nil
		}
	}
	return "", nil
}
