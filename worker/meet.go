package worker

import (
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
)

// meet decides what the ledger's entry means for an item, and reports whether the
// item may go on.
func (w *Worker) meet(it *item, e dedup.Entry) bool {
	it.open = max(e.Attempt, 1)
	if it.was != "" {
		w.sending.Go(func() { w.meetAgain(it, e) })
		return false
	}
	switch {
	case e.State == dedup.None:
		return true
	case !e.SamePublication && e.Publication == retrialMark(it.delivery.Stream, it.delivery.Sequence):
		w.end(it, ending{settled: true}) // its outcome is on record; another copy is tried once more
	case !e.SameBody:
		w.end(it, ending{outcome: job.Rejected, reason: job.ReasonConflict,
			detail: "this campaign and id came before with another body; give the new message an id of its own"})
	case e.State == dedup.Open && !e.SamePublication && it.early(time.Now()) >= longWait:
		w.end(it, ending{outcome: job.Duplicate, reason: job.ReasonAlreadySettled, detail: "put off before, until its send_at"})
	case e.State == dedup.Open:
		return true
	case e.State.Final():
		w.meetFinal(it, e)
	case e.LeaseLeft > 0:
		w.giveBack(it, causeHeld, e.LeaseLeft)
	case !e.SamePublication && time.Since(e.Since) < w.cfg.SendTimeout+orphanAfter:
		w.giveBack(it, causeHeld, otherDelay) // its own publication comes back first
	default:
		w.sending.Go(func() { w.resolve(it, e) })
	}
	return false
}

// meetFinal ends an item whose job has an outcome.
func (w *Worker) meetFinal(it *item, e dedup.Entry) {
	own := e.SamePublication || e.Publication == 0 // a job that was cancelled has none
	switch {
	case own && e.Event == 0:
		w.sending.Go(func() { w.confirm(it, e) })
	case e.SamePublication: // the crash came between settle and ack
		w.end(it, ending{outcome: e.State.Kind(), settled: true, since: e.Since})
	default:
		w.end(it, ending{outcome: job.Duplicate, reason: job.ReasonAlreadySettled, detail: "ended before as " + e.State.String()})
	}
}
