package simulator

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// scratch is what reading a request needs; it is used again for the next one.
// Nothing that outlives the request may point into it.
type scratch struct {
	body       bytes.Buffer
	req        request
	template   templateParam
	components []component
	params     []parameter
}

// usual reads bodies of the usual shape: a template with text, payload, coupon and
// media parameters, without escapes, nulls or repeated keys. It reports false for
// everything else, right or wrong, which [decode] then judges; where it reports
// true, decode would answer the same request and no refusal.
func (s *scratch) usual() bool {
	s.req = request{}
	s.template = templateParam{}
	clear(s.components)
	clear(s.params)
	s.components, s.params = s.components[:0], s.params[:0]
	p := usualParser{s: s.body.String(), scratch: s}
	return p.request() && p.end()
}

// usualParser walks over a body; every method reports false where it gives up.
type usualParser struct {
	s string
	i int
	*scratch
}

func (p *usualParser) space() {
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case ' ', '\t', '\n', '\r':
			p.i++
		default:
			return
		}
	}
}

// at skips one character, if it is the next.
func (p *usualParser) at(c byte) bool {
	p.space()
	if p.i < len(p.s) && p.s[p.i] == c {
		p.i++
		return true
	}
	return false
}

func (p *usualParser) end() bool {
	p.space()
	return p.i == len(p.s)
}

// raw is a string without escapes.
func (p *usualParser) raw() (string, bool) {
	if !p.at('"') {
		return "", false
	}
	start, ascii := p.i, true
	for ; p.i < len(p.s); p.i++ {
		switch c := p.s[p.i]; {
		case c == '"':
			text := p.s[start:p.i]
			p.i++
			return text, ascii || utf8.ValidString(text)
		case c == '\\' || c < ' ':
			return "", false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return "", false
}

func (p *usualParser) text(into *string) (ok bool) {
	*into, ok = p.raw()
	return ok
}

// kept is text that may outlive the request: it does not hold the whole body.
func (p *usualParser) kept(into *string) bool {
	text, ok := p.raw()
	*into = strings.Clone(text)
	return ok
}

// key goes to the next value of an object; "" is its end.
func (p *usualParser) key(first bool) (string, bool) {
	if p.at('}') {
		return "", true
	}
	if !first && !p.at(',') {
		return "", false
	}
	key, ok := p.raw()
	return key, ok && key != "" && p.at(':')
}

// object hands every key to field, which reads the value.
func (p *usualParser) object(field func(key string) bool) bool {
	if !p.at('{') {
		return false
	}
	for first := true; ; first = false {
		key, ok := p.key(first)
		if !ok || key == "" {
			return ok
		}
		if !field(key) {
			return false
		}
	}
}

// once reports whether a key comes for the first time; seen has a bit for each.
func once(seen *uint32, bit uint) bool {
	had := *seen&(1<<bit) != 0
	*seen |= 1 << bit
	return !had
}

func (p *usualParser) request() bool {
	var seen uint32
	return p.object(func(key string) bool {
		switch key {
		case "messaging_product":
			return once(&seen, 0) && p.text(&p.req.Product)
		case "recipient_type":
			return once(&seen, 1) && p.text(&p.req.RecipientType)
		case "to":
			return once(&seen, 2) && p.kept(&p.req.To)
		case "recipient":
			return once(&seen, 3) && p.kept(&p.req.Recipient)
		case "type":
			return once(&seen, 4) && p.text(&p.req.Type)
		case "template":
			p.req.Template = &p.template
			return once(&seen, 5) && p.templateParam()
		case "biz_opaque_callback_data":
			return once(&seen, 6) && p.kept(&p.req.CallbackData)
		}
		return false
	})
}

func (p *usualParser) templateParam() bool {
	var seen uint32
	return p.object(func(key string) bool {
		switch key {
		case "name":
			return once(&seen, 0) && p.kept(&p.template.Name)
		case "language":
			return once(&seen, 1) && p.language()
		case "components":
			return once(&seen, 2) && p.componentList()
		}
		return false
	})
}

func (p *usualParser) language() bool {
	var seen uint32
	return p.object(func(key string) bool {
		switch key {
		case "code":
			return once(&seen, 0) && p.kept(&p.template.Language.Code)
		case "policy":
			return once(&seen, 1) && p.text(&p.template.Language.Policy)
		}
		return false
	})
}

// more goes to the next element of an array; end is its end.
func (p *usualParser) more(first bool) (end, ok bool) {
	if p.at(']') {
		// A comma before the bracket is found by the element that is missing.
		return true, true
	}
	return false, first || p.at(',')
}

func (p *usualParser) componentList() bool {
	if !p.at('[') {
		return false
	}
	p.template.Components = p.components
	for first := true; ; first = false {
		end, ok := p.more(first)
		if end || !ok {
			p.template.Components = p.components
			return ok
		}
		var c component
		if !p.component(&c) {
			return false
		}
		p.components = append(p.components, c)
	}
}

func (p *usualParser) component(c *component) bool {
	var seen uint32
	return p.object(func(key string) bool {
		switch key {
		case "type":
			return once(&seen, 0) && p.text(&c.Type)
		case "sub_type":
			return once(&seen, 1) && p.text(&c.SubType)
		case "index":
			return once(&seen, 2) && p.position(&c.Index)
		case "parameters":
			return once(&seen, 3) && p.parameterList(c)
		}
		return false
	})
}

// position reads up to three digits, with or without quotes.
func (p *usualParser) position(into *position) bool {
	quoted := p.at('"')
	start, n := p.i, 0
	for ; p.i < len(p.s) && p.s[p.i] >= '0' && p.s[p.i] <= '9'; p.i++ {
		n = 10*n + int(p.s[p.i]-'0')
		if p.i-start == 3 {
			return false
		}
	}
	if p.i == start || p.s[start] == '0' && p.i-start > 1 {
		return false
	}
	*into = position{set: true, n: n}
	return !quoted || p.i < len(p.s) && p.s[p.i] == '"' && p.at('"')
}

func (p *usualParser) parameterList(c *component) bool {
	if !p.at('[') {
		return false
	}
	start := len(p.params)
	for first := true; ; first = false {
		end, ok := p.more(first)
		if end || !ok {
			c.Parameters = p.params[start:len(p.params):len(p.params)]
			return ok
		}
		p.params = append(p.params, parameter{})
		if !p.parameter(&p.params[len(p.params)-1]) {
			return false
		}
	}
}

func (p *usualParser) parameter(v *parameter) bool {
	var seen uint32
	return p.object(func(key string) bool {
		switch key {
		case "type":
			return once(&seen, 0) && p.text(&v.Type)
		case "parameter_name":
			return once(&seen, 1) && p.text(&v.Name)
		case "text":
			return once(&seen, 2) && p.text(&v.Text)
		case "payload":
			return once(&seen, 3) && p.text(&v.Payload)
		case "coupon_code":
			return once(&seen, 4) && p.text(&v.CouponCode)
		case "image":
			return once(&seen, 5) && p.media(&v.Image)
		case "video":
			return once(&seen, 6) && p.media(&v.Video)
		case "document":
			return once(&seen, 7) && p.media(&v.Document)
		}
		return false
	})
}

func (p *usualParser) media(into **mediaParam) bool {
	m := new(mediaParam)
	*into = m
	var seen uint32
	return p.object(func(key string) bool {
		switch key {
		case "id":
			return once(&seen, 0) && p.text(&m.ID)
		case "link":
			return once(&seen, 1) && p.text(&m.Link)
		case "filename":
			return once(&seen, 2) && p.text(&m.Filename)
		}
		return false
	})
}
