package job

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrNewer marks a job this build is too old for: a later version, or a field it
// does not know. A worker hands such a job back for a newer one.
var ErrNewer = errors.New("job is newer than this build")

// ErrTooLarge marks a job above [MaxSize].
var ErrTooLarge = fmt.Errorf("job is larger than %d bytes", MaxSize)

// Decode reads one job for a worker. The error is [ErrNewer], [ErrTooLarge], an
// [*InvalidError] that names the fields, or one that says where the JSON breaks.
// A job with an unknown field is returned beside ErrNewer.
func Decode(data []byte) (*Job, error) {
	if len(data) > MaxSize {
		return nil, ErrTooLarge
	}
	j := new(Job)
	unknown, err := decodeJSON(data, j)
	if newer := newerVersion(data, j, err); newer != nil {
		return j, newer
	}
	if err != nil {
		return nil, err
	}
	if err := j.Validate(); err != nil {
		return nil, err
	}
	if unknown != "" {
		return j, fmt.Errorf("%w: unknown field %q", ErrNewer, unknown)
	}
	return j, nil
}

// DecodeStrict reads one job for a producer: a field nobody knows is a mistake of
// the author and an [*InvalidError], as is a later version.
func DecodeStrict(data []byte) (*Job, error) {
	if len(data) > MaxSize {
		return nil, ErrTooLarge
	}
	j := new(Job)
	unknown, err := decodeJSON(data, j)
	if err != nil {
		return nil, err
	}
	if unknown != "" {
		return nil, &InvalidError{Fields: []FieldError{{Field: unknown, Problem: "is no field of a job (wacast schema job lists them)"}}}
	}
	if err := j.Validate(); err != nil {
		return nil, err
	}
	return j, nil
}

// Encode writes one checked job. The error is an [*InvalidError] or [ErrTooLarge].
func Encode(j *Job) ([]byte, error) {
	if err := j.Validate(); err != nil {
		return nil, err
	}
	data, err := json.Marshal(j)
	if err != nil {
		return nil, fmt.Errorf("encode job: %w", err)
	}
	if len(data) > MaxSize {
		return nil, ErrTooLarge
	}
	return data, nil
}

// BodyHash tells two bodies with one key apart. It does not depend on white space
// or on the order of the fields the contract names, so a job published by
// another language compares equal.
func (j *Job) BodyHash() uint64 {
	data, err := json.Marshal(j)
	if err != nil { // only an unencodable time or metadata, which Validate refuses
		return 0
	}
	sum := sha256.Sum256(data)
	return binary.BigEndian.Uint64(sum[:8])
}

// decodeJSON fills j and names the first unknown field, if any. Strictness costs
// nothing in the common case: only a job with an unknown field is read twice.
func decodeJSON(data []byte, j *Job) (unknown string, err error) {
	err = decodeWith(data, j, true)
	if err == nil {
		return "", nil
	}
	if name, ok := unknownField(err); ok {
		*j = Job{}
		return name, decodeWith(data, j, false)
	}
	return "", err
}

func decodeWith(data []byte, j *Job, strict bool) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if strict {
		dec.DisallowUnknownFields()
	}
	if err := dec.Decode(j); err != nil {
		return jsonError(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return &InvalidError{Fields: []FieldError{{Field: "job", Problem: "must be one JSON object and nothing after it"}}}
	}
	return nil
}

// jsonError turns what encoding/json says into an error that names the field and
// never quotes a value, which may be a telephone number.
func jsonError(err error) error {
	var field *FieldError
	if errors.As(err, &field) {
		return &InvalidError{Fields: []FieldError{*field}}
	}
	var typ *json.UnmarshalTypeError
	if errors.As(err, &typ) {
		name := typ.Field
		if name == "" {
			name = "job"
		}
		return &InvalidError{Fields: []FieldError{{Field: name, Problem: fmt.Sprintf("must be %s, not a JSON %s", article(typ.Type.Kind().String()), kindOf(typ.Value))}}}
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return &InvalidError{Fields: []FieldError{{Field: "job", Problem: fmt.Sprintf("is not JSON: it breaks at byte %d", syntax.Offset)}}}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &InvalidError{Fields: []FieldError{{Field: "job", Problem: "is not JSON: it ends too early"}}}
	}
	if _, ok := unknownField(err); ok {
		return err
	}
	return &InvalidError{Fields: []FieldError{{Field: "job", Problem: "has a date that is not RFC 3339, such as 2026-11-22T18:00:00-03:00 (send_at, expires_at or reply_by)"}}}
}

// unknownField reads the one error encoding/json has no type for.
func unknownField(err error) (string, bool) {
	name, ok := strings.CutPrefix(err.Error(), `json: unknown field "`)
	return strings.TrimSuffix(name, `"`), ok
}

// newerVersion looks at the version alone, since a later version may break any
// other rule of this one.
func newerVersion(data []byte, j *Job, err error) error {
	v := j.V
	if err != nil {
		var head struct {
			V int `json:"v"`
		}
		if json.Unmarshal(data, &head) != nil {
			return nil
		}
		v = head.V
	}
	if v > Version {
		return fmt.Errorf("%w: version %d, this build reads up to %d", ErrNewer, v, Version)
	}
	return nil
}

func article(kind string) string {
	switch kind {
	case "struct", "map":
		return "an object"
	case "slice":
		return "a list"
	case "int":
		return "a whole number"
	}
	return "a " + kind
}

// kindOf drops the value that encoding/json puts behind the kind of a number.
func kindOf(value string) string {
	kind, _, _ := strings.Cut(value, " ")
	return kind
}
