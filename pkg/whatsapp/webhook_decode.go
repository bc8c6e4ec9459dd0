package whatsapp

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// envelope is a webhook's body (fact sheet 5.3), with V for the values of its
// changes. An element of another type than is documented is left empty, and turns
// into a broken update.
type envelope[V any] struct {
	Object word       `json:"object"`
	Entry  []entry[V] `json:"entry"`
}

type entry[V any] struct {
	ID      word        `json:"id"`
	Time    word        `json:"time"`
	Changes []change[V] `json:"changes"`
}

type change[V any] struct {
	Field word `json:"field"`
	Value V    `json:"value"`
}

// posted is a webhook as it is read: statuses, which nearly all are, in one go, and
// what else there is a second time, as it stands.
type posted struct {
	text   []byte
	parsed envelope[messagesValue]
	raw    *envelope[json.RawMessage]
}

// value is what a change says, as it stands.
func (p *posted) value(entry, change int) json.RawMessage {
	if p.raw == nil {
		p.raw = new(envelope[json.RawMessage])
		_ = json.Unmarshal(p.text, p.raw) // wrong types only: it was read before
	}
	return p.raw.Entry[entry].Changes[change].Value
}

// messagesValue is the value of the field messages.
type messagesValue struct {
	Metadata struct {
		NumberID word `json:"phone_number_id"`
	} `json:"metadata"`
	Contacts    []contact         `json:"contacts"`
	Statuses    []status          `json:"statuses"`
	Messages    []json.RawMessage `json:"messages"`
	Errors      []statusError     `json:"errors"`
	Calls       []json.RawMessage `json:"calls"`
	Preferences []json.RawMessage `json:"user_preferences"`
	Actions     []json.RawMessage `json:"user_actions"`
}

type contact struct {
	WaID   word `json:"wa_id"`
	UserID word `json:"user_id"`
}

type status struct {
	ID          word          `json:"id"`
	Status      word          `json:"status"`
	Timestamp   word          `json:"timestamp"`
	Recipient   word          `json:"recipient_id"`
	Kind        word          `json:"recipient_type"`
	Participant word          `json:"recipient_participant_id"`
	UserID      word          `json:"recipient_user_id"`
	MemberID    word          `json:"recipient_participant_user_id"`
	Callback    word          `json:"biz_opaque_callback_data"`
	Errors      []statusError `json:"errors"`
	Pricing     struct {
		Billable flag `json:"billable"`
		Model    word `json:"pricing_model"`
		Category word `json:"category"`
		Type     word `json:"type"`
	} `json:"pricing"`
}

type statusError struct {
	Code    number          `json:"code"`
	Title   word            `json:"title"`
	Message word            `json:"message"`
	Data    json.RawMessage `json:"error_data"`
}

// updates are all that the body tells.
func (p *posted) updates() []Update {
	// A guess that is right for most bodies, each of which has one update.
	all := make([]Update, 0, len(p.parsed.Entry))
	for i := range p.parsed.Entry {
		e := &p.parsed.Entry[i]
		u := Update{Kind: UpdateBroken, Account: string(e.ID), Time: timestamp(e.Time)}
		if len(e.Changes) == 0 {
			all = append(all, u)
		}
		for j := range e.Changes {
			c := &e.Changes[j]
			u.Field, u.Number = string(c.Field), string(c.Value.Metadata.NumberID)
			before := len(all)
			all = c.Value.updates(u, all)
			if len(all) == before {
				all = append(all, p.other(u, i, j))
			}
		}
	}
	return all
}

// other is a change of another field, or something else in messages.
func (p *posted) other(u Update, entry, change int) Update {
	value := p.value(entry, change)
	if u.Field == FieldMessages || u.Field == "" {
		if !isObject(value) {
			return u
		}
	}
	u.Kind, u.Value = UpdateOther, value
	u.Account, u.Notice = noticeOf(u, value)
	return u
}

// updates appends the statuses, messages, errors and what else people did that the
// value has. In other fields than messages, the names of the former mean something
// else.
func (v *messagesValue) updates(u Update, to []Update) []Update {
	if u.Field == FieldMessages || u.Field == "" {
		for i := range v.Statuses {
			to = append(to, v.Statuses[i].update(u, v.Contacts))
		}
		for _, raw := range v.Messages {
			to = append(to, v.came(u, raw, readMessage))
		}
		if len(v.Errors) > 0 {
			e := u
			e.Kind, e.Errors = UpdateErrors, errorsOf(v.Errors)
			to = append(to, e)
		}
	}
	for _, raw := range v.Calls {
		to = append(to, v.came(u, raw, readCall))
	}
	for _, raw := range v.Preferences {
		to = append(to, v.came(u, raw, readPreference))
	}
	for _, raw := range v.Actions {
		to = append(to, v.came(u, raw, readAction))
	}
	return to
}

// came is what somebody did, with the contacts beside it.
func (v *messagesValue) came(u Update, raw json.RawMessage, read func(*Update, []contact)) Update {
	u.Kind, u.Value = UpdateBroken, raw
	if isObject(raw) {
		read(&u, v.Contacts)
	}
	return u
}

func isObject(raw json.RawMessage) bool {
	first := bytes.TrimLeft(raw, " \t\r\n")
	return len(first) > 0 && first[0] == '{'
}

// update is the status with what the contacts beside it add.
func (s *status) update(u Update, contacts []contact) Update {
	u.Kind = UpdateStatus
	u.Status = Status{
		MessageID: string(s.ID), Delivery: DeliveryStatus(s.Status), Time: timestamp(s.Timestamp),
		RecipientID: string(s.Recipient), RecipientUserID: string(s.UserID), CallbackData: string(s.Callback),
		Errors: errorsOf(s.Errors),
		Pricing: Pricing{
			Billable: bool(s.Pricing.Billable), Model: string(s.Pricing.Model),
			Category: string(s.Pricing.Category), Type: string(s.Pricing.Type),
		},
	}
	if s.Kind == "group" { // the recipient is a group; the person is a participant
		u.Status.RecipientID, u.Status.RecipientUserID = string(s.Participant), string(s.MemberID)
	}
	if s.Status == "" || s.ID == "" && s.Callback == "" {
		u.Kind = UpdateBroken
		return u
	}
	complete(&u.Status.RecipientID, &u.Status.RecipientUserID, contacts)
	return u
}

// complete fills in what only the contacts say of a person. A contact that is alone
// belongs to everything beside it, unless that names another person.
func complete(waID, userID *string, contacts []contact) {
	for _, c := range contacts {
		named := *waID != "" || *userID != ""
		same := *waID != "" && *waID == string(c.WaID) || *userID != "" && *userID == string(c.UserID)
		if !same && (named || len(contacts) != 1) {
			continue
		}
		if *waID == "" {
			*waID = string(c.WaID)
		}
		if *userID == "" {
			*userID = string(c.UserID)
		}
	}
}

func errorsOf(list []statusError) []StatusError {
	if len(list) == 0 {
		return nil
	}
	all := make([]StatusError, len(list))
	for i, e := range list {
		g := graphError{Data: e.Data}
		all[i] = StatusError{
			Code: e.Code.n, Title: scrub(string(e.Title), "", e.Code.n),
			Message: scrub(string(e.Message), "", e.Code.n), Details: scrub(g.details(), "", e.Code.n),
		}
	}
	return all
}

// Times before the platform began and after these are no timestamps.
const (
	firstSecond = 1_230_768_000 // 2009
	lastSecond  = 4_102_444_800 // 2100
)

// timestamp reads Unix seconds, or milliseconds where they can be nothing else;
// zero is a time that is not known.
func timestamp(t word) time.Time {
	seconds, err := strconv.ParseFloat(string(t), 64)
	if err != nil {
		return time.Time{}
	}
	if seconds >= firstSecond*1000 {
		seconds /= 1000
	}
	if seconds = math.Trunc(seconds); seconds < firstSecond || seconds >= lastSecond {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0).UTC()
}

// word is a string that may come as a string, a number or a boolean.
type word string

// UnmarshalJSON never fails: what is no text is empty.
func (t *word) UnmarshalJSON(raw []byte) error {
	switch first := raw[0]; {
	case first == '"' && bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw):
		*t = word(raw[1 : len(raw)-1])
	case first == '"':
		var s string
		_ = json.Unmarshal(raw, &s) // checked by the decoder that found it
		*t = word(s)
	case first == '-' || first >= '0' && first <= '9' || first == 't' || first == 'f':
		*t = word(raw)
	}
	return nil
}
