package job

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Params fills a template of the common kinds. Whatever it cannot say goes
// through [Template].Components.
type Params struct {
	Header *Header `json:"header,omitempty"`
	Body   *Body   `json:"body,omitempty"`
	// Buttons is keyed by the button's position in the template, from "0".
	Buttons map[string]Button `json:"buttons,omitempty"`
}

// Header fills the header's one variable; exactly one field is set.
type Header struct {
	Text     *string   `json:"text,omitempty"`
	Image    *Media    `json:"image,omitempty"`
	Video    *Media    `json:"video,omitempty"`
	Document *Media    `json:"document,omitempty"`
	Location *Location `json:"location,omitempty"`
}

// Media is a file the API already has (ID) or fetches itself (Link).
type Media struct {
	ID   string `json:"id,omitempty"`
	Link string `json:"link,omitempty"`
	// Filename is for documents only.
	Filename string `json:"filename,omitempty"`
}

// Location is a place, with coordinates in decimal degrees as strings, which is
// how the Cloud API takes them.
type Location struct {
	Latitude  string `json:"latitude"`
	Longitude string `json:"longitude"`
	Name      string `json:"name,omitempty"`
	Address   string `json:"address,omitempty"`
}

// Button fills one button; exactly one field is set.
type Button struct {
	// Payload comes back when the recipient taps a quick reply.
	Payload *string `json:"payload,omitempty"`
	// URL is the suffix of a dynamic URL.
	URL *string `json:"url,omitempty"`
	// Code is the coupon of a copy-code button.
	Code *string `json:"code,omitempty"`
	// OTP is the one-time password of an authentication template.
	OTP *string `json:"otp,omitempty"`
	// Flow opens a flow.
	Flow *Flow `json:"flow,omitempty"`
}

// Flow is the action of a flow button; both fields are optional.
type Flow struct {
	Token string          `json:"flow_token,omitempty"`
	Data  json.RawMessage `json:"flow_action_data,omitempty"`
}

// Body fills the body's variables, by position (a JSON list) or by name (a JSON
// object). At most one of the two is set.
type Body struct {
	List  []string
	Named map[string]string
}

// Positional fills {{1}}, {{2}}, … in order.
func Positional(values ...string) *Body { return &Body{List: values} }

// Named fills {{name}} variables.
func Named(values map[string]string) *Body { return &Body{Named: values} }

// MarshalJSON writes a list or an object.
func (b Body) MarshalJSON() ([]byte, error) {
	if b.Named != nil {
		return json.Marshal(b.Named)
	}
	if b.List == nil {
		return []byte("[]"), nil
	}
	return json.Marshal(b.List)
}

// UnmarshalJSON reads a list or an object of strings. A number or null among
// them is refused with its place: the API answers 100 to it.
func (b *Body) UnmarshalJSON(data []byte) error {
	*b = Body{}
	trimmed := bytes.TrimLeft(data, " \t\r\n")
	switch {
	case len(trimmed) > 0 && trimmed[0] == '[':
		var raw []json.RawMessage
		if err := json.Unmarshal(data, &raw); err != nil {
			return err
		}
		b.List = make([]string, len(raw))
		for i, r := range raw {
			if err := unmarshalString(r, &b.List[i]); err != nil {
				return &FieldError{Field: "template.params.body[" + strconv.Itoa(i) + "]", Problem: err.Error()}
			}
		}
	case len(trimmed) > 0 && trimmed[0] == '{':
		var raw map[string]json.RawMessage
		if err := json.Unmarshal(data, &raw); err != nil {
			return err
		}
		b.Named = make(map[string]string, len(raw))
		for _, name := range slices.Sorted(maps.Keys(raw)) {
			var s string
			if err := unmarshalString(raw[name], &s); err != nil {
				return &FieldError{Field: "template.params.body." + name, Problem: err.Error()}
			}
			b.Named[name] = s
		}
	default:
		return &FieldError{Field: "template.params.body", Problem: "must be a list of strings, or an object of strings by name"}
	}
	return nil
}

var errNotString = errors.New("must be a string")

func unmarshalString(raw json.RawMessage, s *string) error {
	if len(raw) == 0 || raw[0] != '"' {
		return errNotString
	}
	return json.Unmarshal(raw, s)
}

func (p *Params) validate(add func(field, problem string)) {
	const path = "template.params."
	if h := p.Header; h != nil {
		if n := count(h.Text != nil, h.Image != nil, h.Video != nil, h.Document != nil, h.Location != nil); n != 1 {
			add(path+"header", fmt.Sprintf("must have exactly one of text, image, video, document, location; it has %d", n))
		}
		for _, m := range []struct {
			name  string
			media *Media
		}{{"image", h.Image}, {"video", h.Video}, {"document", h.Document}} {
			if m.media != nil && (m.media.ID == "") == (m.media.Link == "") {
				add(path+"header."+m.name, "must have either id or link")
			}
		}
		if h.Location != nil && (h.Location.Latitude == "" || h.Location.Longitude == "") {
			add(path+"header.location", "must have latitude and longitude")
		}
	}
	for _, index := range slices.Sorted(maps.Keys(p.Buttons)) {
		field := path + "buttons." + index
		if n, err := strconv.Atoi(index); err != nil || n < 0 || n > 9 || strconv.Itoa(n) != index {
			add(field, "must be a button's position, 0 to 9")
		}
		b := p.Buttons[index]
		if n := count(b.Payload != nil, b.URL != nil, b.Code != nil, b.OTP != nil, b.Flow != nil); n != 1 {
			add(field, fmt.Sprintf("must have exactly one of payload, url, code, otp, flow; it has %d", n))
		}
	}
}

func count(conditions ...bool) int {
	n := 0
	for _, c := range conditions {
		if c {
			n++
		}
	}
	return n
}
