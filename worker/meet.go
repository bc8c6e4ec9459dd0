package worker

import (
	"context"
	"errors"
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
	it.open = max(e.Attempt, 1)
	switch {
	case e.State == dedup.None:
		return true
	case !e.SameBody:
		w.end(it, ending{outcome: job.Rejected, reason: job.ReasonConflict,
			detail: "this campaign and id came before with another body; give the new message an id of its own"})
	case e.State == dedup.Open && !e.SamePublication && it.early(time.Now()) >= longWait:
		w.end(it, ending{outcome: job.Duplicate, reason: job.ReasonAlreadySettled, detail: "put off before, until its send_at"})
	case e.State == dedup.Open:
		return true
	case e.State == dedup.Unknown && e.SamePublication:
		w.sending.Go(func() { w.confirm(it, e) })
	case e.State.Final() && e.SamePublication:
		w.end(it, ending{settled: true}) // the crash came between settle and ack
	case e.State.Final():
		w.end(it, ending{outcome: job.Duplicate, reason: job.ReasonAlreadySettled, detail: "ended before as " + e.State.String()})
	case e.LeaseLeft > 0:
		w.giveBack(it, causeHeld, e.LeaseLeft)
	case !e.SamePublication && time.Since(e.Since) < w.cfg.SendTimeout+orphanAfter:
		w.giveBack(it, causeHeld, otherDelay) // its own publication comes back first
	default:
		w.sending.Go(func() { w.resolve(it, e) })
	}
	return false
}

// orphanAfter is how long after its lease a claim is left to the publication it was
// made for; if that has not come back by then, it never will.
const orphanAfter = 3 * time.Minute

// resolve ends a job whose claim outlived its lease: the owner may have sent it.
// If the owner came as far as recording the outcome, that stands; else nobody
// can say, and the outcome is unknown. The ledger decides before the event is
// written, so that an owner who comes back late does not write another.
func (w *Worker) resolve(it *item, e dedup.Entry) {
	it.attempt = e.Attempt
	found, err := w.recorded(it, e)
	if err == nil && found == "" {
		err = w.makeUnknown(it, e)
	}
	switch {
	case err != nil:
		w.log.Warn("a claim that was left behind cannot be resolved yet", "job", it.job, "error", err)
		w.giveBack(it, causeHeld, otherDelay)
	case found == "":
		w.end(it, ending{outcome: job.Unknown, reason: job.ReasonOwnerLost, detail: ownerLost})
	default:
		w.end(it, standing(e, found))
	}
}

const ownerLost = "the worker that claimed the job recorded no outcome"

// standing is how an item ends whose job has an outcome on record.
func standing(e dedup.Entry, found job.Kind) ending {
	stale := &staleClaim{nonce: e.Nonce, attempt: e.Attempt}
	if _, ok := dedup.StateOf(found); !ok {
		stale = nil // an outcome of the publication, none of the job
	}
	if e.SamePublication {
		return ending{outcome: found, settled: true, stale: stale}
	}
	return ending{outcome: job.Duplicate, reason: job.ReasonAlreadySettled, detail: "ended before as " + string(found)}
}

// errMoved says that a claim was settled by somebody else meanwhile.
var errMoved = errors.New("the claim has changed meanwhile")

func (w *Worker) makeUnknown(it *item, e dedup.Entry) error {
	ctx, cancel := context.WithTimeout(w.work, recordTimeout)
	defer cancel()
	changes, err := w.cfg.Ledger.Resolve(ctx, []dedup.Resolution{{Subject: it.subject, Nonce: e.Nonce, Attempt: e.Attempt}})
	if err == nil && !changes[0].Done {
		err = errMoved
	}
	return err
}

// confirm makes sure that a job the ledger calls unknown is so on record too: the
// worker that resolved it may have died in between.
func (w *Worker) confirm(it *item, e dedup.Entry) {
	it.attempt = e.Attempt
	switch found, err := w.recorded(it, e); {
	case err != nil:
		w.log.Warn("the events of an unknown job cannot be read yet", "job", it.job, "error", err)
		w.giveBack(it, causeHeld, otherDelay)
	case found == "":
		w.end(it, ending{outcome: job.Unknown, reason: job.ReasonOwnerLost, detail: ownerLost})
	default:
		w.end(it, ending{settled: true})
	}
}

// eventsSlack covers clocks that differ between Redis and NATS.
const eventsSlack = time.Minute

// recorded looks for the outcome that a lost owner put on record, for this
// publication or for the one it had; empty when there is none.
func (w *Worker) recorded(it *item, e dedup.Entry) (job.Kind, error) {
	ctx, cancel := context.WithTimeout(w.work, recordTimeout)
	defer cancel()
	events, err := w.cfg.Events.Find(ctx, it.job.Key(), it.job.From, e.Since.Add(-eventsSlack))
	if err != nil {
		return "", err
	}
	for _, ev := range events {
		same := ev.Data.Stream == it.delivery.Stream && ev.Data.Sequence == it.delivery.Sequence
		if ev.Data.Kind.IsOutcome() && (same || !e.SamePublication && ev.Data.Attempt == e.Attempt) {
			return ev.Data.Kind, nil
		}
	}
	return "", nil
}
