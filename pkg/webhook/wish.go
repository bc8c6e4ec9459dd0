package webhook

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/recipient"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// wish is what somebody wants from now on: fewer messages, or messages again.
type wish struct {
	out    bool
	scope  recipient.Scope
	source recipient.Source
	at     time.Time
}

// wish is what a message asks for; nil for nothing. In a group nobody speaks to us
// alone.
func (p *Processor) wish(m *inbound) *wish {
	if m.Group != "" || m.from == (recipient.Person{}) {
		return nil
	}
	words, source := []string{m.Text}, recipient.Keyword
	switch {
	case m.isTap():
		words, source = []string{m.payload, m.Text}, recipient.Button
	case m.Type != whatsapp.InboundText:
		return nil
	}
	for _, w := range words {
		switch out, in := p.cfg.Keywords.Match(w); {
		case out:
			return &wish{out: true, scope: p.cfg.Scope, source: source, at: m.at}
		case in: // who asks for messages asks for all
			return &wish{scope: recipient.All, source: source, at: m.at}
		}
	}
	return nil
}

// grant tells the book.
func (p *Processor) grant(ctx context.Context, who recipient.Person, w *wish) (err error) {
	switch {
	case w == nil:
	case w.out:
		_, err = p.cfg.Book.OptOut(ctx, who, recipient.OptOut{Scope: w.scope, Source: w.source, Since: w.at.UTC()})
	default:
		_, err = p.cfg.Book.OptIn(ctx, who, recipient.OptIn{Scope: w.scope, At: w.at})
	}
	return err
}

// data makes the wish of what is known of its job.
func (w *wish) data(d job.EventData) job.EventData {
	d.Kind, d.Scope, d.Detail = job.OptIn, string(w.scope), string(w.source)
	if w.out {
		d.Kind = job.OptOut
	}
	return d
}

// preference is a wish that a person told the platform.
type preference struct {
	wish
	hook   *hook
	number string
	who    recipient.Person
	// mark tells it from all others.
	mark string
}

// preference takes a preference out of a webhook. One that nobody knows is looked at by
// a person: it may be a wish for less.
func (b *batch) preference(h *hook, u *whatsapp.Update) {
	said := u.Preference
	out := said.Value == whatsapp.PreferenceStop
	known := out || said.Value == whatsapp.PreferenceResume || said.Value == whatsapp.PreferenceSignup
	if !known || said.Category != "" && said.Category != whatsapp.CategoryMarketing {
		h.odd = updateUnknownPreference
		h.tally[updateUnknownPreference]++
		return
	}
	at := said.Time
	if at.IsZero() {
		at = h.delivery.Stored
	}
	pr := &preference{
		wish: wish{out: out, scope: recipient.Marketing, source: recipient.Preferences, at: at},
		hook: h, number: u.Number, who: recipient.Person{WaID: said.WaID, UserID: said.UserID},
	}
	pr.mark = "pref." + string(recipient.Key(b.key).IDs(pr.who)[0]) + "." + said.Value + "." + strconv.FormatInt(at.Unix(), 10)
	b.preferences = append(b.preferences, pr)
}

// prefer takes preferences to their end, the last word last.
func (p *Processor) prefer(b *batch) bool {
	slices.SortStableFunc(b.preferences, func(x, y *preference) int { return x.at.Compare(y.at) })
	var events []job.Event
	for _, pr := range b.preferences {
		ev := job.NewEvent(p.source, pr.at, pr.data(job.EventData{From: pr.number, WaID: job.Phone(pr.who.WaID), UserID: pr.who.UserID}))
		ev.ID += "/" + pr.mark
		known := false
		if !p.try(p.recording, func(ctx context.Context) (err error) {
			if known, err = p.knows(ctx, pr.mark, decision{}, &ev); err == nil && !known {
				err = p.grant(ctx, pr.who, &pr.wish)
			}
			return err
		}) {
			return false
		}
		if known {
			pr.hook.tally[updateDuplicate]++
			continue
		}
		pr.hook.tally[updatePreference]++
		events = append(events, ev)
	}
	return p.tell(events)
}
