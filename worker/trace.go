package worker

import (
	"context"
	"log/slog"
	"time"

	"github.com/wacast/wacast/pkg/job"
)

// Tracer begins a span for each request to the API.
type Tracer interface {
	// Send begins one as a child of the job's trace, or, where it has none, a trace.
	Send(parent job.Traceparent, began time.Time) Span
}

// Span is one request, which ends once what became of it is on record.
type Span interface {
	Traceparent() job.Traceparent
	End(sent Sent)
}

// Sent is what a [Span] says. It names no recipient.
type Sent struct {
	Sender, Campaign string
	// Job is its id within the campaign.
	Job string
	// Outcome is what the job ended in; empty for one that goes back to its queue.
	Outcome job.Kind
	Attempt int
	// Code is the API's error code, 0 for none.
	Code int
}

// begin begins the span of an item's request, where anybody wants one.
func (w *Worker) begin(it *item, now time.Time) {
	if w.cfg.Tracer != nil {
		it.span = w.cfg.Tracer.Send(it.delivery.Traceparent(), now)
	}
}

// finish ends the span of an item, and tells of the item who reads everything.
func (w *Worker) finish(it *item) {
	e := &it.end
	if it.span != nil {
		it.span.End(Sent{
			Sender: it.job.From, Campaign: it.job.Campaign, Job: it.job.ID, Outcome: e.outcome, Attempt: it.attempt, Code: e.code,
		})
	}
	if it.job != nil && w.log.Enabled(context.Background(), slog.LevelDebug) {
		w.about(it).Debug("a job leaves", "outcome", e.outcome, "reason", e.reason, "code", e.code, "attempt", it.attempt)
	}
}

// traceparent is what the item's events have: the span that sent it, else what its
// publisher gave it.
func (it *item) traceparent() job.Traceparent {
	if it.span != nil {
		return it.span.Traceparent()
	}
	return it.delivery.Traceparent()
}

// about is the log for lines about an item.
func (w *Worker) about(it *item) *slog.Logger {
	log := w.log.With("job", it.job)
	if id := it.traceparent().TraceID(); id != "" {
		log = log.With("trace_id", id)
	}
	return log
}
