package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// journal is what the ledger is brought up to date from: the streams of events and
// of claims.
type journal struct {
	events *queue.Events
	claims *queue.Claims
	log    *slog.Logger
}

var _ dedup.Journal = journal{}

// Ends implements [dedup.Journal].
func (j journal) Ends(ctx context.Context) (events, claims uint64, err error) {
	if claims, err = j.claims.Ends(ctx); err != nil {
		return 0, 0, err
	}
	events, err = j.events.Ends(ctx)
	return events, claims, err
}

// Events implements [dedup.Journal].
func (j journal) Events(ctx context.Context, after, upTo uint64, since time.Time, fn func(dedup.Record) error) error {
	// All kinds: a filter of several subjects costs the server far more an event than
	// it costs here to leave some out.
	filter := queue.Filter{After: after, UpTo: upTo, Since: since}
	return j.events.Scan(ctx, filter, func(raw *queue.Raw) error {
		if raw.Kind == job.Published || raw.Kind == job.Held {
			return nil
		}
		e, err := job.DecodeEvent(raw.Data)
		if err != nil {
			// Somebody else's, on one of our subjects: it must not end the replay.
			j.log.Warn("an event cannot be read and is left out of the ledger", "sequence", raw.Sequence, "error", err)
			return nil
		}
		if record, ok := recordOf(e, raw.Sequence); ok {
			return fn(record)
		}
		return nil
	})
}

// Claims implements [dedup.Journal].
func (j journal) Claims(ctx context.Context, after, upTo uint64, since time.Time, fn func(dedup.Record) error) error {
	return j.claims.Read(ctx, after, upTo, since, func(batch *queue.ClaimBatch) error {
		for i := range batch.Notes {
			note := &batch.Notes[i]
			record := dedup.Record{
				Do: dedup.RecordClaim, Key: note.Key, Attempt: note.Attempt, Body: note.Body,
				Publication: dedup.PublicationOf(note.Stream, note.Sequence), Sequence: batch.Sequence,
			}
			if note.Return {
				record.Do = dedup.RecordReturn
			}
			if err := fn(record); err != nil {
				return err
			}
		}
		return nil
	})
}

var seenBits = map[job.Kind]dedup.Seen{
	job.Sent: dedup.SeenSent, job.Delivered: dedup.SeenDelivered, job.Read: dedup.SeenRead, job.Failed: dedup.SeenFailed,
}

// recordOf is what an event says of a job's entry; false when it is about no job.
func recordOf(e *job.Event, sequence uint64) (dedup.Record, bool) {
	d := &e.Data
	r := dedup.Record{Key: e.Key(), Attempt: d.Attempt, Body: d.Body, Event: sequence, Sequence: sequence}
	if d.Sequence > 0 {
		r.Publication = dedup.PublicationOf(d.Stream, d.Sequence)
	}
	outcome := d.Kind
	switch d.Kind {
	case job.Sent, job.Delivered, job.Read, job.Failed:
		r.Do, r.Seen = dedup.RecordStatus, seenBits[d.Kind]
		return r, d.ID != ""
	case job.CampaignChanged: // of one job it is the mark that cancels it
		r.Do, r.State = dedup.RecordCancel, dedup.Cancelled
		return r, d.ID != "" && d.Outcome == job.Cancelled
	case job.Settled:
		outcome = d.Outcome
		r.Seen = dedup.SeenDoubt
	}
	var ok bool
	r.Do = dedup.RecordOutcome
	r.State, ok = dedup.StateOf(outcome)
	return r, ok && d.ID != ""
}
