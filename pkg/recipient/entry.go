package recipient

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Scope is what an opt-out covers.
type Scope string

// The scopes of an [OptOut].
const (
	// All: no message at all.
	All Scope = "all"
	// Marketing: no message of a marketing template.
	Marketing Scope = "marketing"
)

// Source is what an [OptOut] was learned from.
type Source string

// The sources of an [OptOut].
const (
	// Keyword: the person wrote a word such as STOP.
	Keyword Source = "keyword"
	// Button: the person tapped a button such as Stop promotions.
	Button Source = "button"
	// Preferences: the person stopped marketing in WhatsApp, as the webhook
	// user_preferences tells.
	Preferences Source = "preferences"
	// API: the API refused a message with 131050.
	API Source = "api"
	// Import: it came in a list of another system.
	Import Source = "import"
	// Operator: somebody entered it by hand.
	Operator Source = "operator"
)

// OptOut is one thing a person does not want.
type OptOut struct {
	Scope Scope `json:"scope"`
	// Number is the phone number id of the business number that it is about; empty for
	// every one.
	Number string    `json:"number,omitempty"`
	Source Source    `json:"source"`
	Since  time.Time `json:"since"`
	// Last is when the person said it again, if so: an opt-in before then ends nothing.
	Last time.Time `json:"last,omitzero"`
	// Detail is for people; it holds no text of the recipient.
	Detail string `json:"detail,omitempty"`
}

// OptIn is the end of what a person did not want. It is kept, so that an older opt-out
// that comes late changes nothing.
type OptIn struct {
	Scope Scope `json:"scope"`
	// Number is the phone number id of the business number that it is about; empty for
	// every one.
	Number string    `json:"number,omitempty"`
	At     time.Time `json:"at"`
}

// ends reports whether an opt-in is about all that an opt-out is about: one to all ends
// every opt-out, one to marketing those that are about marketing only; one for every
// number those for single ones too.
func (in *OptIn) ends(o *OptOut) bool {
	return (in.Scope == All || o.Scope == Marketing) && (in.Number == "" || o.Number == in.Number)
}

// Bad says how often a number could not be reached (131026).
type Bad struct {
	// Marks tell the occurrences apart: campaigns, or jobs without one. Repeats within
	// one campaign say no more than the first.
	Marks []string  `json:"campaigns"`
	Since time.Time `json:"since"`
}

// Entry is what is held about the consent of a person.
type Entry struct {
	// Masked is the number as people may see it; empty for a person who was forgotten.
	Masked  string   `json:"masked,omitempty"`
	OptOuts []OptOut `json:"optouts,omitempty"`
	OptIns  []OptIn  `json:"optins,omitempty"`
	// HoldUntil is until when marketing waits: the platform refused more of it (131049).
	HoldUntil time.Time `json:"hold_until,omitzero"`
	Bad       *Bad      `json:"bad,omitempty"`
}

// ReadEntry reads an entry as the bucket keeps it.
func ReadEntry(value []byte) (Entry, error) {
	var e Entry
	if len(value) == 0 {
		return e, nil
	}
	if err := json.Unmarshal(value, &e); err != nil {
		return Entry{}, fmt.Errorf("read consent: %w", err)
	}
	return e, nil
}

// errSame ends a change that changes nothing.
var errSame = errors.New("nothing to change")

// optOut adds an opt-out, unless the person has wanted messages since. It reports false
// where one of the scope and number stood, and wrote where the entry is another one then.
func (e *Entry) optOut(o OptOut) (changed, wrote bool) {
	if slices.ContainsFunc(e.OptIns, func(in OptIn) bool { return in.ends(&o) && in.At.After(o.latest()) }) {
		return false, false
	}
	i := slices.IndexFunc(e.OptOuts, func(have OptOut) bool { return have.Scope == o.Scope && have.Number == o.Number })
	if i < 0 {
		e.OptOuts = append(e.OptOuts, o)
		return true, true
	}
	if have := &e.OptOuts[i]; o.latest().After(have.latest()) {
		have.Last = o.latest()
		return false, true
	}
	return false, false
}

// latest is when the person said so last.
func (o *OptOut) latest() time.Time {
	if o.Last.After(o.Since) {
		return o.Last
	}
	return o.Since
}

// optIn ends what the person did not want until then, and reports false where that was
// nothing. It is kept, where keep is set or it changed anything.
func (e *Entry) optIn(in OptIn, keep bool) (changed, wrote bool) {
	before := len(e.OptOuts)
	e.OptOuts = slices.DeleteFunc(e.OptOuts, func(o OptOut) bool { return in.ends(&o) && !o.latest().After(in.At) })
	changed = len(e.OptOuts) < before
	if !changed && !keep {
		return false, false
	}
	return changed, e.noteOptIn(in) || changed
}

// noteOptIn keeps the latest opt-in of each scope and number.
func (e *Entry) noteOptIn(in OptIn) (wrote bool) {
	for i := range e.OptIns {
		if have := &e.OptIns[i]; have.Scope == in.Scope && have.Number == in.Number {
			if wrote = in.At.After(have.At); wrote {
				have.At = in.At
			}
			return wrote
		}
	}
	e.OptIns = append(e.OptIns, in)
	return true
}

// merge adds what another entry about the same person says.
func (e *Entry) merge(other Entry) (changed bool) {
	for _, in := range other.OptIns {
		_, wrote := e.optIn(in, true)
		changed = wrote || changed
	}
	for _, o := range other.OptOuts {
		_, wrote := e.optOut(o)
		changed = wrote || changed
	}
	if other.HoldUntil.After(e.HoldUntil) {
		e.HoldUntil, changed = other.HoldUntil, true
	}
	if e.Bad == nil && other.Bad != nil {
		e.Bad, changed = other.Bad, true
	}
	return changed
}

// empty reports that the entry says nothing any more.
func (e *Entry) empty() bool {
	return len(e.OptOuts) == 0 && len(e.OptIns) == 0 && e.HoldUntil.IsZero() && e.Bad == nil
}

// without takes away what another entry, which has moved, says.
func (e *Entry) without(moved Entry) bool {
	before := *e
	e.OptOuts = slices.DeleteFunc(slices.Clone(e.OptOuts), func(o OptOut) bool { return slices.Contains(moved.OptOuts, o) })
	e.OptIns = slices.DeleteFunc(slices.Clone(e.OptIns), func(in OptIn) bool { return slices.Contains(moved.OptIns, in) })
	if !e.HoldUntil.After(moved.HoldUntil) {
		e.HoldUntil = time.Time{}
	}
	e.Bad = nil
	return len(e.OptOuts) < len(before.OptOuts) || len(e.OptIns) < len(before.OptIns) || e.HoldUntil != before.HoldUntil || before.Bad != nil
}

// fail adds a mark of a message that did not arrive, and reports whether it is new.
func (e *Entry) fail(mark string, enough int, now time.Time) bool {
	if e.Bad == nil {
		e.Bad = &Bad{Since: now.UTC().Truncate(time.Second)}
	}
	if slices.Contains(e.Bad.Marks, mark) || len(e.Bad.Marks) >= enough {
		return false
	}
	e.Bad.Marks = append(e.Bad.Marks, mark)
	return true
}

// forget leaves the opt-outs, without what a person wrote beside them or could be
// recognized by.
func (e *Entry) forget() bool {
	e.Masked, e.HoldUntil, e.Bad, e.OptIns = "", time.Time{}, nil, nil
	for i := range e.OptOuts {
		e.OptOuts[i].Detail = ""
	}
	return true
}
