package whatsapp

import (
	"encoding/json"
	"time"
)

// Message is the body of POST /{version}/{phone number id}/messages for a
// template (Cloud API fact sheet 1.2 and 1.3). One message goes to one recipient.
type Message struct {
	// To is the recipient's telephone number with its +, or Recipient is set.
	To string
	// Recipient is a business-scoped user id; To wins where both are set.
	Recipient string
	Template  Template
	// CallbackData, at most 512 characters, is echoed in every status webhook.
	CallbackData string
	// SendBy is when it is too late to write the request; it is looked at right
	// before. Such a send is [ClassNotSent]. The zero time is never.
	SendBy time.Time
}

// Template is the template object of a message.
type Template struct {
	Name     string
	Language string
	// Components holds only the parts that carry parameters.
	Components []Component
	// RawComponents goes out as it is, in place of Components.
	RawComponents json.RawMessage
}

// Component fills one part of a template.
type Component struct {
	// Type is header, body, button, carousel, …
	Type string `json:"type"`
	// SubType and Index are for buttons; Index counts from 0 in the template's own order.
	SubType    string      `json:"sub_type,omitempty"`
	Index      string      `json:"index,omitempty"`
	Parameters []Parameter `json:"parameters,omitempty"`
}

// Parameter is one value. Type says which of the other fields is set.
type Parameter struct {
	Type string `json:"type"`
	// Name is set for templates with named parameters.
	Name       string    `json:"parameter_name,omitempty"`
	Text       string    `json:"text,omitempty"`
	Payload    string    `json:"payload,omitempty"`
	CouponCode string    `json:"coupon_code,omitempty"`
	Image      *Media    `json:"image,omitempty"`
	Video      *Media    `json:"video,omitempty"`
	Document   *Media    `json:"document,omitempty"`
	Location   *Location `json:"location,omitempty"`
	Action     *Action   `json:"action,omitempty"`
}

// Media names a file by the id of an upload or by a link that the API fetches.
type Media struct {
	ID       string `json:"id,omitempty"`
	Link     string `json:"link,omitempty"`
	Filename string `json:"filename,omitempty"`
}

// Location is a place; the coordinates are decimal degrees as strings.
type Location struct {
	Latitude  string `json:"latitude"`
	Longitude string `json:"longitude"`
	Name      string `json:"name,omitempty"`
	Address   string `json:"address,omitempty"`
}

// Action is what a flow button opens.
type Action struct {
	FlowToken string          `json:"flow_token,omitempty"`
	FlowData  json.RawMessage `json:"flow_action_data,omitempty"`
}
