package worker

import (
	"context"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// Answers knows what recipients answered; [campaign.AnswerBook] does.
type Answers interface {
	// Miss writes down that no answer came by then, unless one did. It returns the
	// answer that stands, and whether this call made it so.
	Miss(ctx context.Context, key job.Key, by time.Time) (stands job.Kind, first bool, err error)
}

// awaitAnswer schedules the deadline of an answer to a message that was accepted. What
// the event says was accepted has one deadline: its schedule comes after the event and
// before the ledger and the ack, so whoever takes the job up after a crash schedules it
// again, which the stream knows and takes for the same.
func (w *Worker) awaitAnswer(it *item, now time.Time) {
	e := &it.end
	if e.outcome != job.Accepted || it.job == nil || it.job.ReplyBy.IsZero() {
		return
	}
	at := now
	if e.settled && !e.since.IsZero() {
		at = e.since // it was accepted before
	}
	if !it.job.ReplyBy.After(at) {
		return // nobody could have answered
	}
	s := it.wait(queue.KindReply, it.job.ReplyBy)
	s.Queue.Lane, s.Was = queue.DeadlineLane, job.Accepted
	w.waiting = append(w.waiting, s)
}

// isDeadline reports whether a delivery is no job but the deadline of an answer.
func isDeadline(d *queue.Delivery) bool { return d.Kind == queue.KindReply }

// miss decides about a job whose answer is due.
func (w *Worker) miss(it *item) {
	missed, err := w.missed(it)
	if err != nil {
		w.about(it).Warn("whether a job was answered cannot be looked up yet", "error", err)
		w.giveBack(it, causeHeld, otherDelay)
		return
	}
	w.end(it, ending{settled: true, missed: missed})
}

// missed reports whether it is to be recorded that no answer came. A worker may have
// died since it wrote that down.
func (w *Worker) missed(it *item) (bool, error) {
	if w.cfg.Answers == nil {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(w.work, recordTimeout)
	defer cancel()
	stands, first, err := w.cfg.Answers.Miss(ctx, it.job.Key(), it.job.ReplyBy)
	if err != nil || stands != job.NoAnswer || first {
		return stands == job.NoAnswer, err
	}
	select {
	case w.reading <- struct{}{}:
		defer func() { <-w.reading }()
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
	events, err := w.cfg.Events.Find(ctx, it.job.Key(), it.job.From, time.Time{})
	for i := range events {
		if events[i].Data.Kind == job.NoAnswer {
			return false, err
		}
	}
	return true, err
}

// noAnswer is what is recorded then. It has the time of the deadline, and so is the
// same fact whoever records it.
func (it *item) noAnswer(source string) job.Event {
	j := it.job
	ev := job.NewEvent(source, j.ReplyBy, job.EventData{
		Kind: job.NoAnswer, Campaign: j.Campaign, ID: j.ID, From: j.From, To: j.To, UserID: j.UserID, Lane: j.EffectiveLane(),
		Template: j.Template.Name, Language: j.Template.Language, Metadata: j.Metadata,
		Stream: it.delivery.Stream, Sequence: it.delivery.Sequence,
	})
	ev.Traceparent = it.traceparent()
	return ev
}
