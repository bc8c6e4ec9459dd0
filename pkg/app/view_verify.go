package app

import (
	"context"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/report"
)

// Verify checks a campaign's accounts. The number of jobs there must be is expected,
// or what was said when the campaign was closed where that is 0. What is missing is
// looked up among the claims of the last day, which know the job.
func (v *View) Verify(ctx context.Context, id string, expected uint64) (*report.Accounts, error) {
	p, err := v.Progress(ctx, id)
	if err != nil {
		return nil, err
	}
	if expected == 0 && p.Expected != nil {
		expected = *p.Expected
	}
	a, err := v.reporter.Verify(ctx, id, expected)
	if err != nil || a.MissingSequences == "" {
		return a, err
	}
	return a, v.nameMissing(ctx, a)
}

// nameMissing adds which jobs the missing publications were, as far as a worker has
// claimed them.
func (v *View) nameMissing(ctx context.Context, a *report.Accounts) error {
	ranges, err := queue.ParseRanges(a.MissingSequences)
	if err != nil {
		return err
	}
	missing := make(map[uint64]bool)
	for _, r := range ranges {
		for s := r.First; s <= r.Last; s++ {
			missing[s] = true
		}
	}
	claims, err := queue.NewClaims(v.js, v.names, "")
	if err != nil {
		return err
	}
	defer claims.Close()
	return claims.Read(ctx, 0, 0, time.Time{}, func(b *queue.ClaimBatch) error {
		for i := range b.Notes {
			n := &b.Notes[i]
			if missing[n.Sequence] && !n.Return && n.Stream == v.names.JobsStream() && n.Key.CampaignToken() == a.ID {
				delete(missing, n.Sequence)
				a.MissingJobs = append(a.MissingJobs, report.MissingJob{Sequence: n.Sequence, Job: n.Key.String(), Attempt: n.Attempt})
			}
		}
		return nil
	})
}

// Jobs passes what became of each job of a campaign; see [report.Reporter.Jobs].
func (v *View) Jobs(ctx context.Context, id string, fn func(*report.Job) error) error {
	if _, err := v.Progress(ctx, id); err != nil {
		return err
	}
	return v.reporter.Jobs(ctx, id, fn)
}

// UnknownJob is a job whose outcome nobody knows, and what it waits for.
type UnknownJob struct {
	Job     string     `json:"job"`
	From    string     `json:"from"`
	Reason  job.Reason `json:"reason"`
	Attempt int        `json:"attempt"`
	Since   time.Time  `json:"since"`
	// Held says that it waits for a person. Else it waits for evidence until Deadline,
	// which is null for one that is being looked at.
	Held     bool       `json:"held"`
	Deadline *time.Time `json:"deadline"`
}

// UnknownJobs lists the jobs of a campaign whose outcome nobody knows, the oldest
// first.
func (v *View) UnknownJobs(ctx context.Context, id string) ([]UnknownJob, error) {
	if _, err := v.Progress(ctx, id); err != nil {
		return nil, err
	}
	found, err := v.reporter.UnknownJobs(ctx, id)
	if err != nil || len(found) == 0 {
		return []UnknownJob{}, err
	}
	held := make(map[string]bool)
	err = v.Letters(ctx, LetterFilter{DeadFilter: queue.DeadFilter{Campaign: id}}, func(l *Letter) error {
		held[l.ID] = held[l.ID] || l.Outcome == job.Unknown
		return nil
	})
	if err != nil {
		return nil, err
	}
	list := make([]UnknownJob, len(found))
	for i, u := range found {
		list[i] = UnknownJob{Job: u.Key().String(), From: u.From, Reason: u.Reason, Attempt: u.Attempt, Since: u.Since, Held: held[u.ID]}
		if held[u.ID] {
			continue
		}
		if list[i].Deadline, err = v.deadline(ctx, u.Key()); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// deadline is until when an unknown job waits for evidence; nil when it does not.
func (v *View) deadline(ctx context.Context, key job.Key) (*time.Time, error) {
	copies, err := v.scheduled(ctx, key)
	for _, c := range copies {
		if c.Kind == queue.KindUnknown {
			return &c.Due, err
		}
	}
	return nil, err
}
