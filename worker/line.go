package worker

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/ratelimit"
	"github.com/wacast/wacast/pkg/sender"
)

const (
	// claimLead is how long before its slot a job is claimed: time for a round
	// trip, and no more, since a claim that a killed worker leaves is unknown.
	claimLead = 20 * time.Millisecond
	// claimWindow is how many slots are claimed together.
	claimWindow = 20 * time.Millisecond
	// lateSlot is from when on a slot is given up: sends that are caught up with
	// would come on top of those whose slots are now.
	lateSlot = 50 * time.Millisecond
	// recordRecheck is how soon a line notices that outcomes can be recorded again.
	recordRecheck = 100 * time.Millisecond
)

// line sends for one number: a slot belongs to the number, and at its time it
// takes the first ready job by lane.
type line struct {
	w      *Worker
	number sender.Number
	rate   ratelimit.Rate
	ready  *ready
	due    chan timed // claimed jobs on their way to their slots
	// intakes counts the queues that are pulled for the number.
	intakes atomic.Int32
}

// queues is how many queues share the number, at least one.
func (l *line) queues() int { return max(1, int(l.intakes.Load())) }

// timed is a claimed job and its slot.
type timed struct {
	it *item
	at time.Time
}

func newLine(w *Worker, n sender.Number) *line {
	rate := ratelimit.Rate{PerSecond: float64(n.MPS), Headroom: w.cfg.Headroom}
	w.metrics.add(n.ID, n.MPS, float64(time.Second)/float64(rate.Spacing()))
	return &line{w: w, number: n, rate: rate, ready: newReady(), due: make(chan timed, maxFetch)}
}

// targets are what a stop of keeps the whole line from sending.
func (l *line) targets() []sender.Target {
	return []sender.Target{
		{Scope: sender.ScopeAccount, Name: l.number.Account.WABA},
		{Scope: sender.ScopeNumber, Name: l.number.ID},
	}
}

// run reserves slots while there are ready jobs, until ctx ends; then the jobs
// that hold no claim go back to their queues.
func (l *line) run(ctx context.Context) {
	var dispatching sync.WaitGroup
	dispatching.Go(l.dispatch)
	defer dispatching.Wait()
	defer close(l.due)
	for l.ready.wait(ctx) {
		if l.w.trouble.recording.err() != nil {
			sleep(ctx, recordRecheck) // what cannot be recorded is not sent
			continue
		}
		for _, group := range l.slots(ctx) {
			if !sleep(ctx, time.Until(group[0])-claimLead) {
				break
			}
			if time.Since(group[0]) < lateSlot {
				l.serve(ctx, group)
			}
		}
	}
	for _, it := range l.ready.take(l.ready.len()) {
		l.w.giveBack(it, causeDrain, 0)
	}
}

// slots reserves send times for the ready jobs and groups those that are claimed
// together. It waits where there are none to be had, and returns none then.
func (l *line) slots(ctx context.Context) [][]time.Time {
	want := min(l.ready.len(), l.w.cfg.MaxInFlight)
	grants, err := l.w.cfg.Slots.Reserve(ctx, []ratelimit.Request{{Sender: l.number.ID, Spacing: l.rate.Spacing(), Want: want}})
	if ctx.Err() != nil {
		return nil
	}
	if l.w.trouble.slots.note(err) != nil {
		sleep(ctx, maxPause/4)
		return nil
	}
	g := grants[0]
	if g.Count == 0 {
		sleep(ctx, g.Again)
		return nil
	}
	return group(time.Now().Add(g.First), g.Spacing, g.Count)
}

// group cuts evenly spaced slots into runs of at most claimWindow.
func group(first time.Time, spacing time.Duration, count int) [][]time.Time {
	var groups [][]time.Time
	for i := range count {
		at := first.Add(time.Duration(i) * spacing)
		if last := len(groups) - 1; last >= 0 && at.Sub(groups[last][0]) < claimWindow {
			groups[last] = append(groups[last], at)
			continue
		}
		groups = append(groups, []time.Time{at})
	}
	return groups
}

// serve gives the slots to the first ready jobs. A slot whose claim is refused
// takes the next one.
func (l *line) serve(ctx context.Context, slots []time.Time) {
	for len(slots) > 0 {
		items := l.take(ctx, len(slots))
		if len(items) == 0 {
			return
		}
		mine, err := l.claim(ctx, items)
		if err != nil {
			return
		}
		for i, it := range mine {
			l.w.metrics.slotWait.WithLabelValues(l.number.ID).Observe(time.Since(it.readyAt).Seconds())
			it.intake.leave(it)
			l.due <- timed{it, slots[i]}
		}
		slots = slots[len(mine):]
	}
}

// take removes up to n ready items that nothing stops, each with its place among
// the requests in flight. It waits for the first place only.
func (l *line) take(ctx context.Context, n int) []*item {
	n = l.w.places.acquire(ctx, n)
	var admitted []*item
	for len(admitted) < n {
		items := l.ready.take(n - len(admitted))
		if len(items) == 0 {
			break
		}
		for _, it := range items {
			if l.admit(it) {
				admitted = append(admitted, it)
			}
		}
	}
	l.w.places.release(n - len(admitted))
	return admitted
}

// admit looks once more at what may have changed while the item waited.
func (l *line) admit(it *item) bool {
	if it.expired(time.Now()) {
		l.w.end(it, ending{outcome: job.Expired, reason: job.ReasonExpired})
		return false
	}
	if it.intake.paused() {
		l.w.giveBack(it, causeStop, pauseRecheck)
		return false
	}
	v := l.w.cfg.Stops.Admit(it.targets()...)
	if !v.OK {
		if v.Stop.Scope != sender.ScopeTemplate {
			it.intake.metStop(v.Stop)
		}
		l.w.giveBack(it, causeStop, stopDelay(v.Stop.Scope, time.Until(v.Stop.Until)))
		return false
	}
	if v.Probe {
		it.probes = it.targets()
	}
	return true
}

// stopDelay keeps a job that met a stop away until the stop's next probe, or for
// a moment where that is far away: another replica may lift it at any time. The
// other templates of a queue must not wait behind one that is stopped, so its jobs
// stay away for longer.
func stopDelay(scope sender.Scope, until time.Duration) time.Duration {
	most := stopRecheck
	if scope == sender.ScopeTemplate {
		most = templateDelay
	}
	return min(max(until, time.Second), most)
}

// templateDelay is the longest that jobs of a stopped template are put away for.
const templateDelay = time.Minute

// claim writes into the ledger that the items are about to be sent, and returns
// those that are ours to send. On an error all go back to the head of the line;
// repeating a claim is harmless.
func (l *line) claim(ctx context.Context, items []*item) ([]*item, error) {
	requests := make([]dedup.ClaimRequest, len(items))
	for i, it := range items {
		requests[i] = dedup.ClaimRequest{Subject: it.subject, Nonce: it.nonce}
	}
	claims, err := l.w.cfg.Ledger.Claim(ctx, requests)
	if err != nil {
		l.unclaim(ctx, items, err)
		return nil, err
	}
	mine := items[:0]
	for i, it := range items {
		it.maybeClaimed = false
		if c := claims[i]; c.Verdict == dedup.Yours {
			it.attempt, it.lease = c.Entry.Attempt, c.Deadline
			mine = append(mine, it)
			continue
		}
		l.w.unprobe(it)
		l.w.places.release(1)
		l.w.meet(it, claims[i].Entry)
	}
	return mine, nil
}

// unclaim puts items whose claim failed back, and waits a moment for a ledger
// that is away.
func (l *line) unclaim(ctx context.Context, items []*item, err error) {
	l.w.places.release(len(items))
	for _, it := range items {
		l.w.unprobe(it)
		it.maybeClaimed = true // only the answer may have been lost
	}
	l.ready.putBack(items)
	if ctx.Err() == nil {
		_ = l.w.trouble.ledger.note(err)
		sleep(ctx, maxPause/4)
	}
}

// dispatch starts each request at its slot, until the line closes. Where claims
// came late, the guard keeps those that wait from going out all at once.
func (l *line) dispatch() {
	for t := range l.due {
		at := t.at
		if now := time.Now(); now.After(at) {
			at = now
		}
		at = l.w.guard.Slot(l.number.ID, l.rate.Spacing(), at)
		if wait := time.Until(at); wait > 0 {
			time.Sleep(wait) // at most a few claim windows, also while draining
		}
		l.w.posts.start(t.it)
	}
}
