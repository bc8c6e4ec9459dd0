package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Lengths in characters, of texts whose variables are filled (fact sheet 3.7).
const (
	maxHeader    = 60
	maxBody      = 1024
	maxOfferBody = 600
	maxCardBody  = 160
	maxURL       = 2000
	maxCoupon    = 20
	maxOTP       = 15
	maxPayload   = 256
)

// compile reads the components of the template and of its cards.
func (d *Definition) compile(components []wireComponent) error {
	d.main.bodyLimit = maxBody
	if err := d.compileSection(&d.main, components); err != nil {
		return err
	}
	for _, c := range components {
		switch strings.ToUpper(c.Type) {
		case "LIMITED_TIME_OFFER":
			d.offer = &offer{text: c.Offer.Text, expires: c.Offer.Expires}
			d.main.bodyLimit = maxOfferBody
		case "CAROUSEL":
			if err := d.compileCards(c); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *Definition) compileCards(c wireComponent) error {
	if d.cards != nil {
		return errors.New("has two CAROUSEL components")
	}
	d.cards = make([]section, len(c.Cards))
	for i := range c.Cards {
		d.cards[i].bodyLimit = maxCardBody
		if err := d.compileSection(&d.cards[i], c.Cards[i].Components); err != nil {
			return fmt.Errorf("card %d: %w", i, err)
		}
		if h := d.cards[i].header; h != nil && h.format == "PRODUCT" {
			d.productCards = true
		}
	}
	return nil
}

// compileSection reads header, body, footer and buttons. Other components are
// not its business, and unknown ones are tolerated since the API grows.
func (d *Definition) compileSection(s *section, components []wireComponent) error {
	seen := make(map[string]bool, len(components))
	for _, c := range components {
		kind := strings.ToUpper(c.Type)
		switch kind {
		case "HEADER":
			s.header = &header{format: strings.ToUpper(c.Format), text: compileText(c.Text, d.named)}
			s.header.text.addExamples(c.Example)
		case "BODY":
			s.body = compileText(d.bodyText(c), d.named)
			s.body.addExamples(c.Example)
		case "FOOTER":
			s.footer = c.Text
		case "BUTTONS":
			s.buttons = make([]button, len(c.Buttons))
			for i, b := range c.Buttons {
				s.buttons[i] = compileButton(b, d.category == "AUTHENTICATION")
			}
		default:
			continue
		}
		if seen[kind] {
			return fmt.Errorf("has two %s components", kind)
		}
		seen[kind] = true
	}
	return nil
}

// bodyText gives an authentication template the one variable that it always has:
// its text is Meta's own and need not be in the definition.
func (d *Definition) bodyText(c wireComponent) string {
	if c.Text == "" && d.category == "AUTHENTICATION" {
		return "*{{1}}* is your verification code."
	}
	return c.Text
}

// addExamples reads what the author gave the reviewers, to name variables in
// messages for people. The API has several shapes; an unknown one is left out.
func (t *text) addExamples(raw json.RawMessage) {
	type param struct {
		Name    string `json:"param_name"`
		Example string `json:"example"`
	}
	var e struct {
		Body        json.RawMessage `json:"body_text"`
		Header      json.RawMessage `json:"header_text"`
		NamedBody   []param         `json:"body_text_named_params"`
		NamedHeader []param         `json:"header_text_named_params"`
	}
	if len(raw) == 0 || json.Unmarshal(raw, &e) != nil {
		return
	}
	for _, list := range []json.RawMessage{e.Body, e.Header} {
		var rows [][]string
		var row []string
		if json.Unmarshal(list, &rows) == nil && len(rows) > 0 {
			row = rows[0]
		} else if json.Unmarshal(list, &row) != nil {
			continue
		}
		for i := range min(len(row), len(t.vars)) {
			t.vars[i].example = row[i]
		}
	}
	for _, p := range append(e.NamedBody, e.NamedHeader...) {
		if i := t.index(p.Name); i >= 0 {
			t.vars[i].example = p.Example
		}
	}
}
