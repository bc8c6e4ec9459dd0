package simulator_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/simulator"
)

// What waits goes in POSTs of a thousand, in the order in which it was due.
func TestWebhookBatches(t *testing.T) {
	in := newInbox(t)
	s := hooked(t, in.URL, func(c *simulator.Config) { c.Accounts[0].Numbers[0].MPS = 10_000 })
	pause := func(on bool) {
		t.Helper()
		if err := s.SetWebhooks(simulator.WebhookChange{Paused: &on}); err != nil {
			t.Fatal(err)
		}
	}
	pause(true)
	var want []string
	for i := range 700 {
		token := fmt.Sprint(i)
		post(t, s, path, hello(fmt.Sprint(447700900001+i), token))
		want = append(want, token+" sent", token+" delivered", token+" read")
	}
	if st := s.Webhooks(); st.Pending != 2100 || st.Posts != 0 || !st.Paused {
		t.Errorf("paused: %+v", st)
	}
	pause(false)
	settle(t, s)
	var sizes []int
	for _, p := range in.received() {
		sizes = append(sizes, len(p.updates))
	}
	if diff := cmp.Diff([]int{1000, 1000, 100}, sizes); diff != "" {
		t.Errorf("sizes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, in.statuses()); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
}

// No POST is longer than 3 MB, whatever the tokens are.
func TestWebhookSize(t *testing.T) {
	in := newInbox(t)
	s := hooked(t, "", func(c *simulator.Config) { c.Accounts[0].Numbers[0].MPS = 10_000 })
	for i := range 500 {
		post(t, s, path, hello("447700900456", strings.Repeat("€", 508)+fmt.Sprint(i)))
	}
	if err := s.SetWebhooks(simulator.WebhookChange{URL: &in.URL}); err != nil {
		t.Fatal(err)
	}
	settle(t, s)
	n := 0
	for _, p := range in.received() {
		if n += len(p.updates); len(p.body) > 3<<20 {
			t.Errorf("a POST of %d bytes", len(p.body))
		}
	}
	if n != 1500 {
		t.Errorf("%d updates", n)
	}
}

// Each account's updates are signed with its own secret, and are not mixed with others'.
func TestWebhookSecrets(t *testing.T) {
	one, two := newInbox(t), newInbox(t)
	one.secret, two.secret = "one", "two"
	for _, in := range []*inbox{one, two} {
		s := newServer(t, simulator.Config{
			Accounts: []simulator.Account{
				{WABA: "1", Numbers: []simulator.Number{{ID: "11"}}},
				{WABA: "2", Numbers: []simulator.Number{{ID: "22"}}},
				{WABA: "3", Numbers: []simulator.Number{{ID: "33"}}},
			},
			Webhook: simulator.Webhook{URL: in.URL, Secrets: map[string]string{"1": "one", "2": "two"}, RetrySpeed: 1e8},
		})
		s.Start()
		for _, number := range []string{"11", "22", "33"} {
			post(t, s, "/v25.0/"+number+"/messages", hello("447700900456", number))
		}
		settle(t, s) // what the inbox refuses is given up
		if err := s.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff([]string{"11 sent", "11 delivered", "11 read"}, one.statuses()); diff != "" {
		t.Errorf("one (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"22 sent", "22 delivered", "22 read"}, two.statuses()); diff != "" {
		t.Errorf("two (-want +got):\n%s", diff)
	}
}

// The same seed does the same to the same messages, whatever their order.
func TestWebhookSeed(t *testing.T) {
	run := func(seed uint64, tokens []int) []string {
		in := newInbox(t)
		s := hooked(t, in.URL, func(c *simulator.Config) {
			c.Seed = seed
			c.Accounts[0].Numbers[0].MPS = 10_000
			c.Webhook.Faults = []simulator.WebhookRule{
				{Kind: simulator.Failed, Share: 0.2, Code: 131026},
				{Kind: simulator.Missing, Share: 0.3, Statuses: []string{"delivered"}},
				{Kind: simulator.Twice, Share: 0.4},
			}
		})
		for _, n := range tokens {
			post(t, s, path, hello("447700900456", fmt.Sprint(n)))
		}
		settle(t, s)
		got := in.statuses()
		slices.Sort(got)
		return got
	}
	tokens := make([]int, 200)
	for i := range tokens {
		tokens[i] = i
	}
	first := run(7, tokens)
	slices.Reverse(tokens)
	if diff := cmp.Diff(first, run(7, tokens)); diff != "" {
		t.Errorf("the same seed (-first +second):\n%s", diff)
	}
	if slices.Equal(first, run(8, tokens)) {
		t.Error("another seed did the same")
	}
	if len(first) == 600 {
		t.Error("no rule struck")
	}
}

// Serve posts by itself; what it leaves behind goes on with the next Start.
func TestWebhookServe(t *testing.T) {
	in := newInbox(t)
	s := newServer(t, simulator.Config{Webhook: simulator.Webhook{
		URL: in.URL, Secret: secret, Read: simulator.Latency{Base: 200 * time.Millisecond},
	}})
	ctx, stop := context.WithCancel(t.Context())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	if status, _, err := send(ctx, "http://"+l.Addr().String()+path, hello("447700900456", "a")); status != 200 {
		t.Fatal(status, err)
	}
	stop()
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	if st := s.Webhooks(); st.Pending == 0 || st.Pending > 3 {
		t.Errorf("when it has stopped: %+v", st)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Errorf("stopping what is stopped: %v", err)
	}
	s.Start()
	s.Start()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Stop(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped with something pending: %v", err)
	}
	s.Start()
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	got := in.statuses()
	slices.Sort(got)
	if diff := cmp.Diff([]string{"a delivered", "a read", "a sent"}, slices.Compact(got)); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
}

func TestWebhookControl(t *testing.T) {
	in := newInbox(t)
	s := hooked(t, "", nil)
	change := func(body string, want int) {
		t.Helper()
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/_sim/webhooks", strings.NewReader(body)))
		if w.Code != want {
			t.Errorf("%s: status %d, %s", body, w.Code, w.Body)
		}
	}
	for _, wrong := range []string{
		`{"url":"nowhere"}`, `{"x":1}`, `{"faults":[{"kind":"x"}]}`, `{"faults":[{"kind":"late"}]}`, `{"faults":[{"kind":"failed"}]}`,
		`{"faults":[{"kind":"failed","code":1,"statuses":["sent","read"]}]}`, `{"faults":[{"kind":"missing","statuses":["failed"]}]}`,
		`{"faults":[{"kind":"twice","delay":"-1s"}]}`, `{"faults":[{"kind":"twice","share":2}]}`, `{"faults":[{"kind":"twice","times":-2}]}`,
	} {
		change(wrong, 400)
	}
	change(`{"faults":[{"kind":"missing","statuses":["read"],"times":1}],"paused":true,"url":"`+in.URL+`"}`, 200)
	post(t, s, path, hello("447700900456", "a"))
	post(t, s, path, hello("447700900456", "b"))
	change(`{"paused":false}`, 200)
	settle(t, s)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/_sim/webhooks", nil))
	var got simulator.WebhookStats
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := simulator.WebhookStats{
		Updates: 5, Posted: 5, Acknowledged: 5, Posts: 1, Failed: map[int]int64{},
		Statuses: map[string]int64{"sent": 2, "delivered": 2, "read": 1},
		Faults:   map[simulator.WebhookKind]int64{simulator.Missing: 1},
		Rules:    []simulator.WebhookRule{{Kind: simulator.Missing, Statuses: []string{"read"}, Times: 1}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
	s.Reset()
	if st := s.Webhooks(); st.Updates != 0 || st.Posts != 0 || len(st.Rules) != 1 {
		t.Errorf("after a reset: %+v", st)
	}
	off := newServer(t, simulator.Config{})
	if err := off.SetWebhooks(simulator.WebhookChange{}); err == nil {
		t.Error("webhooks without a secret")
	}
	off.Start()
	if err := off.Stop(t.Context()); err != nil || off.Webhooks().Updates != 0 {
		t.Error(err)
	}
}

func TestWebhookConfig(t *testing.T) {
	for name, w := range map[string]simulator.Webhook{
		"no secret":    {URL: "http://127.0.0.1:1"},
		"no host":      {URL: "http://", Secret: "s"},
		"scheme":       {URL: "ftp://x", Secret: "s"},
		"batch":        {Secret: "s", Batch: 1001},
		"concurrency":  {Secret: "s", Concurrency: -1},
		"time-out":     {Secret: "s", Timeout: -1},
		"speed":        {Secret: "s", RetrySpeed: -1},
		"times":        {Secret: "s", Read: simulator.Latency{Spread: -1}},
		"empty secret": {Secrets: map[string]string{"1": ""}},
		"rule":         {Secret: "s", Faults: []simulator.WebhookRule{{}}},
	} {
		if _, err := simulator.New(simulator.Config{Webhook: w}); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// Statuses may lose their token, and nothing else.
func TestWebhookTokenless(t *testing.T) {
	in := newInbox(t)
	s := hooked(t, in.URL, rules(simulator.WebhookRule{Kind: simulator.Tokenless, Statuses: []string{"delivered"}}))
	post(t, s, path, hello("447700900456", "a"))
	settle(t, s)
	if diff := cmp.Diff([]string{"a sent", " delivered", "a read"}, in.statuses()); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	for _, p := range in.received() {
		for _, u := range p.updates {
			if u.ID == "" || u.Recipient != "447700900456" {
				t.Errorf("%s", p.body)
			}
		}
	}
}
