package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
)

// Memory is where processors share what they decided; [queue.Bucket] does. It forgets
// after as long as events are kept.
type Memory interface {
	Bucket
	Get(ctx context.Context, key string) ([]byte, error)
	// Create sets the value of a key that has none, and reports whether it did.
	Create(ctx context.Context, key string, value []byte) (bool, error)
}

// tie finds out what messages are about: the job whose payload was tapped, else the
// message that is quoted, else the latest one to the author. What was decided before
// stays, so that a message that comes again is about the same.
func (p *Processor) tie(messages []*inbound) bool {
	if !p.lookUp(messages) {
		return false
	}
	for _, m := range messages {
		if m.tied.place == 0 && m.signed == nil {
			if m.tied.place = p.latest.byRecipient(m.number, m.from); m.tied.place > 0 {
				m.tied.match = job.MatchLatest
			}
		}
	}
	if !p.outcomes(messages) {
		return false
	}
	return p.decide(messages)
}

// lookUp asks the ledger for the jobs whose names are known: by payloads, and by the
// ids of messages of which statuses told.
func (p *Processor) lookUp(messages []*inbound) bool {
	var subjects []dedup.Subject
	var of []*inbound
	ask := func(m *inbound, key job.Key, attempt int, match job.Match) {
		m.tied = tied{key: key, match: match, attempt: attempt}
		subjects, of = append(subjects, dedup.Subject{Key: key}), append(of, m)
	}
	for _, m := range messages {
		if m.signed != nil {
			ask(m, m.signed.Key, m.signed.Attempt, job.MatchPayload)
		} else if m.Context != "" {
			if place := p.latest.byMessage(m.Context); place > 0 {
				m.tied.place, m.tied.match = place, job.MatchContext
			} else if token, ok := p.finder.known.find(m.Context); ok {
				ask(m, token.Key, token.Attempt, job.MatchContext)
			}
		}
	}
	if len(subjects) == 0 {
		return true
	}
	var entries []dedup.Entry
	if !p.try(p.ledger, func(ctx context.Context) (err error) {
		entries, err = p.cfg.Ledger.Lookup(ctx, subjects)
		return err
	}) {
		return false
	}
	for i, m := range of {
		switch e := entries[i]; {
		case e.State.Final() && e.Event > 0:
			m.tied.place = e.Event
		case (e.NotWhole || e.State != dedup.None) && m.hook.delivery.Delivered < maxReturns:
			m.hook.waits = true // its outcome is about to be recorded
			m.hook.lost = m.hook.lost || e.NotWhole
			m.tied.waits = true
		}
	}
	return true
}

// outcomes gets the events that say what became of the jobs.
func (p *Processor) outcomes(messages []*inbound) bool {
	var places []uint64
	var of []*inbound
	for _, m := range messages {
		if m.tied.place > 0 {
			places, of = append(places, m.tied.place), append(of, m)
		}
	}
	if len(places) == 0 {
		return true
	}
	return p.try(p.recording, func(ctx context.Context) error {
		events, err := p.cfg.Events.At(ctx, places)
		if err != nil {
			return err
		}
		for i, m := range of {
			m.tied.found(events[i])
		}
		return nil
	})
}

// found takes what is in an outcome's place, which may be gone.
func (t *tied) found(e job.Event) {
	switch {
	case e.ID == "" || e.Data.ID == "":
		if t.key.ID == "" {
			*t = tied{}
		}
	case t.key.ID == "" || e.Key() == t.key:
		t.key, t.outcome = e.Key(), e
		if t.attempt == 0 {
			t.attempt = e.Data.Attempt
		}
	}
}

// decision is what a message was found to be about, for whoever processes it again. It
// names nobody.
type decision struct {
	Campaign string    `json:"campaign,omitempty"`
	ID       string    `json:"id,omitempty"`
	Attempt  int       `json:"attempt,omitempty"`
	Match    job.Match `json:"match,omitempty"`
	// Place is that of the outcome in the stream of events.
	Place uint64 `json:"place,omitempty"`
	// At is when it was decided: nothing of it was recorded before.
	At time.Time `json:"at"`
}

// decide writes down what messages are about, and takes over what was decided before.
// Then the question is what of it is on record: a processor may have died, or the
// platform repeats itself. The reply is recorded last, so that with it all else is.
func (p *Processor) decide(messages []*inbound) bool {
	return p.try(p.recording, func(ctx context.Context) error {
		return each(messages, func(m *inbound) error {
			if m.tied.waits {
				return nil
			}
			t := &m.tied
			d := decision{Campaign: t.key.Campaign, ID: t.key.ID, Attempt: t.attempt, Match: t.match, Place: t.place}
			before, err := p.remember(ctx, "in."+m.mark, d)
			if err != nil || before == nil {
				return err
			}
			if err := p.recall(ctx, m, before); err != nil {
				return err
			}
			reply := m.reply(p.source)
			m.recorded, err = p.onRecord(ctx, &reply, before.At)
			return err
		})
	})
}

// remember writes a decision down, unless there is one, which it returns.
func (p *Processor) remember(ctx context.Context, key string, d decision) (before *decision, err error) {
	d.At = time.Now().UTC()
	value, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	first, err := p.cfg.Memory.Create(ctx, key, value)
	if err != nil || first {
		return nil, err
	}
	if value, err = p.cfg.Memory.Get(ctx, key); err != nil {
		return nil, err
	}
	before = new(decision)
	if json.Unmarshal(value, before) != nil {
		return nil, nil // not ours; to record something twice is better than never
	}
	return before, nil
}

// knows remembers what is about no job, and reports whether it came before and its
// event is on record.
func (p *Processor) knows(ctx context.Context, key string, d decision, ev *job.Event) (bool, error) {
	before, err := p.remember(ctx, key, d)
	if err != nil || before == nil {
		return false, err
	}
	return p.onRecord(ctx, ev, before.At)
}

// recall has a message be about what was decided before.
func (p *Processor) recall(ctx context.Context, m *inbound, d *decision) error {
	m.tied = tied{key: job.Key{Campaign: d.Campaign, ID: d.ID}, match: d.Match, attempt: d.Attempt, place: d.Place}
	if d.Place == 0 {
		return nil
	}
	events, err := p.cfg.Events.At(ctx, []uint64{d.Place})
	if err == nil {
		m.tied.found(events[0])
	}
	return err
}

// onRecord reports whether an event was recorded since a time. The stream itself knows
// the ids of some minutes only.
func (p *Processor) onRecord(ctx context.Context, ev *job.Event, since time.Time) (bool, error) {
	found, err := p.cfg.Events.Find(ctx, ev.Key(), "", since.Add(-clockSlack))
	return slices.ContainsFunc(found, func(e job.Event) bool { return e.ID == ev.ID }), err
}

// clockSlack is how far the clocks of processors and of the server may differ.
const clockSlack = time.Minute

// sideBySide is how many requests to the server are under way at a time.
const sideBySide = 16

// each calls fn with each item, several at a time, and returns what went wrong.
func each[T any](items []T, fn func(T) error) error {
	var (
		mu      sync.Mutex
		all     error
		running sync.WaitGroup
	)
	places := make(chan struct{}, sideBySide)
	for _, item := range items {
		places <- struct{}{}
		running.Go(func() {
			defer func() { <-places }()
			if err := fn(item); err != nil {
				mu.Lock()
				defer mu.Unlock()
				all = errors.Join(all, err)
			}
		})
	}
	running.Wait()
	return all
}
