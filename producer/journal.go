package producer

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

const (
	// journalSize is how many jobs one event stands for.
	journalSize = 1000
	// journalEvery is how long fewer jobs wait for their event.
	journalEvery = 10 * time.Second
	// journalTimeout bounds one try at recording, and journalPause is how long after
	// a failed one the next comes.
	journalTimeout = 5 * time.Second
	journalPause   = 30 * time.Second
	// journalMost bounds the events that wait while none can be recorded.
	journalMost = 1000
	// deniedEvery is how often an answer that will never come is looked for.
	deniedEvery = 25 * time.Millisecond
)

// journalSource is the source of events published.
const journalSource = "wacast/producer"

// errDenied says that this producer may not record events.
var errDenied = errors.New("the credentials do not allow to publish events")

// journal records where the jobs are that were published, so that whoever verifies a
// campaign knows what there must be an outcome of. Jobs are published without it as
// well, so what keeps it from recording is logged and no more.
type journal struct {
	nc     *nats.Conn
	names  queue.Names
	events *queue.Events
	log    *slog.Logger
	full   chan struct{} // holds a token when an event is ready
	ended  chan struct{}
	loop   sync.WaitGroup
	stop   sync.Once

	writing sync.Mutex // held while events are recorded

	mu     sync.Mutex
	open   map[queue.ID][]uint64 // sequences of jobs that no event names yet
	ready  []job.Event
	failed time.Time // the last try
	denied bool
}

func newJournal(nc *nats.Conn, names queue.Names, log *slog.Logger) (*journal, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	events, err := queue.NewEvents(js, names)
	if err != nil {
		return nil, err
	}
	j := &journal{
		nc: nc, names: names, events: events, log: log,
		full: make(chan struct{}, 1), ended: make(chan struct{}), open: make(map[queue.ID][]uint64),
	}
	j.loop.Go(j.run)
	return j, nil
}

// note takes a job down that is stored. It does not block.
func (j *journal) note(id queue.ID, sequence uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.denied || sequence == 0 {
		return
	}
	j.open[id] = append(j.open[id], sequence)
	if len(j.open[id]) < journalSize {
		return
	}
	j.seal(id)
	select {
	case j.full <- struct{}{}:
	default:
	}
}

// seal makes an event of what is open of a queue. j.mu is held.
func (j *journal) seal(id queue.ID) {
	sequences := j.open[id]
	delete(j.open, id)
	if len(j.ready) >= journalMost {
		return
	}
	slices.Sort(sequences)
	sequences = slices.Compact(sequences)
	data := job.EventData{
		Kind: job.Published, From: id.Sender, Lane: id.Lane, Count: len(sequences),
		Stream: j.names.JobsStream(), Sequences: queue.Ranges(sequences),
	}
	if id.Campaign != job.NoCampaign {
		data.Campaign = id.Campaign
	}
	j.ready = append(j.ready, job.NewEvent(journalSource, time.Now(), data))
}

// run records what is ready until the journal is closed.
func (j *journal) run() {
	tick := time.NewTicker(journalEvery)
	defer tick.Stop()
	for {
		select {
		case <-j.ended:
			return
		case <-j.full:
			if j.mayTry() {
				j.write()
			}
		case <-tick.C:
			if j.mayTry() {
				j.flush()
			}
		}
	}
}

func (j *journal) mayTry() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.failed.IsZero() || time.Since(j.failed) > journalPause
}

// flush records all that was noted before it was called.
func (j *journal) flush() {
	j.mu.Lock()
	for id := range j.open {
		j.seal(id)
	}
	j.mu.Unlock()
	j.write()
}

// write records what is ready. What cannot be recorded stays so.
func (j *journal) write() {
	j.writing.Lock()
	defer j.writing.Unlock()
	j.mu.Lock()
	events := j.ready
	j.mu.Unlock()
	if len(events) == 0 {
		return
	}
	err := j.record(events)
	j.mu.Lock()
	defer j.mu.Unlock()
	if err == nil {
		j.ready, j.failed = slices.Clone(j.ready[len(events):]), time.Time{}
		return
	}
	if j.failed.IsZero() {
		j.log.Warn("what was published is not on record; the jobs are safe, but verify cannot tell how many there must be", "error", err)
	}
	j.failed = time.Now()
	if j.denied = errors.Is(err, errDenied); j.denied {
		j.ready = nil
		clear(j.open)
	}
}

func (j *journal) record(events []job.Event) error {
	ctx, cancel := context.WithTimeout(context.Background(), journalTimeout)
	defer cancel()
	ctx, deny := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { j.watchDenial(ctx, deny) })
	_, err := j.events.Record(ctx, events)
	deny(nil)
	watch.Wait()
	return err
}

// watchDenial gives up when the server says that the events may not be published:
// it says so to the connection, and never answers the message.
func (j *journal) watchDenial(ctx context.Context, deny context.CancelCauseFunc) {
	tick := time.NewTicker(deniedEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			err := j.nc.LastError()
			if errors.Is(err, nats.ErrPermissionViolation) && strings.Contains(err.Error(), j.names.Namespace+".events.") {
				deny(errDenied)
				return
			}
		}
	}
}

// close records what is left, unless that has just failed, and ends the journal.
func (j *journal) close() {
	j.stop.Do(func() {
		close(j.ended)
		j.loop.Wait()
		if j.mayTry() {
			j.flush()
		}
		j.events.Close()
	})
}
