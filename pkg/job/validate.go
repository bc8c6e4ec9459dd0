package job

import (
	"encoding/json"
	"strings"
	"time"
)

// FieldError is one thing wrong with a job, at its place.
type FieldError struct {
	// Field is the path in the JSON, such as template.params.body[1].
	Field string
	// Problem says what is wrong, without the value.
	Problem string
}

// Error is the field and its problem.
func (e *FieldError) Error() string { return e.Field + ": " + e.Problem }

// InvalidError lists everything wrong with a job.
type InvalidError struct{ Fields []FieldError }

// Error names every field. It holds no value: one may be a telephone number.
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
	var c checker
	if c.job(j); len(c.bad) > 0 {
		return &InvalidError{Fields: c.bad}
	}
	return nil
}

// checker collects what is wrong.
type checker struct {
	bad []FieldError
	// scanned says that the job comes from the scanner, which has seen its raw
	// JSON already.
	scanned bool
}

// check notes the problem unless ok. The path comes in parts, since joining them
// for every field that is right would cost more than the checks.
func (c *checker) check(ok bool, problem string, path ...string) {
	if !ok && len(c.bad) < maxProblems {
		c.bad = append(c.bad, FieldError{strings.Join(path, "."), problem})
	}
}

// raw checks that a raw value is JSON and begins as it must.
func (c *checker) raw(value json.RawMessage, begin byte, problem string, path ...string) {
	if len(value) > 0 && !c.scanned {
		c.check(isJSON(value, begin), problem, path...)
	}
}

func (c *checker) job(j *Job) {
	c.check(j.V == Version, "must be 1", "v")
	c.identity(j)
	c.recipient(j)
	c.template(&j.Template)
	c.times(j)
	c.raw(j.Metadata, '{', "must be a JSON object", "metadata")
	c.check(len(j.Metadata) <= MaxMetadata, "must be at most 2048 bytes", "metadata")
}

func (c *checker) identity(j *Job) {
	c.check(validID(j.ID), "must be 1 to 128 of A-Z a-z 0-9 _ : -", "id")
	c.check(j.Campaign == "" || ValidCampaign(j.Campaign), "must be 1 to 64 of A-Z a-z 0-9 _ - (and more than a single _)", "campaign")
	c.check(ValidSender(j.From), "must be a phone number id: 1 to 32 digits (not the telephone number)", "from")
	c.check(j.Lane == "" || j.Lane == Bulk || j.Lane == Transactional, "must be bulk or transactional", "lane")
	c.check(j.OnUnknown == "" || j.OnUnknown == Hold || j.OnUnknown == Resend, "must be hold or resend", "on_unknown")
}

func (c *checker) recipient(j *Job) {
	c.check(j.To != "" || j.UserID != "", "is missing: give to (a telephone number) or user_id (a business-scoped user id)", "to")
	c.check(j.To == "" || j.UserID == "", "must not stand beside to", "user_id")
	c.check(j.To == "" || j.To.Valid(), "must be + and 7 to 15 digits", "to")
	c.check(j.UserID == "" || validUserID(j.UserID), "must be a country code, a dot and 1 to 150 letters, digits or dots", "user_id")
}

func (c *checker) times(j *Job) {
	for _, at := range []struct {
		field string
		time  time.Time
	}{{"send_at", j.SendAt}, {"expires_at", j.ExpiresAt}, {"reply_by", j.ReplyBy}} {
		c.check(at.time.IsZero() || validYear(at.time) && validZone(at.time), "must be of a year from 1000 to 9999, in a zone of whole minutes", at.field)
	}
	if j.SendAt.IsZero() {
		return
	}
	c.check(j.ExpiresAt.IsZero() || j.ExpiresAt.After(j.SendAt), "must be after send_at", "expires_at")
	c.check(j.ReplyBy.IsZero() || j.ReplyBy.After(j.SendAt), "must be after send_at", "reply_by")
}

func (c *checker) template(t *Template) {
	c.check(validTemplateName(t.Name), "must be 1 to 512 of a-z 0-9 _", "template.name")
	c.check(validLanguage(t.Language), "must be the code the template was made with, such as es_AR", "template.language")
	c.check(count(t.Params != nil, len(t.Components) > 0, t.Vars != nil) <= 1, "must have only one of params, components, vars", "template")
	c.raw(t.Components, '[', "must be a list, as the Cloud API takes it", "template.components")
	if t.Params != nil {
		c.params(t.Params)
	}
}

// ValidSender reports whether s can be a phone number id: 1 to 32 digits. It is
// a token of the job's subject.
func ValidSender(s string) bool { return s != "" && len(s) <= 32 && all(s, digit) }

// ValidCampaign reports whether s can be a campaign's id: 1 to 64 of A–Z a–z 0–9
// _ -, and not the single _ that stands for no campaign.
func ValidCampaign(s string) bool {
	return s != "" && len(s) <= 64 && all(s, word) && s != NoCampaign
}

func validID(s string) bool {
	return s != "" && len(s) <= 128 && all(s, func(c byte) bool { return word(c) || c == ':' })
}

func validTemplateName(s string) bool {
	return s != "" && len(s) <= 512 && all(s, func(c byte) bool { return lower(c) || digit(c) || c == '_' })
}

func validLanguage(s string) bool {
	return s != "" && len(s) <= 16 && all(s, func(c byte) bool { return word(c) && c != '-' })
}

func validUserID(s string) bool {
	country, rest, ok := strings.Cut(s, ".")
	return ok && len(country) == 2 && all(country, upper) && rest != "" && len(rest) <= 150 &&
		all(rest, func(c byte) bool { return lower(c) || upper(c) || digit(c) || c == '.' })
}

// validYear keeps out the year 1, which many programs write for no date.
func validYear(t time.Time) bool { return t.Year() >= 1000 && t.Year() <= 9999 }

// validZone reports whether RFC 3339 can write the offset.
func validZone(t time.Time) bool {
	_, offset := t.Zone()
	return offset%60 == 0 && offset > -24*3600 && offset < 24*3600
}

// isJSON reports whether raw is one JSON value that begins with the given byte.
func isJSON(raw json.RawMessage, begin byte) bool {
	s := newScanner(raw)
	if s.next() != begin {
		return false
	}
	s.skip()
	return s.end() && len(s.bad) == 0
}

func count(conditions ...bool) int {
	n := 0
	for _, c := range conditions {
		if c {
			n++
		}
	}
	return n
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
