package whatsapp

import "bytes"

// scanAccepted reads the one answer that nearly every message gets, in the very
// form the API gives it, at a tenth of what encoding/json takes. Anything else
// (another order, an escape, white space) is left to [parseAnswer].
func scanAccepted(body []byte) (Accepted, bool) {
	s := cutter{rest: body, ok: true}
	s.literal(`{"messaging_product":"whatsapp","contacts":[{"input":"`)
	s.text()
	s.literal(`,"wa_id":"`)
	a := Accepted{Status: StatusAccepted}
	a.WaID = s.text()
	s.literal(`}],"messages":[{"id":"`)
	a.MessageID = s.text()
	if bytes.HasPrefix(s.rest, []byte(`,"message_status":"`)) {
		s.literal(`,"message_status":"`)
		a.Status = statusOf(s.text())
	}
	s.literal(`}]}`)
	return a, s.ok && len(s.rest) == 0 && a.MessageID != ""
}

// cutter takes a text apart from the front. Once something does not fit, nothing
// does.
type cutter struct {
	rest []byte
	ok   bool
}

func (c *cutter) literal(want string) {
	rest, ok := bytes.CutPrefix(c.rest, []byte(want))
	c.rest, c.ok = rest, c.ok && ok
}

// text is what stands up to the next quote. What is not plain ASCII is left to
// those who know how to read it.
func (c *cutter) text() string {
	end := bytes.IndexByte(c.rest, '"')
	if end < 0 {
		c.ok = false
		return ""
	}
	raw := c.rest[:end]
	for _, b := range raw {
		if b == '\\' || b < ' ' || b >= 0x7f {
			c.ok = false
		}
	}
	c.rest = c.rest[end+1:]
	return string(raw)
}
