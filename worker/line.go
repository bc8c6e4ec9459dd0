package worker

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/policy"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/ratelimit"
	"github.com/wacast/wacast/pkg/sender"
)

const (
	// claimLead is how long before its slot a job is claimed: time for the ledger and the
	// stream of claims also on a busy machine, and no more, since a claim that a killed
	// worker leaves is unknown.
	claimLead = 35 * time.Millisecond
	// claimWindow is how many slots are claimed together.
	claimWindow = 20 * time.Millisecond
	// lateSlot is from when on a slot is given up: sends that are caught up with come on
	// top of those a second later, of which the API would refuse as many.
	lateSlot = 30 * time.Millisecond
	// askSpread is how much later than it might a line asks again that found no slots, at
	// random: otherwise all replicas ask for the same slot at the same moment, and the
	// same ones are always the first. It doubles up to mostSpread while there are none
	// to be found, which says that there are many replicas.
	askSpread, mostSpread = 15 * time.Millisecond, 60 * time.Millisecond
	// recordRecheck is how soon a line notices that outcomes can be recorded again.
	recordRecheck = 100 * time.Millisecond
)

// line sends for one number: a slot belongs to the number, and at its time it
// takes the first ready job by lane.
type line struct {
	w      *Worker
	number sender.Number
	pace   pace
	ready  *ready
	share  *share
	// claimed are jobs whose claims are not in the stream yet, due those whose are, on
	// their way to their slots.
	claimed chan []timed
	due     chan timed
	// held is what the number's queues have here, by lane.
	held map[job.Lane]*allowance

	// pairs are the recipients that wait, and heedAt is when to look at the call limits
	// again, in Unix milliseconds.
	pairs  pairs
	heedAt atomic.Int64
	// waits is the [loss] that the line waited for last, served counts the jobs that went
	// to their slots, and servedThen is the keeper's last look at that.
	waits      atomic.Int32
	served     atomic.Int64
	servedThen int64
	// ration is the number's daily limit, once it is used up.
	ration ration

	answers sync.Mutex
	breaker policy.Breaker

	claimedAt time.Time // when the ledger let through what was asked for last
	// late is by how much claims usually come into the stream after their slots.
	late time.Duration

	spread   time.Duration        // of the next ask, where there are no slots
	requests []dedup.ClaimRequest // used again by each batch of claims
	notes    []queue.ClaimNote    // by each message of them
}

// timed is a claimed job and its slot.
type timed struct {
	it *item
	at time.Time
}

func newLine(w *Worker, n sender.Number) *line {
	l := &line{
		w: w, number: n, ready: newReady(), share: newShare(), held: make(map[job.Lane]*allowance),
		claimed: make(chan []timed, maxNoting), due: make(chan timed, maxFetch),
	}
	for _, lane := range job.Lanes() {
		l.held[lane] = new(allowance)
	}
	w.metrics.add(n.ID)
	l.pace.part.Store(math.Float64bits(1))
	l.limit()
	return l
}

// target is the number, as what may be stopped.
func (l *line) target() sender.Target {
	return sender.Target{Scope: sender.ScopeNumber, Name: l.number.ID}
}

// targets are what a stop of keeps the whole line from sending.
func (l *line) targets() []sender.Target {
	return []sender.Target{{Scope: sender.ScopeAccount, Name: l.number.Account.WABA}, l.target()}
}

// run reserves slots while there are ready jobs, until ctx ends; then the jobs
// that hold no claim go back to their queues.
func (l *line) run(ctx context.Context) {
	var noting, dispatching sync.WaitGroup
	dispatching.Go(l.dispatch)
	defer dispatching.Wait()
	noting.Go(func() { l.noteAll(ctx) })
	for l.ready.wait(ctx) {
		if l.w.trouble.recording.err() != nil || !l.w.informed() {
			l.wait(lossNATS)
			sleep(ctx, recordRecheck) // what cannot be recorded, or may be unwanted, is not sent
			continue
		}
		for _, group := range l.slots(ctx) {
			if !sleep(ctx, time.Until(group[0])-claimLead) {
				break
			}
			l.serve(ctx, inTime(group))
		}
	}
	close(l.claimed)
	noting.Wait()
	for _, it := range l.ready.take(l.ready.len()) {
		l.w.giveBack(it, causeDrain, 0)
	}
}

// slots reserves send times for the ready jobs and groups those that are claimed
// together. It waits where there are none to be had, and returns none then.
func (l *line) slots(ctx context.Context) [][]time.Time {
	all, urgent := l.ready.count()
	want := max(1, min(all, l.w.cfg.MaxInFlight))
	g, err := l.w.slots.get(ctx, ratelimit.Request{
		Sender: l.number.ID, Spacing: l.limit().spacing, Want: want, Urgent: min(urgent, want),
	})
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		l.wait(lossLedger)
		sleep(ctx, maxPause/4)
		return nil
	}
	l.granted(&g.Grant)
	l.wait(l.slowed())
	if g.Count == 0 {
		l.ready.rest(ctx, time.Until(g.at.Add(g.Again))+rand.N(max(l.spread, askSpread)))
		l.spread = min(max(l.spread, askSpread)*2, mostSpread)
		return nil
	}
	l.spread /= 2
	return group(g.at.Add(g.First), g.Spacing, g.Count)
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
		l.wait(lossInFlight)
		places := l.w.places.acquire(ctx, l.share, len(slots))
		if !l.w.informed() {
			l.w.places.release(l.share, places)
			return
		}
		l.wait(lossLedger)
		slots = inTime(slots) // what waited for a place may be too late
		items := l.take(places, len(slots))
		if len(items) == 0 {
			return
		}
		items, err := l.allot(ctx, items)
		if err != nil {
			return
		}
		if len(items) == 0 {
			continue
		}
		mine, err := l.claim(ctx, items)
		if err != nil {
			return
		}
		if len(mine) > 0 {
			batch := make([]timed, len(mine))
			for i, it := range mine {
				batch[i] = timed{it, slots[i]}
			}
			l.claimed <- batch
		}
		slots = slots[len(mine):]
	}
}

// inTime leaves out the slots that are to be given up.
func inTime(slots []time.Time) []time.Time {
	for len(slots) > 0 && time.Since(slots[0]) >= lateSlot {
		slots = slots[1:]
	}
	return slots
}

// take removes up to n ready items that nothing stops, each with its place among
// the requests in flight. The places are as many as the line has got for them: those
// that it has no use for are given back.
func (l *line) take(places, n int) []*item {
	n = min(n, places)
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
	l.w.places.release(l.share, places-len(admitted))
	return admitted
}

// dispatch starts each request at its slot, until the line closes. Where claims
// came late, the guard keeps those that wait from going out all at once.
func (l *line) dispatch() {
	for t := range l.due {
		at := t.at
		if now := time.Now(); now.After(at) {
			at = now
		}
		at = l.w.guard.Slot(l.number.ID, l.pace.limit.Load().shortest, at)
		if wait := time.Until(at); wait > 0 {
			time.Sleep(wait) // at most a few claim windows, also while draining
		}
		l.w.posts.start(t.it)
	}
}
