package worker

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/policy"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/whatsapp"
)

const (
	// maxRecord is the most items that are recorded together.
	maxRecord = 1024
	// recordTimeout bounds one try at recording; it is tried again until it works
	// or the worker's time to stop is over.
	recordTimeout = 10 * time.Second
)

// end hands an item with an outcome to the recorder. A claim that may stand in the
// ledger is settled or given back as if it did.
func (w *Worker) end(it *item, e ending) {
	if it.maybeClaimed && !e.claimed && !e.settled {
		e.claimed, e.nextAttempt = true, it.open
	}
	it.end = e
	w.done <- it
}

// giveBack returns an item that holds no claim to its queue, untouched.
func (w *Worker) giveBack(it *item, cause string, delay time.Duration) {
	w.metrics.returned.WithLabelValues(cause).Inc()
	w.end(it, ending{delay: delay})
}

// returnClaimed gives the claim and the job back, without counting an attempt.
func (w *Worker) returnClaimed(it *item, cause string, delay time.Duration) {
	w.retry(it, cause, delay, it.attempt)
}

// retry gives the claim and the job back for the next attempt, after a delay with
// jitter so that what failed together does not come back together.
func (w *Worker) retry(it *item, cause string, delay time.Duration, next int) {
	w.metrics.returned.WithLabelValues(cause).Inc()
	w.end(it, ending{claimed: true, nextAttempt: next, delay: policy.Jitter(delay, rand.Float64())})
}

// record writes down what became of the items, a batch at a time, until done is
// closed and empty.
func (w *Worker) record() {
	batch := make([]*item, 0, maxRecord)
	for it := range w.done {
		batch = append(batch[:0], it)
	gather:
		for len(batch) < maxRecord {
			select {
			case next, ok := <-w.done:
				if !ok {
					break gather
				}
				batch = append(batch, next)
			default:
				break gather
			}
		}
		w.recordBatch(batch)
	}
}

// recordBatch records the events, the dead letters, the schedules, then the
// ledger, and then lets the jobs go. Whatever fails is repeated: nothing is acked
// before it is on record.
func (w *Worker) recordBatch(batch []*item) {
	if late := lateItems(batch, time.Now()); len(late) > 0 {
		if !w.persist(w.trouble.ledger, func(ctx context.Context) error { return w.settleLate(ctx, late) }) {
			w.abandon(batch)
			return
		}
	}
	events, letters := w.outcomes(batch)
	steps := []struct {
		t  *trouble
		do func(context.Context) error
	}{
		{w.trouble.recording, func(ctx context.Context) error { return w.cfg.Events.Record(ctx, events) }},
		{w.trouble.recording, func(ctx context.Context) error { return w.cfg.Dead.Put(ctx, letters) }},
		{w.trouble.recording, func(ctx context.Context) error { return w.schedule(ctx, batch) }},
		{w.trouble.ledger, func(ctx context.Context) error { return w.settle(ctx, batch) }},
	}
	for _, step := range steps {
		if !w.persist(step.t, step.do) {
			w.abandon(batch)
			return
		}
	}
	for _, it := range batch {
		w.letGo(it)
	}
}

// lateItems are those whose answer came after their lease: another worker may have
// put them on record as unknown.
func lateItems(batch []*item, now time.Time) []*item {
	var late []*item
	for _, it := range batch {
		if it.end.claimed && it.end.outcome != "" && !it.lease.IsZero() && now.After(it.lease) {
			late = append(late, it)
		}
	}
	return late
}

// settleLate settles items before their events, the other way round than usual, so
// that nobody calls them unknown from here on, and finds out who did before.
func (w *Worker) settleLate(ctx context.Context, late []*item) error {
	subjects := make([]dedup.Subject, len(late))
	for i, it := range late {
		subjects[i] = it.subject
	}
	entries, err := w.cfg.Ledger.Lookup(ctx, subjects)
	if err != nil {
		return err
	}
	for i, it := range late {
		it.end.overtaken = it.end.overtaken || entries[i].State == dedup.Unknown && it.end.outcome != job.Unknown
	}
	return w.settle(ctx, late)
}

// persist repeats do until it works, or until the worker must stop at once.
func (w *Worker) persist(t *trouble, do func(context.Context) error) bool {
	var retry pause
	for {
		ctx, cancel := context.WithTimeout(w.recording, recordTimeout)
		err := t.note(do(ctx))
		cancel()
		if err == nil {
			return true
		}
		if !retry.wait(w.recording) {
			return false
		}
	}
}

// outcomes makes the events and dead letters of a batch. The slices are the
// recorder's, good until the next batch.
func (w *Worker) outcomes(batch []*item) ([]job.Event, []queue.Letter) {
	now := time.Now()
	events, letters := w.events[:0], w.letters[:0]
	for _, it := range batch {
		e := &it.end
		if e.outcome == "" || e.settled {
			continue
		}
		events = append(events, it.event(w.source, now))
		if e.accepted.Status == whatsapp.StatusHeld {
			events = append(events, it.held(w.source, now))
		}
		if e.outcome == job.Rejected || e.outcome == job.Unknown {
			letters = append(letters, queue.Letter{Delivery: it.delivery, Reason: e.reason, Code: e.code, Detail: e.detail})
		}
	}
	w.events, w.letters = events, letters
	return events, letters
}

// schedule puts away the jobs whose time has not come. One that is put away
// already stays as it is.
func (w *Worker) schedule(ctx context.Context, batch []*item) error {
	var waiting []queue.Scheduled
	for _, it := range batch {
		if it.end.later {
			waiting = append(waiting, queue.Scheduled{
				Kind: queue.KindSendAt, Queue: it.delivery.Queue, Job: it.job.ID, At: it.job.SendAt, Data: it.delivery.Data,
			})
		}
	}
	if len(waiting) == 0 {
		return nil
	}
	return w.cfg.Later.ScheduleAll(ctx, waiting)
}

// settle brings the ledger up to date with the batch. What was refused before any
// claim leaves no trace there, so that a corrected job may use the same id.
func (w *Worker) settle(ctx context.Context, batch []*item) error {
	var settlements []dedup.Settlement
	var reopenings []dedup.Reopening
	for _, it := range batch {
		e := &it.end
		state, _ := dedup.StateOf(e.outcome)
		switch {
		case e.stale != nil:
			settlements = append(settlements, dedup.Settlement{Subject: it.subject, Nonce: e.stale.nonce, Attempt: e.stale.attempt, State: state})
		case !e.claimed:
		case e.outcome == "":
			reopenings = append(reopenings, dedup.Reopening{Subject: it.subject, Nonce: it.nonce, Next: e.nextAttempt})
		default:
			settlements = append(settlements, dedup.Settlement{Subject: it.subject, Nonce: it.nonce, Attempt: it.attempt, State: state})
		}
	}
	ledger := w.cfg.Ledger
	return errors.Join(
		someOf(ctx, settlements, ledger.Settle),
		someOf(ctx, reopenings, ledger.Reopen),
	)
}

// someOf changes the ledger unless there is nothing to change. What the ledger
// already says otherwise stays: evidence has come meanwhile.
func someOf[T any](ctx context.Context, list []T, change func(context.Context, []T) ([]dedup.Change, error)) error {
	if len(list) == 0 {
		return nil
	}
	_, err := change(ctx, list)
	return err
}

// letGo acks an item that ended, or gives it back to its queue. A lost ack or nak
// costs a redelivery, which the ledger answers.
func (w *Worker) letGo(it *item) {
	e := &it.end
	if e.outcome == "" && !e.settled && !e.later {
		_ = it.delivery.Nak(e.delay)
	} else {
		_ = it.delivery.Ack()
	}
	if e.outcome != "" && !e.settled && !e.overtaken {
		w.metrics.ended(it)
	}
	it.intake.release(it)
}

// abandon leaves a batch that could not be recorded in time to be redelivered.
func (w *Worker) abandon(batch []*item) {
	w.log.Error("outcomes could not be recorded before the end; their jobs will be looked up and settled by another worker", "jobs", len(batch))
	for _, it := range batch {
		it.intake.release(it)
	}
}
