package job

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"
)

// Kind is what an event says.
type Kind string

// Outcomes: every published job ends in exactly one of these.
const (
	Accepted   Kind = "accepted"
	Rejected   Kind = "rejected"
	Expired    Kind = "expired"
	Suppressed Kind = "suppressed"
	Cancelled  Kind = "cancelled"
	Duplicate  Kind = "duplicate"
	Unknown    Kind = "unknown"
)

// Settled corrects what was recorded before: it turns an unknown outcome into a known
// one, or takes a failed back.
const Settled Kind = "settled"

// Statuses follow an accepted message, from webhooks.
const (
	Held      Kind = "held"
	Sent      Kind = "sent"
	Delivered Kind = "delivered"
	Read      Kind = "read"
	Failed    Kind = "failed"
)

// What recipients do.
const (
	// Reply is a message from a recipient, such as a tap on a quick reply.
	Reply  Kind = "reply"
	OptOut Kind = "opt_out"
	OptIn  Kind = "opt_in"
)

// Answers: what a job's recipient said to it, or did not say by its reply_by. A job has
// one at most; where it changes, an event settled takes the former one back.
const (
	Confirmed Kind = "confirmed"
	Declined  Kind = "declined"
	NoAnswer  Kind = "no_answer"
)

// Erased stands in the place of events of a person who was forgotten, so that the
// accounts still close: it names the publication and the outcome, and nobody.
const Erased Kind = "erased"

// Published is what a producer says of jobs it has published: how many, and where
// in the stream they are.
const Published Kind = "published"

// Changes of what is sent, or sent with.
const (
	CampaignChanged Kind = "campaign"
	SenderChanged   Kind = "sender"
	TemplateChanged Kind = "template"
	AccountChanged  Kind = "account"
)

// Outcomes lists the kinds a job can end in, in the order reports show them.
func Outcomes() []Kind {
	return []Kind{Accepted, Rejected, Expired, Suppressed, Cancelled, Duplicate, Unknown}
}

// Kinds lists every kind of the contract.
func Kinds() []Kind {
	return append(Outcomes(), Settled, Held, Sent, Delivered, Read, Failed,
		Reply, OptOut, OptIn, Confirmed, Declined, NoAnswer, Erased, Published, CampaignChanged, SenderChanged, TemplateChanged, AccountChanged)
}

// IsOutcome reports whether the kind ends a job.
func (k Kind) IsOutcome() bool {
	switch k {
	case Accepted, Rejected, Expired, Suppressed, Cancelled, Duplicate, Unknown:
		return true
	}
	return false
}

// Event is a CloudEvents 1.0 envelope (JSON format) around what became of a job.
type Event struct {
	SpecVersion string `json:"specversion"`
	// ID is deterministic: the same fact recorded twice has one id.
	ID     string `json:"id"`
	Source string `json:"source"`
	// Type is wacast.<kind>.v1.
	Type string `json:"type"`
	// Subject is <campaign>/<id>, with _ for no campaign.
	Subject         string    `json:"subject"`
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	// Traceparent is that of the job's trace (CloudEvents' extension for distributed
	// tracing): of the span that sent the job where there is one, else of its publisher.
	Traceparent Traceparent `json:"traceparent,omitempty"`
	Data        EventData   `json:"data"`
}

// EventData is what an event says of a job. It holds the recipient's number:
// streams of events have an age limit and files of them are private.
type EventData struct {
	Kind     Kind   `json:"kind"`
	Campaign string `json:"campaign,omitempty"`
	// ID is the job's; it is empty when the event is about a whole campaign,
	// sender, template or account.
	ID string `json:"id,omitempty"`
	// From is the phone number id of the business number.
	From     string `json:"from,omitempty"`
	To       Phone  `json:"to,omitempty"`
	UserID   string `json:"user_id,omitempty"`
	Lane     Lane   `json:"lane,omitempty"`
	Template string `json:"template,omitempty"`
	Language string `json:"language,omitempty"`
	// Attempt counts from 1; 0 when nothing was tried.
	Attempt int    `json:"attempt,omitempty"`
	Reason  Reason `json:"reason,omitempty"`
	// Outcome is what a settled job turned out to be, and Was what it counted as
	// before: an event settled takes one from the latter and adds it to the former.
	// Where Was is failed there is no Outcome: the message was delivered after all,
	// which is an event of its own.
	Outcome Kind `json:"outcome,omitempty"`
	Was     Kind `json:"was,omitempty"`
	// Code is the Cloud API's error code, when it gave one.
	Code int `json:"code,omitempty"`
	// Detail is for people; programs use Reason and Code.
	Detail string `json:"detail,omitempty"`
	Wamid  Wamid  `json:"wamid,omitempty"`
	// WaID is WhatsApp's id of the recipient, which may differ from To.
	WaID Phone `json:"wa_id,omitempty"`
	// Payload is what the tapped quick reply carried.
	Payload string `json:"payload,omitempty"`
	// Text is what the recipient wrote, or the label of the tapped button.
	Text string `json:"text,omitempty"`
	// Match says by what a reply was tied to its job.
	Match Match `json:"match,omitempty"`
	// Scope is what a change of consent covers: all messages, or marketing only.
	Scope string `json:"scope,omitempty"`
	// WindowUntil is when the recipient's customer service window closes, on events that
	// opened one or found one open (Cloud API fact sheet 7).
	WindowUntil time.Time `json:"window_until,omitzero"`
	// Count is how many jobs the event stands for, where it is not one.
	Count int `json:"count,omitempty"`
	// Stream and Sequence name the publication that ends with this outcome.
	Stream   string `json:"stream,omitempty"`
	Sequence uint64 `json:"sequence,omitempty"`
	// Sequences are those of Count jobs that were published, as in 1-500,502.
	Sequences string `json:"sequences,omitempty"`
	// Body is the low 16 bits of the job's [Job.BodyHash], which tell a conflict
	// after the ledger was lost; 0 where it is not known.
	Body     uint16          `json:"body,omitempty"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
}

// Match is the way a reply was tied to its job, the surest first.
type Match string

// The ways of a [Match].
const (
	// MatchPayload: the tapped button carried the job's signed payload.
	MatchPayload Match = "payload"
	// MatchContext: the reply quotes the message.
	MatchContext Match = "context"
	// MatchLatest: it was the latest message to this recipient.
	MatchLatest Match = "latest"
)

// NewEvent wraps data. Recording the same fact again gives the same id.
func NewEvent(source string, at time.Time, data EventData) Event {
	key := Key{Campaign: data.Campaign, ID: data.ID}
	return Event{
		SpecVersion:     "1.0",
		ID:              eventID(key, at, &data),
		Source:          source,
		Type:            "wacast." + string(data.Kind) + ".v1",
		Subject:         key.String(),
		Time:            at.UTC(),
		DataContentType: "application/json",
		Data:            data,
	}
}

// eventID is made of the job, the kind, the attempt and the publication. What can
// happen to one job or campaign more than once is told apart by the message it
// came in, or by its time.
func eventID(key Key, at time.Time, data *EventData) string {
	id := key.String() + "/" + string(data.Kind) + "/" + strconv.Itoa(data.Attempt) +
		"/" + data.Stream + "/" + strconv.FormatUint(data.Sequence, 10)
	switch data.Kind {
	case Reply, OptOut, OptIn, Confirmed, Declined, NoAnswer:
		if data.Wamid == "" {
			return id + "/" + strconv.FormatInt(at.UnixNano(), 10)
		}
		// A digest, because ids are logged and a wamid holds a telephone number.
		sum := sha256.Sum256([]byte(data.Wamid))
		return id + "/" + hex.EncodeToString(sum[:8])
	case Published:
		return id + "/" + data.Sequences
	case Settled:
		switch data.Was {
		case Failed: // which an attempt can be beside having been unknown
			return id + "/" + string(Failed)
		case Confirmed, Declined, NoAnswer: // which may change more than once
			return id + "/" + string(data.Was) + "/" + strconv.FormatInt(at.UnixNano(), 10)
		}
	case CampaignChanged, SenderChanged, TemplateChanged, AccountChanged:
		return id + "/" + strconv.FormatInt(at.UnixNano(), 10)
	}
	return id
}

// MessageID is what the stream tells an event by. A publication has one outcome,
// whoever finds it out: two of them are one message to the stream, which keeps the
// first.
func (e *Event) MessageID() string {
	if d := &e.Data; d.Kind.IsOutcome() && d.Stream != "" {
		return e.Subject + "/outcome/" + d.Stream + "/" + strconv.FormatUint(d.Sequence, 10)
	}
	return e.ID
}

// Key is the job the event is about.
func (e *Event) Key() Key { return Key{Campaign: e.Data.Campaign, ID: e.Data.ID} }
