package worker

import (
	"context"
	"errors"
	"time"

	"github.com/wacast/wacast/pkg/policy"
	"github.com/wacast/wacast/pkg/ratelimit"
	"github.com/wacast/wacast/pkg/whatsapp"
)

const (
	// fullUsage is from what share of a call limit on, in percent, an account's numbers
	// slow down: before there are refusals.
	fullUsage = 95
	// usageEvery is how often a number's answers are asked for it, and how often it
	// slows the numbers down while it lasts.
	usageEvery = time.Second
	// slowTimeout bounds a call that slows numbers down.
	slowTimeout = 2 * time.Second
)

// slow brings down the rate of whatever the answer says is too fast, and returns what
// to do about the item then: a recipient's wait grows with its refusals, whichever jobs
// met them.
func (w *Worker) slow(it *item, action policy.Action, err error, began time.Time) policy.Action {
	l := it.intake.line
	switch action.Slow {
	case policy.ScopeNumber:
		w.slowDown(action.Hold, 1, l)
	case policy.ScopeRecipient:
		action.Delay = l.pairs.refused(it.recipient(), began, func(n int) time.Duration {
			return policy.DecideError(err, n, w.cfg.Limits).Delay
		})
	}
	if err == nil {
		l.pairs.accepted(it.recipient(), began)
	}
	return action
}

// slowDown has all replicas send less of numbers, after so many refusals of each.
func (w *Worker) slowDown(hold time.Duration, refusals int, lines ...*line) {
	downs := make([]ratelimit.Slowdown, len(lines))
	for i, l := range lines {
		downs[i] = ratelimit.Slowdown{Sender: l.number.ID, Spacing: l.limit().spacing, Hold: hold, Refusals: refusals}
	}
	ctx, cancel := context.WithTimeout(w.work, slowTimeout)
	defer cancel()
	if err := w.cfg.Slots.Slow(ctx, downs); err != nil {
		w.log.Warn("numbers could not be slowed down; the next refusal does", "numbers", len(downs), "error", err)
	}
}

// heed looks now and then at what an answer says of the call limits, and slows the
// numbers of the account, or all of them, before a limit is reached.
func (w *Worker) heed(l *line, accepted whatsapp.Accepted, err error) {
	now, next := time.Now().UnixMilli(), l.heedAt.Load()
	if now < next || !l.heedAt.CompareAndSwap(next, now+usageEvery.Milliseconds()) {
		return
	}
	usage := accepted.Usage()
	var refusal *whatsapp.Error
	if errors.As(err, &refusal) {
		usage = refusal.Usage
	}
	app := full(usage.App)
	if !app && !full(usage.Business) {
		return
	}
	var lines []*line
	w.mu.Lock()
	for _, other := range w.lines {
		if app || other.number.Account == l.number.Account {
			other.heedAt.Store(now + usageEvery.Milliseconds()) // one for all of them
			lines = append(lines, other)
		}
	}
	w.mu.Unlock()
	w.slowDown(0, ratelimit.MaxRefusals, lines...) // there is no doubt
}

func full(load whatsapp.Load) bool {
	return max(load.Calls, load.CPU, load.Time) >= fullUsage
}
