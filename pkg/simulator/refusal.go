package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// refusal is an error answer of the Graph API.
type refusal struct {
	status    int
	code      int
	subcode   int
	kind      string
	message   string
	details   string
	transient bool
}

// refuse is a refusal with the documented status and title of its code.
func refuse(code int, details string) *refusal {
	known, ok := catalogue[code]
	if !ok {
		known = entry{status: http.StatusBadRequest, title: "Simulated error"}
	}
	if details == "" {
		details = known.details
	}
	r := &refusal{status: known.status, code: code, kind: "OAuthException", message: known.title, details: details, transient: known.transient}
	if !known.bare {
		r.message = "(#" + strconv.Itoa(code) + ") " + known.title
	}
	return r
}

// badParam is code 100 with the text in the message, as the Graph API words the
// schema errors that it finds before WhatsApp sees the request.
func badParam(format string, args ...any) *refusal {
	text := fmt.Sprintf(format, args...)
	r := refuse(100, text)
	r.message = "(#100) " + text
	return r
}

// invalidParam is code 100 as WhatsApp itself words it.
func invalidParam(format string, args ...any) *refusal {
	return refuse(100, fmt.Sprintf(format, args...))
}

func required(path string) *refusal { return badParam("The parameter %s is required.", path) }

// unknownObject is what a wrong id, or one the token may not see, is answered with.
func unknownObject(method, id string) *refusal {
	verb := "post"
	if method == http.MethodGet {
		verb = "get"
	}
	return &refusal{
		status: http.StatusBadRequest, code: 100, subcode: 33, kind: "GraphMethodException",
		message: "Unsupported " + verb + " request. Object with ID '" + id +
			"' does not exist, cannot be loaded due to missing permissions, or does not support this operation.",
	}
}

func (r *refusal) body(trace string) []byte {
	type errorData struct {
		Product string `json:"messaging_product"`
		Details string `json:"details"`
	}
	var e struct {
		Message   string     `json:"message"`
		Type      string     `json:"type"`
		Code      int        `json:"code"`
		Data      *errorData `json:"error_data,omitempty"`
		Subcode   int        `json:"error_subcode,omitempty"`
		Transient bool       `json:"is_transient,omitempty"`
		Trace     string     `json:"fbtrace_id"`
	}
	e.Message, e.Type, e.Code, e.Subcode, e.Transient, e.Trace = r.message, r.kind, r.code, r.subcode, r.transient, trace
	if r.details != "" {
		e.Data = &errorData{"whatsapp", r.details}
	}
	body, err := json.Marshal(map[string]any{"error": e})
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	return body
}
