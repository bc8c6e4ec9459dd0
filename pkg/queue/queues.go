package queue

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// QueuesConfig is what [Queues] need.
type QueuesConfig struct {
	Names Names
	// Every is how often [Queues.Watch] looks. Defaults to one second.
	Every time.Duration
	// Log defaults to none.
	Log *slog.Logger
}

// Queues finds the queues that have jobs and opens them. It may be used by many
// goroutines.
type Queues struct {
	nc    *nats.Conn
	js    jetstream.JetStream
	names Names
	every time.Duration
	log   *slog.Logger

	mu      sync.Mutex
	open    map[ID]*Queue
	due     map[ID]bool // what the last look at the stream of due jobs found
	streams map[string]jetstream.Stream
}

// NewQueues returns the queues of a JetStream account.
func NewQueues(js jetstream.JetStream, cfg QueuesConfig) (*Queues, error) {
	if err := cfg.Names.Validate(); err != nil {
		return nil, err
	}
	return &Queues{
		nc: js.Conn(), js: js, names: cfg.Names,
		every: cmp.Or(cfg.Every, time.Second), log: cmp.Or(cfg.Log, slog.New(slog.DiscardHandler)),
		open: make(map[ID]*Queue), due: make(map[ID]bool), streams: make(map[string]jetstream.Stream),
	}, nil
}

// Open returns the queue, opened once for all who ask, with its consumer in place.
// [Queue.Close] ends it for all of them.
func (qs *Queues) Open(ctx context.Context, id ID) (*Queue, error) {
	qs.mu.Lock()
	q := qs.open[id]
	qs.mu.Unlock()
	if q != nil {
		return q, nil
	}
	q, err := newQueue(qs, id)
	if err != nil {
		return nil, fmt.Errorf("open queue: %w", err)
	}
	if err := q.prepare(ctx, &q.jobs, qs.names.JobsStream(), q.jobsSubject); err != nil {
		q.puller.close()
		return nil, fmt.Errorf("open queue: %w", err)
	}
	return qs.enter(q), nil
}

// enter makes the queue known, unless another goroutine was faster.
func (qs *Queues) enter(q *Queue) *Queue {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	if first := qs.open[q.id]; first != nil {
		q.puller.close()
		return first
	}
	qs.open[q.id] = q
	q.due.Store(qs.due[q.id])
	q.busy.Store(true) // until the next look
	return q
}

func (qs *Queues) leave(q *Queue) {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	if qs.open[q.id] == q {
		delete(qs.open, q.id)
	}
}

// Close closes every open queue.
func (qs *Queues) Close() {
	qs.mu.Lock()
	open := slices.Collect(maps.Values(qs.open))
	qs.mu.Unlock()
	for _, q := range open {
		q.Close()
	}
}

// stream is a handle on a stream, asked for once.
func (qs *Queues) stream(ctx context.Context, name string) (jetstream.Stream, error) {
	qs.mu.Lock()
	s := qs.streams[name]
	qs.mu.Unlock()
	if s != nil {
		return s, nil
	}
	s, err := qs.js.Stream(ctx, name)
	if err != nil {
		return nil, missing(err)
	}
	qs.mu.Lock()
	defer qs.mu.Unlock()
	qs.streams[name] = s
	return s, nil
}
