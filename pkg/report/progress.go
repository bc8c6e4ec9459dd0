package report

import (
	"context"
	"fmt"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// rateWindow is how far back the rate is measured, and minRateWindow the shortest
// time that says anything.
const (
	rateWindow    = 10 * time.Second
	minRateWindow = time.Second
)

// Events is the event stream, as far as it is read here; [queue.Events] is one.
type Events interface {
	// Counts counts a campaign's events by kind.
	Counts(ctx context.Context, campaign string) (map[job.Kind]uint64, error)
	// Total counts the events of a kind, of all campaigns.
	Total(ctx context.Context, kind job.Kind) (uint64, error)
	// Read passes events in order.
	Read(ctx context.Context, filter queue.Filter, fn func(*queue.Recorded) error) error
	// Find returns the events of one job, or, without an id, of a whole campaign.
	Find(ctx context.Context, key job.Key, sender string, since time.Time) ([]job.Event, error)
}

// Queues is what waits; [queue.Queues] is one.
type Queues interface {
	// Depths lists the queues that have jobs.
	Depths(ctx context.Context) ([]queue.Depth, error)
	// Oldest is when the oldest job of a queue was stored; zero for none.
	Oldest(ctx context.Context, id queue.ID) (time.Time, error)
	// Present passes the publications that wait, of those that were put off too, of a
	// campaign or of all.
	Present(ctx context.Context, campaign string, fn func(stream string, sequence uint64, at time.Time) error) error
	// Again counts a campaign's jobs that are due and have an outcome already.
	Again(ctx context.Context, campaign string) (uint64, error)
	// Ends are the sequences of the first and the last job that is there or was.
	Ends(ctx context.Context) (first, last uint64, err error)
}

// Schedules is what is put off; [queue.Later] is one.
type Schedules interface {
	// Waiting counts a campaign's jobs whose time has not come, by kind.
	Waiting(ctx context.Context, campaign string) (map[string]uint64, error)
}

// Progress is how a campaign stands. Published is the sum of the outcomes and of
// what is queued, scheduled and in flight. What is not measured yet is null.
type Progress struct {
	ID     string `json:"id"`
	State  string `json:"state"`
	Reason string `json:"reason"`

	Published uint64 `json:"published"`
	// Expected is how many jobs there must be, as was said when the campaign was
	// closed; null when nobody has said.
	Expected *uint64 `json:"expected"`
	// PerDay is the most of its jobs that are sent in 24 hours, 0 for no such limit, and
	// Spread the period over which they are sent evenly; empty for none.
	PerDay    int    `json:"per_day"`
	Spread    string `json:"spread"`
	Queued    uint64 `json:"queued"`
	Scheduled uint64 `json:"scheduled"`
	InFlight  uint64 `json:"in_flight"`

	Accepted   uint64 `json:"accepted"`
	Rejected   uint64 `json:"rejected"`
	Expired    uint64 `json:"expired"`
	Suppressed uint64 `json:"suppressed"`
	Cancelled  uint64 `json:"cancelled"`
	Duplicate  uint64 `json:"duplicate"`
	Unknown    uint64 `json:"unknown"`

	Held      uint64 `json:"held"`
	Sent      uint64 `json:"sent"`
	Delivered uint64 `json:"delivered"`
	Read      uint64 `json:"read"`
	Failed    uint64 `json:"failed"`

	Replies   uint64 `json:"replies"`
	Confirmed uint64 `json:"confirmed"`
	Declined  uint64 `json:"declined"`
	NoAnswer  uint64 `json:"no_answer"`

	// Rate is outcomes a second over the last ten seconds.
	Rate float64 `json:"rate"`
	// ETASeconds is how long what is queued and in flight takes at that rate: 0 when
	// nothing is left at all, null when nothing moves or all that is left waits for
	// its time.
	ETASeconds *float64 `json:"eta_seconds"`
}

// Ended is how many publications have an outcome.
func (p *Progress) Ended() uint64 {
	return p.Accepted + p.Rejected + p.Expired + p.Suppressed + p.Cancelled + p.Duplicate + p.Unknown
}

// Jobs is how many jobs were published, each counted once however often it was
// published. While copies of a job still wait it counts them too.
func (p *Progress) Jobs() uint64 { return p.Published - p.Duplicate }

// Left is how many publications have none yet.
func (p *Progress) Left() uint64 { return p.Queued + p.Scheduled + p.InFlight }

// Reporter reads the streams. It is safe for concurrent use.
type Reporter struct {
	events    Events
	queues    Queues
	schedules Schedules
	memo      memo
}

// New returns a reporter.
func New(events Events, queues Queues, schedules Schedules) *Reporter {
	return &Reporter{events: events, queues: queues, schedules: schedules}
}

// Progress tells how a campaign stands; [job.NoCampaign] asks for jobs without one.
func (r *Reporter) Progress(ctx context.Context, campaign string) (*Progress, error) {
	p := &Progress{ID: campaign}
	counts, err := r.events.Counts(ctx, campaign)
	if err != nil {
		return nil, fmt.Errorf("campaign %s: %w", campaign, err)
	}
	if err := r.correct(ctx, campaign, counts); err != nil {
		return nil, fmt.Errorf("campaign %s: %w", campaign, err)
	}
	p.count(counts)
	depths, err := r.queues.Depths(ctx)
	if err != nil {
		return nil, fmt.Errorf("campaign %s: %w", campaign, err)
	}
	var due uint64
	for _, d := range depths {
		if d.Campaign == campaign {
			p.Queued += d.Queued
			p.InFlight += d.InFlight
			due += d.Due
		}
	}
	if p.Unknown+p.Rejected+counts[job.Settled] > 0 { // else none can be tried once more
		if err := r.leaveOut(ctx, p, due); err != nil {
			return nil, fmt.Errorf("campaign %s: %w", campaign, err)
		}
	}
	waiting, err := r.schedules.Waiting(ctx, campaign)
	if err != nil {
		return nil, fmt.Errorf("campaign %s: %w", campaign, err)
	}
	p.Scheduled = waiting[queue.KindSendAt] + waiting[queue.KindWindow] + waiting[queue.KindRetry]
	p.Published = p.Ended() + p.Left()
	return p, nil
}

// maxDue is how many jobs that are due are read to count those among them that have
// an outcome already. Among more they do not matter.
const maxDue = 4000

// leaveOut takes jobs that have an outcome, and are tried once more, from those that
// wait: they are counted already.
func (r *Reporter) leaveOut(ctx context.Context, p *Progress, due uint64) error {
	if due == 0 || due > maxDue {
		return nil
	}
	again, err := r.queues.Again(ctx, p.ID)
	waiting := min(again, p.Queued)
	p.Queued -= waiting
	p.InFlight -= min(again-waiting, p.InFlight)
	return err
}

// read passes a campaign's events of some kinds, one kind after the other, each in the
// order of the stream; behind those of a kind come those that are erased, as what they
// stand for. The server finds events of one subject several times faster than those of
// many, and is not asked for what there is none of.
func (r *Reporter) read(ctx context.Context, campaign string, kinds []job.Kind, fn func(*queue.Recorded) error) error {
	counts, err := r.events.Counts(ctx, campaign)
	if err != nil {
		return err
	}
	gone := new(erasures)
	if counts[job.Erased] > 0 {
		if gone, err = r.erasures(ctx, campaign); err != nil {
			return err
		}
	}
	for _, kind := range kinds {
		if counts[kind] > 0 {
			err := r.events.Read(ctx, queue.Filter{Campaign: campaign, Kinds: []job.Kind{kind}}, func(e *queue.Recorded) error {
				if gone.has(e) {
					return nil
				}
				return fn(e)
			})
			if err != nil {
				return err
			}
		}
		for _, e := range gone.of[kind] {
			if err := fn(e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *Progress) count(counts map[job.Kind]uint64) {
	for kind, field := range map[job.Kind]*uint64{
		job.Accepted: &p.Accepted, job.Rejected: &p.Rejected, job.Expired: &p.Expired, job.Suppressed: &p.Suppressed,
		job.Cancelled: &p.Cancelled, job.Duplicate: &p.Duplicate, job.Unknown: &p.Unknown,
		job.Held: &p.Held, job.Sent: &p.Sent, job.Delivered: &p.Delivered, job.Read: &p.Read, job.Failed: &p.Failed,
		job.Reply: &p.Replies, job.Confirmed: &p.Confirmed, job.Declined: &p.Declined, job.NoAnswer: &p.NoAnswer,
	} {
		*field = counts[kind]
	}
}

// Measure adds the rate and the time left, from the outcomes of the last seconds.
func (r *Reporter) Measure(ctx context.Context, p *Progress, now time.Time) error {
	var ended uint64
	var first time.Time
	filter := queue.Filter{Campaign: p.ID, Kinds: job.Outcomes(), Since: now.Add(-rateWindow)}
	err := r.events.Read(ctx, filter, func(e *queue.Recorded) error {
		if ended == 0 {
			first = e.Stored
		}
		ended++
		return nil
	})
	if err != nil {
		return fmt.Errorf("rate of campaign %s: %w", p.ID, err)
	}
	// A campaign that has just begun is not measured against seconds before it.
	window := min(max(now.Sub(first), minRateWindow), rateWindow)
	p.Rate = float64(ended) / window.Seconds()
	p.ETASeconds = p.eta()
	return nil
}

func (p *Progress) eta() *float64 {
	moving := p.Queued + p.InFlight
	var seconds float64
	switch {
	case p.Left() == 0:
	case moving == 0 || p.Rate <= 0:
		return nil
	default:
		seconds = float64(moving) / p.Rate
	}
	return &seconds
}
