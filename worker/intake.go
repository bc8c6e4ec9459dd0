package worker

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// Bounds of an intake.
const (
	// maxFetch is the most jobs one pull asks for.
	maxFetch = 512
	// minHeld lets a slow number work ahead a little. maxHeld is what the fastest
	// sends in a second; the server writes down all that are held, ten times a second.
	minHeld, maxHeld = 2, 1024
	// idleAfter is how long a queue is pulled after its last job.
	idleAfter = 30 * time.Second
	// stopRecheck bounds how long an intake trusts that a stop still stands.
	stopRecheck = 5 * time.Second
)

// intake takes the jobs of one queue, never more than the number can send in
// about a second, with those of its other queues: what is held here is delayed for every other replica, and the
// server takes a job for lost when it is held too long.
type intake struct {
	w    *Worker
	id   queue.ID
	line *line // nil for a number of no account
	// room is the line's for the queue's lane, nil where that is none. It guards busy.
	room *allowance
	busy bool
	// newer says once that jobs are too new for this build.
	newer  sync.Once
	hasher job.Hasher // run's own

	mu   sync.Mutex
	held map[*item]struct{}
	// waiting counts those of them that are to be sent and not on their way to the API yet.
	waiting int
	// metUntil is how long a stop that jobs of this queue met keeps it from being
	// pulled.
	metUntil time.Time
	freed    chan struct{} // holds a token when there may be room

	// bad counts the jobs that were refused since the queue was pulled.
	bad atomic.Int64

	// why is the [loss] that the queue waits for, and found when it was last seen to have
	// jobs, in Unix milliseconds.
	why   atomic.Int32
	found atomic.Int64

	// ration is a quota of the campaign or the portfolio that is used up.
	ration ration

	// aside is what waits for its template.
	aside aside

	// parked counts the jobs that were given back because the campaign was paused. The
	// server has them as being with a worker until somebody takes them again, and who
	// cancels the campaign waits for those.
	parked atomic.Int64
	// parkedAt is when the last of them was, in Unix milliseconds.
	parkedAt atomic.Int64
}

func newIntake(w *Worker, id queue.ID, l *line) *intake {
	in := &intake{w: w, id: id, line: l, held: make(map[*item]struct{}), freed: make(chan struct{}, 1)}
	if l != nil {
		in.room = l.held[id.Lane]
	}
	return in
}

// noteFound notes that the queue has been seen to have jobs.
func (in *intake) noteFound(now time.Time) {
	in.found.Store(now.UnixMilli())
	if in.line != nil {
		in.line.pace.found.Store(now.UnixMilli())
	}
}

// run pulls until ctx ends, or until the queue has been empty for a while, which
// it reports as idle.
func (in *intake) run(ctx context.Context) (idle bool) {
	q := in.open(ctx)
	if q == nil {
		return false
	}
	defer func() { q.Close(); in.callBack(time.Now()) }()
	defer in.works(false)
	var retry pause
	last := time.Now()
	for time.Since(last) < idleAfter || in.heldCount() > 0 || in.aside.any() {
		room, ok := in.await(ctx)
		if !ok {
			return false
		}
		began := in.state()
		deliveries, err := q.Fetch(ctx, min(room, maxFetch), idleAfter)
		if ctx.Err() != nil {
			giveBack(deliveries)
			return false
		}
		if in.w.trouble.fetching.note(err) != nil {
			retry.wait(ctx)
			continue
		}
		retry.reset()
		in.works(len(deliveries) > 0)
		in.w.metrics.delivered(deliveries)
		in.unpark(began, deliveries)
		if len(deliveries) > 0 {
			last = time.Now()
			in.gate(ctx, in.admit(deliveries))
			in.atone(ctx)
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
