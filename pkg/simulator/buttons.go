package simulator

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Lengths of button values, Cloud API fact sheet 3.7 and 1.3.
const (
	maxPayload      = 256
	maxVoicePayload = 512
	maxCoupon       = 20
	maxOTP          = 15
	maxTTLMinutes   = 43_200
)

// button is a button of a template.
type button struct {
	kind string
	text string
	url  pattern
	slot
}

// slot says what a send may and must give to a button.
type slot struct {
	subType  string
	params   []string
	required bool
	label    string
}

func newButton(spec buttonSpec) button {
	b := button{kind: strings.ToUpper(spec.Type), text: spec.Text, url: parsePattern(spec.URL)}
	b.slot = slotOf(b.kind, len(b.url.vars) > 0)
	return b
}

func slotOf(kind string, dynamic bool) slot {
	switch kind {
	case "URL":
		return slot{"url", []string{"text"}, dynamic, "Url"}
	case "OTP":
		return slot{"url", []string{"text"}, true, "Url"}
	case "QUICK_REPLY":
		return slot{"quick_reply", []string{"payload"}, false, "QuickReply"}
	case "COPY_CODE":
		return slot{"copy_code", []string{"coupon_code"}, true, "CopyCode"}
	case "FLOW":
		return slot{"flow", []string{"action"}, false, "Flow"}
	case "CATALOG":
		return slot{"catalog", []string{"action"}, false, "Catalog"}
	case "MPM":
		return slot{"mpm", []string{"action"}, true, "Mpm"}
	case "VOICE_CALL":
		return slot{"voice_call", []string{"ttl_minutes", "payload"}, false, "VoiceCall"}
	case "ORDER_DETAILS":
		return slot{"order_details", []string{"action"}, true, "OrderDetails"}
	}
	return slot{label: kind}
}

// static reports whether a send may not mention the button.
func (b button) static() bool {
	return b.subType == "" || b.kind == "URL" && !b.required
}

// checkButtons: every button that needs a value has one at its own index, and
// nothing is given to a button that takes none.
func (m *match) checkButtons(p *part) *refusal {
	for _, c := range p.buttons {
		if r := m.buttonValues(c); r != nil {
			return r
		}
	}
	if p.form == nil {
		return nil
	}
	var room [16]bool
	given := append(room[:0], make([]bool, len(p.form.buttons))...)
	var stray *refusal
	for _, c := range p.buttons {
		i, r := p.buttonOf(c)
		switch {
		case r != nil && stray == nil:
			stray = r
		case r == nil && given[i]:
			return refuse(131009, fmt.Sprintf("buttons: Button at index %d is given twice", i))
		case r == nil:
			given[i] = true
		}
	}
	for i, b := range p.form.buttons {
		if b.required && !given[i] {
			return p.missing(i)
		}
	}
	return stray
}

// missing words a required button that got nothing: at all, or not at its index.
func (p *part) missing(i int) *refusal {
	s := p.form.buttons[i].slot
	elsewhere := slices.ContainsFunc(p.buttons, func(c *component) bool { return strings.EqualFold(c.SubType, s.subType) })
	if elsewhere && s.subType == "url" {
		return refuse(131008, "Parameter value for URL was expected but was not found")
	}
	return refuse(131008, fmt.Sprintf("buttons: Button at index %d of type %s requires a parameter", i, s.label))
}

// buttonOf finds the template's button that a component is for.
func (p *part) buttonOf(c *component) (int, *refusal) {
	i := c.Index.n
	if !c.Index.set { // Meta's own voice_call example has none
		i = slices.IndexFunc(p.form.buttons, func(b button) bool {
			return b.kind == "VOICE_CALL" && strings.EqualFold(c.SubType, "voice_call")
		})
		if i < 0 {
			return 0, refuse(131008, "buttons: index is missing")
		}
	}
	if i >= len(p.form.buttons) {
		return 0, refuse(131009, fmt.Sprintf("buttons: The template has no button at index %d", i))
	}
	b := p.form.buttons[i]
	switch {
	case !strings.EqualFold(c.SubType, b.subType):
		return 0, mismatch(buttonAt(i), b.kind, strings.ToUpper(c.SubType))
	case b.static():
		return i, countsOfButton(i, len(c.Parameters), 0)
	case b.required && len(c.Parameters) == 0:
		return 0, p.missing(i)
	case len(c.Parameters) > len(b.params):
		return 0, countsOfButton(i, len(c.Parameters), len(b.params))
	default:
		for j := range c.Parameters {
			if got := c.Parameters[j].Type; !slices.Contains(b.params, got) {
				return 0, mismatch(buttonAt(i), strings.ToUpper(b.params[0]), strings.ToUpper(got))
			}
		}
	}
	return i, nil
}

func buttonAt(i int) string { return "buttons: Button at index " + strconv.Itoa(i) }

func countsOfButton(i, got, want int) *refusal {
	if got == want {
		return nil
	}
	return countsOf(buttonAt(i), got, want)
}

// buttonValues checks values that need no template to be judged.
func (m *match) buttonValues(c *component) *refusal {
	if c.SubType == "" {
		return refuse(131008, "buttons: sub_type is missing")
	}
	most := maxPayload
	if strings.EqualFold(c.SubType, "voice_call") {
		most = maxVoicePayload
	}
	for _, v := range c.Parameters {
		var r *refusal
		switch v.Type {
		case "payload":
			r = valueFits(v.Type, v.Payload, most)
		case "coupon_code":
			r = valueFits(v.Type, v.CouponCode, maxCoupon)
		case "action":
			if v.Action == nil {
				r = refuse(131008, "Parameter of type action is missing action value")
			}
		case "ttl_minutes":
			if v.TTLMinutes < 1 || v.TTLMinutes > maxTTLMinutes {
				r = refuse(131009, fmt.Sprintf("ttl_minutes must be from 1 to %d", maxTTLMinutes))
			}
		case "text":
			if m.auth && runes(v.Text) > maxOTP {
				r = tooLong("text", maxOTP)
			}
		}
		if r != nil {
			return r
		}
	}
	return nil
}

func valueFits(name, value string, most int) *refusal {
	if value == "" {
		return refuse(131008, "Parameter of type "+name+" is missing "+name+" value")
	}
	if runes(value) > most {
		return tooLong(name, most)
	}
	return nil
}

func tooLong(name string, most int) *refusal {
	return badParam("Param %s must be at most %d characters long.", name, most)
}

// urlLengths checks dynamic URLs with their suffix.
func (p *part) urlLengths() *refusal {
	for _, c := range p.buttons {
		if !c.Index.set || c.Index.n >= len(p.form.buttons) || len(c.Parameters) == 0 {
			continue
		}
		if r := p.form.buttons[c.Index.n].url.fits("buttons", c.Parameters, false, maxURL); r != nil {
			return r
		}
	}
	return nil
}
