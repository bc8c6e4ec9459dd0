package webhook

import (
	"context"
	"slices"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/recipient"
)

// Consent is who wants what; [recipient.Book] knows.
type Consent interface {
	OptOut(ctx context.Context, p recipient.Person, o recipient.OptOut) (changed bool, err error)
	OptIn(ctx context.Context, p recipient.Person, in recipient.OptIn) (changed bool, err error)
	// HoldMarketing keeps marketing from a person for a while.
	HoldMarketing(ctx context.Context, p recipient.Person, until time.Time) error
}

// Reach is whom messages reach; [recipient.Book] knows.
type Reach interface {
	Undeliverable(ctx context.Context, p recipient.Person, mark string) (bad bool, err error)
	Delivered(ctx context.Context, p recipient.Person) error
}

// People are who is who, and who wrote when; [recipient.Book] knows.
type People interface {
	Canonical(p recipient.Person) recipient.ID
	Learn(p recipient.Person)
	Moved(ctx context.Context, former, now recipient.Person) error
	Wrote(ctx context.Context, number string, p recipient.Person, at time.Time) error
}

// Book is all of that; [recipient.Book] is one.
type Book interface {
	Consent
	Reach
	People
}

var _ Book = (*recipient.Book)(nil)

// hear takes inbound messages to their end: what they are about, what they change, and
// their events, of which the reply is recorded last.
func (p *Processor) hear(b *batch) bool {
	if !p.called(b.calls) {
		return false
	}
	if len(b.inbound) == 0 {
		return true
	}
	p.latest.wait(p.fetch)
	// What somebody said last counts, in a batch at least.
	slices.SortStableFunc(b.inbound, func(x, y *inbound) int { return x.at.Compare(y.at) })
	for part := range slices.Chunk(b.inbound, maxReports) {
		if !p.tie(part) || !p.hearAll(part) {
			return false
		}
	}
	return true
}

func (p *Processor) hearAll(messages []*inbound) bool {
	if !p.try(p.recording, func(ctx context.Context) error {
		return each(messages, func(m *inbound) error { return p.people(ctx, m) })
	}) {
		return false
	}
	var events []job.Event
	for _, m := range messages {
		if m.recorded {
			m.hook.tally[updateDuplicate]++
			continue
		}
		var said []job.Event
		if !p.try(p.recording, func(ctx context.Context) (err error) {
			said, err = p.take(ctx, m)
			return err
		}) {
			return false
		}
		events = append(events, said...)
	}
	return p.tell(events)
}

// tell records what people said and counts it.
func (p *Processor) tell(events []job.Event) bool {
	if !p.record(events) {
		return false
	}
	for i := range events {
		p.cfg.Metrics.said(&events[i].Data)
	}
	return true
}

// take does what a message asks for, and returns its events. What is about a job whose
// outcome is not on record yet changes consent at once; the rest comes again.
func (p *Processor) take(ctx context.Context, m *inbound) (events []job.Event, err error) {
	wish := p.wish(m)
	if err := p.grant(ctx, m.person(), wish); err != nil || m.tied.waits {
		return nil, err
	}
	if wish != nil {
		d := wish.data(m.about())
		d.Match = m.tied.match
		events = append(events, m.event(p.source, d))
	}
	answers, err := p.answer(ctx, m)
	if err != nil {
		return nil, err
	}
	m.hook.tally[updateMessage]++
	return append(append(events, answers...), m.reply(p.source)), nil
}

// people takes in who wrote: the aliases of the person, the number or the user id that
// the person has now, and that the customer service window is open.
func (p *Processor) people(ctx context.Context, m *inbound) error {
	if m.recorded || m.from == (recipient.Person{}) {
		return nil
	}
	who := m.person()
	p.cfg.Book.Learn(who)
	if m.isChange() {
		return p.cfg.Book.Moved(ctx, who, recipient.Person{WaID: m.NewWaID, UserID: m.NewUserID})
	}
	if !m.opensWindow() {
		return nil
	}
	return p.cfg.Book.Wrote(ctx, m.number, who, m.at)
}

// called takes calls: one that a person made opens the customer service window.
func (p *Processor) called(calls []*inbound) bool {
	if len(calls) == 0 {
		return true
	}
	for _, m := range calls {
		m.hook.tally[updateCall]++
	}
	made := slices.DeleteFunc(calls, func(m *inbound) bool { return !m.ByUser })
	return p.try(p.recording, func(ctx context.Context) error {
		return each(made, func(m *inbound) error { return p.people(ctx, m) })
	})
}
