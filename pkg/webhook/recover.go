package webhook

import (
	"context"
	"errors"
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// repeatWindow is how long the stream of events surely knows an id, even where clocks
// differ by minutes: what is recorded again within it is stored once.
const repeatWindow = 2 * time.Minute

var errFound = errors.New("found")

// catchUp marks in the ledger what is on record since a time. The processors may all
// have died between a record and its mark, and been away for longer than the stream
// remembers ids: then the same webhooks would be recorded twice. Whatever they left
// unmarked is of a webhook that is still in the inbox, so it is enough to do this
// once, from the oldest webhook on.
func (p *Processor) catchUp(since time.Time) bool {
	if time.Since(since) < p.repeat {
		return true
	}
	// Where a processor got on all the while, it was handed what another one left.
	alive := p.scan(time.Now().Add(-p.repeat), func(*queue.Raw) error { return errFound })
	if errors.Is(alive, errFound) {
		return true
	}
	return p.try(p.recording, func(context.Context) error { // which may take longer than a step
		m := marker{ctx: p.work, ledger: p.cfg.Ledger}
		if err := p.scan(since, m.add); err != nil {
			return err
		}
		return m.flush()
	})
}

// scan goes through the statuses that were recorded since a time.
func (p *Processor) scan(since time.Time, fn func(*queue.Raw) error) error {
	filter := queue.Filter{Since: since}
	for i := range steps {
		filter.Kinds = append(filter.Kinds, steps[i].kind)
	}
	return p.cfg.Events.Scan(p.work, filter, fn)
}

// marker marks events that are on record, many at a time.
type marker struct {
	ctx    context.Context
	ledger Ledger
	marks  []dedup.Evidence
}

func (m *marker) add(r *queue.Raw) error {
	event, err := job.DecodeEvent(r.Data)
	if err != nil || event.Data.Attempt < 1 || event.Data.Attempt > maxAttempt {
		return nil // of a newer build, perhaps; it was not we who recorded it
	}
	for i := range steps {
		if steps[i].kind == event.Data.Kind {
			m.marks = append(m.marks, dedup.Evidence{Key: event.Key(), Attempt: event.Data.Attempt, Seen: steps[i].bit})
		}
	}
	if len(m.marks) < maxReports {
		return nil
	}
	return m.flush()
}

func (m *marker) flush() error {
	if len(m.marks) == 0 {
		return nil
	}
	_, err := m.ledger.Mark(m.ctx, m.marks)
	m.marks = m.marks[:0]
	return err
}
