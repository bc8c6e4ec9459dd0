package simulator

import (
	"bytes"
	"strconv"
)

// head is what stands before the body of a message. It points into what was read.
type head struct {
	version, number, authorization []byte
	endpoint                       string
	length                         int
}

// scan reads a whole request as senders usually write it: a POST to …/messages, each
// header at most once, spelt and spaced as usual, and a body as long as it says. It
// reports false for everything else, right or wrong, which net/http then reads.
func (h *head) scan(b []byte) bool {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		return false
	}
	start, rest, _ := bytes.Cut(b[:end+2], []byte("\r\n"))
	*h = head{length: -1}
	if !h.target(start) {
		return false
	}
	var seen uint32
	for len(rest) > 0 {
		var field []byte
		field, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		name, value, _ := bytes.Cut(field, []byte(": "))
		if !h.field(&seen, string(name), value) {
			return false
		}
	}
	return seen&1 != 0 && h.length == len(b)-end-len("\r\n\r\n")
}

// target reads the first line.
func (h *head) target(start []byte) bool {
	path, post := bytes.CutPrefix(start, []byte("POST /"))
	path, current := bytes.CutSuffix(path, []byte(" HTTP/1.1"))
	version, path, _ := bytes.Cut(path, []byte("/"))
	number, endpoint, _ := bytes.Cut(path, []byte("/"))
	h.version, h.number = version, number
	switch string(endpoint) {
	case messages:
		h.endpoint = messages
	case marketingMessages:
		h.endpoint = marketingMessages
	default:
		return false
	}
	return post && current && validVersion(string(version)) && isDigits(string(number))
}

// field reads a header. The first bit of seen is the host, which must be there.
func (h *head) field(seen *uint32, name string, value []byte) bool {
	if !visible(value) {
		return false
	}
	switch name {
	case "Host":
		return once(seen, 0) && isHost(value)
	case "Content-Length":
		n, err := strconv.ParseUint(string(value), 10, 16)
		h.length = int(n)
		return once(seen, 1) && err == nil && n > 0
	case "Authorization":
		h.authorization = value
		return once(seen, 2)
	case "Content-Type":
		return once(seen, 3)
	case "User-Agent":
		return once(seen, 4)
	case "Accept-Encoding":
		return once(seen, 5)
	}
	return false
}

// visible reports whether a value is of plain characters, and has no space around it.
func visible(value []byte) bool {
	for _, c := range value {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return len(value) > 0 && value[0] != ' ' && value[len(value)-1] != ' '
}

// isHost reports whether a value is of what hosts and ports are made of.
func isHost(value []byte) bool {
	for _, c := range value {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != ':' && c != '[' && c != ']' {
			return false
		}
	}
	return true
}
