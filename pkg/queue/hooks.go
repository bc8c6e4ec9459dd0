package queue

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// HookWait is how long the server waits for an ack before it hands a webhook out
// again.
const HookWait = 30 * time.Second

// HookDelivery is one webhook that this process has until it acks it, gives it back
// or lets [HookWait] pass without a word. As with [Delivery] none of its methods waits
// for the server.
type HookDelivery struct {
	// Body and Header are those of the [Hook]. A body of which nothing can be read any
	// more is empty.
	Body   []byte
	Header map[string]string
	// Sequence is its place in the stream of webhooks.
	Sequence uint64
	// Stored is when it came.
	Stored time.Time
	// Delivered counts how often the server has handed it out, from 1.
	Delivered int

	nc  *nats.Conn
	msg *nats.Msg
}

// Ack takes the webhook out of its box: what it says is on record.
func (d *HookDelivery) Ack() error { return d.answer("+ACK") }

// Nak gives the webhook back, to be handed out again after the delay.
func (d *HookDelivery) Nak(delay time.Duration) error { return d.answer(nak(delay)) }

// InProgress starts [HookWait] anew.
func (d *HookDelivery) InProgress() error { return d.answer("+WPI") }

func (d *HookDelivery) answer(text string) error {
	if err := d.nc.Publish(d.msg.Reply, []byte(text)); err != nil {
		return fmt.Errorf("answer a webhook: %w", err)
	}
	return nil
}

// HookQueue hands out the webhooks of one box, each to one of all who fetch. Its
// methods may be called by many goroutines, one of which fetches at a time.
type HookQueue struct {
	nc     *nats.Conn
	js     jetstream.JetStream
	stream string
	config jetstream.ConsumerConfig

	mu     sync.Mutex
	closed bool
	puller *puller
	pull   pull
	// reconnects is how often the connection was made anew when a pull was opened.
	reconnects uint64
}

func (w *Webhooks) open(ctx context.Context, box string) (*HookQueue, error) {
	p, err := newPuller(w.nc)
	if err != nil {
		return nil, fmt.Errorf("open webhooks: %w", err)
	}
	stream, subject := w.names.WebhooksStream(), w.names.webhookSubject(box)
	q := &HookQueue{nc: w.nc, js: w.js, stream: stream, config: hookConsumer(subject), puller: p}
	q.pull.api, q.pull.bytes = nextSubject(stream, subject), pullBytes(w.nc)
	if err := q.prepare(ctx); err != nil {
		p.close()
		return nil, fmt.Errorf("open webhooks: %w", err)
	}
	return q, nil
}

// hookConsumer is the one consumer of a box.
func hookConsumer(subject string) jetstream.ConsumerConfig {
	config := consumerConfig(subject, "")
	config.AckWait = HookWait
	return config
}

func (q *HookQueue) prepare(ctx context.Context) error {
	if q.pull.ready {
		return nil
	}
	if err := ensureConsumer(ctx, q.js, q.stream, q.config); err != nil {
		return err
	}
	q.pull.ready = true
	return nil
}

// Fetch takes up to most webhooks, at most 512, oldest first. It returns as soon as
// there are any, and with none after wait. What keeps it from fetching is the error,
// once wait is over: a server that restarts and a consumer that was deleted are got
// over before.
func (q *HookQueue) Fetch(ctx context.Context, most int, wait time.Duration) ([]*HookDelivery, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	most = min(max(most, 1), maxPull)
	waiting, cancel := context.WithTimeout(ctx, max(wait, minWait))
	defer cancel()
	for {
		if q.closed {
			return nil, ErrClosed
		}
		got, err := q.ask(waiting, most)
		if all := q.deliveries(ctx, got); len(all) > 0 {
			return all, nil
		}
		if !rest(waiting, err) {
			return nil, fetchTrouble(ctx, q.nc, "webhooks", err)
		}
	}
}

// ask pulls once, unless a pull is open.
func (q *HookQueue) ask(ctx context.Context, most int) ([]*nats.Msg, error) {
	now := time.Now()
	if n := q.nc.Stats().Reconnects; n != q.reconnects {
		q.reconnects, q.pull.left = n, 0 // the server has forgotten its pulls
	}
	if !q.pull.isOpen(now) {
		if err := q.prepare(ctx); err != nil {
			return nil, err
		}
		if err := q.puller.open(&q.pull, most, openWait(ctx, now, false), now); err != nil {
			return nil, err
		}
	}
	return q.gather(ctx), nil
}

// gather receives what the pull brings, until its end or until nothing follows for a
// moment.
func (q *HookQueue) gather(ctx context.Context) []*nats.Msg {
	var got []*nats.Msg
	timer := time.NewTimer(time.Until(q.pull.until))
	defer timer.Stop()
	for q.pull.left > 0 {
		m := q.puller.receive(ctx, timer.C, nil)
		if m == nil {
			break
		}
		if q.puller.classify(m, &q.pull) != wordMessage {
			continue
		}
		q.pull.left--
		if got = append(got, m); len(got) == 1 {
			timer.Reset(lull)
		}
	}
	return got
}

// deliveries makes deliveries of messages. One whose parts cannot be read now is given
// back.
func (q *HookQueue) deliveries(ctx context.Context, msgs []*nats.Msg) []*HookDelivery {
	all := make([]*HookDelivery, 0, len(msgs))
	for _, m := range msgs {
		meta, err := m.Metadata()
		if err != nil {
			continue // no delivery of JetStream, so nothing to answer
		}
		d := &HookDelivery{
			Header: make(map[string]string), Sequence: meta.Sequence.Stream, Stored: meta.Timestamp,
			Delivered: int(min(meta.NumDelivered, math.MaxInt32)), nc: q.nc, msg: m,
		}
		d.Body, err = direct{nc: q.nc, stream: q.stream}.unpack(ctx, m)
		if err != nil && !errors.Is(err, errParts) {
			_ = d.Nak(troublePause) // an unheard nak only costs the wait
			continue
		}
		for name := range m.Header {
			if own, ok := strings.CutPrefix(name, headerHook); ok {
				d.Header[own] = m.Header.Get(name)
			}
		}
		all = append(all, d)
	}
	return all
}

// Close gives back what nobody has fetched, once a Fetch under way has returned. The
// box's consumer stays.
func (q *HookQueue) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	q.closed = true
	q.puller.close()
	for {
		select {
		case m := <-q.puller.msgs:
			if q.puller.classify(m) == wordMessage {
				_ = q.nc.Publish(m.Reply, []byte("-NAK")) // an unheard nak only costs the wait
			}
		default:
			return
		}
	}
}

// nak is how a message is given back.
func nak(delay time.Duration) string {
	if delay <= 0 {
		return "-NAK"
	}
	return `-NAK {"delay":` + strconv.FormatInt(int64(delay), 10) + `}`
}
