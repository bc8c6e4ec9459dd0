package job

import (
	"encoding/json"
	"time"
)

// Limits of version 1 of the contract.
const (
	// Version is the newest job version this package reads and writes.
	Version = 1
	// MaxSize is how long one encoded job may be, in bytes.
	MaxSize = 64 << 10
	// MaxMetadata is how long the encoded metadata of a job may be, in bytes.
	MaxMetadata = 2 << 10
)

// Lane says who waits for whom: at each send time of a number a transactional
// job goes before a bulk one.
type Lane string

// The lanes. A job without a lane is bulk.
const (
	Bulk          Lane = "bulk"
	Transactional Lane = "transactional"
)

// Lanes lists the lanes, first served first.
func Lanes() []Lane { return []Lane{Transactional, Bulk} }

// OnUnknown is what becomes of a job when nobody can say whether the API took it
// and no evidence has come by the deadline.
type OnUnknown string

// The policies for unknown outcomes. A job without one holds.
const (
	// Hold never sends again; the job stays unknown for a person to look at.
	Hold OnUnknown = "hold"
	// Resend tries again, and so may send twice.
	Resend OnUnknown = "resend"
)

// Job is one template message to one recipient, version 1.
type Job struct {
	// V is the contract's version, 1.
	V int `json:"v"`
	// ID is 1–128 of A–Z a–z 0–9 _ : -, unique within its campaign. The pair of
	// campaign and id is what is never sent twice.
	ID string `json:"id"`
	// Campaign is 1–64 of A–Z a–z 0–9 _ -, or empty for a job on its own.
	Campaign string `json:"campaign,omitempty"`
	// From is the phone number id (digits) of the business number that sends.
	From string `json:"from"`
	// To is + and 7–15 digits, sent as it came; empty when UserID is set.
	To Phone `json:"to,omitempty"`
	// UserID is a business-scoped user id, instead of To.
	UserID string `json:"user_id,omitempty"`
	// Lane is bulk when empty.
	Lane Lane `json:"lane,omitempty"`
	// Template says what is sent.
	Template Template `json:"template"`
	// SendAt is the earliest time to send; zero is now.
	SendAt time.Time `json:"send_at,omitzero"`
	// ExpiresAt is the latest time to send; zero is never.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// ReplyBy is when a missing answer counts as none; zero is never.
	ReplyBy time.Time `json:"reply_by,omitzero"`
	// OnUnknown is hold when empty.
	OnUnknown OnUnknown `json:"on_unknown,omitempty"`
	// Metadata is a JSON object of at most [MaxMetadata] bytes, echoed in events.
	Metadata json.RawMessage `json:"metadata,omitempty"`
}

// Template names an approved template and fills it, in one of three ways: Params
// for the common kinds, Components exactly as the Cloud API takes them, or Vars,
// the recipient's row, through the campaign's expressions.
type Template struct {
	Name       string          `json:"name"`
	Language   string          `json:"language"`
	Params     *Params         `json:"params,omitempty"`
	Components json.RawMessage `json:"components,omitempty"`
	Vars       map[string]any  `json:"vars,omitzero"`
}

// Key identifies a job: what must not be sent twice.
type Key struct {
	Campaign string
	ID       string
}

// String is campaign/id, the subject of the job's events; a job without a
// campaign has _ in its place.
func (k Key) String() string { return k.CampaignToken() + "/" + k.ID }

// CampaignToken is the campaign, or _ for none, as it stands in subjects.
func (k Key) CampaignToken() string {
	if k.Campaign == "" {
		return NoCampaign
	}
	return k.Campaign
}

// NoCampaign stands in subjects where a job has no campaign.
const NoCampaign = "_"

// Key returns the job's identity.
func (j *Job) Key() Key { return Key{Campaign: j.Campaign, ID: j.ID} }

// EffectiveLane is the lane, or bulk when none is given.
func (j *Job) EffectiveLane() Lane {
	if j.Lane == "" {
		return Bulk
	}
	return j.Lane
}

// EffectiveOnUnknown is the policy, or hold when none is given.
func (j *Job) EffectiveOnUnknown() OnUnknown {
	if j.OnUnknown == "" {
		return Hold
	}
	return j.OnUnknown
}

// Recipient is the telephone number, or the user id when there is none.
func (j *Job) Recipient() string {
	if j.To != "" {
		return string(j.To)
	}
	return j.UserID
}
