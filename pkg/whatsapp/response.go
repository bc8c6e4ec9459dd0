package whatsapp

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// MessageStatus is what the API does with a message it took.
type MessageStatus string

// The message statuses (fact sheet 1.6). Held and paused messages are accepted
// too: they may go out or fail later.
const (
	StatusAccepted MessageStatus = "accepted"
	StatusHeld     MessageStatus = "held_for_quality_assessment"
	StatusPaused   MessageStatus = "paused"
)

// Accepted is the API's yes. It is not a delivery: statuses follow by webhook.
type Accepted struct {
	// MessageID is the wamid. It usually contains the recipient's number, so it
	// counts as one.
	MessageID string
	// WaID is WhatsApp's id of the recipient, which may differ from the number the
	// message was sent to; empty when it went to a business-scoped user id.
	WaID string
	// UserID is the recipient's business-scoped user id, where the API gave one.
	UserID string
	// Status is accepted where the answer names none, or none we know.
	Status MessageStatus

	headers usageHeaders
}

// Usage is how much of the call limits the API says are used. It is read from the
// answer's headers when it is asked for: most answers are not.
func (a Accepted) Usage() Usage { return a.headers.parse() }

var errNoAnswer = errors.New("the answer has neither a message id nor an error")

// read judges an answer. bodyErr says that the body broke off.
func read(status int, header http.Header, body []byte, bodyErr error, token string) (Accepted, error) {
	headers := usageHeadersOf(header)
	if ok, usual := scanAccepted(body); usual && status/100 == 2 {
		ok.headers = headers
		return ok, nil
	}
	a, err := parseAnswer(body)
	if status/100 == 2 && len(a.Messages) > 0 && a.Messages[0].ID != "" && err == nil {
		return accepted(&a, headers), nil
	}
	failure := &Error{HTTPStatus: status, Usage: headers.parse(), RetryAfter: parseRetryAfter(header, time.Now())}
	if err == nil && a.structured() {
		failure.fill(&a.Error, token)
		return Accepted{}, failure
	}
	failure.Class = classifyStatus(status, bodyErr == nil)
	switch {
	case bodyErr != nil:
		failure.Err = safeCause(fmt.Errorf("read the answer: %w", bodyErr), token)
	case err != nil:
		// The parser's words would quote the body; its length is all that helps.
		failure.Err = fmt.Errorf("the answer (%d bytes) is no JSON object", len(body))
	default:
		failure.Err = errNoAnswer
	}
	return Accepted{}, failure
}

func accepted(a *answer, headers usageHeaders) Accepted {
	out := Accepted{MessageID: a.Messages[0].ID, Status: statusOf(a.Messages[0].Status), headers: headers}
	if len(a.Contacts) > 0 {
		out.WaID, out.UserID = a.Contacts[0].WaID, a.Contacts[0].UserID
	}
	return out
}

// statusOf takes a status we do not know for accepted.
func statusOf(s string) MessageStatus {
	switch status := MessageStatus(s); status {
	case StatusHeld, StatusPaused:
		return status
	}
	return StatusAccepted
}

// fill takes over what the API said.
func (e *Error) fill(g *graphError, token string) {
	e.coded = true
	e.Code, e.Subcode = g.Code.n, g.Subcode.n
	e.Type = scrub(g.Type, token)
	e.Message = scrub(g.Message, token, e.Code, e.Subcode)
	e.Details = scrub(g.details(), token, e.Code, e.Subcode)
	e.TraceID = traceID(g.TraceID)
	e.Class = classify(e.HTTPStatus, g)
	if row, ok := g.row(); ok {
		e.remedy = row.Remedy
	}
	if e.Class == ClassThrottledAccount && e.RetryAfter == 0 {
		e.RetryAfter = e.Usage.Regain
	}
}
