package worker

import (
	"context"
	"errors"
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
)

// lateItems are those whose answer came after their lease: another worker may have
// put them on record as unknown, or a webhook have shown them to be accepted.
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
		it.overtaken(entries[i])
	}
	return w.settle(ctx, late)
}

// overtaken corrects the ending of an item whose job was settled while it waited for
// the answer. To do so again changes nothing.
func (it *item) overtaken(e dedup.Entry) {
	end := &it.end
	switch {
	case e.Event != 0 && (e.State == dedup.Accepted || e.State.Kind() == end.outcome):
		end.settled = true // so it is on record
	case e.State == dedup.Unknown && end.outcome != job.Unknown:
		end.unrecorded = e.Event == 0 && it.was == ""
		it.was = job.Unknown
	case e.State == dedup.Accepted && end.outcome != job.Accepted:
		*end, it.attempt = unheard(dedup.Accepted), e.Attempt
	}
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
			settlements = append(settlements, dedup.Settlement{Subject: it.subject, Nonce: e.stale.nonce, Attempt: e.stale.attempt, State: state, Event: e.event})
		case !e.claimed:
		case e.outcome == "":
			reopenings = append(reopenings, dedup.Reopening{Subject: it.subject, Nonce: it.nonce, Next: e.nextAttempt})
		default:
			settlements = append(settlements, dedup.Settlement{Subject: it.subject, Nonce: it.nonce, Attempt: it.attempt, State: state, Event: e.event})
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
