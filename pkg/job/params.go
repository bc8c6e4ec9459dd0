package job

import "encoding/json"

// Params fills a template of the common kinds. Whatever it cannot say goes
// through [Template].Components.
type Params struct {
	Header *Header `json:"header,omitempty"`
	Body   *Body   `json:"body,omitempty"`
	// Buttons is keyed by the button's position in the template, from "0".
	Buttons map[string]Button `json:"buttons,omitzero"`
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
	w := newWriter()
	w.body(&b)
	return w.buf, nil
}

// UnmarshalJSON reads a list or an object of strings. The error is an
// [*InvalidError].
func (b *Body) UnmarshalJSON(data []byte) error {
	*b = Body{}
	s := newScanner(data)
	s.path = append(s.path, step{name: "body"})
	s.body(b)
	if !s.end() {
		s.bad = append(s.bad, *s.syntaxError("body"))
	}
	if len(s.bad) > 0 {
		return &InvalidError{Fields: s.bad}
	}
	return nil
}
