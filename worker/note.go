package worker

import (
	"context"
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/queue"
)

const (
	// noteTimeout bounds one try at writing claims down. Their slots have passed then.
	noteTimeout = 5 * time.Second
	// maxNoting is how many batches of claims may wait to be written down. They go
	// together, in one message. Their slots pass meanwhile, so that more would not help.
	maxNoting = 8
	// usualOf says how many batches make what is usual.
	usualOf = 8
)

// note is what the stream of claims says of the item: that an attempt is claimed, or
// that it is open again.
func (it *item) note(isReturn bool, attempt int) queue.ClaimNote {
	return queue.ClaimNote{
		Return: isReturn, Key: it.subject.Key, Attempt: attempt, Body: uint16(it.subject.Body),
		Stream: it.delivery.Stream, Sequence: it.delivery.Sequence,
	}
}

// noteAll writes claims into the stream that the ledger is restored from, and lets
// their jobs go to their slots, until the line has no more. The next claims are made
// meanwhile.
func (l *line) noteAll(ctx context.Context) {
	defer close(l.due)
	for batch := range l.claimed {
	gather:
		for {
			select {
			case more, ok := <-l.claimed:
				if !ok {
					break gather
				}
				batch = append(batch, more...)
			default:
				break gather
			}
		}
		if err := l.note(batch); err != nil {
			l.wait(lossNATS)
			l.unnote(ctx, batch, err)
			continue
		}
		l.launch(l.inStep(batch, time.Now()))
	}
}

// launch lets claimed jobs go to their slots.
func (l *line) launch(batch []timed) {
	l.served.Add(int64(len(batch)))
	for _, t := range batch {
		l.w.metrics.slotWait.WithLabelValues(l.number.ID).Observe(time.Since(t.it.readyAt).Seconds())
		t.it.intake.leave(t.it)
		l.due <- t
	}
}

// inStep puts what was held up back into the line, for another slot and the same claim
// once more, and returns the rest. What is late by about as much as always keeps the rate;
// what comes after a standstill would be sent on top of what is due by then, by all replicas
// together. A busy machine may hold up a job again: then it goes.
func (l *line) inStep(batch []timed, now time.Time) []timed {
	usual := l.late
	l.late += (max(0, now.Sub(batch[0].at)) - l.late) / usualOf
	var back []*item
	kept := batch[:0]
	for _, t := range batch {
		if t.it.heldUp || now.Sub(t.at) < 2*usual+lateSlot {
			kept = append(kept, t)
			continue
		}
		t.it.heldUp, t.it.open = true, t.it.attempt
		back = append(back, t.it)
	}
	l.putBack(back)
	return kept
}

// note writes claims down.
func (l *line) note(batch []timed) error {
	if l.w.cfg.Claims == nil {
		return nil
	}
	l.notes = l.notes[:0]
	for _, t := range batch {
		l.notes = append(l.notes, t.it.note(false, t.it.attempt))
	}
	ctx, cancel := context.WithTimeout(l.w.work, noteTimeout)
	defer cancel()
	return l.w.trouble.claiming.note(l.w.cfg.Claims.Record(ctx, time.Until(batch[0].it.lease), l.notes))
}

// unnote puts items whose claims cannot be written down back into the line, or into
// their queue when the line ends. The claims are given back, so that nobody has to
// wonder about them.
func (l *line) unnote(ctx context.Context, batch []timed, err error) {
	items := make([]*item, len(batch))
	reopenings := make([]dedup.Reopening, len(batch))
	for i, t := range batch {
		items[i] = t.it
		t.it.open = t.it.attempt
		reopenings[i] = dedup.Reopening{Subject: t.it.subject, Nonce: t.it.nonce, Next: t.it.attempt}
	}
	reopening, cancel := context.WithTimeout(l.w.recording, noteTimeout)
	defer cancel()
	_, reopenErr := l.w.cfg.Ledger.Reopen(reopening, reopenings)
	_ = l.w.trouble.ledger.note(reopenErr) // the next claim has the same nonce, and so is ours
	l.unclaim(ctx, l.w.trouble.claiming, err, items)
}
