package whatsapp

import (
	"net/http"
	"slices"
)

// Code is what the Cloud API's documentation says of one error code (fact sheet
// 2.4), and what follows from it.
type Code struct {
	Code int
	// Subcode narrows a code that means several things; 0 is any.
	Subcode int
	Class   Class
	// Meaning is what happened, in our words.
	Meaning string
	// Remedy is one sentence that tells a person what to do next.
	Remedy string
}

// Lookup finds the row of a code: the one for its subcode where there is one, else
// the code's own, else that of the documented range it lies in. It reports false
// for a code no document mentions.
func Lookup(code, subcode int) (Code, bool) {
	if row, ok := find(code, subcode); ok {
		return row, true
	}
	if code == codeParameter && subcode != 0 {
		// Template creation and number migration wrap their code: 100 outside,
		// 2388xxx as the subcode.
		if row, ok := find(subcode, 0); ok {
			row.Code, row.Subcode = code, subcode
			return row, true
		}
	}
	if row, ok := find(code, 0); ok {
		return row, true
	}
	for _, r := range ranges {
		if r.First <= code && code <= r.Last {
			row := r.Row
			row.Code = code
			return row, true
		}
	}
	return Code{}, false
}

func find(code, subcode int) (Code, bool) {
	for i := range table {
		if table[i].Code == code && table[i].Subcode == subcode {
			return table[i], true
		}
	}
	return Code{}, false
}

// Codes lists every code of the documents, those of each kind together.
func Codes() []Code { return slices.Clone(table) }

// Range is a run of codes that the documents give one meaning. A code that
// [Codes] lists has its own.
type Range struct {
	First, Last int
	// Row is that meaning, without a code.
	Row Code
}

// Ranges lists the ranges of codes.
func Ranges() []Range { return slices.Clone(ranges) }

// codeParameter is Graph's general "invalid parameter".
const codeParameter = 100

// row finds the meaning of a Graph error; see classify for codes without a row.
func (g *graphError) row() (Code, bool) {
	if row, ok := aboutProof(g.Code.n, g.Message+" "+g.details()); ok {
		return row, true
	}
	return Lookup(g.Code.n, g.Subcode.n)
}

// classify says what a structured Graph error means. It is always a clear refusal,
// whatever the HTTP status: the API itself answered, and said no.
func classify(status int, g *graphError) Class {
	if row, ok := g.row(); ok {
		return row.Class
	}
	switch {
	case status == http.StatusTooManyRequests:
		return ClassThrottledNumber
	case bool(g.Transient) || status >= 500:
		return ClassTransient
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return ClassRefusedAccount
	}
	return ClassRefusedMessage
}

// classifyStatus judges an answer that is no Cloud API answer, by its HTTP status
// alone. whole is false when the body broke off.
func classifyStatus(status int, whole bool) Class {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return ClassRefusedAccount
	case http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		// These say that the request was not carried out: the base URL is wrong, for
		// everybody. 302 and 303 may follow a request that was, so they are not here.
		return ClassRefusedAccount
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone:
		// The path names the number and the API version; both fail for every message.
		return ClassRefusedNumber
	case http.StatusTooManyRequests:
		return ClassThrottledNumber
	case http.StatusTooEarly, http.StatusMisdirectedRequest:
		// Both mean "not processed, send it again" (RFC 8470, RFC 9110).
		return ClassTransient
	case http.StatusRequestTimeout, statusClientClosed:
		// A gateway gave up on a request that may already be behind it.
		return ClassAmbiguous
	}
	switch {
	case status < 400 || status >= 500:
		return ClassAmbiguous
	case !whole:
		// Refused, but the reason was lost on the way: ask again rather than reject.
		return ClassTransient
	}
	return ClassRefusedMessage
}

// statusClientClosed is what nginx answers, or logs, when a client has gone.
const statusClientClosed = 499
