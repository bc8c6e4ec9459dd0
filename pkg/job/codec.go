package job

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// whole stands for the field in errors about the job as a whole.
const whole = "job"

// ErrNewer marks a job this build is too old for: a later version, or a field it
// does not know. A worker hands such a job back for a newer one.
var ErrNewer = errors.New("job is newer than this build")

// ErrTooLarge marks a job above [MaxSize].
var ErrTooLarge = fmt.Errorf("job is larger than %d bytes", MaxSize)

// Decode reads one job for a worker. The error is [ErrNewer], [ErrTooLarge] or an
// [*InvalidError] that names every field that is wrong. With ErrNewer comes as
// much of the job as this build understands, unchecked.
func Decode(data []byte) (*Job, error) {
	j, s, err := scanJob(data)
	if err != nil {
		return nil, err
	}
	if j.V > Version {
		return j, fmt.Errorf("%w: its version is above %d", ErrNewer, Version)
	}
	// What is unknown comes before what is wrong: a new kind of button is
	// also a button without any of the kinds known here.
	if len(s.unknown) > 0 {
		return j, fmt.Errorf("%w: unknown field %s", ErrNewer, strings.Join(s.unknown, ", "))
	}
	return checked(j, s.bad)
}

// DecodeStrict reads one job for a producer: a field nobody knows is a mistake of
// the author and an [*InvalidError], as is a later version.
func DecodeStrict(data []byte) (*Job, error) {
	j, s, err := scanJob(data)
	if err != nil {
		return nil, err
	}
	for _, field := range s.unknown {
		s.bad = append(s.bad, FieldError{field, "is no field of a job (wacast schema job lists them)"})
	}
	return checked(j, s.bad)
}

// Encode writes one checked job. The error is an [*InvalidError] or [ErrTooLarge].
func Encode(j *Job) ([]byte, error) {
	if err := j.Validate(); err != nil {
		return nil, err
	}
	w := newWriter()
	w.job(j)
	if w.err != nil {
		return nil, fmt.Errorf("encode job: %w", w.err)
	}
	if len(w.buf) > MaxSize {
		return nil, ErrTooLarge
	}
	return w.buf, nil
}

// scanJob reads data into a job that is not checked yet. The error says that
// data is too large or no JSON; what else is wrong is in the scanner.
func scanJob(data []byte) (*Job, *scanner, error) {
	if len(data) > MaxSize {
		return nil, nil, ErrTooLarge
	}
	j, s := new(Job), newScanner(data)
	s.job(j)
	if !s.end() {
		return nil, nil, &InvalidError{Fields: []FieldError{*s.syntaxError(whole)}}
	}
	return j, s, nil
}

// syntaxError says where the text stops being one JSON value.
func (s *scanner) syntaxError(what string) *FieldError {
	problem := fmt.Sprintf("is not JSON: it breaks at byte %d", s.pos)
	switch {
	case !utf8.ValidString(s.text):
		problem = "is not UTF-8"
	case s.deep:
		problem = fmt.Sprintf("is nested more than %d levels deep", maxDepth)
	case !s.broken:
		problem = fmt.Sprintf("must be one JSON object, but there is more at byte %d", s.pos)
	case s.pos >= len(s.text):
		problem = "is not JSON: it ends too early"
	}
	return &FieldError{what, problem}
}

// checked adds what the rules say to what the scanner found. A field of the wrong
// type is not also missing.
func checked(j *Job, bad []FieldError) (*Job, error) {
	c := checker{scanned: true}
	c.job(j)
	found := len(bad)
	for _, f := range c.bad {
		if !covers(bad[:found], f.Field) {
			bad = append(bad, f)
		}
	}
	if len(bad) > 0 {
		return nil, &InvalidError{Fields: bad}
	}
	return j, nil
}

// covers reports whether a field, or what it is in, is among those found.
func covers(found []FieldError, field string) bool {
	for i := range found {
		rest, ok := strings.CutPrefix(field, found[i].Field)
		if found[i].Field == whole || ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return true
		}
	}
	return false
}
