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

// orphanAfter is how long after its lease a claim is left to the publication it was
// made for; if that has not come back by then, it never will.
const orphanAfter = 3 * time.Minute

const ownerLost = "the worker that claimed the job recorded no outcome"

// finding is an outcome that is on record, and its place in the stream of events.
type finding struct {
	kind job.Kind // empty for none
	at   uint64
	when time.Time
}

// resolve ends a job whose claim outlived its lease: the owner may have sent it.
// If the owner came as far as recording the outcome, that stands; else nobody
// can say, and the outcome is unknown, unless a webhook has shown otherwise. The
// ledger decides before the event is written, so that an owner who comes back late
// does not write another.
func (w *Worker) resolve(it *item, e dedup.Entry) {
	it.attempt = e.Attempt
	found, err := w.recorded(it, e)
	now := e
	if err == nil && found.kind == "" {
		now, err = w.makeUnknown(it, e)
	}
	switch {
	case err != nil:
		w.about(it).Warn("a claim that was left behind cannot be resolved yet", "error", err)
		w.giveBack(it, causeHeld, otherDelay)
	case found.kind == "":
		it.attempt = now.Attempt
		w.end(it, unheard(now.State))
	default:
		w.end(it, standing(e, found))
	}
}

// unheard is how an item ends whose outcome nobody has recorded, by its state in the
// ledger.
func unheard(state dedup.State) ending {
	e := ending{outcome: state.Kind(), claimed: true}
	switch state {
	case dedup.Accepted:
		e.reason = job.ReasonWebhook
	case dedup.Expired:
		e.reason = job.ReasonExpired
	case dedup.Suppressed:
		e.reason = job.ReasonOptedOut
	case dedup.Cancelled:
		e.reason = job.ReasonCancelled
	case dedup.Unknown:
		e.reason, e.detail = job.ReasonOwnerLost, ownerLost
	default:
		e.reason, e.detail = job.ReasonRefused, "the worker that heard the refusal did not record it"
	}
	return e
}

// standing is how an item ends whose job has an outcome on record.
func standing(e dedup.Entry, found finding) ending {
	stale := &staleClaim{nonce: e.Nonce, attempt: e.Attempt}
	if _, ok := dedup.StateOf(found.kind); !ok {
		stale = nil // an outcome of the publication, none of the job
	}
	if e.SamePublication {
		// Of an unknown outcome the owner may not have come as far as its deadline.
		return ending{outcome: found.kind, settled: true, stale: stale, event: found.at, since: found.when, putOff: found.kind == job.Unknown}
	}
	return ending{outcome: job.Duplicate, reason: job.ReasonAlreadySettled, detail: "ended before as " + string(found.kind)}
}

// errMoved says that a claim was settled by somebody else meanwhile.
var errMoved = errors.New("the claim has changed meanwhile")

// makeUnknown settles a stale claim, and returns how it stands: evidence may have come.
func (w *Worker) makeUnknown(it *item, e dedup.Entry) (dedup.Entry, error) {
	ctx, cancel := context.WithTimeout(w.work, recordTimeout)
	defer cancel()
	changes, err := w.cfg.Ledger.Resolve(ctx, []dedup.Resolution{{Subject: it.subject, Nonce: e.Nonce, Attempt: e.Attempt}})
	if err != nil {
		return e, err
	}
	now := changes[0].Entry
	if changes[0].Done || now.State == dedup.Accepted && now.Event == 0 {
		return now, nil
	}
	return now, errMoved
}

// confirm makes sure that the outcome the ledger has of a job is on record too: the
// worker that settled it may have died in between, or it is a webhook or a person
// that settled it.
func (w *Worker) confirm(it *item, e dedup.Entry) {
	it.attempt = e.Attempt
	if it.was != "" {
		e.SamePublication, it.subject.Publication = true, 0 // the entry's stays
	}
	found, err := w.recorded(it, e)
	switch {
	case err != nil:
		w.about(it).Warn("the events of a job cannot be read yet", "error", err)
		w.giveBack(it, causeHeld, otherDelay)
	case found.kind == "":
		w.end(it, unheard(e.State))
	case found.kind == e.State.Kind():
		w.end(it, ending{outcome: found.kind, settled: true, claimed: true, event: found.at, since: found.when, putOff: found.kind == job.Unknown})
	default:
		it.was = found.kind
		w.end(it, unheard(e.State))
	}
}

// eventsSlack covers clocks that differ between Redis and NATS, by minutes.
const eventsSlack = 15 * time.Minute

// maxReading is how many jobs' events are read at once: each reading takes consumers
// of the server, and a worker that died with a thousand claims leaves a thousand.
const maxReading = 8

// recorded looks for the outcome that somebody put on record for the entry's
// attempt: of this publication, or of the one it was made for.
func (w *Worker) recorded(it *item, e dedup.Entry) (finding, error) {
	select {
	case w.reading <- struct{}{}:
		defer func() { <-w.reading }()
	case <-w.work.Done():
		return finding{}, context.Cause(w.work)
	}
	ctx, cancel := context.WithTimeout(w.work, recordTimeout)
	defer cancel()
	since := e.Since.Add(-w.cfg.SendTimeout - eventsSlack)
	history, err := w.cfg.Events.History(ctx, it.job.Key(), it.job.From, since)
	if err != nil {
		return finding{}, err
	}
	for i := len(history) - 1; i >= 0; i-- {
		kind := outcomeOf(&history[i].Event)
		if kind == "" || !it.isOf(&history[i].Event, kind, e) {
			continue
		}
		return finding{kind: kind, at: history[i].Sequence, when: history[i].Event.Time}, nil
	}
	return finding{}, nil
}

// isOf reports whether an event is about the entry's attempt. An outcome that is
// none of the job, such as a duplicate, has to be that of this very publication.
func (it *item) isOf(ev *job.Event, outcome job.Kind, e dedup.Entry) bool {
	same := ev.Data.Stream == it.delivery.Stream && ev.Data.Sequence == it.delivery.Sequence
	if _, ok := dedup.StateOf(outcome); !ok {
		return same
	}
	return ev.Data.Attempt == e.Attempt && (same || !e.SamePublication)
}

// outcomeOf is what an event says a job ended as; empty when it says nothing of that.
func outcomeOf(ev *job.Event) job.Kind {
	switch {
	case ev.Data.Kind.IsOutcome():
		return ev.Data.Kind
	case ev.Data.Kind == job.Settled:
		return ev.Data.Outcome
	}
	return ""
}
