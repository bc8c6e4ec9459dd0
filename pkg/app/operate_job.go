package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// ErrNoJob marks a job that nothing is known of.
var ErrNoJob = errors.New("no such job")

// ErrNotNow marks what cannot be done to a job as it stands.
var ErrNotNow = errors.New("it is too late, or too early")

// JobKey is the key of a job, if the campaign and the id can be any's. An empty
// campaign is that of jobs without one.
func JobKey(campaign, id string) (job.Key, error) {
	if campaign == job.NoCampaign {
		campaign = ""
	}
	key := job.Key{Campaign: campaign, ID: id}
	if _, ok := job.ParseToken(job.Token{Namespace: "any", Key: key, Attempt: 1}.String()); !ok {
		return key, fmt.Errorf("%q is no job id, or %q no campaign id: 1 to 128 of A-Z a-z 0-9 _ : - and 1 to 64 of A-Z a-z 0-9 _ -", id, campaign)
	}
	return key, nil
}

// withLedger opens the ledger for one call.
func (o *Operator) withLedger(do func(*dedup.Ledger) error) error {
	rdb, err := dialRedis(o.cfg)
	if err != nil {
		return err
	}
	defer rdb.Close()
	return do(dedup.New(rdb, dedup.Options{Namespace: o.cfg.Namespace, Window: o.cfg.DedupWindow, Lease: o.cfg.SendTimeout + leaseSlack}))
}

// CancelJob keeps a job that is queued or scheduled from being sent. The mark in the
// ledger is what stops it; what is scheduled ends at once, what is queued when a
// worker meets it. A job nobody knows is [ErrNoJob], one that has ended or is being
// sent [ErrNotNow].
func (o *Operator) CancelJob(ctx context.Context, key job.Key, reason string) (ended bool, err error) {
	copies, err := o.Copies(ctx, key)
	if err != nil {
		return false, err
	}
	state, err := o.outcome(ctx, key)
	switch {
	case err != nil:
		return false, err
	case len(copies) == 0 || state != "" && state != job.Cancelled:
		return false, gone(key, state)
	}
	if err := o.mark(ctx, key, 0, 0); err != nil {
		return false, err
	}
	err = o.note(ctx, job.EventData{
		Kind: job.CampaignChanged, Campaign: key.Campaign, ID: key.ID, From: copies[0].Queue.Sender,
		Outcome: job.Cancelled, Reason: job.ReasonCancelled, Detail: o.signed(reason),
	})
	if err != nil {
		return false, fmt.Errorf("%w; run the same command again", err)
	}
	ended = true
	for i := range copies {
		c := &copies[i]
		if c.Kind != queue.KindSendAt && c.Kind != queue.KindWindow && c.Kind != queue.KindRetry {
			ended = false
			continue
		}
		if err := o.endScheduled(ctx, key, c, reason); err != nil {
			return false, fmt.Errorf("%w; run the same command again", err)
		}
	}
	return ended, nil
}

// outcome is what the events say that became of a job; empty for nothing yet.
func (o *Operator) outcome(ctx context.Context, key job.Key) (state job.Kind, err error) {
	events, err := o.events.Find(ctx, key, "", time.Time{})
	for i := range events {
		state = cmp.Or(stateOf(&events[i].Data), state)
	}
	return state, err
}

// gone says why a job cannot be changed that waits nowhere, or has an outcome.
func gone(key job.Key, state job.Kind) error {
	if state == "" {
		return fmt.Errorf("%w: %s", ErrNoJob, key)
	}
	return fmt.Errorf("job %s is %s: %w", key, state, ErrNotNow)
}

// stateOf is the outcome that an event gives its job; empty for none. A duplicate
// gives none: the job has one already.
func stateOf(d *job.EventData) job.Kind {
	switch {
	case d.Kind == job.Settled:
		return d.Outcome
	case d.Kind.IsOutcome() && d.Kind != job.Duplicate && d.ID != "":
		return d.Kind
	}
	return ""
}

// mark has the ledger say that the job is cancelled, for a publication if it is
// known, with the event that says so if there is one.
func (o *Operator) mark(ctx context.Context, key job.Key, publication dedup.Publication, event uint64) error {
	return o.withLedger(func(l *dedup.Ledger) error {
		changes, err := l.Settle(ctx, []dedup.Settlement{{
			Subject: dedup.Subject{Key: key, Publication: publication}, State: dedup.Cancelled, Event: event,
		}})
		if err != nil {
			return err
		}
		if c := changes[0]; !c.Done {
			if c.Entry.State == dedup.Claimed {
				return fmt.Errorf("job %s is being sent: %w", key, ErrNotNow)
			}
			return fmt.Errorf("job %s is %s: %w", key, c.Entry.State, ErrNotNow)
		}
		return nil
	})
}

// endScheduled records the outcome of a job that is put off and takes it away.
func (o *Operator) endScheduled(ctx context.Context, key job.Key, c *Copy, reason string) error {
	data := job.EventData{
		Kind: job.Cancelled, Campaign: key.Campaign, ID: key.ID, From: c.Queue.Sender, Lane: c.Queue.Lane,
		Reason: job.ReasonCancelled, Detail: o.signed(reason), Stream: c.Stream, Sequence: c.Sequence,
	}
	if j, err := job.Decode(c.Data); err == nil {
		data.To, data.UserID, data.Metadata = j.To, j.UserID, j.Metadata
		data.Template, data.Language = j.Template.Name, j.Template.Language
		data.Body = uint16(j.BodyHash())
	}
	ev := job.NewEvent(o.source(), time.Now(), data)
	ev.Traceparent = c.Traceparent
	sequences, err := o.events.Record(ctx, []job.Event{ev})
	if err != nil {
		return err
	}
	if err := o.mark(ctx, key, dedup.PublicationOf(c.Stream, c.Sequence), sequences[0]); err != nil {
		return err
	}
	return o.later.Cancel(ctx, c.Kind, c.Queue.Sender, key)
}

// ResendJob has a job tried once more that is unknown or was rejected: it goes back
// into its queue, at once and under the same id. An unknown one may have reached its
// recipient, who may then get it twice: sure is told what the job was, and its error
// keeps it as it is.
func (o *Operator) ResendJob(ctx context.Context, key job.Key, sure func(was job.Kind) error) (was job.Kind, err error) {
	waiting, err := o.scheduled(ctx, key)
	if err != nil {
		return "", err
	}
	for _, c := range waiting {
		if c.Kind == queue.KindUnknown {
			if err := sure(job.Unknown); err != nil {
				return "", err
			}
			return job.Unknown, o.resendWaiting(ctx, key, &c)
		}
	}
	var letter *queue.StoredLetter
	err = o.dead.Read(ctx, queue.DeadFilter{Campaign: key.CampaignToken(), ID: key.ID}, func(l *queue.StoredLetter) error {
		letter = l
		return nil
	})
	if err != nil {
		return "", err
	}
	if letter == nil {
		state, err := o.outcome(ctx, key)
		if err == nil {
			err = gone(key, state)
		}
		return "", err
	}
	again, err := o.again(ctx, queue.KindResend, letter)
	if err == nil {
		err = sure(again.Was)
	}
	if err != nil {
		return "", err
	}
	return again.Was, o.replay(ctx, []queue.Scheduled{again}, []*queue.StoredLetter{letter})
}

// resendWaiting ends the wait for evidence.
func (o *Operator) resendWaiting(ctx context.Context, key job.Key, c *Copy) error {
	events, err := o.events.Find(ctx, key, c.Queue.Sender, time.Time{})
	if err != nil {
		return err
	}
	attempt := 0
	for i := range events {
		if stateOf(&events[i].Data) == job.Unknown {
			attempt = events[i].Data.Attempt
		}
	}
	err = o.later.ScheduleAll(ctx, []queue.Scheduled{{
		Kind: queue.KindResend, Queue: c.Queue, Job: key.ID, Stream: c.Stream, Sequence: c.Sequence, Attempt: attempt, Was: job.Unknown, Data: c.Data,
		Traceparent: c.Traceparent,
	}})
	if err != nil {
		return err
	}
	return o.later.Cancel(ctx, queue.KindUnknown, c.Queue.Sender, key)
}
