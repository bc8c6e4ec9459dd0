package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/report"
)

// lookEvery is how often a cancel looks for jobs in flight.
const lookEvery = 25 * time.Millisecond

// Cancellation tells who a cancelled campaign has reached and who not.
type Cancellation struct {
	// Before is how the campaign stood when the cancel began, After how it stands.
	Before *report.Progress `json:"before"`
	After  *report.Progress `json:"after"`
	// Purged counts the jobs that were taken out of their queues.
	Purged uint64 `json:"purged"`
	// Held counts the jobs that workers still have; nothing was purged then, and the
	// command is to be repeated.
	Held uint64 `json:"held"`
}

// CancelCampaign ends a campaign for good: it marks it, waits until no worker has a
// job of it any more, and takes the rest out of the queues. What is in flight ends
// as it may; when it takes longer than patience, nothing is purged yet, and Held
// says so. It may be repeated, and goes on where it was.
func (o *Operator) CancelCampaign(ctx context.Context, id, reason string, patience time.Duration) (*Cancellation, error) {
	c := new(Cancellation)
	var err error
	if c.Before, err = o.Progress(ctx, id); err != nil {
		return nil, err
	}
	fresh := false
	err = o.changeCampaign(ctx, id, func(s *campaign.Spec) error {
		fresh = s.State != campaign.Cancelled
		s.Cancel(reason, o.by, time.Now())
		return nil
	})
	if err != nil {
		return nil, err
	}
	if fresh {
		err := o.note(ctx, job.EventData{Kind: job.CampaignChanged, Campaign: id, Reason: job.ReasonCancelled, Detail: "cancelled: " + o.signed(reason)})
		if err != nil {
			return nil, err
		}
	}
	if c.Held, err = o.settleDown(ctx, id, patience); err != nil {
		return nil, err
	}
	if c.Held == 0 {
		if c.Purged, err = o.purge(ctx, id, reason); err != nil {
			return nil, err
		}
	}
	c.After, err = o.Progress(ctx, id)
	return c, err
}

// settleDown waits until no worker has a job of the campaign, and returns how many
// they have when its patience ends.
func (o *Operator) settleDown(ctx context.Context, id string, patience time.Duration) (held uint64, err error) {
	over := time.After(patience)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if held, err = o.queues.InFlight(ctx, id); err != nil || held == 0 {
			return 0, err
		}
		select {
		case <-ctx.Done():
			return held, context.Cause(ctx)
		case <-over:
			return held, nil
		case <-tick.C:
		}
	}
}

// purge empties the campaign's queues and schedules. What was purged and is not on
// record yet, because the command ended in between, is recorded first.
func (o *Operator) purge(ctx context.Context, id, reason string) (uint64, error) {
	total, err := o.recoverPurges(ctx, id)
	if err != nil {
		return 0, err
	}
	purges, err := o.purges(ctx, id)
	if err != nil {
		return 0, err
	}
	for _, p := range purges {
		n, err := o.purgeOne(ctx, p, reason)
		if err != nil {
			return total, fmt.Errorf("%w; run the same command again", err)
		}
		total += n
	}
	return total, nil
}

// purgeKinds are the waits of jobs without an outcome. Those of jobs with one stay,
// or would lose it.
func purgeKinds() []string { return []string{queue.KindSendAt, queue.KindWindow, queue.KindRetry} }

// purging is one purge: of a queue, or of what is put off when it has no sender.
type purging struct {
	queue.ID
	stream string
	upTo   uint64
	count  uint64
}

// purges lists what there is to purge, with the place up to which it is.
func (o *Operator) purges(ctx context.Context, id string) ([]purging, error) {
	depths, err := o.queues.Discover(ctx)
	if err != nil {
		return nil, err
	}
	var all []purging
	for _, d := range depths {
		if d.Campaign != id || d.Queued == d.Due {
			continue
		}
		last, err := o.last(ctx, o.names.JobsStream(), o.names.JobSubject(d.ID))
		if err != nil {
			return nil, err
		}
		if last > 0 {
			all = append(all, purging{ID: d.ID, stream: o.names.JobsStream(), upTo: last, count: d.Queued - d.Due})
		}
	}
	put, err := o.putOff(ctx, id)
	if err != nil || put == 0 {
		return all, err
	}
	last, err := o.last(ctx, o.names.LaterStream(), o.names.Namespace+".later.*.*."+id+".*")
	return append(all, purging{ID: queue.ID{Campaign: id}, stream: o.names.LaterStream(), upTo: last, count: put}), err
}

// putOff counts what a purge of the campaign's schedules would take.
func (o *Operator) putOff(ctx context.Context, id string) (n uint64, err error) {
	waiting, err := o.later.Waiting(ctx, id)
	for _, kind := range purgeKinds() {
		n += waiting[kind]
	}
	return n, err
}

// last is the sequence of the last message of a subject, 0 for none.
func (o *Operator) last(ctx context.Context, stream, subject string) (uint64, error) {
	s, err := o.js.Stream(ctx, stream)
	if err != nil {
		return 0, fmt.Errorf("stream %s: %w", stream, err)
	}
	m, err := s.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("stream %s: %w", stream, err)
	}
	return m.Sequence, nil
}

// purgeOne says what it is about to purge, does so, and records how many there were.
// The interrupt that ends a command must not come between the last two.
func (o *Operator) purgeOne(ctx context.Context, p purging, reason string) (uint64, error) {
	intent := p.event(job.CampaignChanged, p.count, "about to be purged: "+o.signed(reason))
	if err := o.note(ctx, intent); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	n, err := uint64(0), error(nil)
	if p.Sender == "" {
		n, err = o.later.Purge(ctx, p.Campaign, purgeKinds()...)
	} else {
		n, err = o.queues.Purge(ctx, p.ID, p.upTo)
	}
	if err != nil {
		return 0, err
	}
	return n, o.note(ctx, p.event(job.Cancelled, n, o.signed(reason)))
}

// event is what is recorded of a purge. Its place is that of the last job that was
// purged, which makes it the only one of its kind.
func (p *purging) event(kind job.Kind, count uint64, detail string) job.EventData {
	return job.EventData{
		Kind: kind, Campaign: p.Campaign, From: p.Sender, Lane: p.Lane, Reason: job.ReasonCancelled, Detail: detail,
		Count: int(count), Stream: p.stream, Sequence: p.upTo,
	}
}

// recoverPurges records the purges that an earlier command has done and not recorded.
func (o *Operator) recoverPurges(ctx context.Context, id string) (total uint64, err error) {
	events, err := o.events.Find(ctx, job.Key{Campaign: id}, "", time.Time{})
	if err != nil {
		return 0, err
	}
	type place struct {
		stream   string
		sequence uint64
	}
	intents := make(map[place]*job.EventData)
	for i := range events {
		d := &events[i].Data
		switch {
		case d.Kind == job.CampaignChanged && d.Count > 0:
			intents[place{d.Stream, d.Sequence}] = d
		case d.Kind == job.Cancelled:
			delete(intents, place{d.Stream, d.Sequence})
		}
	}
	for _, d := range intents {
		done, err := o.purged(ctx, d)
		if err != nil {
			return total, err
		}
		if !done {
			continue // it is purged now, under a new intent
		}
		total += uint64(d.Count)
		record := *d
		record.Kind = job.Cancelled
		if err := o.note(ctx, record); err != nil {
			return total, err
		}
	}
	return total, nil
}

// purged reports whether a purge that was meant has been done.
func (o *Operator) purged(ctx context.Context, d *job.EventData) (bool, error) {
	if d.From == "" {
		n, err := o.putOff(ctx, d.Campaign)
		return n == 0, err
	}
	left, err := o.queues.Sequences(ctx, queue.ID{Sender: d.From, Lane: d.Lane, Campaign: d.Campaign}, d.Sequence)
	return len(left) == 0, err
}
