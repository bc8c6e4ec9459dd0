package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/ratelimit"
)

// Worker sends the jobs of all queues there are. It is made by [New], runs from
// [Worker.Start] to [Worker.Stop], and is not started twice.
type Worker struct {
	cfg     Config
	log     *slog.Logger
	source  string
	metrics *metrics
	latency latency
	places  *places
	guard   *ratelimit.Guard
	posts   *posts
	slots   slots
	done    chan *item
	reading chan struct{} // a place for each reading of a job's events
	trouble troubles

	deadline atomic.Pointer[deadline]
	// lostAt is when the ledger could not answer for a job, in Unix milliseconds.
	lostAt atomic.Int64

	lostSince time.Time // the keeper's own

	// The recorder's own, used again by each batch.
	events  []job.Event
	owners  []*item // of the events; nil for one that is not an outcome
	letters []queue.Letter
	waiting []queue.Scheduled
	returns []queue.ClaimNote

	// intakeCtx ends the intake, lineCtx the taking of slots, work kills what is
	// in flight, recording ends even the writing down. Each outlives the one before.
	intakeCtx, lineCtx, work, recording         context.Context
	endIntake, endLines, killWork, endRecording context.CancelFunc
	intaking, sending, keeping, writing         sync.WaitGroup
	start, stop                                 sync.Once
	stopped                                     chan struct{}

	mu      sync.Mutex
	intakes map[queue.ID]*intake
	lines   map[string]*line
}

// New checks the config and returns a worker that has not started.
func New(cfg Config) (*Worker, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	w := &Worker{
		cfg: cfg, log: cfg.Log, source: "wacast/" + cfg.Namespace + "/" + cfg.ID,
		metrics: newMetrics(cfg.Registerer), places: newPlaces(cfg.MaxInFlight), guard: ratelimit.NewGuard(claimWindow),
		done:    make(chan *item, maxRecord),
		reading: make(chan struct{}, maxReading),
		trouble: newTroubles(cfg.Log),
		stopped: make(chan struct{}),
		intakes: make(map[queue.ID]*intake), lines: make(map[string]*line),
	}
	cfg.Registerer.MustRegister(newRates(w))
	w.posts = newPosts(w.send)
	w.intakeCtx, w.endIntake = context.WithCancel(context.Background())
	w.lineCtx, w.endLines = context.WithCancel(context.Background())
	w.slots = slots{reserve: cfg.Slots.Reserve, trouble: w.trouble.slots, life: w.lineCtx, running: &w.sending}
	w.work, w.killWork = context.WithCancel(context.Background())
	w.recording, w.endRecording = context.WithCancel(context.Background())
	return w, nil
}

// Start begins to take jobs and returns at once.
func (w *Worker) Start() {
	w.start.Do(func() {
		w.writing.Go(w.record)
		w.keeping.Go(func() { w.keep(w.recording) })
		w.keeping.Go(func() { _ = w.cfg.Stops.Run(w.recording) })
		w.keeping.Go(func() { w.revive(w.intakeCtx) })
		w.intaking.Go(w.watch)
	})
}

// Stop ends the intake, gives back what only waits, lets what is in flight finish
// until ctx ends, and records it all. It may be called more than once, also
// before Start.
func (w *Worker) Stop(ctx context.Context) error {
	w.stop.Do(func() {
		w.start.Do(func() {}) // a worker that never started needs no more than this
		go w.drain()
	})
	inTime := w.cutOff(ctx)
	select {
	case <-w.stopped:
		if inTime() {
			return nil
		}
		return fmt.Errorf("stop worker: %w", errCutOff)
	case <-ctx.Done():
		inTime()
	}
	// Nothing is recorded any more: other workers look up what became of the rest.
	w.endRecording()
	<-w.stopped
	return fmt.Errorf("stop worker: %w", context.Cause(ctx))
}

// recordReserve is the part of the time to stop that is kept for recording, at
// most; of a short time it is a quarter.
const recordReserve = 5 * time.Second

var errCutOff = errors.New("the time to stop was over; what was still in flight is recorded as unknown")

// cutOff ends what is in flight in time for it to be recorded: from then on it is
// unknown. What it returns stops it, and reports whether that was in time.
func (w *Worker) cutOff(ctx context.Context) (inTime func() bool) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return func() bool { return true }
	}
	left := time.Until(deadline)
	return time.AfterFunc(left-min(recordReserve, left/4), w.killWork).Stop
}

// drain stops the stages in the order of the flow: senders before receivers.
func (w *Worker) drain() {
	defer close(w.stopped)
	w.endIntake()
	w.intaking.Wait()
	w.endLines()
	w.sending.Wait()
	w.posts.close()
	close(w.done)
	w.writing.Wait()
	w.killWork()
	w.endRecording()
	w.keeping.Wait()
}

// watch starts an intake for each queue that has jobs, once it is known what is
// stopped.
func (w *Worker) watch() {
	select {
	case <-w.cfg.Stops.Ready():
	case <-w.intakeCtx.Done():
	}
	var retry pause
	for w.intakeCtx.Err() == nil {
		err := w.cfg.Queues.Watch(w.intakeCtx, func(found []queue.Depth) {
			for _, d := range found {
				w.attend(d.ID)
			}
		})
		if w.intakeCtx.Err() == nil && w.trouble.fetching.note(err) != nil {
			retry.wait(w.intakeCtx)
		}
	}
}

// attend makes sure that a queue's jobs are taken.
func (w *Worker) attend(id queue.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if in := w.intakes[id]; in != nil || w.intakeCtx.Err() != nil {
		if in != nil {
			in.noteFound(time.Now())
		}
		return
	}
	in := newIntake(w, id, w.line(id.Sender))
	in.noteFound(time.Now())
	w.intakes[id] = in
	w.intaking.Go(func() {
		if idle := in.run(w.intakeCtx); !idle {
			return // draining: what it still holds is kept alive to the end
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.intakes, id)
	})
}

// line returns the number's line, started; nil for a number of no account. w.mu
// is held.
func (w *Worker) line(number string) *line {
	if l := w.lines[number]; l != nil {
		return l
	}
	n, err := w.cfg.Directory.Lookup(number)
	if err != nil {
		return nil
	}
	l := newLine(w, n)
	w.lines[number] = l
	w.sending.Go(func() { l.run(w.lineCtx) })
	return l
}

// Trouble says what keeps the worker from sending; nil when nothing does.
func (w *Worker) Trouble() error {
	var errs []error
	for _, t := range w.trouble.all() {
		errs = append(errs, t.err())
	}
	return errors.Join(errs...)
}

func (w *Worker) allIntakes() []*intake {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make([]*intake, 0, len(w.intakes))
	for _, in := range w.intakes {
		all = append(all, in)
	}
	return all
}
