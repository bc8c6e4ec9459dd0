package queue

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/wacast/wacast/pkg/job"
)

const (
	// hintEvery is how often a queue is hinted at, at most.
	hintEvery = time.Second
	// maxHinted is from how many queues on the old ones are forgotten.
	maxHinted = 1024
	// noStreamPatience covers the moments in which a stream changes its leader.
	noStreamPatience = 2 * time.Second
)

// PublisherConfig is what a [Publisher] needs.
type PublisherConfig struct {
	Names Names
	// MaxInFlight bounds the messages without an ack; more wait. Defaults to 4,096.
	MaxInFlight int
	// Patience is how long a job without an ack is published again before it ends
	// with [ErrNoAck]. Defaults to 30 seconds.
	Patience time.Duration
}

// Publisher publishes jobs. It may be used by many goroutines.
type Publisher struct {
	nc     *nats.Conn
	names  Names
	flight *flight

	mu     sync.Mutex
	hinted map[ID]time.Time
}

// NewPublisher returns a publisher on a connection, which it does not close.
func NewPublisher(nc *nats.Conn, cfg PublisherConfig) (*Publisher, error) {
	if err := cfg.Names.Validate(); err != nil {
		return nil, err
	}
	f, err := newFlight(nc, flightLimits{
		inFlight: cmp.Or(cfg.MaxInFlight, 4096),
		patience: cmp.Or(cfg.Patience, 30*time.Second),
		noStream: noStreamPatience,
	})
	if err != nil {
		return nil, fmt.Errorf("new publisher: %w", err)
	}
	return &Publisher{nc: nc, names: cfg.Names, flight: f, hinted: make(map[ID]time.Time)}, nil
}

// Publish publishes one encoded job, which must be the job of the id and key, and
// waits for its ack. The job belongs to the trace of ctx, as [job.WithTraceparent] gave
// it one.
func (p *Publisher) Publish(ctx context.Context, id ID, key job.Key, data []byte) (Ack, error) {
	acks := make(chan Ack, 1)
	one := p.parcel(ctx, id, key, data, func(a Ack) { acks <- a })
	if err := p.flight.send(ctx, &one); err != nil {
		return Ack{}, fmt.Errorf("publish job: %w", err)
	}
	select {
	case <-ctx.Done():
		if waiting, why := p.flight.forget(&one); waiting {
			return Ack{}, fmt.Errorf("publish job: %w: %w", context.Cause(ctx), why)
		}
	case a := <-acks:
		acks <- a
	}
	a := <-acks
	if a.Err != nil {
		return a, fmt.Errorf("publish job: %w", a.Err)
	}
	return a, nil
}

// PublishAsync publishes one encoded job, waiting only while too many are without
// an ack. done is called once with its fate, from another goroutine, and must not
// block; it is not called when PublishAsync returns an error. data must not change
// before.
func (p *Publisher) PublishAsync(ctx context.Context, id ID, key job.Key, data []byte, done func(Ack)) error {
	one := p.parcel(ctx, id, key, data, done)
	if err := p.flight.send(ctx, &one); err != nil {
		return fmt.Errorf("publish job: %w", err)
	}
	return nil
}

// Close ends the publisher. Jobs without an ack end with [ErrClosed].
func (p *Publisher) Close() { p.flight.close() }

func (p *Publisher) parcel(ctx context.Context, id ID, key job.Key, data []byte, done func(Ack)) parcel {
	one := parcel{
		subject: p.names.JobSubject(id), msgID: key.String(), data: data,
		to: &publication{publisher: p, id: id, done: done},
	}
	if t := job.TraceparentOf(ctx); t != "" {
		one.header = nats.Header{job.TraceparentHeader: {string(t)}}
	}
	return one
}

// publication is one job on its way.
type publication struct {
	publisher *Publisher
	id        ID
	done      func(Ack)
}

func (pub *publication) settled(_ *parcel, ack Ack) {
	if ack.Err == nil {
		pub.publisher.hint(pub.id)
	}
	pub.done(ack)
}

// hint tells workers of a queue's new jobs, so that the first of them need not
// wait for the next look at the stream. Once a job is stored, not before: a worker
// looks at once.
func (p *Publisher) hint(id ID) {
	if p.hintDue(id, time.Now()) {
		_ = p.nc.Publish(p.names.HintSubject(id), nil) // without it the job is found a moment later
	}
}

func (p *Publisher) hintDue(id ID, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.hinted[id]) < hintEvery {
		return false
	}
	if len(p.hinted) >= maxHinted {
		maps.DeleteFunc(p.hinted, func(_ ID, at time.Time) bool { return now.Sub(at) >= hintEvery })
	}
	p.hinted[id] = now
	return true
}
