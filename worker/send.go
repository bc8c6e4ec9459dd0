package worker

import (
	"context"
	"errors"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/policy"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// send makes the one request of a claimed item and decides what its answer means.
func (w *Worker) send(it *item) {
	defer w.places.release(1)
	token, err := it.number.Account.Token.Value()
	if err != nil {
		w.stopFor(it, policy.Action{Stop: policy.ScopeAccount, Delay: tokenDelay, Reason: job.ReasonAccount}, 0, err.Error())
		w.returnClaimed(it, causeStop, tokenDelay)
		return
	}
	if !time.Now().Before(it.lease.Add(-w.cfg.SendTimeout)) {
		// Another worker may take the job over before an answer could come.
		w.unprobe(it)
		w.returnClaimed(it, causeLease, 0)
		return
	}
	it.message.CallbackData = job.Token{Namespace: w.cfg.Namespace, Key: it.job.Key(), Attempt: it.attempt}.String()
	w.metrics.inFlight.Inc()
	start := time.Now()
	accepted, err := w.cfg.API.Send(w.sendContext(start), it.number.ID, token, &it.message)
	w.metrics.inFlight.Dec()
	w.metrics.sent(it.number.ID, whatsapp.ClassOf(err), codeOf(err), time.Since(start))
	w.decide(it, accepted, err)
}

// sendWindow is for how long requests share a deadline.
const sendWindow = 50 * time.Millisecond

// deadline is a context that the requests of one window share: one for each would
// cost a timer and a lock that all of them wait for.
type deadline struct {
	context.Context
	until time.Time // requests that start before may use it
}

// sendContext bounds a request that starts now: it ends when the send timeout is
// over, up to a window later, or when the worker must stop.
func (w *Worker) sendContext(now time.Time) context.Context {
	if d := w.deadline.Load(); d != nil && now.Before(d.until) {
		return d
	}
	ctx, cancel := context.WithTimeout(w.work, w.cfg.SendTimeout+sendWindow)
	context.AfterFunc(ctx, cancel)
	d := &deadline{Context: ctx, until: now.Add(sendWindow)}
	w.deadline.Store(d)
	return d
}

// tokenDelay is when an account whose token cannot be read is probed first.
const tokenDelay = 10 * time.Second

// maxStreak bounds how many deliveries lengthen the wait after an answer that
// counts no attempt: some of them were for other causes.
const maxStreak = 4

// decide turns what happened into what is done.
func (w *Worker) decide(it *item, accepted whatsapp.Accepted, err error) {
	class := whatsapp.ClassOf(err)
	tries := it.attempt
	if !policy.Counts(class) {
		tries = min(it.delivery.Delivered, maxStreak)
	}
	action := policy.DecideError(err, tries, w.cfg.Limits)
	w.probed(it, class, action, err)
	switch action.Do {
	case policy.Settle:
		w.end(it, ending{outcome: action.Outcome, reason: action.Reason, code: codeOf(err),
			detail: textOf(err), accepted: accepted, claimed: true})
	case policy.Retry:
		next := it.attempt
		if action.CountsAttempt {
			next++
		}
		w.retry(it, causeRetry, action.Delay, next)
	case policy.GiveBack:
		w.returnClaimed(it, causeStop, stopDelay(it.target(action.Stop).Scope, action.Delay))
	}
}

// probed tells the stops what the answer says of the targets: a refusal that
// concerns more than this message stops its scope, and a clear answer to a probe
// lifts what was stopped.
func (w *Worker) probed(it *item, class whatsapp.Class, action policy.Action, err error) {
	switch {
	case action.Do == policy.GiveBack:
		w.stopFor(it, action, codeOf(err), textOf(err))
	case len(it.probes) == 0:
	case policy.Conclusive(class):
		if err := w.cfg.Stops.Lift(w.work, it.probes...); err != nil {
			w.log.Error("a lifted stop could not be shared; other replicas find out by themselves", "error", err)
		}
	default:
		w.cfg.Stops.Inconclusive(it.probes...)
		it.probes = nil
	}
}

// stopFor stops the scope that the action names. The other scopes that the item
// was let through to probe have had their answer.
func (w *Worker) stopFor(it *item, action policy.Action, code int, detail string) {
	target := it.target(action.Stop)
	if err := w.cfg.Stops.Refused(w.work, target, action.Reason, code, detail, action.Delay); err != nil {
		w.log.Error("a stop could not be shared; other replicas find out by themselves", "scope", target.Scope, "name", target.Name, "error", err)
	}
	w.unprobe(it)
}

func (it *item) target(scope policy.Scope) sender.Target {
	targets := it.targets()
	switch scope {
	case policy.ScopeAccount:
		return targets[0]
	case policy.ScopeNumber:
		return targets[1]
	}
	return targets[2]
}

// unprobe gives back the probes of an item whose answer says nothing about them.
func (w *Worker) unprobe(it *item) {
	if len(it.probes) > 0 {
		w.cfg.Stops.Unprobed(it.probes...)
		it.probes = nil
	}
}

func codeOf(err error) int {
	var answer *whatsapp.Error
	if errors.As(err, &answer) {
		return answer.Code
	}
	return 0
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// places bounds the requests in flight.
type places chan struct{}

func newPlaces(n int) places { return make(places, n) }

// gatherPlaces is how long to wait for more places where they are scarce: one
// claim for a few jobs costs as much as one for many.
const gatherPlaces = time.Millisecond

// acquire takes up to n places, and waits for the first one. It returns how many
// it got: 0 only when ctx ended.
func (p places) acquire(ctx context.Context, n int) int {
	if n == 0 {
		return 0
	}
	select {
	case p <- struct{}{}:
	case <-ctx.Done():
		return 0
	}
	got := 1 + p.free(n-1)
	if got < min(n, cap(p)/4) && sleep(ctx, gatherPlaces) {
		got += p.free(n - got)
	}
	return got
}

// free takes up to n places without waiting.
func (p places) free(n int) int {
	for got := range n {
		select {
		case p <- struct{}{}:
		default:
			return got
		}
	}
	return n
}

func (p places) release(n int) {
	for range n {
		<-p
	}
}
