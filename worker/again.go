package worker

import (
	"cmp"
	"context"
	"time"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/policy"
	"github.com/wacast/wacast/pkg/queue"
)

// onRecord is the outcome that a delivery has on record already; empty for one that
// comes for its first.
func onRecord(d *queue.Delivery) job.Kind {
	switch d.Kind {
	case queue.KindUnknown:
		return job.Unknown
	case queue.KindResend:
		return cmp.Or(d.Was, job.Unknown)
	case queue.KindReplay:
		return cmp.Or(d.Was, job.Rejected)
	}
	return ""
}

// meetAgain decides about an item whose publication has an outcome on record: an
// unknown one whose deadline has come, or one that a person wants to be tried once
// more.
func (w *Worker) meetAgain(it *item, e dedup.Entry) {
	var err error
	switch {
	case e.NotWhole:
		w.giveBack(it, causeHeld, otherDelay)
	case e.State == dedup.Claimed && e.LeaseLeft > 0:
		w.giveBack(it, causeHeld, e.LeaseLeft)
	case e.State == dedup.Claimed:
		e.SamePublication = true // whoever claims after the outcome tries this publication
		w.resolve(it, e)
	case e.State == dedup.Open:
		w.goOn(it)
	case e.State == dedup.Accepted:
		err = w.attested(it, e)
	case it.delivery.Kind != queue.KindUnknown:
		err = w.reopen(it, it.delivery.Attempt)
	case e.State == dedup.Unknown, e.State == dedup.None:
		err = w.atDeadline(it, e)
	case e.Event == 0:
		w.confirm(it, e)
	default:
		w.end(it, ending{settled: true})
	}
	if err != nil {
		w.about(it).Warn("a job that is to be tried once more waits", "error", err)
		w.giveBack(it, causeHeld, otherDelay)
	}
}

// attested ends an item that a webhook has shown to be accepted, and makes sure that
// this is on record: the one who heard it may have died.
func (w *Worker) attested(it *item, e dedup.Entry) error {
	it.attempt = e.Attempt
	if e.Event != 0 && (e.Seen&dedup.SeenDoubt == 0 || e.Seen&dedup.SeenStatus != 0) {
		w.end(it, ending{outcome: job.Accepted, settled: true, since: e.Since})
		return nil
	}
	if e.Event != 0 {
		ev, err := w.eventAt(e.Event)
		if err != nil {
			return err
		}
		if was := outcomeOf(&ev); was != "" {
			it.was = was // which the receiver's event corrects too, and has the same id
		}
	}
	it.subject.Publication = 0 // the entry's stays
	w.end(it, unheard(dedup.Accepted))
	return nil
}

// atDeadline decides about an unknown outcome whose deadline has come: it waits on
// while webhooks are silent, is tried once more, or is left to a person.
func (w *Worker) atDeadline(it *item, e dedup.Entry) error {
	it.attempt = max(e.Attempt, it.delivery.Attempt)
	unknown, err := w.unknownEvent(it, e)
	if err != nil {
		return err
	}
	heard := w.cfg.Clock.HeardSince(it.delivery.Queue.Sender)
	switch {
	case unknown.ID != "" && outcomeOf(&unknown) != job.Unknown:
		// The ledger has forgotten, the events have not.
		w.end(it, ending{outcome: outcomeOf(&unknown), settled: true, since: unknown.Time})
	case it.attempt > it.delivery.Attempt, !heard.After(unknown.Time):
		w.end(it, ending{outcome: job.Unknown, settled: true, putOff: true})
	case w.mayResend(it) && e.State == dedup.Unknown:
		return w.reopen(it, e.Attempt)
	default:
		w.end(it, ending{outcome: job.Unknown, reason: cmp.Or(unknown.Data.Reason, job.ReasonOwnerLost), code: unknown.Data.Code,
			detail: unknown.Data.Detail, settled: true, letter: true})
	}
	return nil
}

// mayResend asks the job's policy. Attempts are limited here too: what stays unknown
// each time is for a person.
func (w *Worker) mayResend(it *item) bool {
	most := w.cfg.Limits.MaxAttempts
	if most <= 0 {
		most = policy.DefaultMaxAttempts
	}
	return it.job.EffectiveOnUnknown() == job.Resend && it.attempt < most &&
		!it.expired(time.Now()) && it.intake.state() != campaign.Cancelled
}

// unknownEvent is the event that says that the outcome is unknown: where the entry
// points, or else the last that says how the job ended. Without any, it has the
// entry's time alone.
func (w *Worker) unknownEvent(it *item, e dedup.Entry) (job.Event, error) {
	if e.Event != 0 {
		if ev, err := w.eventAt(e.Event); err != nil || ev.ID != "" {
			return ev, err
		}
	}
	ctx, cancel := context.WithTimeout(w.work, recordTimeout)
	defer cancel()
	events, err := w.cfg.Events.Find(ctx, it.job.Key(), it.job.From, time.Time{})
	if err != nil {
		return job.Event{}, err
	}
	for i := len(events) - 1; i >= 0; i-- {
		if outcomeOf(&events[i]) != "" {
			return events[i], nil
		}
	}
	return job.Event{Time: e.Since}, nil
}

func (w *Worker) eventAt(sequence uint64) (job.Event, error) {
	ctx, cancel := context.WithTimeout(w.work, recordTimeout)
	defer cancel()
	events, err := w.cfg.Events.At(ctx, []uint64{sequence})
	if err != nil {
		return job.Event{}, err
	}
	return events[0], nil
}

// reopen opens the ledger for one more attempt after the one that ended, and sends
// the item on. Who finds that this was done before, and what came of it, is done.
func (w *Worker) reopen(it *item, attempt int) error {
	ctx, cancel := context.WithTimeout(w.work, recordTimeout)
	defer cancel()
	changes, err := w.cfg.Ledger.Again(ctx, []dedup.Retrial{{Subject: it.subject, Attempt: attempt}})
	if err != nil {
		return err
	}
	e := changes[0].Entry
	switch {
	case e.NotWhole:
		w.giveBack(it, causeHeld, otherDelay)
	case changes[0].Done, e.State == dedup.Open:
		it.open = e.Attempt
		w.goOn(it)
	case e.State == dedup.Accepted:
		return w.attested(it, e)
	case e.State == dedup.Claimed:
		w.giveBack(it, causeHeld, max(e.LeaseLeft, time.Second))
	case e.Event == 0:
		w.confirm(it, e)
	default:
		w.end(it, ending{settled: true})
	}
	return nil
}

// goOn sends an item on whose attempt is open.
func (w *Worker) goOn(it *item) {
	if w.lineCtx.Err() != nil {
		w.giveBack(it, causeDrain, 0)
		return
	}
	it.again = true
	it.intake.proceed([]*item{it})
}
