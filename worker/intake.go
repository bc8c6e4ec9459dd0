package worker

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/sender"
)

// Bounds of an intake.
const (
	// maxFetch is the most jobs one pull asks for.
	maxFetch = 512
	// minHeld lets a slow number work ahead a little, maxHeld bounds the memory a
	// fast one takes.
	minHeld, maxHeld = 4, 8192
	// fetchWait is how long an idle pull stays open at the server.
	fetchWait = 5 * time.Second
	// idleAfter is how long a queue is pulled after its last job.
	idleAfter = 30 * time.Second
	// stopRecheck bounds how long an intake trusts that a stop still stands.
	stopRecheck = 5 * time.Second
	// pauseRecheck is how soon a resumed campaign is noticed.
	pauseRecheck = 250 * time.Millisecond
)

// intake takes the jobs of one queue, never more than the number can send in
// about a second: what is held here is delayed for every other replica, and the
// server takes a job for lost when it is held too long.
type intake struct {
	w    *Worker
	id   queue.ID
	line *line // nil for a number of no account
	// newer says once that jobs are too new for this build.
	newer sync.Once

	mu   sync.Mutex
	held map[*item]struct{}
	// waiting counts those of them that are not on their way to the API yet.
	waiting int
	// metUntil is how long a stop that jobs of this queue met keeps it from being
	// pulled.
	metUntil time.Time
	freed    chan struct{} // holds a token when there may be room
}

func newIntake(w *Worker, id queue.ID, l *line) *intake {
	return &intake{w: w, id: id, line: l, held: make(map[*item]struct{}), freed: make(chan struct{}, 1)}
}

// run pulls until ctx ends, or until the queue has been empty for a while, which
// it reports as idle.
func (in *intake) run(ctx context.Context) (idle bool) {
	q := in.open(ctx)
	if q == nil {
		return false
	}
	defer q.Close()
	var retry pause
	last := time.Now()
	for time.Since(last) < idleAfter || in.heldCount() > 0 {
		room, ok := in.room(ctx)
		if !ok {
			return false
		}
		deliveries, err := q.Fetch(ctx, min(room, maxFetch), fetchWait)
		if ctx.Err() != nil {
			giveBack(deliveries)
			return false
		}
		if in.w.trouble.fetching.note(err) != nil {
			retry.wait(ctx)
			continue
		}
		retry.reset()
		if len(deliveries) > 0 {
			last = time.Now()
			in.gate(ctx, in.admit(deliveries))
		}
	}
	return true
}

// labels are the number and lane for metrics. Anybody may publish to any subject,
// and what is none of ours must not become a series of its own.
func (in *intake) labels() (number, lane string) {
	number, lane = in.id.Sender, string(in.id.Lane)
	if in.line == nil {
		number = OtherLabel
	}
	if !slices.Contains(job.Lanes(), in.id.Lane) {
		lane = OtherLabel
	}
	return number, lane
}

// open opens the queue, for as long as it takes; nil when ctx ends.
func (in *intake) open(ctx context.Context) *queue.Queue {
	var retry pause
	for {
		q, err := in.w.cfg.Queues.Open(ctx, in.id)
		if err == nil {
			err = in.seen(ctx)
		}
		if err == nil {
			return q
		}
		if ctx.Err() != nil {
			return nil
		}
		_ = in.w.trouble.fetching.note(err)
		retry.wait(ctx)
	}
}

// seen creates the queue's campaign if nobody has. A name that is none is left to
// the gate, which rejects the jobs.
func (in *intake) seen(ctx context.Context) error {
	if !job.ValidCampaign(in.id.Campaign) {
		return nil
	}
	return in.w.cfg.Campaigns.Seen(ctx, in.id.Campaign)
}

// room waits until there is room for a worthwhile batch and nothing stops the
// number, and returns how many jobs to ask for.
func (in *intake) room(ctx context.Context) (int, bool) {
	for {
		if n := in.free(); n > 0 {
			limit, wait, changed := in.blocked()
			if limit > 0 {
				return min(n, limit), true
			}
			if !waitChange(ctx, changed, wait) {
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
// to be worth a round trip. The queues of a number share what it can send in about
// a second; what is on its way to the API does not count, however long it takes.
func (in *intake) free() int {
	most := maxFetch
	if in.line != nil {
		most = min(max(minHeld, in.line.number.MPS/in.line.queues()), maxHeld)
	}
	in.mu.Lock()
	free := min(most-in.waiting, 2*maxHeld-len(in.held))
	in.mu.Unlock()
	if free < (most+3)/4 {
		return 0
	}
	return free
}

// blocked asks whether the number is stopped: how many jobs may be taken, and if
// none, how long to wait and what to wait for. While a stop's probe is due, jobs
// come one at a time.
func (in *intake) blocked() (limit int, wait time.Duration, changed <-chan struct{}) {
	if in.line == nil {
		return maxFetch, 0, nil
	}
	in.mu.Lock()
	met := time.Until(in.metUntil)
	in.mu.Unlock()
	v := in.w.cfg.Stops.Peek(in.line.targets()...)
	switch {
	case v.OK && v.Probe:
		return 1, 0, nil
	case !v.OK:
		wait = stopRecheck
		if until := time.Until(v.Stop.Until); until > 0 {
			wait = min(wait, until)
		}
		return 0, wait, v.Changed
	case met > 0:
		return 0, met, in.w.cfg.Stops.Changed()
	case in.paused():
		return 0, pauseRecheck, nil
	}
	return maxFetch, 0, nil
}

func (in *intake) paused() bool {
	spec, known := in.w.cfg.Campaigns.Lookup(in.id.Campaign)
	return known && !spec.Sends()
}

// waitChange waits for a change or for d; false when ctx ends.
func waitChange(ctx context.Context, changed <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(max(d, time.Millisecond))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-changed:
	case <-timer.C:
	}
	return true
}

// admit takes deliveries into the intake's keeping.
func (in *intake) admit(deliveries []*queue.Delivery) []*item {
	now := time.Now().UnixMilli()
	items := make([]*item, len(deliveries))
	block := make([]item, len(deliveries))
	in.mu.Lock()
	defer in.mu.Unlock()
	for i, d := range deliveries {
		it := &block[i]
		it.delivery, it.intake, it.nonce = d, in, dedup.NewNonce()
		it.touched.Store(now)
		in.held[it] = struct{}{}
		items[i] = it
	}
	in.waiting += len(items)
	return items
}

// leave makes room for another job: this one is on its way to the API.
func (in *intake) leave(it *item) {
	in.mu.Lock()
	if !it.left {
		it.left = true
		in.waiting--
	}
	in.mu.Unlock()
	select {
	case in.freed <- struct{}{}:
	default:
	}
}

// release lets an item go, once it has been acked or given back.
func (in *intake) release(it *item) {
	in.mu.Lock()
	delete(in.held, it)
	in.mu.Unlock()
	in.leave(it)
}

// metStop keeps a queue whose number or account is stopped from being pulled for a
// moment, so that a backlog is not taken and given back over and over.
func (in *intake) metStop(stop sender.Stop) {
	until := time.Now().Add(stopRecheck)
	if !stop.Until.IsZero() && stop.Until.Before(until) {
		until = stop.Until
	}
	in.mu.Lock()
	in.metUntil = until
	in.mu.Unlock()
}

// touch tells the server of the items held for longer than a third of the ack
// wait that they are being worked on.
func (in *intake) touch(now time.Time) {
	third := queue.AckWait(in.id.Lane).Milliseconds() / 3
	in.mu.Lock()
	defer in.mu.Unlock()
	for it := range in.held {
		if now.UnixMilli()-it.touched.Load() > third {
			it.touched.Store(now.UnixMilli())
			_ = it.delivery.InProgress() // lost ones are repeated; the ledger guards the rest
		}
	}
}

func (in *intake) heldCount() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.held)
}

// giveBack returns deliveries that no item was made of.
func giveBack(deliveries []*queue.Delivery) {
	for _, d := range deliveries {
		_ = d.Nak(0) // an unheard nak only costs the ack wait
	}
}
