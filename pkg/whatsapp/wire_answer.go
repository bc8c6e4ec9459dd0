package whatsapp

import (
	"bytes"
	"net/http"
	"strconv"
)

// usual reads the answer that nearly every message gets: a 200 that has come as a
// whole, with its length. Anything else, right or wrong, it leaves where it is, for
// net/http, which takes several times as long.
func (l *link) usual() (a answerHead, ok bool) {
	come, _ := l.reader.Peek(l.reader.Buffered()) // what is there can be looked at
	end := bytes.Index(come, []byte("\r\n\r\n"))
	if end < 0 || !bytes.HasPrefix(come, []byte("HTTP/1.1 200 ")) {
		return a, false
	}
	length := -1
	status, fields, _ := bytes.Cut(come[:end+2], []byte("\r\n"))
	if !isVisible(status) {
		return a, false
	}
	for len(fields) > 0 {
		var field []byte
		field, fields, _ = bytes.Cut(fields, []byte("\r\n"))
		if !a.field(field, &length) {
			return answerHead{}, false
		}
	}
	start := end + len("\r\n\r\n")
	if length < 0 || length > len(come)-start {
		return answerHead{}, false
	}
	a.status, a.body = http.StatusOK, bytes.Clone(come[start:start+length])
	_, _ = l.reader.Discard(start + length) // it is there
	return a, true
}

// field takes a header, of which only some are of interest. It reports false for what
// decides where an answer ends, or whether another may follow, in another way than
// by a length.
func (a *answerHead) field(field []byte, length *int) bool {
	name, value, found := bytes.Cut(field, []byte(":"))
	value = bytes.Trim(value, " \t")
	if !found || !isName(name) || !isVisible(value) {
		return false
	}
	switch {
	case is(name, "Content-Length"):
		n, err := strconv.ParseUint(string(value), 10, 31)
		if err != nil || *length >= 0 {
			return false
		}
		*length = int(n)
	case is(name, "Connection"):
		return is(value, "keep-alive")
	case is(name, "Transfer-Encoding"):
		return false
	case is(name, "X-App-Usage"), is(name, "X-Business-Use-Case-Usage"):
		if a.header == nil {
			a.header = make(http.Header, 2)
		}
		a.header.Add(string(name), string(value))
	}
	return true
}

// is compares as headers are compared, whatever their case.
func is(got []byte, want string) bool {
	return len(got) == len(want) && bytes.EqualFold(got, []byte(want))
}

// isName reports whether a header's name has nothing in it but letters, digits, dashes.
func isName(name []byte) bool {
	for _, c := range name {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return len(name) > 0
}

func isVisible(value []byte) bool {
	for _, c := range value {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}
