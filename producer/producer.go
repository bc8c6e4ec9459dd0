package producer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// Errors a caller can act on.
var (
	// ErrFull: the stream of jobs is full. Wait until workers have sent some, and
	// publish the rest again.
	ErrFull = queue.ErrFull
	// ErrNoStream: no stream takes jobs; no worker has ever run there.
	ErrNoStream = queue.ErrNoStream
	// ErrNoAck: the server did not confirm in time. The job may be stored;
	// publishing it again is safe.
	ErrNoAck = queue.ErrNoAck
)

// Config is what a producer needs beside a connection. The zero value works.
type Config struct {
	// Namespace is that of the workers. Defaults to wacast.
	Namespace string
	// MaxInFlight is how many jobs may be published without an ack. Defaults to 4,096.
	MaxInFlight int
	// Patience is how long a job without an ack is published again. Defaults to
	// 30 seconds.
	Patience time.Duration
	// Full makes PublishAll wait while the stream is full, and go on when workers
	// have sent some. It is called before each wait. Without it PublishAll ends with
	// [ErrFull].
	Full func(wait time.Duration)
	// Log is told when it cannot be recorded what was published, which harms no job.
	// Defaults to none.
	Log *slog.Logger
}

// Producer publishes jobs. It is safe for concurrent use.
type Producer struct {
	publisher *queue.Publisher
	journal   *journal
	full      func(time.Duration)
}

// New returns a producer on a connection, which stays the caller's.
func New(nc *nats.Conn, cfg Config) (*Producer, error) {
	names := queue.Names{Namespace: cmp.Or(cfg.Namespace, "wacast")}
	publisher, err := queue.NewPublisher(nc, queue.PublisherConfig{
		Names:       names,
		MaxInFlight: cfg.MaxInFlight,
		Patience:    cfg.Patience,
	})
	if err != nil {
		return nil, fmt.Errorf("new producer: %w", err)
	}
	journal, err := newJournal(nc, names, cmp.Or(cfg.Log, slog.New(slog.DiscardHandler)))
	if err != nil {
		publisher.Close()
		return nil, fmt.Errorf("new producer: %w", err)
	}
	return &Producer{publisher: publisher, journal: journal, full: cfg.Full}, nil
}

// Close ends the producer and waits for what it started. It first records what was
// published, for which it waits some seconds when the server does not answer.
func (p *Producer) Close() {
	p.publisher.Close()
	p.journal.close()
}

// Receipt says where a job is stored.
type Receipt struct {
	// Sequence is the job's place in the stream.
	Sequence uint64
	// Duplicate says that the server had this job already, within its window of
	// some minutes.
	Duplicate bool
}

// Publish checks a job, publishes it and waits for the ack. The job belongs to the
// trace of ctx, as [job.WithTraceparent] gave it one. The error is a
// [*job.InvalidError] that names the fields, [job.ErrTooLarge], [ErrFull],
// [ErrNoStream] or [ErrNoAck].
func (p *Producer) Publish(ctx context.Context, j *job.Job) (Receipt, error) {
	data, err := job.Encode(j)
	if err != nil {
		return Receipt{}, err
	}
	id := queue.IDOf(j)
	ack, err := p.publisher.Publish(ctx, id, j.Key(), data)
	if err != nil {
		return Receipt{}, err
	}
	p.journal.note(id, ack.Sequence)
	return Receipt{Sequence: ack.Sequence, Duplicate: ack.Duplicate}, nil
}

// Stats counts what became of the jobs of a run.
type Stats struct {
	// Published jobs are stored now; Duplicates of them the server had already.
	Published, Duplicates int
	// Rejected jobs were never published: they are wrong.
	Rejected int
	// Bytes of the published jobs.
	Bytes int64
	// Elapsed is how long it took.
	Elapsed time.Duration
}

// Rate is the published jobs a second.
func (s Stats) Rate() float64 {
	if s.Elapsed <= 0 {
		return 0
	}
	return float64(s.Published) / s.Elapsed.Seconds()
}

// Rejection is a job that was not published, and why.
type Rejection struct {
	// Number counts the jobs of the source from 1.
	Number int
	Err    error
}

// PublishAll publishes the jobs of a source and waits until all are acked; all belong
// to the trace of ctx, if [job.WithTraceparent] gave it one. An
// error that the source yields beside a job, and a job that breaks the contract,
// are passed to rejected (which may be nil) and counted; they end nothing.
//
// It stops at the first job that cannot be stored and says how many were: those
// are safe, and the same source may be published again from the start. A stream
// that is full ends it too, unless [Config].Full says to wait.
func (p *Producer) PublishAll(ctx context.Context, jobs iter.Seq2[*job.Job, error], rejected func(Rejection)) (Stats, error) {
	start := time.Now()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := run{publisher: p.publisher, journal: p.journal, full: p.full, stop: cancel}
	err := r.publish(ctx, jobs, rejected)
	if err == nil {
		err = r.settle(ctx)
	}
	r.pending.Wait() // bounded by the publisher's patience
	r.stats.Elapsed = time.Since(start)
	p.journal.flush()
	if err = cmp.Or(r.err, err); err != nil {
		return r.stats, fmt.Errorf("published %d, then: %w", r.stats.Published, err)
	}
	return r.stats, nil
}

// run is one PublishAll. Its acks come from another goroutine.
type run struct {
	publisher *queue.Publisher
	journal   *journal
	full      func(time.Duration)
	stop      context.CancelCauseFunc
	pending   sync.WaitGroup

	mu      sync.Mutex
	stats   Stats
	refused []parcel // by a full stream, where that is waited for
	err     error    // why the first job that failed is not stored
}

// publish hands over every good job, until ctx ends or a job is not stored.
func (r *run) publish(ctx context.Context, jobs iter.Seq2[*job.Job, error], rejected func(Rejection)) error {
	number := 0
	for j, err := range jobs {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		number++
		var data []byte
		if err == nil {
			data, err = job.Encode(j)
		}
		if err != nil {
			r.reject(Rejection{Number: number, Err: err}, rejected)
			continue
		}
		if _, err := r.refill(ctx); err != nil {
			return err
		}
		if err := r.hand(ctx, parcel{queue.IDOf(j), j.Key(), data}); err != nil {
			return err
		}
	}
	return nil
}

// hand publishes one job ahead of its ack.
func (r *run) hand(ctx context.Context, one parcel) error {
	r.pending.Add(1)
	err := r.publisher.PublishAsync(ctx, one.id, one.key, one.data, func(a queue.Ack) { r.acked(a, one) })
	if err != nil {
		r.pending.Done()
	}
	return err
}

func (r *run) reject(rejection Rejection, tell func(Rejection)) {
	r.mu.Lock()
	r.stats.Rejected++
	r.mu.Unlock()
	if tell != nil {
		tell(rejection)
	}
}

func (r *run) acked(a queue.Ack, one parcel) {
	defer r.pending.Done()
	if a.Err == nil {
		r.stored(a, one)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.full != nil && errors.Is(a.Err, ErrFull) {
		r.refused = append(r.refused, one)
		return
	}
	r.err = cmp.Or(r.err, a.Err) // the first one counts
	r.stop(a.Err)
}

func (r *run) stored(a queue.Ack, one parcel) {
	r.journal.note(one.id, a.Sequence)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Published++
	r.stats.Bytes += int64(len(one.data))
	if a.Duplicate {
		r.stats.Duplicates++
	}
}
