package whatsapp

import (
	"encoding/json"
	"unicode/utf8"
)

// AppendJSON appends the request body to dst. It is the hot path: written by hand
// it needs no allocation beyond dst's own growth. A test keeps it equal to what
// encoding/json makes of the struct tags.
func (m Message) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"messaging_product":"whatsapp","recipient_type":"individual"`...)
	if m.To != "" || m.Recipient == "" {
		dst = appendField(dst, `,"to":`, m.To)
	} else {
		dst = appendField(dst, `,"recipient":`, m.Recipient)
	}
	dst = append(dst, `,"type":"template","template":`...)
	dst = m.Template.appendJSON(dst)
	if m.CallbackData != "" {
		dst = appendField(dst, `,"biz_opaque_callback_data":`, m.CallbackData)
	}
	return append(dst, '}')
}

// MarshalJSON makes the request body, for those who use encoding/json. Unlike
// [Message.AppendJSON] it fails on raw parts that are no JSON.
func (m Message) MarshalJSON() ([]byte, error) {
	return m.AppendJSON(make([]byte, 0, m.sizeHint())), nil
}

// sizeHint is about the length of the body, so that encoding allocates once.
func (m Message) sizeHint() int {
	n := 256 + len(m.To) + len(m.Recipient) + len(m.Template.Name) + len(m.CallbackData) + len(m.Template.RawComponents)
	for i := range m.Template.Components {
		n += 64
		for j := range m.Template.Components[i].Parameters {
			p := &m.Template.Components[i].Parameters[j]
			n += 64 + len(p.Name) + len(p.Text) + len(p.Text)/8 + len(p.Payload)
			if p.Image != nil || p.Video != nil || p.Document != nil || p.Location != nil || p.Action != nil {
				n += 256
			}
		}
	}
	return n
}

func (t *Template) appendJSON(dst []byte) []byte {
	dst = appendField(dst, `{"name":`, t.Name)
	dst = appendField(dst, `,"language":{"code":`, t.Language)
	dst = append(dst, '}')
	switch {
	case len(t.RawComponents) > 0:
		dst = append(dst, `,"components":`...)
		dst = append(dst, t.RawComponents...)
	case len(t.Components) > 0:
		dst = append(dst, `,"components":[`...)
		for i := range t.Components {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = t.Components[i].appendJSON(dst)
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

func (c *Component) appendJSON(dst []byte) []byte {
	dst = appendField(dst, `{"type":`, c.Type)
	dst = appendOptional(dst, `,"sub_type":`, c.SubType)
	dst = appendOptional(dst, `,"index":`, c.Index)
	if len(c.Parameters) > 0 {
		dst = append(dst, `,"parameters":[`...)
		for i := range c.Parameters {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = c.Parameters[i].appendJSON(dst)
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

func (p *Parameter) appendJSON(dst []byte) []byte {
	dst = appendField(dst, `{"type":`, p.Type)
	dst = appendOptional(dst, `,"parameter_name":`, p.Name)
	dst = appendOptional(dst, `,"text":`, p.Text)
	dst = appendOptional(dst, `,"payload":`, p.Payload)
	dst = appendOptional(dst, `,"coupon_code":`, p.CouponCode)
	dst = p.Image.appendJSON(dst, `,"image":{`)
	dst = p.Video.appendJSON(dst, `,"video":{`)
	dst = p.Document.appendJSON(dst, `,"document":{`)
	if p.Location != nil {
		dst = p.Location.appendJSON(dst)
	}
	if p.Action != nil {
		dst = p.Action.appendJSON(dst)
	}
	return append(dst, '}')
}

func (m *Media) appendJSON(dst []byte, key string) []byte {
	if m == nil {
		return dst
	}
	dst = append(dst, key...)
	start := len(dst)
	dst = appendOptional(dst, `,"id":`, m.ID)
	dst = appendOptional(dst, `,"link":`, m.Link)
	dst = appendOptional(dst, `,"filename":`, m.Filename)
	return append(dropComma(dst, start), '}')
}

func (l *Location) appendJSON(dst []byte) []byte {
	dst = appendField(dst, `,"location":{"latitude":`, l.Latitude)
	dst = appendField(dst, `,"longitude":`, l.Longitude)
	dst = appendOptional(dst, `,"name":`, l.Name)
	dst = appendOptional(dst, `,"address":`, l.Address)
	return append(dst, '}')
}

func (a *Action) appendJSON(dst []byte) []byte {
	dst = append(dst, `,"action":{`...)
	start := len(dst)
	dst = appendOptional(dst, `,"flow_token":`, a.FlowToken)
	if len(a.FlowData) > 0 {
		dst = append(dst, `,"flow_action_data":`...)
		dst = append(dst, a.FlowData...)
	}
	return append(dropComma(dst, start), '}')
}

// dropComma removes the comma before an object's first field, where every field
// is optional and so begins with one.
func dropComma(dst []byte, start int) []byte {
	if len(dst) == start {
		return dst
	}
	return append(dst[:start], dst[start+1:]...)
}

func appendOptional(dst []byte, key, value string) []byte {
	if value == "" {
		return dst
	}
	return appendField(dst, key, value)
}

func appendField(dst []byte, key, value string) []byte {
	return appendString(append(dst, key...), value)
}

// appendString appends s as a JSON string. Bytes that are no UTF-8 become U+FFFD,
// as encoding/json has it.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	done := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				dst = append(append(dst, s[done:i]...), "\ufffd"...)
				done = i + 1
			}
			i += size
			continue
		}
		if c < ' ' || c == '"' || c == '\\' {
			dst = append(dst, s[done:i]...)
			if c < ' ' {
				dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			} else {
				dst = append(dst, '\\', c)
			}
			done = i + 1
		}
		i++
	}
	return append(append(dst, s[done:]...), '"')
}

var _ json.Marshaler = Message{}
