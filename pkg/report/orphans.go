package report

import (
	"context"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// orphans names the publications that nobody accounts for, from the first one of the
// campaign on: where no producer has said which are its own, what is missing of a
// campaign must be among them.
func (r *Reporter) orphans(ctx context.Context, b *books, a *Accounts) error {
	stream, first := b.main()
	if stream == "" {
		return nil // nothing of it was ever there
	}
	_, last, err := r.queues.Ends(ctx)
	if err != nil {
		return err
	}
	all := newBooks("")
	others := queue.Filter{Kinds: []job.Kind{job.Published}}
	if err := r.events.Read(ctx, others, all.readPublished); err != nil {
		return err
	}
	err = r.queues.Present(ctx, "", func(stream string, sequence uint64, _ time.Time) error {
		all.of(stream).present.add(sequence)
		return nil
	})
	if err != nil {
		return err
	}
	for _, kind := range append(job.Outcomes(), job.Erased) {
		err := r.events.Read(ctx, queue.Filter{Kinds: []job.Kind{kind}}, func(e *queue.Recorded) error {
			if e.Data.Sequence > 0 && (e.Data.ID != "" || e.Data.Outcome.IsOutcome() && e.Data.Was == "") {
				all.of(e.Data.Stream).ended.add(e.Data.Sequence)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	lost, p := newSequences(), all.of(stream)
	lost.addRange(first, last)
	var named []uint64
	for sequence := range lost.without(p.published, p.present, p.ended).all() {
		if named = append(named, sequence); len(named) == maxNamed {
			break
		}
	}
	a.MissingSequences = queue.Ranges(named)
	return nil
}

// main is the stream that most of the campaign's publications are in, and the first
// of them.
func (b *books) main() (stream string, first uint64) {
	var most uint64
	for name, p := range b.streams {
		if n := p.ended.n + p.present.n; n > most {
			most, stream = n, name
			first = 0
			for _, s := range []*sequences{p.ended, p.present} {
				for sequence := range s.all() {
					if first == 0 || sequence < first {
						first = sequence
					}
					break
				}
			}
		}
	}
	return stream, first
}
