package simulator

import (
	"bufio"
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
)

const usualHead = "POST /v26.0/100000000000101/messages HTTP/1.1\r\nHost: 127.0.0.1:8090\r\nUser-Agent: wacast\r\n" +
	"Authorization: Bearer made-up\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

// alike fails unless net/http reads what a head took, and reads the same.
func alike(t *testing.T, raw string) (taken bool) {
	t.Helper()
	var h head
	if !h.scan([]byte(raw)) {
		return false
	}
	in := bufio.NewReader(strings.NewReader(raw))
	r, err := http.ReadRequest(in)
	if err != nil {
		t.Fatalf("%q: taken, and net/http says %v", raw, err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || in.Buffered() > 0 || r.Close || len(r.TransferEncoding) > 0 || r.Method != http.MethodPost || r.Host == "" {
		t.Errorf("%q: taken, and net/http reads %+v, %v, and leaves %d bytes", raw, r, err, in.Buffered())
	}
	if want := "/" + string(h.version) + "/" + string(h.number) + "/" + h.endpoint; r.URL.Path != want || r.URL.RawQuery != "" {
		t.Errorf("%q: path %q, want %q", raw, want, r.URL.Path)
	}
	if got := string(h.authorization); got != r.Header.Get("Authorization") {
		t.Errorf("%q: authorization %q, want %q", raw, got, r.Header.Get("Authorization"))
	}
	if got := raw[len(raw)-h.length:]; got != string(body) {
		t.Errorf("%q: body %q, want %q", raw, got, body)
	}
	return true
}

// What senders write is taken, and whatever is not quite that is not.
func TestHead(t *testing.T) {
	r, err := http.NewRequest(http.MethodPost, "http://localhost:80/v26.0/1/marketing_messages", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Authorization": {"Bearer made-up"}, "Content-Type": {"application/json"}, "Accept-Encoding": {"gzip"}}
	var ofGo bytes.Buffer
	if err := r.Write(&ofGo); err != nil {
		t.Fatal(err)
	}
	for _, raw := range []string{usualHead, ofGo.String(), strings.Replace(usualHead, "Authorization: Bearer made-up\r\n", "", 1)} {
		if !alike(t, raw) {
			t.Errorf("%q: not taken", raw)
		}
	}
	for _, change := range [][2]string{
		{"POST", "PUT"}, {"HTTP/1.1", "HTTP/1.0"}, {"/v26.0/", "/"}, {"/v26.0/", "/v26/"}, {"/messages", "/messages?a=b"}, {"/messages", "/messages/"},
		{"/messages", "/%6dessages"}, {"/100", "/x100"}, {"POST /", "POST //"}, {"POST ", "POST  "}, {"\r\n", "\n"}, {": ", ":"}, {": ", ":  "}, {": ", " : "},
		{"Host: 127.0.0.1:8090\r\n", ""}, {"127.0.0.1", "a b"}, {"127.0.0.1", "a/b"}, {"Host", "host"}, {"User-Agent", "Host"}, {"wacast", "wa\x00cast"}, {"wacast", "wa\rcast"}, {"wacast", "Größe"},
		{"wacast\r\n", "wacast \r\n"}, {"wacast\r\n", "wacast\r\n folded\r\n"}, {"User-Agent: wacast", "Connection: close"}, {"User-Agent: wacast", "Expect: 100-continue"},
		{"User-Agent: wacast", "Transfer-Encoding: chunked"}, {"User-Agent: wacast", "Content-Length: 2"}, {"User-Agent: wacast", "X-Any: x"}, {"User-Agent: wacast", "User-Agent:"},
		{"Length: 2", "Length: 3"}, {"Length: 2", "Length: 1"}, {"Length: 2", "Length: +2"}, {"Length: 2", "Length: -2"}, {"Length: 2", "Length: 0x2"}, {"Length: 2\r\n\r\n{}", "Length: 0\r\n\r\n"},
		{"Content-Length: 2\r\n", ""}, {"{}", "{}\n"}, {"\r\n\r\n{}", "\r\n"},
	} {
		if raw := strings.Replace(usualHead, change[0], change[1], 1); raw == usualHead || alike(t, raw) {
			t.Errorf("%q for %q: taken, or no change", change[1], change[0])
		}
	}
}

// Heads with bytes cut out, doubled and exchanged.
func TestHeadMutated(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	const bytes = "\r\n :/?%.,Hv2-\t\x00\x7f\xff"
	taken := 0
	for range 100_000 {
		raw := []byte(usualHead)
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
		if alike(t, string(raw)) {
			taken++
		}
	}
	if taken < 1000 {
		t.Errorf("only %d are taken", taken)
	}
}
