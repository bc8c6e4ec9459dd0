package template

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/wacast/wacast/pkg/whatsapp"
)

// rawComponent is a component as a job wrote it, in any case and with fields that
// this package does not know.
type rawComponent struct {
	Type       string          `json:"type"`
	SubType    string          `json:"sub_type"`
	Index      json.RawMessage `json:"index"` // "0" or 0, both work
	Parameters []rawParameter  `json:"parameters"`
	Cards      []rawCard       `json:"cards"`
}

type rawCard struct {
	Index      *int           `json:"card_index"`
	Components []rawComponent `json:"components"`
}

type rawParameter struct {
	Type       string             `json:"type"`
	Name       string             `json:"parameter_name"`
	Text       scalar             `json:"text"`
	Payload    scalar             `json:"payload"`
	CouponCode scalar             `json:"coupon_code"`
	Currency   fallback           `json:"currency"`
	DateTime   fallback           `json:"date_time"`
	Image      *whatsapp.Media    `json:"image"`
	Video      *whatsapp.Media    `json:"video"`
	Document   *whatsapp.Media    `json:"document"`
	Location   *whatsapp.Location `json:"location"`
}

type fallback struct {
	Value scalar `json:"fallback_value"`
}

// scalar tells a string from what should have been one.
type scalar struct {
	value string
	wrong bool
}

// UnmarshalJSON takes anything, to name it later with its place.
func (s *scalar) UnmarshalJSON(data []byte) error {
	if len(data) == 0 || data[0] != '"' {
		s.wrong = true
		return nil
	}
	return json.Unmarshal(data, &s.value)
}

// checkRaw runs the checks over a job's own components.
func (d *Definition) checkRaw(raw json.RawMessage) problems {
	var found problems
	fills, ok := d.readRaw(raw, &found)
	if ok {
		found = append(found, check(fills)...)
	}
	return found
}

// readRaw decodes components to what the checks and the preview read: the
// template's own first, then a fill for each card.
func (d *Definition) readRaw(raw json.RawMessage, found *problems) ([]fill, bool) {
	var components []rawComponent
	if err := json.Unmarshal(raw, &components); err != nil {
		found.add("template.components", codeInvalid, "must be a list of components as the Cloud API takes them"+place(err))
		return nil, false
	}
	fills := []fill{newFill(d, &d.main, convert("template.", components, d.main.buttons, found))}
	for i := range components {
		if strings.EqualFold(components[i].Type, partCarousel) {
			path := "template.components[" + strconv.Itoa(i) + "].cards["
			fills = append(fills, d.readCards(path, components[i].Cards, found)...)
		}
	}
	if d.checked {
		d.countCards(components, found)
	}
	return fills, true
}

func (d *Definition) readCards(path string, cards []rawCard, found *problems) []fill {
	var fills []fill
	seen := make(map[int]bool, len(cards))
	for i, card := range cards {
		at := i
		if card.Index != nil {
			at = *card.Index
		}
		prefix := path + strconv.Itoa(i) + "]."
		sec := d.card(at)
		if sec == nil || seen[at] {
			found.add(prefix+"card_index", codeValue, "must be the card's own position, from 0")
			continue
		}
		seen[at] = true
		f := newFill(d, sec, convert(prefix, card.Components, sec.buttons, found))
		f.prefix = prefix
		fills = append(fills, f)
	}
	return fills
}

// card is what the template says of a card. Product cards are all made like the first.
func (d *Definition) card(at int) *section {
	switch {
	case !d.checked:
		return &d.main
	case at >= 0 && at < len(d.cards):
		return &d.cards[at]
	case d.productCards && at >= 0:
		return &d.cards[0]
	}
	return nil
}

// countCards asks for exactly the number of cards created, and up to 10 of products.
func (d *Definition) countCards(components []rawComponent, found *problems) {
	const maxCards = 10
	n := 0
	for i := range components {
		n += len(components[i].Cards)
	}
	switch {
	case n == len(d.cards) || d.productCards && n > 0 && n <= maxCards:
	case len(d.cards) == 0:
		found.add("template.components", codeCount, "cards are given, the template has no carousel")
	default:
		found.add("template.components", codeCount,
			"the carousel has "+strconv.Itoa(len(d.cards))+" cards, "+strconv.Itoa(n)+" given")
	}
}

// place says where encoding/json stopped, without the value.
func place(err error) string {
	if typ, ok := err.(*json.UnmarshalTypeError); ok && typ.Field != "" {
		return " (" + typ.Field + " is a JSON " + strings.Fields(typ.Value + " ?")[0] + ")"
	}
	return ""
}

// convert keeps positions, so that a problem's path counts as the job does.
func convert(prefix string, in []rawComponent, buttons []button, found *problems) []whatsapp.Component {
	out := make([]whatsapp.Component, len(in))
	for i := range in {
		c := whatsapp.Component{Type: strings.ToLower(in[i].Type), SubType: strings.ToLower(in[i].SubType)}
		if c.Type == partButton {
			c.Index = indexOf(in[i].Index, c.SubType, buttons)
		}
		for j := range in[i].Parameters {
			p, wrong := in[i].Parameters[j].convert()
			if wrong != "" {
				path := prefix + "components[" + strconv.Itoa(i) + "].parameters[" + strconv.Itoa(j) + "]." + wrong
				found.add(path, codeInvalid, "must be a string")
			}
			c.Parameters = append(c.Parameters, p)
		}
		out[i] = c
	}
	for i := range out {
		for j := range i {
			if out[i].Type == out[j].Type && out[i].Index == out[j].Index && out[i].Type != "" {
				found.add(prefix+"components["+strconv.Itoa(i)+"]", codeInvalid, "repeats components["+strconv.Itoa(j)+"]")
			}
		}
	}
	return out
}

// indexOf reads an index as string or number. A call button is sent without one,
// and a template has at most one.
func indexOf(raw json.RawMessage, subType string, buttons []button) string {
	if s := string(bytes.Trim(raw, `"`)); s != "" && s != "null" {
		return s
	}
	if subType != "voice_call" {
		return ""
	}
	for i := range buttons {
		if buttons[i].subType() == subType {
			return strconv.Itoa(i)
		}
	}
	return "0"
}

// convert returns the parameter and the field that should have been a string.
func (r *rawParameter) convert() (p whatsapp.Parameter, wrong string) {
	p = whatsapp.Parameter{
		Type: strings.ToLower(r.Type), Name: r.Name,
		Image: r.Image, Video: r.Video, Document: r.Document, Location: r.Location,
	}
	var s *scalar
	field := p.Type
	switch p.Type {
	case typeText:
		s = &r.Text
	case typePayload:
		s = &r.Payload
	case typeCoupon:
		s = &r.CouponCode
	case typeCurrency:
		s, field = &r.Currency.Value, "currency.fallback_value"
	case typeDateTime:
		s, field = &r.DateTime.Value, "date_time.fallback_value"
	default:
		return p, ""
	}
	switch p.Type {
	case typePayload:
		p.Payload = s.value
	case typeCoupon:
		p.CouponCode = s.value
	default:
		p.Text = s.value
	}
	if s.wrong {
		return p, field
	}
	return p, ""
}

// Parameter types that only a job's own components have; what they show is text.
const (
	typeCurrency = "currency"
	typeDateTime = "date_time"
)
