package webhook

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/recipient"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// inbound is a message that somebody wrote to a number of ours, or a tap on a button.
type inbound struct {
	*whatsapp.Inbound
	hook *hook
	// number is the phone number id it was written to.
	number string
	// mark tells it from all others, in the events' ids too.
	mark string
	// at is the time of its events, and from its author.
	at   time.Time
	from recipient.Person
	// payload is the author's of the job, and signed the job that the payload names,
	// where it is one that wacast signed.
	payload string
	signed  *job.SignedPayload

	// tied is what it was found to be about; recorded says that it came before, and all
	// that follows from it is on record.
	tied     tied
	recorded bool
}

// tied is what a message is about: nothing, or a job.
type tied struct {
	key   job.Key
	match job.Match
	// attempt is the one that a payload names, which may be 0.
	attempt int
	// place is where the job's outcome is in the stream; 0 where that is not known, and
	// waits says that it is about to be.
	place uint64
	waits bool
	// outcome is zero where it is not on record, or not any more.
	outcome job.Event
}

// message takes an inbound message or a call out of a webhook.
func (b *batch) message(h *hook, u *whatsapp.Update) {
	in := *u.Inbound
	if max(len(in.ID), len(in.From), len(in.UserID), len(in.NewWaID), len(in.NewUserID)) > maxName {
		h.odd = updateBroken
		h.tally[updateBroken]++
		return
	}
	in.Text, in.Payload = cut(in.Text), cut(in.Payload)
	m := &inbound{
		Inbound: &in, hook: h, number: u.Number, at: u.Inbound.Time, payload: u.Inbound.Payload,
		from: recipient.Person{WaID: u.Inbound.From, UserID: u.Inbound.UserID},
	}
	if m.at.IsZero() {
		m.at = h.delivery.Stored
	}
	m.mark = markOf(m)
	if u.Kind == whatsapp.UpdateCall {
		b.calls = append(b.calls, m)
		return
	}
	switch signed, status := job.ParsePayload(b.key, m.payload); status {
	case job.PayloadValid:
		m.signed, m.payload = &signed, signed.Author
	case job.PayloadForged: // anybody can type this: it is free text
		m.payload = ""
		h.forged++
	}
	if b.heard[m.mark] { // the platform repeats itself within one webhook too
		h.tally[updateDuplicate]++
		return
	}
	b.heard[m.mark] = true
	b.inbound = append(b.inbound, m)
}

// maxName is longer than any name of a message or a person, and maxText than any words:
// an event must have room for all of them.
const (
	maxName = 1 << 10
	maxText = 64 << 10
)

// cut is the beginning of a text that is too long.
func cut(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "")
}

// markOf names a message by a digest, because it goes into ids and keys, which are
// logged, and a wamid holds a telephone number. One without an id is told by all that
// is known of it.
func markOf(m *inbound) string {
	name := m.ID
	if name == "" {
		name = "none/" + m.number + "/" + m.From + "/" + m.UserID + "/" + strconv.FormatInt(m.at.Unix(), 10) + "/" + m.Text + "/" + m.Payload
	}
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:16])
}

// isTap reports whether a button or a row was tapped.
func (m *inbound) isTap() bool {
	return m.Type == whatsapp.InboundButton || m.Type == whatsapp.InboundInteractive
}

// isChange reports whether the author has another number or user id now, which the
// platform says, not the person.
func (m *inbound) isChange() bool { return m.NewWaID != "" || m.NewUserID != "" }

// opensWindow reports whether the author wrote to our number alone.
func (m *inbound) opensWindow() bool { return m.number != "" && m.Group == "" && !m.isChange() }

// about is what an event about the message says of its job.
func (m *inbound) about() job.EventData {
	d := m.tied.outcome.Data
	if m.tied.outcome.ID == "" {
		d = job.EventData{Campaign: m.tied.key.Campaign, ID: m.tied.key.ID, Attempt: m.tied.attempt}
	}
	d.Was, d.Outcome, d.Reason, d.Code, d.Detail, d.Body = "", "", "", 0, "", 0
	d.From, d.Wamid = m.number, job.Wamid(m.ID)
	if m.from.WaID != "" {
		d.WaID = job.Phone(m.from.WaID)
	}
	if m.from.UserID != "" {
		d.UserID = m.from.UserID
	}
	return d
}

// person is its author, with the number that was written to if it is known.
func (m *inbound) person() recipient.Person {
	p := m.from
	if d := &m.tied.outcome.Data; d.ID != "" {
		p.Number = string(d.To)
		if p.UserID == "" {
			p.UserID = d.UserID
		}
	}
	return p
}

// event is one about the message, with an id that is the same whenever the message
// comes.
func (m *inbound) event(source string, d job.EventData) job.Event {
	ev := job.NewEvent(source, m.at, d)
	ev.Traceparent = m.tied.outcome.Traceparent
	if d.Wamid == "" {
		ev.ID += "/" + m.mark
	}
	return ev
}

// reply is the event that says what came in.
func (m *inbound) reply(source string) job.Event {
	d := m.about()
	d.Kind, d.Match, d.Payload, d.Text = job.Reply, m.tied.match, m.payload, m.Text
	if m.opensWindow() {
		d.WindowUntil = m.at.Add(serviceWindow)
	}
	if !m.isTap() && m.Type != whatsapp.InboundText {
		d.Detail = m.Kind
	}
	return m.event(source, d)
}

// serviceWindow is how long a number may write freely to whom wrote to it, or called.
const serviceWindow = 24 * time.Hour
