package webhook

import (
	"context"
	"log/slog"
	"time"

	"github.com/wacast/wacast/pkg/job"
)

// Tracer makes a span for each status that was recorded.
type Tracer interface {
	// Status makes one, from when the webhook came until now, as a child of the job's trace.
	Status(parent job.Traceparent, stored time.Time, s Recorded)
}

// Recorded is what a status said. It names no recipient.
type Recorded struct {
	Sender, Campaign string
	// Job is its id within the campaign.
	Job     string
	Kind    job.Kind
	Attempt int
	// Code is the error code of one that failed, 0 for none.
	Code int
}

// traced has all events of a plan in the trace of its job.
func (pl *plan) traced() {
	for i := range pl.events {
		pl.events[i].Traceparent = pl.outcome.Traceparent
	}
}

// trace tells of the statuses of a plan who wants to know, once they are on record.
func (p *Processor) trace(pl *plan) {
	debug := p.cfg.Log.Enabled(context.Background(), slog.LevelDebug)
	if p.cfg.Tracer == nil && !debug {
		return
	}
	stored := time.Now()
	for _, h := range pl.report.hooks {
		if h.delivery.Stored.Before(stored) {
			stored = h.delivery.Stored
		}
	}
	for i := range pl.events {
		d := &pl.events[i].Data
		if p.cfg.Tracer != nil {
			p.cfg.Tracer.Status(pl.outcome.Traceparent, stored, Recorded{
				Sender: d.From, Campaign: d.Campaign, Job: d.ID, Kind: d.Kind, Attempt: d.Attempt, Code: d.Code,
			})
		}
		if debug {
			about := p.cfg.Log.With("event", *d)
			if id := pl.outcome.Traceparent.TraceID(); id != "" {
				about = about.With("trace_id", id)
			}
			about.Debug("a status is recorded")
		}
	}
}
