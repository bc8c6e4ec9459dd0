package worker

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/wacast/wacast/pkg/policy"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/whatsapp"
)

const (
	// probeTimeout bounds a look at an API that may hang.
	probeTimeout = 5 * time.Second
	// probeJitter keeps replicas from looking together.
	probeJitter = 300 * time.Millisecond
	// probeRecheck bounds how long a number waits that this worker has only just
	// begun to send for.
	probeRecheck = time.Second
)

// judge takes an answer into the account of its number, and stops the number where
// too many say nothing. It reports whether the answer is one of an outage.
func (w *Worker) judge(it *item, class whatsapp.Class, err error, began time.Time) (outage bool) {
	l := it.intake.line
	if w.cfg.Stops.Fails(l.target()) {
		return !policy.Conclusive(class) // of a probe, or of what was in flight
	}
	l.answers.Lock()
	trips := l.breaker.Answer(class, began, time.Now())
	l.answers.Unlock()
	if trips {
		detail := "too many answers were unclear, so that nothing is sent until there is a clear one; the last: " + textOf(err)
		if err := w.cfg.Stops.Failing(w.work, l.target(), codeOf(err), detail, policy.ProbeWait(1)); err != nil {
			w.log.Error("a stop could not be shared; other replicas find out by themselves", "number", l.number.ID, "error", err)
		}
	}
	return trips
}

// revive looks, while numbers fail, whether the API answers again, until ctx ends.
func (w *Worker) revive(ctx context.Context) {
	for ctx.Err() == nil {
		b := block{changed: [2]<-chan struct{}{w.cfg.Stops.Changed()}}
		for _, stop := range w.cfg.Stops.ListFailing() {
			left := time.Until(stop.Until)
			if left <= 0 {
				w.takeTurn(ctx, stop)
				left = probeRecheck
			}
			if b.wait == 0 || left < b.wait {
				b.wait = min(left+rand.N(probeJitter), probeRecheck)
			}
		}
		b.await(ctx)
	}
}

// takeTurn probes a number that this worker sends for, if no other replica does.
func (w *Worker) takeTurn(ctx context.Context, stop sender.Stop) {
	w.mu.Lock()
	l := w.lines[stop.Name]
	w.mu.Unlock()
	if l == nil || stop.Scope != sender.ScopeNumber {
		return
	}
	if w.cfg.Stops.Turn(ctx, l.target(), policy.ProbeWait(stop.Probes+2)) {
		w.keeping.Go(func() { l.probe(ctx) })
	}
}

// probe asks the API something that costs no message, and has one message tried
// once it answers.
func (l *line) probe(ctx context.Context) {
	token, err := l.number.Account.Token.Value()
	if probe := l.w.cfg.Probe; probe != nil && err == nil { // a message stops the account for a bad token
		ctx, cancel := context.WithTimeout(ctx, probeTimeout)
		defer cancel()
		if err := probe.Probe(ctx, l.number.ID, token); !policy.Conclusive(whatsapp.ClassOf(err)) {
			return
		}
	}
	l.w.cfg.Stops.Allow(l.target())
}
