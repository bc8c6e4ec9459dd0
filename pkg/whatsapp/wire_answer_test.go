package whatsapp

import (
	"bufio"
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
)

const usualAnswer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Business-Use-Case-Usage: {\"1\":[]}\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}"

// answersAlike fails unless net/http reads an answer that the short way takes, and
// reads the same.
func answersAlike(t *testing.T, raw string) (taken bool) {
	t.Helper()
	l := &link{reader: bufio.NewReader(strings.NewReader(raw))}
	_, _ = l.reader.Peek(1)
	before := l.reader.Buffered()
	a, ok := l.usual()
	if !ok {
		if l.reader.Buffered() != before {
			t.Errorf("%q: not taken, but read", raw)
		}
		return false
	}
	in := bufio.NewReader(strings.NewReader(raw))
	resp, err := http.ReadResponse(in, answerTo)
	if err != nil {
		t.Fatalf("%q: taken, and net/http says %v", raw, err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.Close || len(resp.TransferEncoding) > 0 || resp.StatusCode != a.status || !bytes.Equal(body, a.body) || in.Buffered() != l.reader.Buffered() {
		t.Errorf("%q: %d %q, and net/http reads %+v, %q, %v", raw, a.status, a.body, resp, body, err)
	}
	if got, want := usageHeadersOf(a.header), usageHeadersOf(resp.Header); got != want {
		t.Errorf("%q: headers %q, want %q", raw, got, want)
	}
	return true
}

func TestUsualAnswer(t *testing.T) {
	for raw, want := range map[string]bool{
		usualAnswer:              true,
		usualAnswer + "HTTP/1.1": true, // not to be used again then, but whole
		strings.ToLower(usualAnswer[len("HTTP/1.1"):]):                                          false,
		"HTTP/1.1" + strings.ToLower(usualAnswer[len("HTTP/1.1"):]):                             true,
		strings.Replace(usualAnswer, "keep-alive", "close", 1):                                  false,
		strings.Replace(usualAnswer, "200 OK", "400 Bad Request", 1):                            false,
		strings.Replace(usualAnswer, "200 OK", "100 Continue", 1):                               false,
		strings.Replace(usualAnswer, "HTTP/1.1", "HTTP/1.0", 1):                                 false,
		strings.Replace(usualAnswer, "Length: 2", "Length: 3", 1):                               false,
		strings.Replace(usualAnswer, "Length: 2", "Length: +2", 1):                              false,
		strings.Replace(usualAnswer, "Content-Length: 2\r\n", "", 1):                            false,
		strings.Replace(usualAnswer, "Content-Type", "Content-Length", 1):                       false,
		strings.Replace(usualAnswer, "Connection: keep-alive", "Content-Length: 2", 1):          false,
		strings.Replace(usualAnswer, "Connection: keep-alive", "Transfer-Encoding: chunked", 1): false,
		strings.Replace(usualAnswer, "json\r\n", "json\r\n folded\r\n", 1):                      false,
		strings.Replace(usualAnswer, "Content-Type:", "Content Type:", 1):                       false,
		usualAnswer[:40]: false, usualAnswer[:len(usualAnswer)-1]: false,
	} {
		if answersAlike(t, raw) != want {
			t.Errorf("%q: taken is %t", raw, !want)
		}
	}
}

// Answers with bytes cut out, doubled and exchanged.
func TestUsualAnswerMutated(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const bytes = "\r\n :,;2-\t\x00\x7f\xff"
	taken := 0
	for range 50_000 {
		raw := []byte(usualAnswer)
		for range 1 + rng.IntN(3) {
			i := rng.IntN(len(raw) - 1)
			switch j := i + 1 + rng.IntN(min(30, len(raw)-i-1)); rng.IntN(3) {
			case 0:
				raw = append(raw[:i:i], raw[j:]...)
			case 1:
				raw = append(raw[:j:j], raw[i:]...)
			case 2:
				raw[i] = bytes[rng.IntN(len(bytes))]
			}
		}
		if answersAlike(t, string(raw)) {
			taken++
		}
	}
	if taken < 1000 {
		t.Errorf("only %d are taken", taken)
	}
}
