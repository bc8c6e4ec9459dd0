package report

import (
	"context"
	"fmt"
	"hash/maphash"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// Job is what became of one job of a campaign. It holds the recipient's number.
type Job struct {
	// Outcome is the last word of it: what was unknown and settled since is what it
	// turned out to be. Time is that of the word.
	Outcome job.EventData
	Time    time.Time
	// Status is how far an accepted message came, empty where no webhook said so, and
	// StatusAt when. StatusCode says why it failed.
	Status     job.Kind
	StatusAt   time.Time
	StatusCode int
}

// Jobs passes every job of a campaign that has ended, each once, those of one first
// outcome together; those that were purged with their queue, or whose person was
// forgotten, are only counted, and have no name any more. What is remembered meanwhile is tens of bytes a job.
func (r *Reporter) Jobs(ctx context.Context, campaign string, fn func(*Job) error) error {
	l := ledger{fn: fn, seed: maphash.MakeSeed(), later: make(map[uint64]*late), done: make(map[uint64]bool), copies: make(map[uint64]*queue.Recorded)}
	if err := r.read(ctx, campaign, append(statuses(), job.Settled), l.follow); err != nil {
		return fmt.Errorf("jobs of campaign %s: %w", campaign, err)
	}
	if err := r.read(ctx, campaign, job.Outcomes(), l.end); err != nil {
		return fmt.Errorf("jobs of campaign %s: %w", campaign, err)
	}
	for _, e := range l.copies {
		if err := l.pass(e); err != nil {
			return fmt.Errorf("jobs of campaign %s: %w", campaign, err)
		}
	}
	return nil
}

func statuses() []job.Kind {
	return []job.Kind{job.Held, job.Sent, job.Delivered, job.Read, job.Failed}
}

// rank orders statuses by how much they say. What was delivered did not fail,
// whatever comes later.
func rank(status job.Kind) int {
	switch status {
	case job.Held:
		return 1
	case job.Sent:
		return 2
	case job.Failed:
		return 3
	case job.Delivered:
		return 4
	case job.Read:
		return 5
	}
	return 0
}

// late is what is known of a job beside its first outcome.
type late struct {
	status   job.Kind
	code     int
	statusAt time.Time
	// settled is the last settled event; nil for none.
	settled *queue.Recorded
}

// ledger puts the events of jobs together.
type ledger struct {
	fn    func(*Job) error
	seed  maphash.Seed
	later map[uint64]*late
	done  map[uint64]bool
	// copies are outcomes of a publication that say nothing of the job, of jobs
	// without any other so far.
	copies map[uint64]*queue.Recorded
}

func (l *ledger) hash(e *queue.Recorded) uint64 { return maphash.String(l.seed, e.Data.ID) }

// follow takes what comes after an outcome, in the order of the stream.
func (l *ledger) follow(e *queue.Recorded) error {
	at := l.hash(e)
	if l.later[at] == nil {
		l.later[at] = new(late)
	}
	known := l.later[at]
	if e.Data.Kind == job.Settled {
		if corrects(&e.Data) { // the statuses say the rest
			known.settled = e
		}
	} else if rank(e.Data.Kind) > rank(known.status) {
		known.status, known.statusAt, known.code = e.Data.Kind, e.Time, e.Data.Code
	}
	return nil
}

// end takes outcomes.
func (l *ledger) end(e *queue.Recorded) error {
	at := l.hash(e)
	switch {
	case e.Data.ID == "" || l.done[at] || erased(e):
		return nil // a purge, another publication of the job, or nobody's any more
	case e.Data.Kind == job.Duplicate || e.Data.Reason == job.ReasonConflict:
		l.copies[at] = e
		return nil
	}
	l.done[at] = true
	delete(l.copies, at)
	return l.pass(e)
}

func (l *ledger) pass(e *queue.Recorded) error {
	j := Job{Outcome: e.Data, Time: e.Time}
	if known := l.later[l.hash(e)]; known != nil {
		j.Status, j.StatusAt, j.StatusCode = known.status, known.statusAt, known.code
		if s := known.settled; s != nil && s.Data.Outcome != "" {
			j.Time = s.Time
			j.settle(&s.Data)
		}
	}
	return l.fn(&j)
}

// settle gives the job the outcome that it turned out to have.
func (j *Job) settle(d *job.EventData) {
	o := &j.Outcome
	o.Kind, o.Reason, o.Code, o.Detail, o.Attempt = d.Outcome, d.Reason, d.Code, d.Detail, d.Attempt
	if d.Wamid != "" {
		o.Wamid, o.WaID = d.Wamid, d.WaID
	}
}

// UnknownJob is a job whose outcome nobody knows.
type UnknownJob struct {
	ID       string
	Campaign string
	From     string
	Reason   job.Reason
	Attempt  int
	// Since is when the attempt became unknown.
	Since time.Time
	// Stream and Sequence name the publication.
	Stream   string
	Sequence uint64
}

// Key is the job's identity.
func (u *UnknownJob) Key() job.Key { return job.Key{Campaign: u.Campaign, ID: u.ID} }

// UnknownJobs lists the jobs of a campaign whose outcome nobody knows, the oldest
// first.
func (r *Reporter) UnknownJobs(ctx context.Context, campaign string) ([]UnknownJob, error) {
	open := make(map[publication]UnknownJob)
	var order []publication
	err := r.read(ctx, campaign, []job.Kind{job.Unknown, job.Settled}, func(e *queue.Recorded) error {
		d, at := &e.Data, publication{e.Data.Stream, e.Data.Sequence}
		_, known := open[at]
		if erased(e) {
			return nil // nobody can settle it any more
		}
		if d.Kind == job.Settled && !corrects(d) {
			return nil
		}
		if d.Kind == job.Settled && d.Outcome != job.Unknown {
			delete(open, at)
			return nil
		}
		if !known {
			order = append(order, at)
		}
		open[at] = UnknownJob{
			ID: d.ID, Campaign: d.Campaign, From: d.From, Reason: d.Reason, Attempt: d.Attempt, Since: e.Time, Stream: d.Stream, Sequence: d.Sequence,
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("unknown jobs: %w", err)
	}
	list := []UnknownJob{}
	for _, at := range order {
		if u, ok := open[at]; ok {
			list = append(list, u)
			delete(open, at)
		}
	}
	return list, nil
}
