package worker

import (
	"context"
	"errors"
	"time"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/sender"
)

// pausedDelay keeps a job that met a pause of its campaign from coming back at once
// by a pull that is still open.
const pausedDelay = 250 * time.Millisecond

// admit looks once more at what may have changed while the item waited.
func (l *line) admit(it *item) bool {
	if it.expired(time.Now()) {
		l.w.end(it, ending{outcome: job.Expired, reason: job.ReasonExpired})
		return false
	}
	switch it.intake.state() {
	case campaign.Paused:
		it.intake.park()
		l.w.giveBack(it, causeStop, pausedDelay)
		return false
	case campaign.Cancelled:
		l.w.end(it, cancelled())
		return false
	}
	if wait, tries := it.intake.rationed(); wait > 0 && tries < scanJobs { // others are looked at one by one
		l.w.giveBack(it, causeQuota, quotaDelay(wait))
		return false
	}
	if wait := l.pairs.wait(it.recipient()); wait > 0 {
		l.w.putOff(it, causePair, wait)
		return false
	}
	if !l.w.consents(it) {
		return false
	}
	if l.w.cfg.Stops.Free() {
		return true
	}
	v := l.w.cfg.Stops.Admit(it.targets()...)
	if !v.OK {
		l.stopped(it, v.Stop)
		return false
	}
	if v.Probe {
		it.probes = it.targets()
	}
	it.intake.aside.passed()
	return true
}

// stopped gives back an item that met a stop.
func (l *line) stopped(it *item, stop sender.Stop) {
	if !stopsOthers(stop.Scope) {
		it.intake.putAside(it, stop)
		return
	}
	it.intake.metStop(stop)
	l.w.giveBack(it, causeStop, stopDelay(time.Until(stop.Until)))
}

// cancelled is how a job of a cancelled campaign ends.
func cancelled() ending { return ending{outcome: job.Cancelled, reason: job.ReasonCancelled} }

// stopDelay keeps a job that met a stop away until the stop's next probe, or for
// a moment where that is far away: another replica may lift it at any time.
func stopDelay(until time.Duration) time.Duration { return min(max(until, time.Second), stopRecheck) }

// claim writes into the ledger that the items are about to be sent, and returns those
// that are ours to send. On an error all go back to the head of the line; repeating a
// claim is harmless.
func (l *line) claim(ctx context.Context, items []*item) ([]*item, error) {
	l.requests = l.requests[:0]
	for _, it := range items {
		l.requests = append(l.requests, dedup.ClaimRequest{Subject: it.subject, Nonce: it.nonce})
	}
	claims, err := l.w.cfg.Ledger.Claim(ctx, l.requests)
	if err != nil {
		l.unclaim(ctx, l.w.trouble.ledger, err, items)
		return nil, err
	}
	mine, lost := items[:0], []*item(nil)
	for i, it := range items {
		switch c := &claims[i]; c.Verdict {
		case dedup.Yours:
			it.maybeClaimed, it.attempt, it.lease = false, c.Entry.Attempt, c.Deadline
			mine = append(mine, it)
		case dedup.NotWhole: // a claim of before may stand all the same
			lost = append(lost, it)
		default:
			it.maybeClaimed = false
			l.refuse(it)
			l.w.meet(it, c.Entry)
		}
	}
	if len(mine) > 0 {
		l.claimedAt = time.Now()
	}
	l.await(ctx, lost)
	return mine, nil
}

// refuse gives back what an item was let through with.
func (l *line) refuse(it *item) {
	l.w.unprobe(it)
	l.w.places.release(l.share, 1)
}

var errRebuilt = errors.New("entries may be lost; they are read back from the streams")

// rebuildPause is how soon a line asks again for jobs that the ledger cannot say
// anything of.
const rebuildPause = 250 * time.Millisecond

// lostDelay is how long a queue keeps jobs that the ledger cannot say anything of, while
// it can of others: those must not wait behind them.
const lostDelay = 5 * time.Second

// await puts items away that the ledger cannot say anything of until it is whole again.
// While there are none but such, the line waits.
func (l *line) await(ctx context.Context, lost []*item) {
	if len(lost) == 0 {
		return
	}
	for _, it := range lost {
		l.refuse(it)
	}
	l.w.lostAt.Store(time.Now().UnixMilli())
	_ = l.w.trouble.rebuild.note(errRebuilt)
	if time.Since(l.claimedAt) < lostDelay {
		for _, it := range lost {
			l.w.giveBack(it, causeRebuild, lostDelay)
		}
		return
	}
	l.ready.push(lost...)
	sleep(ctx, rebuildPause)
}

// unclaim puts items whose claim failed back, and waits a moment for what is away.
func (l *line) unclaim(ctx context.Context, t *trouble, err error, items []*item) {
	l.putBack(items)
	if ctx.Err() == nil {
		_ = t.note(err)
		sleep(ctx, maxPause/4)
	}
}

// putBack returns items to the head of the line that may have their claims.
func (l *line) putBack(items []*item) {
	if len(items) == 0 {
		return
	}
	l.w.places.release(l.share, len(items))
	for _, it := range items {
		l.w.unprobe(it)
		it.maybeClaimed = true // only the answer may have been lost
	}
	l.ready.putBack(items)
}
