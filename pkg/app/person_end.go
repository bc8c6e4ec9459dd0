package app

import (
	"context"
	"fmt"
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// forgottenDetail is what the outcome of a job says that waited for a person who is
// forgotten, until it is erased itself.
const forgottenDetail = "its recipient is forgotten"

// endWaiting ends the jobs of the person that wait, each with an outcome, and erases
// them. It returns how many a worker is sending just now: those end as they do.
func (s *search) endWaiting(ctx context.Context, f *Forgotten) (held int, err error) {
	open := false
	for i := range s.waiting {
		open = open || !s.waiting[i].Ended
	}
	if !open {
		return 0, s.eraseWaiting(ctx, s.waiting, f)
	}
	err = s.o.withLedger(func(l *dedup.Ledger) error {
		for i := range s.waiting {
			w := &s.waiting[i]
			free, err := s.end(ctx, l, w, f)
			if err != nil {
				return err
			}
			if !free {
				held++
				continue
			}
			if err := s.eraseWaiting(ctx, s.waiting[i:i+1], f); err != nil {
				return err
			}
		}
		return nil
	})
	return held, err
}

func (s *search) eraseWaiting(ctx context.Context, waiting []heldJob, f *Forgotten) error {
	for i := range waiting {
		if err := queue.Erase(ctx, s.o.nc, waiting[i].Place); err != nil {
			return err
		}
		if len(waiting[i].Data) > 0 {
			f.Jobs++
		}
	}
	return nil
}

// end gives a job its outcome: first the ledger keeps workers from it, then it is on
// record, then the ledger knows where. It reports false for one that is being sent.
func (s *search) end(ctx context.Context, l *dedup.Ledger, w *heldJob, f *Forgotten) (free bool, err error) {
	switch {
	case w.Ended || len(w.Data) == 0:
		return true, nil
	case w.Job == nil:
		_, err := s.record(ctx, w, job.Rejected, job.ReasonInvalidJob)
		return true, err
	}
	settlement := dedup.Settlement{
		Subject: dedup.Subject{Key: w.Job.Key(), Body: w.Job.BodyHash(), Publication: dedup.PublicationOf(w.Stream, w.Sequence)},
		State:   dedup.Suppressed,
	}
	entry, done, err := settle(ctx, l, settlement)
	switch {
	case err != nil:
		return false, err
	case !done && !entry.State.Final():
		return false, nil // claimed; its worker ends it, or another one when it is lost
	case !done && entry.SamePublication:
		return entry.Event > 0, nil
	case !done:
		_, err := s.record(ctx, w, job.Duplicate, job.ReasonAlreadySettled)
		return true, err
	}
	if entry.Event > 0 {
		return true, nil // the last time was cut short
	}
	if settlement.Event, err = s.record(ctx, w, job.Suppressed, job.ReasonErased); err != nil {
		return false, err
	}
	f.Suppressed++
	_, _, err = settle(ctx, l, settlement)
	return true, err
}

func settle(ctx context.Context, l *dedup.Ledger, settlement dedup.Settlement) (dedup.Entry, bool, error) {
	changes, err := l.Settle(ctx, []dedup.Settlement{settlement})
	if err != nil {
		return dedup.Entry{}, false, fmt.Errorf("%w; nothing of what waits is erased without Redis", err)
	}
	return changes[0].Entry, changes[0].Done, nil
}

// record puts the outcome of a job on record, with its recipient: so it is found when
// the rest is cut short. A worker may have been first, which is as well.
func (s *search) record(ctx context.Context, w *heldJob, outcome job.Kind, reason job.Reason) (uint64, error) {
	data := job.EventData{
		Kind: outcome, From: w.Queue.Sender, Lane: w.Queue.Lane, Reason: reason, Detail: forgottenDetail,
		Stream: w.Stream, Sequence: w.Sequence,
	}
	if w.Queue.Campaign != job.NoCampaign {
		data.Campaign = w.Queue.Campaign
	}
	if w.Job != nil {
		data.ID, data.To, data.UserID = w.Job.ID, w.Job.To, w.Job.UserID
	}
	places, _, err := s.o.events.RecordOutcomes(ctx, []job.Event{job.NewEvent(s.o.source(), time.Now(), data)})
	if err != nil {
		return 0, err
	}
	return places[0], nil
}
