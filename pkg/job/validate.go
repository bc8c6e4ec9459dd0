package job

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// FieldError is one thing wrong with a job, at its place.
type FieldError struct {
	// Field is the path in the JSON, such as template.params.body[1].
	Field string
	// Problem says what is wrong, without the value.
	Problem string
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Problem }

// InvalidError lists everything wrong with a job.
type InvalidError struct{ Fields []FieldError }

func (e *InvalidError) Error() string {
	parts := make([]string, len(e.Fields))
	for i := range e.Fields {
		parts[i] = e.Fields[i].Error()
	}
	return "invalid job: " + strings.Join(parts, "; ")
}

// Validate checks the rules of the contract and returns an [*InvalidError] with
// all that is wrong, or nil.
func (j *Job) Validate() error {
	var bad []FieldError
	add := func(field, problem string) { bad = append(bad, FieldError{field, problem}) }
	if j.V != Version {
		add("v", fmt.Sprintf("must be %d", Version))
	}
	j.validateIdentity(add)
	j.validateRecipient(add)
	j.Template.validate(add)
	if len(j.Metadata) > 0 {
		if !isObject(j.Metadata) {
			add("metadata", "must be a JSON object")
		}
		if len(j.Metadata) > MaxMetadata {
			add("metadata", fmt.Sprintf("is %d bytes, at most %d are allowed", len(j.Metadata), MaxMetadata))
		}
	}
	if !j.SendAt.IsZero() && !j.ExpiresAt.IsZero() && !j.ExpiresAt.After(j.SendAt) {
		add("expires_at", "must be after send_at")
	}
	if len(bad) > 0 {
		return &InvalidError{Fields: bad}
	}
	return nil
}

func (j *Job) validateIdentity(add func(field, problem string)) {
	if !validID(j.ID) {
		add("id", "must be 1 to 128 of A-Z a-z 0-9 _ : -")
	}
	if j.Campaign != "" && (!validCampaign(j.Campaign) || j.Campaign == NoCampaign) {
		add("campaign", "must be 1 to 64 of A-Z a-z 0-9 _ - (and more than a single _)")
	}
	if !ValidSender(j.From) {
		add("from", "must be a phone number id: 1 to 32 digits (not the telephone number)")
	}
	switch j.Lane {
	case "", Bulk, Transactional:
	default:
		add("lane", "must be bulk or transactional")
	}
	switch j.OnUnknown {
	case "", Hold, Resend:
	default:
		add("on_unknown", "must be hold or resend")
	}
}

func (j *Job) validateRecipient(add func(field, problem string)) {
	switch {
	case j.To == "" && j.UserID == "":
		add("to", "is missing: give to (a telephone number) or user_id (a business-scoped user id)")
	case j.To != "" && j.UserID != "":
		add("user_id", "must not stand beside to")
	case j.To != "" && !j.To.Valid():
		add("to", "must be + and 7 to 15 digits")
	case j.UserID != "" && !validUserID(j.UserID):
		add("user_id", "must be a country code, a dot and 1 to 150 letters, digits or dots")
	}
}

func (t *Template) validate(add func(field, problem string)) {
	if t.Name == "" || len(t.Name) > 512 || !all(t.Name, func(c byte) bool { return lower(c) || digit(c) || c == '_' }) {
		add("template.name", "must be 1 to 512 of a-z 0-9 _")
	}
	if t.Language == "" || len(t.Language) > 16 || !all(t.Language, func(c byte) bool { return lower(c) || upper(c) || digit(c) || c == '_' }) {
		add("template.language", "must be the code the template was made with, such as es_AR")
	}
	if count(t.Params != nil, len(t.Components) > 0, t.Vars != nil) > 1 {
		add("template", "must have only one of params, components, vars")
	}
	if len(t.Components) > 0 && bytes.TrimLeft(t.Components, " \t\r\n")[0] != '[' {
		add("template.components", "must be a list, as the Cloud API takes it")
	}
	if t.Params != nil {
		t.Params.validate(add)
	}
}

// ValidSender reports whether s can be a phone number id: 1 to 32 digits. It is
// a token of the job's subject.
func ValidSender(s string) bool { return len(s) <= 32 && allDigits(s) }

// ValidCampaign reports whether s can be a campaign's id: 1 to 64 of A–Z a–z 0–9
// _ -, and not the single _ that stands for no campaign.
func ValidCampaign(s string) bool { return validCampaign(s) && s != NoCampaign }

func validID(s string) bool {
	return s != "" && len(s) <= 128 && all(s, func(c byte) bool { return word(c) || c == ':' })
}

func validCampaign(s string) bool {
	return s != "" && len(s) <= 64 && all(s, word)
}

func validUserID(s string) bool {
	country, rest, ok := strings.Cut(s, ".")
	return ok && len(country) == 2 && all(country, upper) && rest != "" && len(rest) <= 150 &&
		all(rest, func(c byte) bool { return lower(c) || upper(c) || digit(c) || c == '.' })
}

func all(s string, ok func(byte) bool) bool {
	for i := 0; i < len(s); i++ {
		if !ok(s[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) bool { return c >= 'a' && c <= 'z' }
func upper(c byte) bool { return c >= 'A' && c <= 'Z' }
func digit(c byte) bool { return c >= '0' && c <= '9' }
func word(c byte) bool  { return lower(c) || upper(c) || digit(c) || c == '_' || c == '-' }

func isObject(raw json.RawMessage) bool {
	trimmed := bytes.TrimLeft(raw, " \t\r\n")
	return len(trimmed) > 0 && trimmed[0] == '{' && json.Valid(raw)
}
