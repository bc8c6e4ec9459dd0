package report

import (
	"context"
	"fmt"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// Where the total of a campaign is known from.
const (
	// TotalPublished: producers have said which publications theirs are.
	TotalPublished = "published"
	// TotalExpected: somebody has said how many jobs there must be.
	TotalExpected = "expected"
	// TotalUnknown: nobody has said anything, so that nothing can be missing.
	TotalUnknown = "unknown"
)

// maxNamed is how many jobs or publications are named of a kind.
const maxNamed = 100

// Accounts are those of a campaign: what was published, and what became of it. They
// are made of stream sequences alone, and of no counter.
type Accounts struct {
	ID string `json:"id"`
	// OK says that the accounts are right: nothing is missing, and nothing ended
	// or was sent twice.
	OK bool `json:"ok"`
	// TotalFrom says which total the accounts were compared with.
	TotalFrom string `json:"total_from"`
	// Total is how many publications there must be; with [TotalExpected], jobs.
	Total uint64 `json:"total"`
	// Expected is how many jobs somebody has said there must be; null for nobody.
	Expected *uint64 `json:"expected"`
	// Jobs is how many there are, each counted once as far as its copies have ended.
	Jobs uint64 `json:"jobs"`
	// Unreported counts the publications whose publisher did not report them.
	Unreported uint64 `json:"unreported"`

	// Ended, Present and Purged are what became of the publications: they have an
	// outcome; they are queued, scheduled or in flight and have none; they were
	// purged when the campaign was cancelled.
	Ended    uint64              `json:"ended"`
	Present  uint64              `json:"present"`
	Purged   uint64              `json:"purged"`
	Outcomes map[job.Kind]uint64 `json:"outcomes"`

	// Missing counts what there must be and is not. MissingSequences says where in
	// the job stream that is, as in 1-500,502, as far as it is known; MissingJobs are
	// those of them that a worker has claimed.
	Missing          uint64       `json:"missing"`
	MissingSequences string       `json:"missing_sequences"`
	MissingJobs      []MissingJob `json:"missing_jobs"`
	// NeverPublished counts those of Missing that nobody has published, where that is
	// certain.
	NeverPublished uint64 `json:"never_published"`
	// Surplus counts the jobs there are beyond what is expected.
	Surplus uint64 `json:"surplus"`

	// EndedTwice are publications with two outcomes, and RecordedTwice counts those
	// with one that is on record twice, which is harmless but counted twice in a
	// campaign's status. SentTwice are jobs that the API has accepted twice. SentAgain
	// are not among them: their answer was lost, their policy or a person had them
	// tried once more, and the API took both messages, as that permits.
	EndedTwice    []Repeat `json:"ended_twice"`
	RecordedTwice uint64   `json:"recorded_twice"`
	SentTwice     []string `json:"sent_twice"`
	SentAgain     []string `json:"sent_again"`
}

// MissingJob is a job whose publication is missing.
type MissingJob struct {
	Sequence uint64 `json:"sequence"`
	Job      string `json:"job"`
	Attempt  int    `json:"attempt"`
}

// Repeat is a publication with two outcomes.
type Repeat struct {
	Sequence uint64     `json:"sequence"`
	Job      string     `json:"job"`
	Outcomes []job.Kind `json:"outcomes"`
}

// Verify checks the accounts of a campaign, at rest or while it runs; expected is
// how many jobs there must be, 0 where nobody has said.
func (r *Reporter) Verify(ctx context.Context, campaign string, expected uint64) (*Accounts, error) {
	a, err := r.verify(ctx, campaign, expected)
	if err == nil && a.Missing > 0 {
		// What moves from one stream to another while it is read may be missed once.
		a, err = r.verify(ctx, campaign, expected)
	}
	if err != nil {
		return nil, fmt.Errorf("verify campaign %s: %w", campaign, err)
	}
	return a, nil
}

// verify reads what was published first, then what is there, then what has ended:
// a job goes from the one to the other, and so is seen at least once.
func (r *Reporter) verify(ctx context.Context, campaign string, expected uint64) (*Accounts, error) {
	b := newBooks(campaign)
	published := queue.Filter{Campaign: campaign, Kinds: []job.Kind{job.Published}}
	if err := r.events.Read(ctx, published, b.readPublished); err != nil {
		return nil, err
	}
	err := r.queues.Present(ctx, campaign, func(stream string, sequence uint64, _ time.Time) error {
		b.of(stream).present.add(sequence)
		return nil
	})
	if err != nil {
		return nil, err
	}
	outcomes := append(job.Outcomes(), job.Settled)
	if err := r.read(ctx, campaign, outcomes, b.readOutcome); err != nil {
		return nil, err
	}
	a := b.close(expected)
	if a.TotalFrom == TotalExpected && a.Missing > 0 {
		if err := r.orphans(ctx, b, a); err != nil {
			return nil, err
		}
		if a.MissingSequences == "" { // every place in the stream is accounted for
			a.NeverPublished = a.Missing
		}
	}
	if s := b.suspects(); s.any() {
		if err := r.read(ctx, campaign, outcomes, s.read); err != nil {
			return nil, err
		}
		s.tell(a)
	}
	a.OK = a.right()
	return a, nil
}
