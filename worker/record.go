package worker

import (
	"context"
	"math/rand/v2"
	"time"

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
	if it.was != "" && e.records() && !e.claimed {
		e = it.unsent(e)
	}
	if it.maybeClaimed && !e.claimed && !e.settled {
		e.claimed, e.nextAttempt = true, it.open
	}
	it.end = e
	it.intake.leave(it) // others need not wait until this is on record
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
	e := ending{claimed: true, nextAttempt: next, delay: policy.Jitter(delay, rand.Float64())}
	w.end(it, it.scheduled(e))
}

// putOff returns an item that holds no claim for as long as it has to wait.
func (w *Worker) putOff(it *item, cause string, wait time.Duration) {
	w.metrics.returned.WithLabelValues(cause).Inc()
	e := ending{delay: wait}
	if wait >= longWait { // the open entry is what a second publication of the job meets
		e.claimed, e.nextAttempt = true, it.open
	}
	w.end(it, it.scheduled(e))
}

// scheduled is an ending with its delay in the schedule where that is long: the server
// keeps the job as in flight otherwise, and does so in memory. What has an outcome on
// record keeps its place, which tells so.
func (it *item) scheduled(e ending) ending {
	if e.delay >= longWait && it.was == "" {
		e.later, e.retryAt = true, time.Now().Add(e.delay)
	}
	return e
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
	w.outcomes(batch)
	steps := []struct {
		t  *trouble
		do func(context.Context) error
	}{
		{w.trouble.recording, func(ctx context.Context) error { return w.recordEvents(ctx, batch) }},
		{w.trouble.recording, func(ctx context.Context) error { return w.cfg.Dead.Put(ctx, w.letters) }},
		{w.trouble.recording, func(ctx context.Context) error { return w.cfg.Later.ScheduleAll(ctx, w.waiting) }},
		{w.trouble.ledger, func(ctx context.Context) error { return w.settle(ctx, batch) }},
		{w.trouble.recording, w.recordReturns},
	}
	for _, step := range steps {
		if !w.persist(step.t, step.do) {
			w.abandon(batch)
			return
		}
	}
	w.giveRoom(unsentRoom(batch))
	for _, it := range batch {
		w.letGo(it)
	}
}

// outcomes makes the events, dead letters, schedules and returned claims of a batch.
// The slices are the recorder's, good until the next batch.
func (w *Worker) outcomes(batch []*item) {
	now := time.Now()
	w.events, w.owners, w.letters, w.waiting, w.returns = w.events[:0], w.owners[:0], w.letters[:0], w.waiting[:0], w.returns[:0]
	for _, it := range batch {
		e := &it.end
		if e.records() {
			w.addEvents(it, now)
		}
		if e.missed {
			w.add(nil, it.noAnswer(w.source))
		}
		w.awaitAnswer(it, now)
		switch {
		case e.letter, e.outcome == job.Rejected && !e.settled:
			w.letters = append(w.letters, queue.Letter{
				Delivery: it.delivery, Attempt: it.attempt, Outcome: e.outcome, Reason: e.reason, Code: e.code, Detail: e.detail,
			})
		case e.later && !e.retryAt.IsZero():
			w.waiting = append(w.waiting, it.wait(queue.KindRetry, e.retryAt))
		case e.later:
			w.waiting = append(w.waiting, it.wait(queue.KindSendAt, it.job.SendAt))
		case e.putOff, e.outcome == job.Unknown && !e.settled:
			w.waiting = append(w.waiting, it.wait(queue.KindUnknown, now.Add(w.cfg.UnknownDeadline)))
		}
		if e.claimed && e.outcome == "" {
			w.returns = append(w.returns, it.note(true, e.nextAttempt))
		}
	}
}

// addEvents adds the events of an item.
func (w *Worker) addEvents(it *item, now time.Time) {
	from := len(w.events)
	if it.end.unrecorded {
		w.add(nil, it.lost(w.source, now))
	}
	if !it.end.optedOut.IsZero() {
		w.add(nil, it.optOut(w.source))
	}
	w.add(it, it.event(w.source, now))
	if it.end.accepted.Status == whatsapp.StatusHeld {
		w.add(nil, it.held(w.source, now))
	}
	trace := it.traceparent()
	for i := range w.events[from:] {
		w.events[from+i].Traceparent = trace
	}
}

// add adds an event, and who is to know its place.
func (w *Worker) add(owner *item, ev job.Event) {
	w.events, w.owners = append(w.events, ev), append(w.owners, owner)
}

// wait is how the item's job is put off. An unknown outcome is on record then.
func (it *item) wait(kind string, until time.Time) queue.Scheduled {
	s := queue.Scheduled{
		Kind: kind, Queue: it.delivery.Queue, Job: it.job.ID, At: until,
		Stream: it.delivery.Stream, Sequence: it.delivery.Sequence, Data: it.delivery.Data,
		Traceparent: it.delivery.Traceparent(),
	}
	if kind == queue.KindUnknown {
		s.Attempt, s.Was = it.attempt, job.Unknown
	}
	return s
}

// recordEvents records the batch's events and tells the items where theirs are.
// Where another worker has recorded another outcome meanwhile, the item yields to
// it, and what that changes is recorded too.
func (w *Worker) recordEvents(ctx context.Context, batch []*item) error {
	for {
		places, standing, err := w.cfg.Events.RecordOutcomes(ctx, w.events)
		if err != nil {
			return err
		}
		for i, it := range w.owners {
			if it != nil {
				it.end.event = places[i]
			}
		}
		if !w.yield(standing) {
			return nil
		}
		w.outcomes(batch)
	}
}

// recordReturns writes down which claims were given back, after the ledger, as
// claims are too.
func (w *Worker) recordReturns(ctx context.Context) error {
	if len(w.returns) == 0 || w.cfg.Claims == nil {
		return nil
	}
	return w.cfg.Claims.Record(ctx, 0, w.returns)
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

// letGo acks an item that ended, or gives it back to its queue. A lost ack or nak
// costs a redelivery, which the ledger answers.
func (w *Worker) letGo(it *item) {
	e := &it.end
	if e.acks() {
		_ = it.delivery.Ack()
	} else {
		_ = it.delivery.Nak(e.delay)
	}
	if e.aside {
		it.intake.aside.keep(it, e.delay)
	}
	if e.records() && it.was == "" {
		w.metrics.ended(it)
	}
	w.finish(it)
	it.intake.release(it)
}

// abandon leaves a batch that could not be recorded in time to be redelivered.
func (w *Worker) abandon(batch []*item) {
	w.log.Error("outcomes could not be recorded before the end; their jobs will be looked up and settled by another worker", "jobs", len(batch))
	for _, it := range batch {
		it.intake.release(it)
	}
}
