package simulator

import "time"

// Message is an accepted message.
type Message struct {
	// ID is the wamid that was answered, or would have been.
	ID string `json:"id"`
	// Token is the callback token, biz_opaque_callback_data.
	Token string `json:"token,omitempty"`
	// Number is the id of the sending number.
	Number string `json:"number"`
	// To is the recipient as sent; Person is WhatsApp's id for it.
	To       string `json:"to"`
	Person   string `json:"person"`
	Template string `json:"template,omitempty"`
	Language string `json:"language,omitempty"`
	// Body is the text as the recipient reads it.
	Body string `json:"body,omitempty"`
	Held bool   `json:"held,omitempty"`
	// Fault is what became of the answer, if a rule struck it.
	Fault Kind      `json:"fault,omitempty"`
	At    time.Time `json:"at"`
}

// Duplicate is something that was accepted more than once.
type Duplicate struct {
	// Key is the callback token after [Config.DedupKey].
	Key string `json:"key"`
	// Tokens are those of the repeats, the first acceptance's not among them.
	Tokens []string  `json:"tokens"`
	Count  int       `json:"count"`
	First  time.Time `json:"first"`
	Last   time.Time `json:"last"`
}

// Stats counts since the start or the last reset. Once nothing is under way,
// Requests = Accepted + all of Refused + Reads + Unjudged.
type Stats struct {
	// Requests are POSTs to …/messages and …/marketing_messages.
	Requests int64 `json:"requests"`
	Accepted int64 `json:"accepted"`
	// Held is the part of Accepted that is held for quality assessment.
	Held int64 `json:"held"`
	// Refused counts by error code.
	Refused map[int]int64 `json:"refused"`
	// Unproved were refused, messages and whatever else was asked, for want of the
	// right proof of the app secret.
	Unproved int64 `json:"unproved"`
	// Reads are messages marked as read.
	Reads int64 `json:"reads"`
	// Unjudged requests met a fault before they were processed.
	Unjudged int64 `json:"unjudged"`
	// Faults counts what rules did, by kind.
	Faults map[Kind]int64 `json:"faults"`
	// AnswersLost are accepted messages whose sender was not told: by a fault, or
	// because the client left before the answer.
	AnswersLost int64 `json:"answers_lost"`
	// DuplicateTokens are acceptances beyond the first of the same callback token,
	// Duplicates beyond the first of the same [Config.DedupKey].
	DuplicateTokens int64 `json:"duplicate_tokens"`
	Duplicates      int64 `json:"duplicates"`
	// WithoutToken were accepted without callback token: no duplicate shows there.
	WithoutToken     int64 `json:"without_token"`
	DistinctTokens   int   `json:"distinct_tokens"`
	UniqueRecipients int   `json:"unique_recipients"`
	// Numbers are those that sent, by id.
	Numbers map[string]NumberStats `json:"numbers"`
	// First and Last are the times of the first and the last accepted message.
	First time.Time `json:"first,omitzero"`
	Last  time.Time `json:"last,omitzero"`
}

// NumberStats counts for one number.
type NumberStats struct {
	MPS      int   `json:"mps"`
	Accepted int64 `json:"accepted"`
	// Throttled were refused with 130429.
	Throttled int64 `json:"throttled"`
	// Peak is the most accepted in any sliding second.
	Peak int `json:"peak"`
}
