package simulator

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// match is a send laid beside its template: the template's own parts first, then
// each carousel card's.
type match struct {
	named   bool
	auth    bool
	parts   []part
	product bool // product cards may be more than the template was created with
	cards   int  // cards of the template, -1 when it is not known
}

// part is one form and what the send puts into it. form is nil when templates
// are not judged.
type part struct {
	at      string // "" or "card 0: ", put before details
	form    *form
	header  *component
	body    *component
	buttons []*component
}

// layOut sorts components to the parts they fill. What no template could take is
// a schema error.
func layOut(t *template, components []component) (*match, *refusal) {
	m := &match{cards: -1, parts: make([]part, 1)}
	m.parts[0].buttons = make([]*component, 0, len(components))
	if t != nil {
		m.named, m.auth, m.cards = t.named, t.category == "AUTHENTICATION", len(t.cards)
		m.parts[0].form = &t.form
		m.product = len(t.cards) > 0 && t.cards[0].header == "PRODUCT"
	}
	for i := range components {
		c := &components[i]
		var r *refusal
		if strings.EqualFold(c.Type, "carousel") {
			r = m.layOutCards(t, c, componentPath("template", i))
		} else {
			r = m.parts[0].take(c, "template", i)
		}
		if r != nil {
			return nil, r
		}
	}
	return m, nil
}

func (m *match) layOutCards(t *template, carousel *component, path string) *refusal {
	seen := make(map[int]bool, len(carousel.Cards))
	for i := range carousel.Cards {
		card := &carousel.Cards[i]
		at := fmt.Sprintf("%s['cards'][%d]", path, i)
		if !card.Index.set {
			return required(at + "['card_index']")
		}
		if n := card.Index.n; n >= len(carousel.Cards) || seen[n] {
			return badParam("Param %s['card_index'] must count the cards from 0.", at)
		}
		seen[card.Index.n] = true
		p := part{at: fmt.Sprintf("card %d: ", card.Index.n), form: t.card(card.Index.n)}
		for j := range card.Components {
			if r := p.take(&card.Components[j], at, j); r != nil {
				return r
			}
		}
		m.parts = append(m.parts, p)
	}
	return nil
}

// card is the form of a card. Product cards beyond the first two are like the first.
func (t *template) card(i int) *form {
	switch {
	case t == nil || len(t.cards) == 0:
		return nil
	case i < len(t.cards):
		return &t.cards[i]
	}
	return &t.cards[0]
}

// take files component i of the object at path.
func (p *part) take(c *component, path string, i int) *refusal {
	slot := &p.header
	switch strings.ToLower(c.Type) {
	case "header":
	case "body":
		slot = &p.body
	case "button":
		p.buttons = append(p.buttons, c)
		return checkTypes(c, path, i)
	case "limited_time_offer", "order_status", "tap_target_configuration":
		return checkTypes(c, path, i)
	default:
		return badParam("Param %s['type'] must be one of {HEADER, BODY, BUTTON, CAROUSEL, LIMITED_TIME_OFFER, ORDER_STATUS, TAP_TARGET_CONFIGURATION} - got %q.", componentPath(path, i), c.Type)
	}
	if *slot != nil {
		return badParam("Param %s repeats the component %q.", componentPath(path, i), c.Type)
	}
	*slot = c
	return checkTypes(c, path, i)
}

var parameterTypes = []string{
	"text", "currency", "date_time", "image", "video", "gif", "document", "location", "product",
	"payload", "coupon_code", "action", "ttl_minutes", "limited_time_offer", "order_status", "tap_target_configuration",
}

// checkTypes also puts parameter types into lower case, for the checks to come.
func checkTypes(c *component, path string, i int) *refusal {
	for j := range c.Parameters {
		p := &c.Parameters[j]
		p.Type = strings.ToLower(p.Type)
		if !slices.Contains(parameterTypes, p.Type) {
			return badParam("Param %s['parameters'][%d]['type'] must be one of {%s} - got %q.",
				componentPath(path, i), j, strings.ToUpper(strings.Join(parameterTypes, ", ")), p.Type)
		}
	}
	return nil
}

func componentPath(path string, i int) string {
	return fmt.Sprintf("%s['components'][%d]", path, i)
}

// check runs one kind of check over all parts before the next kind, in the
// platform's order.
func (m *match) check() *refusal {
	if m.cards >= 0 && m.cards != len(m.parts)-1 && !(m.product && len(m.parts) > 1) {
		return refuse(132000, fmt.Sprintf("carousel: number of cards (%d) does not match the expected number of cards (%d)", len(m.parts)-1, m.cards))
	}
	for _, check := range []func(*part) *refusal{
		(*part).counts, m.names, (*part).formats, m.checkButtons, (*part).characters, (*part).empties, m.lengths,
	} {
		for i := range m.parts {
			if r := check(&m.parts[i]); r != nil {
				r.details = m.parts[i].at + r.details
				return r
			}
		}
	}
	return nil
}

// preview is the body as the recipient would read it.
func (m *match) preview() string {
	p := &m.parts[0]
	if p.form != nil {
		return p.form.body.fill(p.body.params(), m.named)
	}
	var values []string
	for _, v := range p.body.params() {
		values = append(values, v.text())
	}
	return strings.Clone(strings.Join(values, " | ")) // a single value would hold the whole request
}

func (c *component) params() []parameter {
	if c == nil {
		return nil
	}
	return c.Parameters
}

func runes(s string) int { return utf8.RuneCountInString(s) }
