package template

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/wacast/wacast/pkg/job"
)

// Expressions turn a recipient's row into a job's parameters. Each has a key that
// is the place it fills:
//
//	body.1 body.2 …  or  body.name …
//	header.text  header.image.link  header.document.filename  header.location.latitude …
//	buttons.0.payload  buttons.1.url  buttons.0.code  buttons.0.otp  buttons.0.flow.flow_token
//
// or one of the plain texts to, user_id, id, where, send_at, expires_at, reply_by.
// Expressions are immutable and safe for concurrent use.
type Expressions struct {
	texts   map[string]*Expr
	header  []slot
	body    []slot
	named   bool
	buttons []slot
}

// slot is an expression and what it fills: a field of the header, a variable of
// the body, a field of a button.
type slot struct {
	expr *Expr
	// index is a button's position.
	index string
	field string
}

// CompileExpressions reads a campaign's expressions. The error joins all that is
// wrong, by key.
func CompileExpressions(sources map[string]string) (*Expressions, error) {
	e := &Expressions{texts: make(map[string]*Expr)}
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(sources)) {
		expr, err := compileExpr(key, sources[key])
		if err == nil {
			err = e.place(key, expr)
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 {
		errs = append(errs, e.arrangeBody(), oneKind("header", e.header), oneKind("buttons", e.buttons))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return e, nil
}

// place puts an expression where its key says.
func (e *Expressions) place(key string, expr *Expr) error {
	part, rest, _ := strings.Cut(key, ".")
	switch {
	case isTextKey(key):
		e.texts[key] = expr
	case part == "body" && isName(rest):
		e.body = append(e.body, slot{expr: expr, field: rest})
	case part == "header" && headerField(&job.Header{}, rest) != nil:
		e.header = append(e.header, slot{expr: expr, field: rest})
	case part == "buttons" && isButtonKey(rest):
		e.buttons = append(e.buttons, slot{expr: expr, index: rest[:1], field: rest[2:]})
	default:
		return &ExprError{Key: key, Text: "no parameter has this key; there are body.1, body.name, header.text, header.image.link, buttons.0.payload, buttons.0.url, …"}
	}
	return nil
}

func isTextKey(key string) bool {
	switch key {
	case "to", "user_id", "id", "where", "send_at", "expires_at", "reply_by":
		return true
	}
	return false
}

// isButtonKey holds for a digit, a dot and a field.
func isButtonKey(s string) bool {
	if len(s) < 3 || s[0] < '0' || s[0] > '9' || s[1] != '.' {
		return false
	}
	return setButton(&job.Button{}, s[2:], "")
}

// arrangeBody orders numbered variables, which must be 1 to n.
func (e *Expressions) arrangeBody() error {
	numbers := 0
	for _, s := range e.body {
		if isNumber(s.field) {
			numbers++
		}
	}
	switch {
	case numbers == 0:
		e.named = len(e.body) > 0
		return nil
	case numbers < len(e.body):
		return &ExprError{Key: "body", Text: "variables have either numbers or names, not both"}
	}
	slices.SortFunc(e.body, func(a, b slot) int { return compareNumbers(a.field, b.field) })
	for i, s := range e.body {
		if s.field != strconv.Itoa(i+1) {
			return &ExprError{Key: "body." + strconv.Itoa(i+1), Text: "is missing: there is a body." + s.field}
		}
	}
	return nil
}

// oneKind refuses two kinds for one place, such as header.text and header.image.link.
func oneKind(part string, slots []slot) error {
	kinds := make(map[string]string)
	for _, s := range slots {
		kind, _, _ := strings.Cut(s.field, ".")
		if other, ok := kinds[s.index]; ok && other != kind {
			place := part
			if s.index != "" {
				place += "." + s.index
			}
			return &ExprError{Key: place, Text: fmt.Sprintf("cannot be both %s and %s", other, kind)}
		}
		kinds[s.index] = kind
	}
	return nil
}

// Has reports whether there is an expression for a plain text, such as id.
func (e *Expressions) Has(key string) bool { return e.texts[key] != nil }

// Text applies a plain text's expression to a row; a key without one is empty.
// The error is an [*ExprError].
func (e *Expressions) Text(key string, vars map[string]any) (string, error) {
	expr := e.texts[key]
	if expr == nil {
		return "", nil
	}
	return expr.Text(vars)
}

// Params applies the expressions to a row. The error joins an [*ExprError] for
// each one that the row does not suit.
func (e *Expressions) Params(vars map[string]any) (*job.Params, error) {
	f := filler{row: plainRow(vars)}
	p := new(job.Params)
	if len(e.header) > 0 {
		p.Header = new(job.Header)
		for _, s := range e.header {
			*headerField(p.Header, s.field) = f.text(s.expr)
		}
	}
	if len(e.body) > 0 {
		p.Body = e.fillBody(&f)
	}
	if len(e.buttons) > 0 {
		p.Buttons = make(map[string]job.Button, len(e.buttons))
		for _, s := range e.buttons {
			var b job.Button
			setButton(&b, s.field, f.text(s.expr))
			p.Buttons[s.index] = b
		}
	}
	if len(f.errs) > 0 {
		return nil, errors.Join(f.errs...)
	}
	return p, nil
}

func (e *Expressions) fillBody(f *filler) *job.Body {
	if !e.named {
		list := make([]string, len(e.body))
		for i, s := range e.body {
			list[i] = f.text(s.expr)
		}
		return job.Positional(list...)
	}
	values := make(map[string]string, len(e.body))
	for _, s := range e.body {
		values[s.field] = f.text(s.expr)
	}
	return job.Named(values)
}

// filler applies expressions to one row and keeps what goes wrong.
type filler struct {
	row  map[string]any
	errs []error
}

func (f *filler) text(e *Expr) string {
	s, err := e.text(f.row)
	if err != nil {
		f.errs = append(f.errs, err)
	}
	return s
}

// headerField finds the field of a header that a key names, and makes what holds
// it; nil when there is none.
func headerField(h *job.Header, name string) *string {
	kind, rest, _ := strings.Cut(name, ".")
	switch kind {
	case "text":
		if rest != "" {
			return nil
		}
		h.Text = made(h.Text)
		return h.Text
	case "image":
		h.Image = made(h.Image)
		return mediaField(h.Image, rest, false)
	case "video":
		h.Video = made(h.Video)
		return mediaField(h.Video, rest, false)
	case "document":
		h.Document = made(h.Document)
		return mediaField(h.Document, rest, true)
	case "location":
		h.Location = made(h.Location)
		return locationField(h.Location, rest)
	}
	return nil
}

func made[T any](p *T) *T {
	if p == nil {
		return new(T)
	}
	return p
}

func mediaField(m *job.Media, name string, document bool) *string {
	switch {
	case name == "id":
		return &m.ID
	case name == "link":
		return &m.Link
	case name == "filename" && document:
		return &m.Filename
	}
	return nil
}

func locationField(l *job.Location, name string) *string {
	switch name {
	case "latitude":
		return &l.Latitude
	case "longitude":
		return &l.Longitude
	case "name":
		return &l.Name
	case "address":
		return &l.Address
	}
	return nil
}

// setButton fills the field of a button that a key names, if there is one.
func setButton(b *job.Button, name, value string) bool {
	switch name {
	case "payload":
		b.Payload = &value
	case "url":
		b.URL = &value
	case "code":
		b.Code = &value
	case "otp":
		b.OTP = &value
	case "flow.flow_token":
		b.Flow = &job.Flow{Token: value}
	default:
		return false
	}
	return true
}
