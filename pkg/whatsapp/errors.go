package whatsapp

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"
)

// Error is why a send did not end in [ClassAccepted]. Everything but Class may be
// empty. No field holds a token, a telephone number, a message id or a URL query:
// what others wrote is scrubbed before it gets here.
type Error struct {
	// HTTPStatus is 0 when no answer came.
	HTTPStatus int
	// Code and Subcode are the API's. 0 is a code too: see [Error.Coded].
	Code, Subcode int
	// Type, Message and Details are the API's words, for people.
	Type, Message, Details string
	// TraceID is what Meta's support asks for.
	TraceID string
	Class   Class
	// RetryAfter is how long the API asked to wait; 0 when it did not say.
	RetryAfter time.Duration
	// Usage is what the answer said of the call limits.
	Usage Usage
	// Err is the cause: of a request that failed, or of an answer that makes no sense.
	Err error

	coded  bool
	remedy string
}

// Coded reports whether the API named a code; Code 0 is one of its codes.
func (e *Error) Coded() bool { return e.coded }

// Error says what happened, in the API's words where it gave any, and what to do.
func (e *Error) Error() string {
	var b strings.Builder
	switch {
	case e.coded:
		b.WriteString("cloud api refused: " + strconv.Itoa(e.Code))
		if e.Subcode != 0 {
			b.WriteString("/" + strconv.Itoa(e.Subcode))
		}
		appendPart(&b, " ", strings.TrimPrefix(e.Message, "(#"+strconv.Itoa(e.Code)+") "))
		appendPart(&b, ": ", e.Details)
	case e.HTTPStatus != 0:
		b.WriteString("cloud api answered HTTP " + strconv.Itoa(e.HTTPStatus) + " without an error code")
	case e.Class == ClassNotSent:
		b.WriteString("request not sent")
	case e.Class == ClassAmbiguous || e.Class == ClassTransient: // the latter: nothing was to be sent
		b.WriteString("no answer from the cloud api")
	default:
		b.WriteString("cloud api not called")
	}
	if e.Err != nil {
		appendPart(&b, ": ", e.Err.Error())
	}
	if e.TraceID != "" {
		b.WriteString(" (trace " + e.TraceID + ")")
	}
	appendPart(&b, "; ", e.Remedy())
	return b.String()
}

func appendPart(b *strings.Builder, before, part string) {
	if part != "" {
		b.WriteString(before)
		b.WriteString(part)
	}
}

// Remedy is one sentence that tells a person what to do next.
func (e *Error) Remedy() string {
	if e.remedy != "" {
		return e.remedy
	}
	switch e.Class {
	case ClassAmbiguous:
		return "The message may have been accepted: do not send it again before its status webhook or its deadline."
	case ClassNotSent:
		return "Check DNS, network, proxy and the API URL; it is tried again by itself."
	case ClassRefusedAccount:
		return "Check the access token and the API URL."
	case ClassRefusedNumber:
		return "Check the phone number id, the API URL and the API version."
	case ClassThrottledNumber:
		return slowDown
	case ClassTransient:
		return tryLater
	}
	if !e.coded {
		return "Check the API URL: a proxy or gateway may have answered in place of the API."
	}
	return "Look the code up in Meta's list of error codes."
}

// Unwrap gives the cause, so that errors.Is finds context.Canceled and the like.
func (e *Error) Unwrap() error { return e.Err }

// Is matches another *Error by its code, and by its subcode where that has one, so
// that errors.Is(err, &Error{Code: 190}) asks for a code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && e.coded && e.Code == t.Code && (t.Subcode == 0 || t.Subcode == e.Subcode)
}

// DeadToken reports whether the API said that it does not take the access token at all:
// it is missing, wrong, revoked or has expired (fact sheet 2.4).
func (e *Error) DeadToken() bool {
	return e.coded && e.Class == ClassRefusedAccount && (e.Code == 0 || e.Code == 104 || e.Code == codeToken)
}

// Timeout reports whether the time for the answer ran out.
func (e *Error) Timeout() bool {
	if errors.Is(e.Err, context.DeadlineExceeded) {
		return true
	}
	var t net.Error
	return errors.As(e.Err, &t) && t.Timeout()
}

// ClassOf is what became of a send that ended with err: [ClassAccepted] for nil,
// and [ClassAmbiguous] for an error that is not this package's, because whoever
// does not know must not send again.
func ClassOf(err error) Class {
	if err == nil {
		return ClassAccepted
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return ClassAmbiguous
}

// safeCause is err if its text may be seen, else an error with a scrubbed text.
// net/http quotes what a server wrote, and that may quote what we wrote.
func safeCause(err error, token string) error {
	text := err.Error()
	if clean := scrub(text, token); clean != text {
		return errors.New(clean)
	}
	return err
}
