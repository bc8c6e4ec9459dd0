package report

import (
	"context"
	"fmt"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// Ending is how a job ended, and why.
type Ending struct {
	Kind   job.Kind
	Reason job.Reason
	Code   int
}

// Reasons counts why a campaign's jobs ended other than accepted. What was settled
// since counts as what it turned out to be.
func (r *Reporter) Reasons(ctx context.Context, campaign string) (map[Ending]uint64, error) {
	t := tally{counts: make(map[Ending]uint64), ends: make(map[publication]Ending), seen: make(map[string]bool)}
	var kinds []job.Kind
	for _, k := range job.Outcomes() {
		if k != job.Accepted {
			kinds = append(kinds, k)
		}
	}
	kinds = append(kinds, job.Settled) // after what they settle
	err := r.read(ctx, campaign, kinds, func(e *queue.Recorded) error {
		t.add(e)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reasons of campaign %s: %w", campaign, err)
	}
	return t.counts, nil
}

// publication is one message of the job stream.
type publication struct {
	stream   string
	sequence uint64
}

// tally counts endings, and then what settles them.
type tally struct {
	counts map[Ending]uint64
	// ends are the endings that may be settled yet.
	ends map[publication]Ending
	// seen are the ids of events that count once however often they were recorded.
	seen map[string]bool
}

func (t *tally) add(e *queue.Recorded) {
	d := &e.Data
	ending, at := Ending{d.Kind, d.Reason, d.Code}, publication{d.Stream, d.Sequence}
	switch {
	case d.Kind == job.Settled:
		t.settle(e.ID, d, at)
	case d.Kind == job.Cancelled && d.ID == "":
		if !t.seen[e.ID] {
			t.seen[e.ID] = true
			t.counts[ending] += uint64(max(d.Count, 0))
		}
	default:
		t.counts[ending]++
		if d.Kind != job.Duplicate {
			t.ends[at] = ending
		}
	}
}

// settle replaces an ending. One whose event is gone was counted by nobody.
func (t *tally) settle(id string, d *job.EventData, at publication) {
	if t.seen[id] {
		return
	}
	t.seen[id] = true
	if was, ok := t.ends[at]; ok && was.Kind == wasOf(d) {
		delete(t.ends, at)
		if t.counts[was]--; t.counts[was] == 0 {
			delete(t.counts, was)
		}
	}
	if d.Outcome != "" && d.Outcome != job.Accepted {
		now := Ending{d.Outcome, d.Reason, d.Code}
		t.counts[now]++
		t.ends[at] = now
	}
}
