package worker

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/policy"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// send makes the one request of a claimed item and decides what its answer means.
func (w *Worker) send(it *item) {
	defer w.places.release(it.intake.line.share, 1)
	token, err := it.number.Account.Token.Value()
	if err != nil {
		w.stopFor(it, policy.Action{Stop: policy.ScopeAccount, Delay: tokenDelay, Reason: job.ReasonAccount}, 0, err.Error())
		w.returnClaimed(it, causeStop, tokenDelay)
		return
	}
	// Another worker may take the job over from then on, before an answer could come.
	it.message.SendBy = it.lease.Add(-w.cfg.SendTimeout)
	start := time.Now()
	switch {
	case !start.Before(it.message.SendBy):
		w.unprobe(it)
		w.returnClaimed(it, causeLease, 0)
		return
	case w.interrupted(it):
		w.returnClaimed(it, causeStop, time.Second)
		return
	}
	it.message.CallbackData = job.Token{Namespace: w.cfg.Namespace, Key: it.job.Key(), Attempt: it.attempt}.String()
	w.begin(it, start)
	w.metrics.inFlight.Inc()
	accepted, err := w.cfg.API.Send(w.sendContext(start), it.number.ID, token, &it.message)
	w.metrics.inFlight.Dec()
	took := time.Since(start)
	w.latency.note(took)
	w.metrics.sent(it.number.ID, whatsapp.ClassOf(err), codeOf(err), took)
	w.decide(it, accepted, err, start)
}

// interrupted reports whether something has been stopped since the item was admitted.
func (w *Worker) interrupted(it *item) bool {
	if w.cfg.Stops.Free() || len(it.probes) > 0 {
		return false
	}
	v := w.cfg.Stops.Peek(it.targets()...)
	return !v.OK || v.Probe
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
func (w *Worker) decide(it *item, accepted whatsapp.Accepted, err error, began time.Time) {
	class := whatsapp.ClassOf(err)
	tries := it.attempt
	if !policy.Counts(class) {
		tries = min(it.delivery.Delivered, maxStreak)
	}
	action := w.slow(it, policy.DecideError(err, tries, w.cfg.Limits), err, began)
	w.heed(it.intake.line, accepted, err)
	outage := w.judge(it, class, err, began)
	w.probed(it, class, action, err)
	w.learn(it, &accepted)
	switch {
	case outage && class == whatsapp.ClassTransient:
		// An outage must not use up the attempts of whoever meets it.
		w.returnClaimed(it, causeRetry, stopDelay(0))
	case action.Do == policy.Settle:
		w.end(it, ending{outcome: action.Outcome, reason: action.Reason, code: codeOf(err),
			detail: textOf(err), accepted: accepted, claimed: true, optedOut: w.told(it, err)})
	case action.Do == policy.Retry:
		next := it.attempt
		if action.CountsAttempt {
			next++
		}
		w.retry(it, causeRetry, action.Delay, next)
	case action.Do == policy.GiveBack:
		delay := stopDelay(action.Delay)
		if !stopsOthers(it.target(&action).Scope) {
			delay = time.Second // it is put aside then
		}
		w.returnClaimed(it, causeStop, delay)
	}
}

// probed tells the stops what the answer says of the targets: a refusal that
// concerns more than this message stops its scope, and a clear answer to a probe
// lifts what was stopped.
func (w *Worker) probed(it *item, class whatsapp.Class, action policy.Action, err error) {
	probes := it.probes
	switch {
	case action.Do == policy.GiveBack:
		w.stopFor(it, action, codeOf(err), textOf(err))
		if len(probes) > 0 {
			w.lifted(w.cfg.Stops.LiftFailing(w.work, probes...))
		}
	case len(probes) == 0:
	case policy.Conclusive(class):
		w.lifted(w.cfg.Stops.Lift(w.work, probes...))
	default:
		w.cfg.Stops.Inconclusive(probes...)
		it.probes = nil
	}
}

func (w *Worker) lifted(err error) {
	if err != nil {
		w.log.Error("a lifted stop could not be shared; other replicas find out by themselves", "error", err)
	}
}

// stopFor stops the scope that the action names. The other scopes that the item
// was let through to probe have had their answer.
func (w *Worker) stopFor(it *item, action policy.Action, code int, detail string) {
	targets := []sender.Target{it.target(&action)}
	if action.Stop == policy.ScopeApp {
		targets = w.accounts()
	}
	for _, target := range targets {
		if err := w.cfg.Stops.Refused(w.work, target, action.Reason, code, detail, action.Delay); err != nil {
			w.log.Error("a stop could not be shared; other replicas find out by themselves", "scope", target.Scope, "name", target.Name, "error", err)
		}
	}
	w.unprobe(it)
}

// accounts are all of them, as what may be stopped.
func (w *Worker) accounts() (targets []sender.Target) {
	for _, a := range w.cfg.Directory.Accounts() {
		targets = append(targets, sender.Target{Scope: sender.ScopeAccount, Name: a.WABA})
	}
	return targets
}

// target is what an action stops.
func (it *item) target(action *policy.Action) sender.Target {
	targets := it.targets()
	switch action.Stop {
	case policy.ScopeAccount, policy.ScopeApp:
		return targets[0]
	case policy.ScopeNumber:
		return targets[1]
	case policy.ScopeCategory:
		if strings.EqualFold(action.Category, it.category) {
			return targets[4]
		}
	}
	return targets[3] // other languages of the template may be sent
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
