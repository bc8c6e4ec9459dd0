package worker

import (
	"context"
	"errors"
	"time"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
)

// Delays of jobs that are given back.
const (
	// newerDelay leaves a job of a newer version to a newer worker.
	newerDelay = 30 * time.Second
	// longWait is from where on a wait is a schedule and no longer a delayed nak.
	longWait = 10 * time.Second
	// otherDelay is how long a job is given back for whose claim a lost worker
	// made on another publication of it: that one is resolved first.
	otherDelay = 5 * time.Second
)

// gate decides which items may be sent, ends those that may not, and hands the
// others on to their number's line. What has an outcome already ends here, so
// that a repeated file uses no slots; only of what has none is it asked whether
// it is too late.
func (in *intake) gate(ctx context.Context, items []*item) {
	open := items[:0]
	for _, it := range items {
		if in.check(it) {
			open = append(open, it)
		}
	}
	open = in.lookup(ctx, open)
	in.proceed(open)
}

// proceed hands items that may be sent on to their number's line.
func (in *intake) proceed(open []*item) {
	fit := open[:0]
	for _, it := range open {
		if in.inTime(it) && !in.stopped(it) && in.w.render(it) {
			fit = append(fit, it)
		}
	}
	now := time.Now()
	for _, it := range fit {
		it.readyAt = now
	}
	if len(fit) > 0 {
		in.line.ready.push(fit...)
	}
}

// stopped gives back an item whose template is stopped, and reports whether it did. What
// nobody may send is not rendered, and not rejected for its template being paused.
func (in *intake) stopped(it *item) bool {
	stops := in.w.cfg.Stops
	if stops.Free() {
		return false
	}
	v := stops.Peek(it.targets()...)
	if v.OK || stopsOthers(v.Stop.Scope) {
		return false // the line looks once more
	}
	in.putAside(it, v.Stop)
	return true
}

// check decodes an item and looks at what needs no ledger. It ends or gives back
// the item and reports false where that is all there is to do.
func (in *intake) check(it *item) bool {
	w, d := in.w, it.delivery
	j, err := job.Decode(d.Data)
	it.job = j
	switch {
	case isDeadline(d) && err == nil:
		w.sending.Go(func() { w.miss(it) })
		return false
	case isDeadline(d):
		w.log.Error("the deadline of an answer cannot be read and is dropped", "publication", d.Stream, "sequence", d.Sequence, "error", err)
		w.end(it, ending{settled: true})
		return false
	case errors.Is(err, job.ErrNewer):
		w.giveBack(it, causeNewer, newerDelay)
		in.newer.Do(func() {
			w.log.Warn("a job needs a newer wacast and was handed back, as all like it in this queue", "queue", in.id.String(), "sequence", d.Sequence, "error", err)
		})
		return false
	case err != nil:
		it.job = nil
		w.refuse(it, ending{outcome: job.Rejected, reason: job.ReasonInvalidJob, detail: err.Error()})
		return false
	case d.Queue.Sender != j.From || d.Queue.Lane != j.EffectiveLane() || d.Queue.Campaign != j.Key().CampaignToken():
		w.refuse(it, ending{outcome: job.Rejected, reason: job.ReasonSubjectMismatch,
			detail: "the subject says " + d.Queue.String() + ", the job says otherwise; publish to wacast.jobs.<from>.<lane>.<campaign>"})
		return false
	case in.line == nil:
		w.refuse(it, ending{outcome: job.Rejected, reason: job.ReasonUnknownSender,
			detail: "number " + j.From + " belongs to no account of this wacast; add it to an account's numbers"})
		return false
	}
	it.number = in.line.number
	it.subject = dedup.Subject{Key: j.Key(), Body: in.hasher.BodyHash(j), Publication: dedup.PublicationOf(d.Stream, d.Sequence)}
	if it.was != "" {
		it.subject.Publication = retrialMark(d.Stream, d.Sequence)
	}
	return true
}

// inTime ends an item that is too late, or whose campaign is cancelled, and puts
// away one that is too early.
func (in *intake) inTime(it *item) bool {
	now := time.Now()
	if in.state() == campaign.Cancelled {
		in.w.end(it, cancelled())
		return false
	}
	if it.expired(now) {
		in.w.end(it, ending{outcome: job.Expired, reason: job.ReasonExpired})
		return false
	}
	early := it.early(now)
	if early <= 0 {
		return true
	}
	if early < longWait {
		in.w.giveBack(it, causeSendAt, early)
		return false
	}
	// The open entry is what a second publication of the job meets.
	in.w.metrics.returned.WithLabelValues(causeSendAt).Inc()
	in.w.end(it, ending{later: true, claimed: true, nextAttempt: it.open})
	return false
}

// early is how long the job's time is away; 0 when it has come.
func (it *item) early(now time.Time) time.Duration {
	if it.job.SendAt.IsZero() {
		return 0
	}
	return max(0, it.job.SendAt.Sub(now))
}

func (it *item) expired(now time.Time) bool {
	return !it.job.ExpiresAt.IsZero() && !now.Before(it.job.ExpiresAt)
}

// lookup asks the ledger about all items at once and ends those that have an
// outcome. It waits for a ledger that is away.
func (in *intake) lookup(ctx context.Context, items []*item) []*item {
	if len(items) == 0 {
		return nil
	}
	subjects := make([]dedup.Subject, len(items))
	for i, it := range items {
		subjects[i] = it.subject
	}
	var retry pause
	for {
		entries, err := in.w.cfg.Ledger.Lookup(ctx, subjects)
		if ctx.Err() != nil {
			for _, it := range items {
				in.w.giveBack(it, causeDrain, 0)
			}
			return nil
		}
		if in.w.trouble.ledger.note(err) != nil {
			retry.wait(ctx)
			continue
		}
		open := items[:0]
		for i, it := range items {
			if in.w.meet(it, entries[i]) {
				open = append(open, it)
			}
		}
		return open
	}
}
