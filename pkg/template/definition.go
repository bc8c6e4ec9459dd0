package template

import (
	"errors"
	"fmt"
	"strings"
)

// ErrNotApproved marks a template that exists but may not be sent.
var ErrNotApproved = errors.New("template is not approved")

// Definition is one template in one language. It is immutable and safe for
// concurrent use.
type Definition struct {
	id, name, language, status, category string
	// checked is false when nothing but name and language is known.
	checked bool
	// named says that variables have names in place of numbers.
	named bool
	main  section
	cards []section
	// productCards may be sent in another number than was created (fact sheet 1.3).
	productCards bool
	offer        *offer
}

// section is what can hold variables: a template's own header, body and buttons,
// or those of one carousel card.
type section struct {
	header  *header
	body    text
	footer  string
	buttons []button
	// bodyLimit is how long the body may be once it is filled, in characters.
	bodyLimit int
}

type header struct {
	// format is TEXT, IMAGE, VIDEO, GIF, DOCUMENT, LOCATION, PRODUCT or newer.
	format string
	text   text
}

type offer struct {
	text string
	// expires says that each send has to carry the end of the offer.
	expires bool
}

// Unchecked is a template of which nothing but name and language is known. It
// renders parameters by their own kinds and checks only the values themselves.
func Unchecked(name, language string) *Definition {
	return &Definition{name: name, language: language, status: approved}
}

const approved = "APPROVED"

// ID is the API's id of the template; empty when the file has none.
func (d *Definition) ID() string { return d.id }

// Name is the template's name, shared by its languages.
func (d *Definition) Name() string { return d.name }

// Language is the exact code the template was created with.
func (d *Definition) Language() string { return d.language }

// Status is the API's word for the state of review, such as APPROVED or PAUSED.
func (d *Definition) Status() string { return d.status }

// Category is MARKETING, UTILITY or AUTHENTICATION.
func (d *Definition) Category() string { return d.category }

// Marketing reports whether it is a marketing template: of one of which nothing but
// name and language is known, nobody can say.
func (d *Definition) Marketing() bool { return strings.EqualFold(d.category, Marketing) }

// Marketing is the category of [Definition.Marketing].
const Marketing = "MARKETING"

// Named reports whether variables have names in place of numbers.
func (d *Definition) Named() bool { return d.named }

// String is the template's name and language.
func (d *Definition) String() string { return d.name + " (" + d.language + ")" }

// Sendable returns [ErrNotApproved] unless the status is APPROVED.
func (d *Definition) Sendable() error {
	switch d.status {
	case approved:
		return nil
	case "":
		return fmt.Errorf("%w: %s has no status in its definition; list it with the field status", ErrNotApproved, d)
	}
	return fmt.Errorf("%w: %s is %s", ErrNotApproved, d, d.status)
}
