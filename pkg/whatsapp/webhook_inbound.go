package whatsapp

import (
	"log/slog"
	"time"
)

// InboundType is what a person sent, as far as it matters here.
type InboundType uint8

// The types of inbound messages (fact sheet 5.5).
const (
	// InboundOther: something without words, such as a place or an order;
	// [Inbound.Kind] says what.
	InboundOther InboundType = iota
	// InboundText: [Inbound.Text] is what the person wrote.
	InboundText
	// InboundButton: a tap on a template's quick reply, with its label and payload.
	InboundButton
	// InboundInteractive: a tap in an interactive message: a button or a row of a list,
	// with its title and id.
	InboundInteractive
	// InboundFlow: a form was filled in; the payload is its JSON.
	InboundFlow
	// InboundReaction: an emoji on the message that is quoted; none takes it back.
	InboundReaction
	// InboundMedia: a picture, a voice and the like, with its caption.
	InboundMedia
	// InboundNumberChange: the person has another number now, [Inbound.NewWaID].
	InboundNumberChange
	// InboundUserIDChange: the person has another user id now, [Inbound.NewUserID], in
	// the place of [Inbound.UserID].
	InboundUserIDChange
	// InboundUnsupported: the platform cannot pass it on; [Inbound.Kind] says what it was,
	// where that is told.
	InboundUnsupported
	// InboundCall: a call, not a message.
	InboundCall
)

var inboundTypes = [...]string{
	"other", "text", "button", "interactive", "flow", "reaction", "media", "number_change", "user_id_change", "unsupported", "call",
}

// String is the type in one word.
func (t InboundType) String() string {
	if int(t) >= len(inboundTypes) {
		return "invalid"
	}
	return inboundTypes[t]
}

// PayloadNotRequested is what the button of an authentication template carries by
// which a person says that somebody else asked for the code.
const PayloadNotRequested = "DID_NOT_REQUEST_CODE"

// Inbound is a message that a person wrote, or a call. Everything may be empty but
// one of From and UserID usually is not.
type Inbound struct {
	// ID is the wamid, which usually contains the person's number, or the call's id.
	ID   string
	Type InboundType
	// Kind is the type in the API's own words, such as image or unsupported/poll.
	Kind string
	// Time is when it was sent, in whole seconds.
	Time time.Time
	// From is WhatsApp's id of the person; empty for one who goes by a user name.
	From string
	// UserID is the business-scoped user id.
	UserID string
	// Group is the group it was written in; empty for a message to the number alone.
	Group string
	// Text is what was written: the text, a label, a caption or an emoji.
	Text string
	// Payload is what a tapped button carries: for a template's quick reply without
	// one, the platform gives its label.
	Payload string
	// Context is the wamid of the message it answers; it may be missing on a tap too.
	Context string
	// NewWaID and NewUserID are whom a change leads to.
	NewWaID, NewUserID string
	// ByUser says of a call that the person made it.
	ByUser bool
	// Errors say why it is unsupported.
	Errors []StatusError
}

// String shows the type, and neither the person nor the words.
func (m Inbound) String() string { return m.Type.String() + " from a person" }

// GoString hides as String does, so that %#v shows no number.
func (m Inbound) GoString() string { return m.String() }

// LogValue hides as String does.
func (m Inbound) LogValue() slog.Value { return slog.StringValue(m.String()) }

// What a person says of marketing.
const (
	PreferenceStop   = "stop"
	PreferenceResume = "resume"
	// PreferenceSignup is a first consent, given in the app.
	PreferenceSignup = "signup"
)

// CategoryMarketing is what [Preference.Category] is until there are others.
const CategoryMarketing = "marketing_messages"

// Preference is a person's word on what to get from this business.
type Preference struct {
	// WaID and UserID are the person's; one of them may be empty.
	WaID, UserID string
	// Category is what it is about: [CategoryMarketing].
	Category string
	// Value is [PreferenceStop], [PreferenceResume] or [PreferenceSignup], or one that is
	// not known here.
	Value string
	// Detail is the API's sentence, scrubbed.
	Detail string
	Time   time.Time
}

// String shows what is wanted and not by whom.
func (p Preference) String() string { return shorten(p.Value) + " of " + shorten(p.Category) }

// GoString hides as String does, so that %#v shows no number.
func (p Preference) GoString() string { return p.String() }

// LogValue hides as String does.
func (p Preference) LogValue() slog.Value { return slog.StringValue(p.String()) }

// UserAction is what a person did with a message, such as a tap on its link; only messages
// of the Marketing Messages API tell.
type UserAction struct {
	Type string
	Time time.Time
	// WaID and UserID are the person's, where they are told.
	WaID, UserID string
	// Component is what was tapped.
	Component string
}

// String shows what was done and not by whom.
func (a UserAction) String() string { return shorten(a.Type) }

// GoString hides as String does, so that %#v shows no number.
func (a UserAction) GoString() string { return a.String() }

// LogValue hides as String does.
func (a UserAction) LogValue() slog.Value { return slog.StringValue(a.String()) }
