package whatsapp

import (
	"log/slog"
	"time"
)

// DeliveryStatus is how far a message has come.
type DeliveryStatus string

// The delivery statuses (fact sheet 5.4). They come in any order, more than once,
// and some not at all.
const (
	DeliverySent      DeliveryStatus = "sent"
	DeliveryDelivered DeliveryStatus = "delivered"
	DeliveryRead      DeliveryStatus = "read"
	DeliveryFailed    DeliveryStatus = "failed"
	// DeliveryPlayed is of voice messages.
	DeliveryPlayed DeliveryStatus = "played"
)

// Known reports whether the status is one of those above.
func (s DeliveryStatus) Known() bool {
	switch s {
	case DeliverySent, DeliveryDelivered, DeliveryRead, DeliveryFailed, DeliveryPlayed:
		return true
	}
	return false
}

// Status is what became of one message. Everything but the delivery may be empty.
type Status struct {
	// MessageID is the wamid. It usually contains the recipient's number, so it
	// counts as one.
	MessageID string
	// Delivery may be a status that is not known here.
	Delivery DeliveryStatus
	// Time is when the status came about, in whole seconds. Duplicates have it in
	// common.
	Time time.Time
	// RecipientID is WhatsApp's id of the recipient, which may differ from the
	// number the message was sent to.
	RecipientID string
	// RecipientUserID is the business-scoped user id.
	RecipientUserID string
	// CallbackData is what the message was sent with.
	CallbackData string
	// Errors are those of a failure.
	Errors  []StatusError
	Pricing Pricing
}

// String shows the status and the end of the message id, which no number is in.
func (s Status) String() string {
	return Accepted{Status: MessageStatus(shorten(string(s.Delivery))), MessageID: s.MessageID}.String()
}

// GoString hides as String does, so that %#v shows no number.
func (s Status) GoString() string { return s.String() }

// LogValue hides as String does.
func (s Status) LogValue() slog.Value { return slog.StringValue(s.String()) }

// StatusError is one reason of a failure. The texts are scrubbed: they hold no
// telephone number, message id or URL query.
type StatusError struct {
	// Code is what programs go by; 0 where there is none.
	Code int
	// Title, Message and Details are the API's words, for people.
	Title, Message, Details string
}

// Text is the most that the API says of the failure.
func (e StatusError) Text() string {
	for _, text := range []string{e.Details, e.Message, e.Title} {
		if text != "" {
			return text
		}
	}
	return ""
}

// Pricing is what a message is charged as.
type Pricing struct {
	Billable bool
	// Model is PMP, per message; CBP before July 2025.
	Model string
	// Category is marketing, utility, authentication and the like.
	Category string
	// Type is regular or one of the free ones.
	Type string
}
