package simulator_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wacast/wacast/pkg/simulator"
)

// send posts over a real connection that is closed behind it.
func send(ctx context.Context, url, body string) (status int, text string, err error) {
	return sendBy(ctx, &http.Transport{DisableKeepAlives: true}, url, body)
}

func sendBy(ctx context.Context, transport *http.Transport, url, body string) (status int, text string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(b), err
}

// listener makes a server's URL. stop ends it; nothing is under way then.
type listener func(t *testing.T, s *simulator.Server) (url string, stop func())

// listeners are the server's own, and net/http's, which has all that is unusual.
var listeners = map[string]listener{
	"front": served,
	"net/http": func(t *testing.T, s *simulator.Server) (string, func()) {
		web := httptest.NewServer(s)
		t.Cleanup(web.Close)
		return web.URL, web.Close
	},
}

func TestFaultsOnTheWire(t *testing.T) {
	for name, listen := range listeners {
		t.Run(name, func(t *testing.T) { testFaultsOnTheWire(t, listen) })
	}
}

func testFaultsOnTheWire(t *testing.T, listen listener) {
	html := readExchange(t, "error/non_json_502.json").Text
	for _, tc := range []struct {
		rule     simulator.Rule
		status   int // 0: the connection breaks
		body     string
		accepted int64
		lost     int64
	}{
		{rule: simulator.Rule{Kind: simulator.LostBefore}},
		{rule: simulator.Rule{Kind: simulator.LostAfter}, accepted: 1, lost: 1},
		{rule: simulator.Rule{Kind: simulator.Hang, Delay: simulator.Duration(time.Millisecond)}},
		{rule: simulator.Rule{Kind: simulator.Hang, Delay: simulator.Duration(time.Millisecond), After: true}, accepted: 1, lost: 1},
		{rule: simulator.Rule{Kind: simulator.HTML502}, status: 502, body: html},
		{rule: simulator.Rule{Kind: simulator.HTML502, After: true}, status: 502, body: html, accepted: 1, lost: 1},
		{rule: simulator.Rule{Kind: simulator.Empty500}, status: 500},
		{rule: simulator.Rule{Kind: simulator.Empty500, After: true}, status: 500, accepted: 1, lost: 1},
		{rule: simulator.Rule{Kind: simulator.Held}, status: 200, body: "held_for_quality_assessment", accepted: 1},
		{rule: simulator.Rule{Kind: simulator.Slow, Delay: simulator.Duration(time.Millisecond)}, status: 200, body: `"accepted"`, accepted: 1},
		{rule: simulator.Rule{Kind: simulator.Error, Code: 131026}, status: 400, body: "(#131026) Message undeliverable"},
		{rule: simulator.Rule{Kind: simulator.Error, Code: 4242, Status: 503, Details: "as told"}, status: 503, body: "as told"},
	} {
		t.Run(fmt.Sprintf("%s after=%t code=%d", tc.rule.Kind, tc.rule.After, tc.rule.Code), func(t *testing.T) {
			s := newServer(t, simulator.Config{Faults: []simulator.Rule{tc.rule}})
			url, stop := listen(t, s)
			status, text, err := sendBy(t.Context(), new(http.Transport), url+path, hello("447700900456", "job-1"))
			if tc.status == 0 {
				if !errors.Is(err, io.EOF) {
					t.Errorf("status %d, error %v; want EOF", status, err)
				}
			} else if err != nil || status != tc.status || !strings.Contains(text, tc.body) {
				t.Errorf("status %d, body %q, error %v", status, text, err)
			}
			stop() // the handler may still be counting when the client sees the end
			st := s.Stats()
			if st.Accepted != tc.accepted || st.AnswersLost != tc.lost || st.Faults[tc.rule.Kind] != 1 {
				t.Errorf("stats %+v", st)
			}
			refused := int64(0)
			for _, n := range st.Refused {
				refused += n
			}
			if st.Requests != st.Accepted+refused+st.Unjudged {
				t.Errorf("requests do not add up: %+v", st)
			}
		})
	}
}

// A client that gives up leaves an accepted message behind, and a hanging
// request ends with its client.
func TestClientLeaves(t *testing.T) {
	for name, cfg := range map[string]simulator.Config{
		"latency": {Latency: simulator.Latency{Base: time.Hour}},
		"hang":    {Faults: []simulator.Rule{{Kind: simulator.Hang, After: true}}},
	} {
		for by, listen := range listeners {
			t.Run(name+" "+by, func(t *testing.T) {
				s := newServer(t, cfg)
				url, stop := listen(t, s)
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
				if _, _, err := sendBy(ctx, new(http.Transport), url+path, hello("447700900456", "")); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v, want a time-out", err)
				}
				for s.Stats().AnswersLost == 0 {
					time.Sleep(time.Millisecond) // nothing tells that the client's leave was noticed but the counts
				}
				stop()
				if st := s.Stats(); st.Accepted != 1 || st.AnswersLost != 1 {
					t.Errorf("stats %+v", st)
				}
			})
		}
	}
}

func TestSelectors(t *testing.T) {
	held := func(r simulator.Rule) simulator.Rule { r.Kind = simulator.Held; return r }
	for name, rule := range map[string]simulator.Rule{
		"recipient": held(simulator.Rule{Recipients: []string{"+1 202 555", "+44 (7700) 900-456"}}),
		"suffix":    held(simulator.Rule{Suffix: "456"}),
		"template":  held(simulator.Rule{Template: "hello_world"}),
		"number":    held(simulator.Rule{Number: number}),
		"all":       held(simulator.Rule{Recipients: []string{"447700900456"}, Suffix: "6", Template: "hello_world", Number: number}),
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, simulator.Config{Faults: []simulator.Rule{rule}})
			isHeld := func(path, body string) bool {
				return post(t, s, path, body).Messages[0].Status == "held_for_quality_assessment"
			}
			if !isHeld(path, hello("+44-7700-900456", "")) {
				t.Error("the request was not picked")
			}
			other := strings.Replace(hello("447700900457", ""), "hello_world", "another", 1)
			if isHeld("/v25.0/2/messages", other) {
				t.Error("another request was picked")
			}
		})
	}
}

func TestTimesAndFirstRuleWins(t *testing.T) {
	s := newServer(t, simulator.Config{Faults: []simulator.Rule{
		{Kind: simulator.Error, Code: 131000, Times: 2},
		{Kind: simulator.Held, Times: 1},
	}})
	var got []string
	for range 4 {
		r := post(t, s, path, hello("447700900456", ""))
		if r.Error.Code != 0 {
			got = append(got, fmt.Sprint(r.Error.Code))
		} else {
			got = append(got, r.Messages[0].Status)
		}
	}
	if want := "131000 131000 held_for_quality_assessment accepted"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// A share depends on seed and token, not on the order of arrival.
func TestShareIsRepeatable(t *testing.T) {
	const n = 2000
	picked := func(seed uint64, step int) string {
		s := newServer(t, simulator.Config{MPS: n, Seed: seed, Faults: []simulator.Rule{{Kind: simulator.Held, Share: 0.1}}})
		out := bytes.Repeat([]byte("."), n)
		for i := range n {
			j := i * step % n
			if post(t, s, path, hello("447700900456", fmt.Sprint("job-", j))).Messages[0].Status != "accepted" {
				out[j] = 'X'
			}
		}
		return string(out)
	}
	first := picked(1, 1)
	if first != picked(1, 7) {
		t.Error("another order gave other faults")
	}
	if first == picked(2, 1) {
		t.Error("another seed gave the same faults")
	}
	if share := float64(strings.Count(first, "X")) / n; share < 0.08 || share > 0.12 {
		t.Errorf("share %v, want about 0.1", share)
	}
}

func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const base, spread = 100 * time.Millisecond, 50 * time.Millisecond
		s := newServer(t, simulator.Config{MPS: 1000, Latency: simulator.Latency{Base: base, Spread: spread}})
		least, most := time.Hour, time.Duration(0)
		for range 200 {
			start := time.Now()
			post(t, s, path, hello("447700900456", ""))
			took := time.Since(start)
			least, most = min(least, took), max(most, took)
		}
		if least < base || least > base+spread/4 || most >= base+spread || most < base+spread*3/4 {
			t.Errorf("latencies from %v to %v, want %v spread over %v", least, most, base, spread)
		}
	})
}

func TestServeEndsWithItsContext(t *testing.T) {
	s := newServer(t, simulator.Config{Faults: []simulator.Rule{{Kind: simulator.Hang}}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	sent := make(chan error, 1)
	go func() {
		_, _, err := sendBy(t.Context(), new(http.Transport), "http://"+l.Addr().String()+path, hello("447700900456", ""))
		sent <- err
	}()
	for s.Stats().Unjudged == 0 {
		time.Sleep(time.Millisecond) // nothing tells when the request hangs but the counts
	}
	cancel()
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if err := <-sent; err == nil {
		t.Error("a hanging request was answered")
	}
}

func TestServeReportsABrokenListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := newServer(t, simulator.Config{}).Serve(t.Context(), l); err == nil {
		t.Error("no error from a closed listener")
	}
}
