package queue

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// pullWait is the longest a pull of a queue with jobs stays open: so long, and a
	// second more, it may take to notice that the server it was made to is gone. Where
	// the last look found no jobs there is nothing to miss, and [idlePull] holds: a
	// thousand idle queues must cost nothing.
	pullWait = 2 * time.Second
	idlePull = time.Minute
	// lull is how long a pull that has brought something is waited for when no more
	// comes and no end either.
	lull = 100 * time.Millisecond
	// emptyPause keeps a pull that ends at once without anything from being repeated
	// without end.
	emptyPause = 10 * time.Millisecond
	// troublePause is the same after an error.
	troublePause = 100 * time.Millisecond
	// minWait is the shortest time in which a server can answer.
	minWait = 50 * time.Millisecond
)

// Queue is one open queue. Its methods may be called by many goroutines, one of
// which fetches at a time.
type Queue struct {
	owner                   *Queues
	id                      ID
	jobsSubject, dueSubject string

	// due says that the queue has jobs that were put off and are due; wake tells a
	// Fetch that waits for others.
	due  atomic.Bool
	wake chan struct{}
	// busy says that the last look found jobs of the queue, and idling that a pull is
	// open which was made when there were none.
	busy, idling atomic.Bool

	mu     sync.Mutex
	closed bool
	puller *puller
	jobs   pull
	later  pull
	// held are messages that came when they could not be returned; they are the
	// next ones.
	held []*nats.Msg
	// reconnects is how often the connection was made anew when a pull was opened.
	reconnects uint64
}

func newQueue(owner *Queues, id ID) (*Queue, error) {
	p, err := newPuller(owner.nc)
	if err != nil {
		return nil, err
	}
	q := &Queue{
		owner: owner, id: id, puller: p, wake: make(chan struct{}, 1),
		jobsSubject: owner.names.JobSubject(id), dueSubject: owner.names.DueSubject(id),
	}
	q.jobs.api = nextSubject(owner.names.JobsStream(), q.jobsSubject)
	q.later.api = nextSubject(owner.names.LaterStream(), q.dueSubject)
	return q, nil
}

func nextSubject(stream, subject string) string {
	return jetstream.DefaultAPIPrefix + "CONSUMER.MSG.NEXT." + stream + "." + consumerName(subject)
}

// ID names the queue.
func (q *Queue) ID() ID { return q.id }

// Fetch takes up to most jobs, at most 512, those that were put off and are due
// first. It returns as soon as there are any, and with none after wait. What keeps
// it from fetching is the error, once wait is over: a server that restarts and a
// consumer that was deleted are got over before.
//
// After a Fetch that ended early, jobs may be on their way that the next one
// returns; they are never more than were asked for.
func (q *Queue) Fetch(ctx context.Context, most int, wait time.Duration) ([]*Delivery, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	most = min(max(most, 1), maxPull)
	waiting, cancel := context.WithTimeout(ctx, max(wait, minWait))
	defer cancel()
	for {
		if q.closed {
			return nil, ErrClosed
		}
		msgs, err := q.round(waiting, most)
		if len(msgs) > 0 {
			return q.deliveries(msgs), nil
		}
		if !q.again(waiting, err) {
			return nil, fetchTrouble(ctx, q.owner.nc, "jobs", err)
		}
	}
}

// fetchTrouble is why a Fetch returns nothing; nil when there was nothing.
func fetchTrouble(ctx context.Context, nc *nats.Conn, what string, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !nc.IsConnected():
		return fmt.Errorf("fetch %s: NATS is %s", what, strings.ToLower(nc.Status().String()))
	case err != nil:
		return fmt.Errorf("fetch %s: %w", what, err)
	}
	return nil
}

// again pauses between two rounds, unless more is due, and reports whether there is
// time for another.
func (q *Queue) again(ctx context.Context, trouble error) bool {
	if trouble == nil && q.due.Load() {
		return ctx.Err() == nil
	}
	return rest(ctx, trouble)
}

// rest pauses between two rounds and reports whether there is time for another.
func rest(ctx context.Context, trouble error) bool {
	pause := emptyPause
	if trouble != nil {
		pause = troublePause
	}
	if deadline, _ := ctx.Deadline(); time.Until(deadline) < lull {
		return false // too short for an answer
	}
	return wait(ctx, pause)
}

// round asks once for what is due, and if there is nothing, for jobs.
func (q *Queue) round(ctx context.Context, most int) ([]*nats.Msg, error) {
	var got []*nats.Msg
	var err error
	if q.due.Load() {
		if got, err = q.ask(ctx, &q.later, most); len(got) == 0 && q.later.ready {
			q.due.Store(false) // until the next look at the stream
		}
	}
	if got = q.take(got, most); len(got) > 0 || err != nil {
		return got, err
	}
	got, err = q.ask(ctx, &q.jobs, most)
	return q.take(got, most), err
}

// take fills got up with held messages.
func (q *Queue) take(got []*nats.Msg, most int) []*nats.Msg {
	n := min(len(q.held), most-len(got))
	if n <= 0 {
		return got
	}
	got = append(got, q.held[:n]...)
	q.held = append(q.held[:0], q.held[n:]...)
	return got
}

// ask pulls one of the two streams. For jobs it waits; for what is due it does not.
func (q *Queue) ask(ctx context.Context, pl *pull, most int) ([]*nats.Msg, error) {
	now := time.Now()
	if n := q.owner.nc.Stats().Reconnects; n != q.reconnects {
		q.reconnects, q.jobs.left, q.later.left = n, 0, 0 // the server has forgotten its pulls
	}
	if pl == &q.jobs && q.busy.Load() && pl.idle && now.Sub(pl.since) > pullWait {
		pl.left = 0 // it should have brought them: they are others', or its server is gone
	}
	if !pl.isOpen(now) {
		stream, subject := q.owner.names.JobsStream(), q.jobsSubject
		var wait time.Duration
		if pl == &q.later {
			stream, subject = q.owner.names.LaterStream(), q.dueSubject
		} else {
			pl.idle = !q.busy.Load()
			wait = openWait(ctx, now, pl.idle)
		}
		if err := q.prepare(ctx, pl, stream, subject); err != nil {
			return nil, err
		}
		if err := q.puller.open(pl, most, wait, now); err != nil {
			return nil, err
		}
	}
	return q.gather(ctx, pl), nil
}

// openWait is how long the server keeps a pull open: a little less than the caller
// waits, so that its last word comes before the caller leaves.
func openWait(ctx context.Context, now time.Time, idle bool) time.Duration {
	deadline, _ := ctx.Deadline() // Fetch sets one
	left, most := deadline.Sub(now), pullWait
	if idle {
		most = idlePull
	}
	return min(most, left-min(left/10, 50*time.Millisecond))
}

// prepare makes sure that a pull's consumer is there.
func (q *Queue) prepare(ctx context.Context, pl *pull, stream, subject string) error {
	if pl.ready {
		return nil
	}
	if err := ensureConsumer(ctx, q.owner.js, stream, consumerConfig(subject, q.id.Lane)); err != nil {
		return err
	}
	pl.ready = true
	return nil
}

// gather receives what a pull brings, until its end or until nothing follows for a
// moment. What the other pull brings meanwhile is held.
func (q *Queue) gather(ctx context.Context, pl *pull) []*nats.Msg {
	var got []*nats.Msg
	var wake <-chan struct{}
	if pl == &q.jobs {
		wake = q.wake
	}
	timer := time.NewTimer(time.Until(pl.until))
	defer timer.Stop()
	q.idling.Store(wake != nil && pl.idle)
	defer q.idling.Store(false)
	for pl.left > 0 {
		m := q.puller.receive(ctx, timer.C, wake)
		if m == nil {
			break
		}
		if q.puller.classify(m, &q.jobs, &q.later) != wordMessage {
			continue
		}
		if q.count(m) != pl {
			q.held = append(q.held, m)
			continue
		}
		if got = append(got, m); len(got) == 1 {
			timer.Reset(lull)
		}
	}
	return got
}

// count takes a message off what its pull may still bring.
func (q *Queue) count(m *nats.Msg) *pull {
	pl := &q.jobs
	if m.Subject == q.dueSubject {
		pl = &q.later
	}
	pl.left = max(pl.left-1, 0)
	return pl
}

func (q *Queue) deliveries(msgs []*nats.Msg) []*Delivery {
	block := make([]Delivery, len(msgs))
	all := make([]*Delivery, 0, len(msgs))
	for i, m := range msgs {
		meta, err := m.Metadata()
		if err != nil {
			continue // no delivery of JetStream, so nothing to answer
		}
		d := &block[i]
		*d = Delivery{
			Data: m.Data, Queue: q.id, Stream: meta.Stream, Sequence: meta.Sequence.Stream,
			Delivered: int(min(meta.NumDelivered, math.MaxInt32)),
			Published: meta.Timestamp, nc: q.owner.nc, msg: m,
			from: meta.Stream, place: meta.Sequence.Stream,
		}
		if o, ok := readOrigin(m.Header); ok && meta.Stream == q.owner.names.LaterStream() {
			d.Stream, d.Sequence, d.Kind, d.Attempt, d.Was = o.stream, o.sequence, o.kind, o.attempt, o.was
		}
		all = append(all, d)
	}
	return all
}

// look takes what a look at the streams has found: whether the queue has jobs, and
// whether some of them were put off and are due.
func (q *Queue) look(busy, due bool) {
	q.busy.Store(busy)
	if due {
		q.due.Store(true)
	}
	if !due && (!busy || !q.idling.Load()) {
		return
	}
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Close gives back what nobody has fetched, once a Fetch under way has returned.
// The queue's consumers stay.
func (q *Queue) Close() {
	q.owner.leave(q)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	q.closed = true
	q.puller.close()
	for _, d := range q.deliveries(q.unfetched()) {
		_ = d.Nak(0) // an unheard nak only costs the ack wait
	}
}

func (q *Queue) unfetched() []*nats.Msg {
	msgs := q.held
	for {
		select {
		case m := <-q.puller.msgs:
			if q.puller.classify(m) == wordMessage {
				msgs = append(msgs, m)
			}
		default:
			return msgs
		}
	}
}
