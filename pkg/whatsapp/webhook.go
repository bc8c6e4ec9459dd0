package whatsapp

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Errors of [ParseWebhook]. The body is to be kept and looked at by a person; to
// answer with anything but 200 would have it sent again for days.
var (
	// ErrNotJSON marks a body that is no JSON object.
	ErrNotJSON = errors.New("the body is no JSON object")
	// ErrNotWhatsApp marks the webhook of another product.
	ErrNotWhatsApp = errors.New("the object is no WhatsApp Business Account")
)

// webhookObject is what every webhook of the platform is about.
const webhookObject = "whatsapp_business_account"

// FieldMessages is the field of statuses and inbound messages.
const FieldMessages = "messages"

// UpdateKind says which part of an [Update] is filled.
type UpdateKind uint8

// The kinds of updates.
const (
	// UpdateStatus: [Update.Status] says what became of a message.
	UpdateStatus UpdateKind = iota + 1
	// UpdateMessage: somebody wrote; [Update.Inbound] is the message, and
	// [Update.Value] all of it.
	UpdateMessage
	// UpdateCall: somebody called, or was called; [Update.Inbound] is the call.
	UpdateCall
	// UpdatePreference: somebody wants marketing no more, or again;
	// [Update.Preference] says which.
	UpdatePreference
	// UpdateAction: somebody did something with a message; [Update.Action] is it.
	UpdateAction
	// UpdateErrors: [Update.Errors] are about the number or the app, not a message.
	UpdateErrors
	// UpdateOther: [Update.Field] changed; [Update.Value] is what it says, and
	// [Update.Notice] the same where it is of a kind that is known.
	UpdateOther
	// UpdateBroken: this part of the body makes no sense. The others do.
	UpdateBroken
)

var updateKinds = [...]string{
	UpdateStatus: "status", UpdateMessage: "message", UpdateCall: "call", UpdatePreference: "preference", UpdateAction: "action",
	UpdateErrors: "errors", UpdateOther: "other", UpdateBroken: "broken",
}

// String is the kind in one word.
func (k UpdateKind) String() string {
	if int(k) >= len(updateKinds) || k == 0 {
		return "no kind"
	}
	return updateKinds[k]
}

// Update is one thing that a webhook tells. A body holds up to a thousand, of
// several accounts, and each stands for itself.
type Update struct {
	Kind UpdateKind
	// Account is the id of the WhatsApp Business Account.
	Account string
	// Time is when it happened; zero where only the status or message knows.
	Time time.Time
	// Field is what changed, in the API's words, such as messages; empty where a
	// body does not tell.
	Field string
	// Number is the phone number id of the business number; empty where the
	// update is about none.
	Number     string
	Status     Status
	Errors     []StatusError
	Inbound    *Inbound
	Preference *Preference
	Action     *UserAction
	Notice     Notice
	// Value is the JSON of a message, of what else came in, or of another field's
	// value. It may hold telephone numbers.
	Value json.RawMessage
}

// String says what kind of update it is, and no more: the rest is personal data.
func (u Update) String() string { return u.Kind.String() + " update of " + shorten(u.Field) }

// GoString hides as String does, so that %#v shows no number.
func (u Update) GoString() string { return u.String() }

// LogValue hides as String does.
func (u Update) LogValue() slog.Value { return slog.StringValue(u.String()) }

// ParseWebhook reads a webhook's body. What cannot be read is an update of its own
// ([UpdateBroken]) and spoils no other. Whatever may be missing may be missing; numbers may
// be strings and the other way round (fact sheet 5.3 to 5.6). The error is
// [ErrNotJSON] or [ErrNotWhatsApp], and quotes nothing.
func ParseWebhook(data []byte) ([]Update, error) {
	p := posted{text: data}
	if err := tolerant(json.Unmarshal(data, &p.parsed)); err != nil {
		return nil, fmt.Errorf("parse webhook of %d bytes: %w", len(data), ErrNotJSON)
	}
	if e := &p.parsed; e.Object != webhookObject && (e.Object != "" || len(e.Entry) == 0) {
		return nil, fmt.Errorf("parse webhook of %d bytes: %w", len(data), ErrNotWhatsApp)
	}
	return p.updates(), nil
}

// tolerant drops an error that says only that some field had another type than
// expected: encoding/json leaves that field empty and goes on.
func tolerant(err error) error {
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) && wrongType.Field != "" {
		return nil
	}
	return err
}
