package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// ackWait is how long an ack may take before the message is published again.
	ackWait = 2 * time.Second
	// hurryWait is the same for what is waited for, the first time; it doubles up to
	// ackWait. A server that hands its streams over before it ends loses what comes
	// just then.
	hurryWait = 200 * time.Millisecond
	// retryWait is the pause after a refusal that may pass.
	retryWait = 250 * time.Millisecond
	// sweepEvery is how often due repeats are looked for.
	sweepEvery = 100 * time.Millisecond
)

// flight publishes messages to JetStream without waiting for each ack, and repeats
// what is not acked, with the same message id. nats.go's own asynchronous publisher
// repeats nothing, allocates a timer and two channels a message, and fails after
// 200 ms where this one makes the caller wait.
//
// Each message has a token, which is the end of its reply subject.
type flight struct {
	nc     *nats.Conn
	inbox  string
	limits flightLimits
	slots  chan struct{} // one for each message under way
	sub    *nats.Subscription
	ended  chan struct{}
	stop   sync.Once
	sweeps sync.WaitGroup

	mu      sync.Mutex
	next    uint64
	pending map[uint64]*parcel
	closed  bool
	// What a publication is made of, used again by the next one: the connection
	// copies it.
	msg    nats.Msg
	header nats.Header
	msgID  []string
}

// flightLimits say when to give a message up. Zero is never: then it is the
// caller's context that ends the wait.
type flightLimits struct {
	inFlight int
	// patience is how long a message is repeated.
	patience time.Duration
	// noStream is how long a message is repeated that no stream takes.
	noStream time.Duration
	// hurry says that sending waits for the acks.
	hurry bool
}

// after is how long an ack may take, where the one before might have taken so long.
func (l *flightLimits) after(wait time.Duration) time.Duration {
	switch {
	case !l.hurry:
		return ackWait
	case wait == 0:
		return hurryWait
	}
	return min(2*wait, ackWait)
}

// parcel is one message and who is told of its fate.
type parcel struct {
	subject string
	msgID   string
	header  nats.Header // more headers; may be nil
	data    []byte
	to      receiver
	index   int // of the parcel, for its receiver

	// What follows is the flight's, under its lock.
	token   uint64
	first   time.Time
	due     time.Time     // when it is published again
	wait    time.Duration // from one time to the next
	trouble error         // why it is not acked yet
}

// receiver is told the fate of each parcel once. It must not block.
type receiver interface{ settled(p *parcel, ack Ack) }

// Ack is what became of a published message.
type Ack struct {
	// Sequence is the message's place in its stream.
	Sequence uint64
	// Duplicate says that the stream had the message already.
	Duplicate bool
	// Err is nil when the message is stored.
	Err error
}

func newFlight(nc *nats.Conn, limits flightLimits) (*flight, error) {
	f := &flight{
		nc: nc, inbox: nc.NewInbox() + ".", limits: limits,
		slots: make(chan struct{}, limits.inFlight), ended: make(chan struct{}),
		pending: make(map[uint64]*parcel), msgID: make([]string, 1),
	}
	f.header = nats.Header{jetstream.MsgIDHeader: f.msgID}
	sub, err := nc.Subscribe(f.inbox+"*", f.hear)
	if err != nil {
		return nil, fmt.Errorf("subscribe to acks: %w", err)
	}
	// Acks are few bytes and never more than there are messages under way; a limit
	// could only lose some.
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return nil, fmt.Errorf("subscribe to acks: %w", err)
	}
	f.sub = sub
	f.sweeps.Go(f.sweep)
	return f, nil
}

// send publishes a parcel, waiting for room until ctx ends. An error means that
// the receiver will hear nothing.
func (f *flight) send(ctx context.Context, p *parcel) error {
	select {
	case f.slots <- struct{}{}:
	default:
		select {
		case f.slots <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-f.ended:
			return ErrClosed
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		<-f.slots
		return ErrClosed
	}
	now := time.Now()
	f.next++
	p.token, p.first, p.trouble, p.wait = f.next, now, nil, 0
	f.pending[p.token] = p
	if err := f.publish(p, now); err != nil {
		f.remove(p)
		return err
	}
	return nil
}

// publish writes the parcel to the connection. A connection that is down buffers a
// little and then refuses; the parcel is repeated then, and an error means that
// this would not help. f.mu is held: the parcel's bytes are the caller's again once
// it is removed.
func (f *flight) publish(p *parcel, now time.Time) error {
	p.wait = f.limits.after(p.wait)
	p.due = now.Add(p.wait)
	f.msgID[0] = p.msgID
	f.msg.Header = f.header
	if p.header != nil {
		f.msg.Header = maps.Clone(p.header)
		f.msg.Header[jetstream.MsgIDHeader] = f.msgID
	}
	f.msg.Subject, f.msg.Reply, f.msg.Data = p.subject, f.inbox+strconv.FormatUint(p.token, 36), p.data
	err := f.nc.PublishMsg(&f.msg)
	switch {
	case errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrMaxPayload), errors.Is(err, nats.ErrBadSubject):
		return err
	case err != nil:
		p.trouble, p.due = err, now.Add(retryWait)
	}
	return nil
}

// remove takes a parcel out of the flight and frees its slot. f.mu is held.
func (f *flight) remove(p *parcel) {
	delete(f.pending, p.token)
	<-f.slots
}

// hear takes an ack, or a refusal.
func (f *flight) hear(m *nats.Msg) {
	token, err := strconv.ParseUint(m.Subject[len(f.inbox):], 36, 64)
	if err != nil {
		return
	}
	ack := readAck(m)
	if p := f.take(token, ack); p != nil {
		p.to.settled(p, ack)
	}
}

// take removes the parcel an ack is for. There is none when the ack is the second
// one of a message that was repeated, or a refusal that may pass.
func (f *flight) take(token uint64, ack Ack) *parcel {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.pending[token]
	if p == nil {
		return nil
	}
	if f.mayPass(p, ack.Err) {
		p.trouble, p.due = ack.Err, time.Now().Add(retryWait)
		return nil
	}
	f.remove(p)
	return p
}

// mayPass reports whether a refusal is worth repeating the message.
func (f *flight) mayPass(p *parcel, err error) bool {
	if err == nil {
		return false
	}
	if errors.Is(err, ErrNoStream) {
		return f.limits.noStream == 0 || time.Since(p.first) < f.limits.noStream
	}
	api := apiError(err)
	return api != nil && passing(api)
}

// forget drops a parcel that nobody waits for any longer, and says what kept it.
// It reports false when the parcel is settled.
func (f *flight) forget(p *parcel) (waiting bool, why error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pending[p.token] != p {
		return false, nil
	}
	f.remove(p)
	return true, cmp.Or(p.trouble, ErrNoAck)
}

// sweep repeats what is due until the flight is closed.
func (f *flight) sweep() {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-f.ended:
			return
		case now := <-tick.C:
			for _, p := range f.repeat(now) {
				p.to.settled(p, Ack{Err: p.trouble})
			}
		}
	}
}

// repeat publishes again what is due, and returns what it gave up.
func (f *flight) repeat(now time.Time) (lost []*parcel) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.pending {
		if now.Before(p.due) {
			continue
		}
		if p.trouble == nil {
			p.trouble = ErrNoAck
		}
		if f.limits.patience == 0 || now.Sub(p.first) < f.limits.patience {
			err := f.publish(p, now)
			if err == nil {
				continue
			}
			p.trouble = err
		}
		f.remove(p)
		lost = append(lost, p)
	}
	return lost
}

// close ends the flight. What is not acked yet ends with ErrClosed.
func (f *flight) close() {
	f.stop.Do(func() {
		_ = f.sub.Unsubscribe() // fails on a closed connection only, which has no subscriptions
		close(f.ended)
		f.sweeps.Wait()
		for _, p := range f.abandon() {
			p.to.settled(p, Ack{Err: ErrClosed})
		}
	})
}

func (f *flight) abandon() (lost []*parcel) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for _, p := range f.pending {
		f.remove(p)
		lost = append(lost, p)
	}
	return lost
}
