package whatsapp

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strconv"
)

// graphError is the error object of an answer (fact sheet 2.1). Every field but
// the code is optional, and any may have an unexpected type: encoding/json then
// leaves that field empty and goes on.
type graphError struct {
	Message   string          `json:"message"`
	Type      string          `json:"type"`
	Code      number          `json:"code"`
	Subcode   number          `json:"error_subcode"`
	Data      json.RawMessage `json:"error_data"`
	Transient flag            `json:"is_transient"`
	UserMsg   string          `json:"error_user_msg"`
	TraceID   string          `json:"fbtrace_id"`
}

// answer is any body of the messages endpoint: it has messages or an error.
type answer struct {
	Contacts []struct {
		WaID   string `json:"wa_id"`
		UserID string `json:"user_id"`
	} `json:"contacts"`
	Messages []struct {
		ID     string `json:"id"`
		Status string `json:"message_status"`
	} `json:"messages"`
	Error graphError `json:"error"`
}

// structured reports whether the body held a Graph error: an error object with a
// code. Anything less may come from a gateway.
func (a *answer) structured() bool { return a.Error.Code.set }

// parseAnswer reads a body as far as it can be read. The error says that it is no
// JSON object; a field of the wrong type is no error, only empty.
func parseAnswer(body []byte) (answer, error) {
	var a answer
	err := json.Unmarshal(body, &a)
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		err = nil
	}
	return a, err
}

// details is error_data.details; error_data is a plain string on some endpoints.
func (g *graphError) details() string {
	var object struct {
		Details string `json:"details"`
	}
	var text string
	switch {
	case len(g.Data) == 0:
	case json.Unmarshal(g.Data, &object) == nil:
		text = object.Details
	case json.Unmarshal(g.Data, &text) == nil:
	}
	if text == "" {
		return g.UserMsg
	}
	return text
}

// number is an integer that may come as a number or as a string.
type number struct {
	n   int
	set bool
}

// UnmarshalJSON never fails: what is no integer is not set.
func (v *number) UnmarshalJSON(raw []byte) error {
	text := string(bytes.Trim(raw, `" `))
	if n, err := strconv.Atoi(text); err == nil {
		*v = number{n, true}
	} else if f, err := strconv.ParseFloat(text, 64); err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<31 {
		*v = number{int(f), true}
	}
	return nil
}

// flag is a boolean that may come as a boolean, a string or a number.
type flag bool

// UnmarshalJSON never fails: what does not say yes is no.
func (f *flag) UnmarshalJSON(raw []byte) error {
	text := string(bytes.Trim(raw, `" `))
	*f = text == "true" || text == "1"
	return nil
}
