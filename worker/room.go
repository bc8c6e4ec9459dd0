package worker

import (
	"context"
	"time"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/queue"
)

// await waits until there is room for a worthwhile batch and nothing stops the
// number, and returns how many jobs to ask for.
func (in *intake) await(ctx context.Context) (int, bool) {
	for {
		if n := in.free(); n > 0 {
			b := in.blocked()
			if b.limit > 0 {
				n, ok := in.spread(ctx, min(n, b.limit))
				if n > 0 || !ok {
					return n, ok
				}
				continue
			}
			if b.halted {
				in.works(false)
			}
			in.why.Store(int32(b.why))
			ok := b.await(ctx)
			in.why.Store(int32(lossNone))
			if !ok {
				return 0, false
			}
			continue
		}
		select {
		case <-ctx.Done():
			return 0, false
		case <-in.freed:
		}
	}
}

// free is how many more jobs the queue may hold, or 0 while that would be too few
// to be worth a round trip. What is on its way to the API counts only where it is
// very much.
func (in *intake) free() int {
	in.mu.Lock()
	waiting, free := in.waiting, 2*maxHeld-len(in.held)
	in.mu.Unlock()
	if in.room == nil {
		return min(max(0, maxFetch-waiting), max(0, free))
	}
	return min(in.room.ask(in, waiting, in.line.ahead(in.id.Lane)), max(0, free))
}

// works notes whether the queue has jobs, for the others of its lane and number.
func (in *intake) works(busy bool) {
	if in.room != nil {
		in.room.works(in, busy)
	}
}

// block says how many jobs may be taken, and where that is none, what to wait for:
// a change, or the end of a wait where there is one.
type block struct {
	limit int
	// halted says that it is the queue's own: the number's others go on without it.
	halted  bool
	why     loss
	wait    time.Duration
	changed [2]<-chan struct{}
}

// await waits until the block may be over; false when ctx ends.
func (b *block) await(ctx context.Context) bool {
	var over <-chan time.Time
	if b.wait > 0 {
		timer := time.NewTimer(b.wait)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-b.changed[0]:
	case <-b.changed[1]:
	case <-over:
	}
	return true
}

// blocked asks whether the number is stopped or the campaign paused. While a stop's
// probe is due, jobs come one at a time. What waits for a person costs nothing.
func (in *intake) blocked() block {
	if in.id.Lane == queue.DeadlineLane {
		return block{limit: maxFetch} // its messages have been sent
	}
	changed := in.w.cfg.Campaigns.Changed() // before the look, so that nothing is missed
	if wait, stands := in.halted(); stands {
		return block{halted: true, why: lossPaused, wait: wait, changed: [2]<-chan struct{}{changed}}
	}
	if in.line == nil {
		return block{limit: maxFetch}
	}
	if parked := int(in.parked.Load()); parked > 0 && in.state() == campaign.Cancelled {
		// Redeliveries come first, but not before their time.
		if wait := time.Until(time.UnixMilli(in.parkedAt.Load()).Add(2 * pausedDelay)); wait > 0 {
			return block{wait: wait, changed: [2]<-chan struct{}{changed}}
		}
		return block{limit: parked}
	}
	wait, tries := in.rationed()
	if wait > 0 {
		return block{halted: true, why: lossQuota, wait: wait, changed: [2]<-chan struct{}{changed, in.w.cfg.Stops.Changed()}}
	}
	stops := in.w.cfg.Stops.Changed()
	if wait, n := in.setAside(); wait > 0 {
		return block{halted: true, why: lossStopped, wait: wait, changed: [2]<-chan struct{}{changed, stops}}
	} else if n < tries {
		tries = n
	}
	v := in.w.cfg.Stops.Peek(in.line.targets()...)
	switch {
	case v.OK && !v.Probe:
		return block{limit: tries}
	case !v.OK:
		return block{why: lossStopped, wait: recheck(v.Stop.Until), changed: [2]<-chan struct{}{changed, v.Changed}}
	}
	in.mu.Lock()
	met := time.Until(in.metUntil)
	in.mu.Unlock()
	if met > 0 {
		return block{why: lossStopped, wait: met, changed: [2]<-chan struct{}{changed, in.w.cfg.Stops.Changed()}}
	}
	return block{limit: 1}
}

// recheck is how long to wait at a stop: until its time has come, and no longer than
// [stopRecheck], since the probe may be another's. A person is waited for without end.
func recheck(until time.Time) time.Duration {
	if until.IsZero() {
		return 0
	}
	if wait := time.Until(until); wait > 0 {
		return min(wait, stopRecheck)
	}
	return stopRecheck
}

// halted asks whether the campaign's jobs are to stay where they are: while it is
// paused, and for a moment after it was cancelled, when whoever did so waits for
// those in flight, and then counts and removes the others all at once.
func (in *intake) halted() (wait time.Duration, stands bool) {
	spec, known := in.w.cfg.Campaigns.Lookup(in.id.Campaign)
	switch {
	case !known:
	case spec.State == campaign.Paused:
		return 0, true
	case spec.State == campaign.Cancelled:
		wait = min(in.w.cfg.CancelGrace-time.Since(spec.Since), in.w.cfg.CancelGrace)
		return wait, wait > 0 && in.parked.Load() == 0
	}
	return 0, false
}

// park counts a job that is given back because the campaign is paused.
func (in *intake) park() {
	in.parkedAt.Store(time.Now().UnixMilli())
	in.parked.Add(1)
}

// unpark takes what came back off the jobs that were given back in a pause. A fetch of
// a cancelled campaign that brought nothing found that others have them; one that began
// before says nothing, and while jobs are sent nobody waits for any.
func (in *intake) unpark(began campaign.State, fetched []*queue.Delivery) {
	switch {
	case began == campaign.Cancelled && len(fetched) > 0:
		back := int64(0)
		for _, d := range fetched {
			if d.Delivered > 1 {
				back++
			}
		}
		in.parked.Add(-min(back, in.parked.Load()))
	case began == campaign.Cancelled, began != campaign.Paused && in.state() == began:
		in.parked.Store(0)
	}
}

// state is the campaign's; that of one that nobody knows yet is open.
func (in *intake) state() campaign.State {
	if spec, known := in.w.cfg.Campaigns.Lookup(in.id.Campaign); known {
		return spec.State
	}
	return campaign.Open
}
