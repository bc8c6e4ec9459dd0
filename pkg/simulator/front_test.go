package simulator_test

import (
	"bufio"
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/simulator"
)

// served runs a server's own listener. stop ends it; nothing is under way then.
func served(t *testing.T, s *simulator.Server) (url string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	stop = func() {
		if ctx.Err() != nil {
			return
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	}
	t.Cleanup(stop)
	return "http://" + l.Addr().String(), stop
}

// raw is a request as it goes over the wire; the length of its body is filled in.
func raw(head, body string) string {
	return strings.Replace(strings.ReplaceAll(head, "\n", "\r\n"), "LENGTH", strconv.Itoa(len(body)), 1) + body
}

const plain = "POST " + path + " HTTP/1.1\nHost: localhost\nUser-Agent: test\nAuthorization: Bearer " + token + "\nContent-Type: application/json\nContent-Length: LENGTH\n\n"

// changing is what differs from answer to answer, in length too.
var changing = regexp.MustCompile(`wamid\.[^"]*|"fbtrace_id":"[^"]*"`)

// talk writes pieces on one connection and returns the answers as text.
func talk(t *testing.T, url string, answers int, pieces ...string) []string {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	var out []string
	read := func() {
		r, err := http.ReadResponse(in, &http.Request{Method: http.MethodPost})
		if err != nil {
			out = append(out, "closed")
			return
		}
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read: %v", err)
		}
		names := slices.Sorted(maps.Keys(r.Header))
		out = append(out, r.Status+" "+strings.Join(names, " ")+" "+changing.ReplaceAllString(string(body), ""))
	}
	for i, piece := range pieces {
		if _, err := io.WriteString(conn, piece); err != nil {
			t.Fatal(err)
		}
		if len(pieces)-i <= answers { // the last ones are answered one by one
			read()
			answers--
		}
	}
	for range answers {
		read()
	}
	return out
}

// The front answers as net/http does, whatever comes and however it is cut.
func TestFrontAnswersAsNetHTTP(t *testing.T) {
	cfg := strict(t)
	cfg.MPS = 1000
	hi := hello("447700900456", "job-1")
	usual := raw(plain, hi)
	bare := strings.Replace(plain, "User-Agent: test\n", "", 1)
	for name, tc := range map[string]struct {
		answers int
		pieces  []string
	}{
		"usual":            {3, []string{usual, usual, usual}},
		"cut in the body":  {1, []string{usual[:len(usual)-5], usual[len(usual)-5:]}},
		"cut in the head":  {2, []string{usual[:30], usual[30:], usual}},
		"together":         {3, []string{usual + usual + usual}},
		"refused":          {2, []string{raw(plain, `{"messaging_product":"sms"}`), usual}},
		"no JSON":          {2, []string{raw(plain, `{"messaging`), usual}},
		"wrong token":      {2, []string{raw(strings.Replace(plain, token, "wrong", 1), hi), usual}},
		"no token":         {2, []string{raw(strings.Replace(plain, "Authorization: Bearer "+token+"\n", "", 1), hi), usual}},
		"wrong number":     {2, []string{raw(strings.Replace(plain, number, "7", 1), hi), usual}},
		"read":             {2, []string{raw(plain, `{"messaging_product":"whatsapp","status":"read","message_id":"wamid.x"}`), usual}},
		"no version":       {2, []string{raw(strings.Replace(plain, "/v25.0", "", 1), hi), usual}},
		"strange header":   {2, []string{usual, raw(strings.Replace(plain, "User-Agent", "X-Any", 1), hi)}},
		"small letters":    {2, []string{raw(strings.ToLower(bare), hi), usual}},
		"GET":              {2, []string{"GET /v25.0/" + number + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + "\r\n\r\n", usual}},
		"closing":          {2, []string{raw(strings.Replace(plain, "User-Agent: test", "Connection: close", 1), hi) + usual}},
		"chunked":          {2, []string{raw(strings.Replace(plain, "Content-Length: LENGTH", "Transfer-Encoding: chunked", 1), strconv.FormatInt(int64(len(hi)), 16)+"\r\n"+hi+"\r\n0\r\n\r\n"), usual}},
		"no host":          {1, []string{raw(strings.Replace(plain, "Host: localhost\n", "", 1), hi)}},
		"two lengths":      {1, []string{raw(strings.Replace(plain, "User-Agent: test", "Content-Length: 1", 1), hi)}},
		"longer than most": {2, []string{raw(plain, strings.Repeat(" ", 40_000)+hi), usual}},
	} {
		t.Run(name, func(t *testing.T) {
			web := httptest.NewServer(newServer(t, cfg))
			defer web.Close()
			url, stop := served(t, newServer(t, cfg))
			want, got := talk(t, web.URL, tc.answers, tc.pieces...), talk(t, url, tc.answers, tc.pieces...)
			stop()
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("answers (-net/http +front):\n%s", diff)
			}
		})
	}
}

// What a client sends while its request waits is the next request.
func TestFrontKeepsWhatComesEarly(t *testing.T) {
	s := newServer(t, simulator.Config{Latency: simulator.Latency{Base: 20 * time.Millisecond}})
	url, stop := served(t, s)
	usual := raw(plain, hello("447700900456", "job-1"))
	for i, answer := range talk(t, url, 3, usual, usual+usual) {
		if !strings.HasPrefix(answer, "200 ") {
			t.Errorf("answer %d: %s", i, answer)
		}
	}
	stop()
	if st := s.Stats(); st.Accepted != 3 || st.AnswersLost != 0 {
		t.Errorf("stats %+v", st)
	}
}
