package simulator_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/simulator"
)

const secret = "app-secret"

// hmacOf is HMAC-SHA256 from its definition (RFC 2104).
func hmacOf(secret string, body []byte) string {
	key := make([]byte, 64)
	copy(key, secret)
	inner, outer := make([]byte, 64), make([]byte, 64)
	for i, b := range key {
		inner[i], outer[i] = b^0x36, b^0x5c
	}
	first := sha256.Sum256(append(inner, body...))
	second := sha256.Sum256(append(outer, first[:]...))
	return hex.EncodeToString(second[:])
}

// posted is a POST as the receiver got it.
type posted struct {
	body      []byte
	signature string
	updates   []update
}

// update is a status as a receiver reads it.
type update struct {
	ID        string `json:"id"`
	Status    string `json:"status"`
	Timestamp string `json:"timestamp"`
	Recipient string `json:"recipient_id"`
	Token     string `json:"biz_opaque_callback_data"`
	Errors    []struct {
		Code int `json:"code"`
	} `json:"errors"`
}

// inbox is a receiver. It refuses what is not signed.
type inbox struct {
	*httptest.Server
	secret string
	// answer is the status for the nth POST, from 0; 0 breaks the connection.
	answer func(n int) int

	mu    sync.Mutex
	posts []posted
}

func newInbox(t *testing.T) *inbox {
	in := &inbox{secret: secret, answer: func(int) int { return 200 }}
	in.Server = httptest.NewServer(in)
	t.Cleanup(in.Close)
	return in
}

func (in *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	p := posted{body: body, signature: r.Header.Get("X-Hub-Signature-256")}
	if err != nil || p.signature != "sha256="+hmacOf(in.secret, body) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	p.updates = updatesOf(body)
	in.mu.Lock()
	n := len(in.posts)
	in.posts = append(in.posts, p)
	in.mu.Unlock()
	status := in.answer(n)
	if status == 0 {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(status)
}

func updatesOf(body []byte) []update {
	var envelope struct {
		Object string `json:"object"`
		Entry  []struct {
			ID      string `json:"id"`
			Changes []struct {
				Field string `json:"field"`
				Value struct {
					Statuses []update `json:"statuses"`
				} `json:"value"`
			} `json:"changes"`
		} `json:"entry"`
	}
	if json.Unmarshal(body, &envelope) != nil || envelope.Object != "whatsapp_business_account" {
		return nil
	}
	var out []update
	for _, e := range envelope.Entry {
		for _, c := range e.Changes {
			out = append(out, c.Value.Statuses...)
		}
	}
	return out
}

func (in *inbox) received() []posted {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Clone(in.posts)
}

// statuses are "token status" of all POSTs, as they came.
func (in *inbox) statuses() []string {
	var out []string
	for _, p := range in.received() {
		for _, u := range p.updates {
			out = append(out, u.Token+" "+u.Status)
		}
	}
	return out
}

// hooked is a server whose webhooks go to the URL; one connection keeps the order.
func hooked(t *testing.T, url string, change func(*simulator.Config)) *simulator.Server {
	t.Helper()
	cfg := strict(t)
	cfg.MPS = 1 << 20
	cfg.Webhook = simulator.Webhook{URL: url, Secret: secret, Concurrency: 1, RetrySpeed: 10_000}
	if change != nil {
		change(&cfg)
	}
	s := newServer(t, cfg)
	s.Start()
	t.Cleanup(func() {
		abandoned, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.Stop(abandoned) // what a failed test left
	})
	return s
}

func settle(t *testing.T, s *simulator.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.AwaitWebhooks(ctx); err != nil {
		t.Fatal(err)
	}
}

func rules(rules ...simulator.WebhookRule) func(*simulator.Config) {
	return func(c *simulator.Config) { c.Webhook.Faults = rules }
}

// leaves are the paths of a JSON document.
func leaves(v any, at string, out map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for key, one := range v {
			leaves(one, at+"/"+key, out)
		}
	case []any:
		for _, one := range v {
			leaves(one, at+"/*", out)
		}
	default:
		out[fmt.Sprintf("%s %T", at, v)] = true
	}
}

// The bytes are those of the documented shapes, field by field.
func TestWebhookEnvelope(t *testing.T) {
	const token = "c7:r000123:a1"
	bsuid := strings.Replace(hello("x", ""), `"to":"x"`, `"recipient":"GB.13491208655302741918"`, 1)
	for _, tc := range []struct {
		fixture, body string
		post          int
		change        func(*simulator.Config)
		without       []string // paths that the fixture alone has
		with          []string // paths that the simulator alone has
	}{
		{fixture: "status_sent", body: hello("447700900456", token), post: 0},
		{fixture: "status_delivered", body: hello("447700900456", token), post: 1},
		{fixture: "status_read", body: hello("447700900456", token), post: 2},
		{
			fixture: "status_failed_131026_undeliverable", body: hello("447700900456", token), post: 1,
			change: rules(simulator.WebhookRule{Kind: simulator.Failed, Code: 131026}),
		},
		{
			fixture: "status_recipient_bsuid_only", body: bsuid, post: 1,
			without: []string{"/entry/*/changes/*/value/contacts/*/profile/username string"},
		},
		{
			fixture: "status_sent_v23_conversation", body: hello("447700900456", ""), post: 0,
			change: func(c *simulator.Config) { c.Webhook.Conversation = true },
			with: []string{
				"/entry/*/changes/*/value/contacts/*/wa_id string", "/entry/*/changes/*/value/contacts/*/user_id string",
				"/entry/*/changes/*/value/statuses/*/recipient_user_id string",
			},
		},
	} {
		t.Run(tc.fixture, func(t *testing.T) {
			in := newInbox(t)
			s := hooked(t, in.URL, func(c *simulator.Config) {
				c.Webhook.Batch = 1
				if tc.change != nil {
					tc.change(c)
				}
			})
			if got := post(t, s, path, tc.body); got.status != 200 {
				t.Fatalf("status %d: %+v", got.status, got.Error)
			}
			settle(t, s)
			var got, want any
			body := in.received()[tc.post].body
			if err := json.Unmarshal(body, &got); err != nil {
				t.Fatalf("%s: %v", body, err)
			}
			if err := json.Unmarshal(readFile(t, "webhook/"+tc.fixture+".json"), &want); err != nil {
				t.Fatal(err)
			}
			has, should := make(map[string]bool), make(map[string]bool)
			leaves(got, "", has)
			leaves(want, "", should)
			for _, path := range tc.without {
				delete(should, path)
			}
			for _, path := range tc.with {
				should[path] = true
			}
			if diff := cmp.Diff(should, has); diff != "" {
				t.Errorf("paths (-want +got):\n%s\n%s", diff, body)
			}
		})
	}
}

// What is signed are the bytes as they go out, with everything escaped that is not
// ASCII; the token comes back as it was.
func TestWebhookSignature(t *testing.T) {
	var vectors struct {
		Vectors []struct {
			Secret string `json:"app_secret"`
			Hex    string `json:"body_hex"`
			Want   string `json:"x_hub_signature_256"`
		} `json:"vectors"`
	}
	if err := json.Unmarshal(readFile(t, "webhook/signature_vectors.json"), &vectors); err != nil {
		t.Fatal(err)
	}
	for i, v := range vectors.Vectors { // the judge of this test is right itself
		body, err := hex.DecodeString(v.Hex)
		if got := "sha256=" + hmacOf(v.Secret, body); err != nil || got != v.Want {
			t.Fatalf("vector %d: %s, want %s", i, got, v.Want)
		}
	}
	in := newInbox(t)
	s := hooked(t, in.URL, nil)
	const token = "ns/1/1/Größe\U0001F600\u2028\"\\\n\t\x01<&"
	quoted, err := json.Marshal(token)
	if err != nil {
		t.Fatal(err)
	}
	sentAs := post(t, s, path, strings.Replace(hello("447700900456", "x"), `"x"`, string(quoted), 1))
	settle(t, s)
	for _, p := range in.received() { // none if the signature was wrong
		if bytes.ContainsFunc(p.body, func(r rune) bool { return r > 126 || r < 32 }) {
			t.Errorf("the body is not ASCII: %q", p.body)
		}
		if !bytes.Contains(p.body, []byte(`ns\/1\/1\/Gr\u00f6\u00dfe\ud83d\ude00\u2028\"\\\n\t\u0001<&"`)) {
			t.Errorf("the token is not escaped as the platform does: %s", p.body)
		}
		for _, u := range p.updates {
			if u.Token != token || u.ID != sentAs.Messages[0].ID || u.Recipient != "447700900456" {
				t.Errorf("update %+v", u)
			}
		}
	}
	if st := s.Webhooks(); st.Acknowledged != 3 {
		t.Errorf("%+v", st)
	}
}

func TestWebhookFaults(t *testing.T) {
	ms := simulator.Duration(time.Millisecond)
	for name, tc := range map[string]struct {
		rules []simulator.WebhookRule
		want  []string
	}{
		"none":              {nil, []string{"sent", "delivered", "read"}},
		"late":              {[]simulator.WebhookRule{{Kind: simulator.Late, Statuses: []string{"sent"}, Delay: 50 * ms}}, []string{"delivered", "read", "sent"}},
		"twice":             {[]simulator.WebhookRule{{Kind: simulator.Twice, Statuses: []string{"delivered"}, Delay: 50 * ms}}, []string{"sent", "delivered", "read", "delivered"}},
		"twice at once":     {[]simulator.WebhookRule{{Kind: simulator.Twice}}, []string{"sent", "delivered", "read", "sent", "delivered", "read"}},
		"missing":           {[]simulator.WebhookRule{{Kind: simulator.Missing, Statuses: []string{"sent", "delivered"}}}, []string{"read"}},
		"all missing":       {[]simulator.WebhookRule{{Kind: simulator.Missing}}, nil},
		"failed":            {[]simulator.WebhookRule{{Kind: simulator.Failed, Code: 131026}}, []string{"sent", "failed"}},
		"failed at once":    {[]simulator.WebhookRule{{Kind: simulator.Failed, Code: 131026, Statuses: []string{"sent"}}}, []string{"failed"}},
		"failed, delivered": {[]simulator.WebhookRule{{Kind: simulator.Failed, Code: 131026, Statuses: []string{"read"}}}, []string{"sent", "delivered", "failed"}},
		"shuffled two":      {[]simulator.WebhookRule{{Kind: simulator.Shuffled, Statuses: []string{"sent", "read"}}}, []string{"read", "delivered", "sent"}},
		"others":            {[]simulator.WebhookRule{{Kind: simulator.Missing, Recipients: []string{"+1 202 555 0100"}}}, []string{"sent", "delivered", "read"}},
		"both": {[]simulator.WebhookRule{{Kind: simulator.Failed, Code: 1}, {Kind: simulator.Twice, Statuses: []string{"delivered"}}},
			[]string{"sent", "failed", "failed"}},
	} {
		t.Run(name, func(t *testing.T) {
			in := newInbox(t)
			s := hooked(t, in.URL, rules(tc.rules...))
			post(t, s, path, hello("447700900456", ""))
			settle(t, s)
			got := in.statuses()
			for i := range got {
				got[i] = strings.TrimSpace(got[i])
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("statuses (-want +got):\n%s", diff)
			}
			st := s.Webhooks()
			if int(st.Acknowledged) != len(tc.want) || st.Updates != st.Acknowledged || st.Posted != st.Acknowledged || st.Pending != 0 {
				t.Errorf("stats %+v", st)
			}
			for _, r := range tc.rules {
				if struck := st.Faults[r.Kind]; len(r.Recipients) == 0 && struck != 1 {
					t.Errorf("%s struck %d", r.Kind, struck)
				}
			}
		})
	}
}

// Shuffled statuses keep true timestamps; repeats keep theirs.
func TestWebhookTimestamps(t *testing.T) {
	in := newInbox(t)
	clock := newManual()
	s := hooked(t, in.URL, func(c *simulator.Config) {
		c.Clock = clock.Now
		c.Webhook.Delivered.Base, c.Webhook.Read.Base = time.Second, 2*time.Second
		c.Webhook.Faults = []simulator.WebhookRule{
			{Kind: simulator.Shuffled}, {Kind: simulator.Twice, Statuses: []string{"read"}, Delay: simulator.Duration(time.Second)},
		}
	})
	post(t, s, path, hello("447700900456", "a"))
	settle(t, s)
	order := []string{}
	for _, p := range in.received() {
		for _, u := range p.updates {
			order = append(order, u.Status)
			want := clock.now.Unix() + int64(slices.Index([]string{"sent", "delivered", "read"}, u.Status))
			if u.Timestamp != fmt.Sprint(want) {
				t.Errorf("%s at %s, want %d", u.Status, u.Timestamp, want)
			}
		}
	}
	if len(order) != 4 || slices.Equal(order[:3], []string{"sent", "delivered", "read"}) {
		t.Errorf("order %v", order)
	}
}

// Statuses that overtake the answer are with the receiver before it.
func TestWebhookEarly(t *testing.T) {
	in := newInbox(t)
	s := hooked(t, in.URL, func(c *simulator.Config) {
		c.Webhook.Sent.Base, c.Webhook.Read.Base = 10*time.Millisecond, 20*time.Millisecond
		c.Webhook.Faults = []simulator.WebhookRule{{Kind: simulator.Early, Statuses: []string{"delivered"}}}
	})
	post(t, s, path, hello("447700900456", "a"))
	if got := in.statuses(); len(got) == 0 || got[0] != "a delivered" {
		t.Errorf("with the answer: %v", got)
	}
	settle(t, s)
	if diff := cmp.Diff([]string{"a delivered", "a sent", "a read"}, in.statuses()); diff != "" {
		t.Errorf("in the end (-want +got):\n%s", diff)
	}
	// A receiver that is held back does not hold answers back.
	paused := true
	if err := s.SetWebhooks(simulator.WebhookChange{Paused: &paused}); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	post(t, s, path, hello("447700900456", "b"))
	if took := time.Since(begin); took > 900*time.Millisecond {
		t.Errorf("the answer took %v", took)
	}
}

// Everything accepted is announced, whatever became of the answer; nothing else is.
func TestWebhookAccepted(t *testing.T) {
	in := newInbox(t)
	soon := simulator.Duration(time.Millisecond)
	s := hooked(t, in.URL, func(c *simulator.Config) {
		c.Faults = []simulator.Rule{
			{Kind: simulator.LostBefore, Suffix: "01"}, {Kind: simulator.LostAfter, Suffix: "02"},
			{Kind: simulator.Hang, Suffix: "03", Delay: soon}, {Kind: simulator.Hang, After: true, Suffix: "04", Delay: soon},
			{Kind: simulator.HTML502, Suffix: "05"}, {Kind: simulator.HTML502, After: true, Suffix: "06"},
			{Kind: simulator.Empty500, After: true, Suffix: "07"}, {Kind: simulator.Error, Code: 131016, Suffix: "08"},
			{Kind: simulator.Held, Suffix: "09"}, {Kind: simulator.Slow, Delay: soon, Suffix: "10"},
		}
		c.Webhook.Faults = []simulator.WebhookRule{{Kind: simulator.Missing, Statuses: []string{"delivered", "read"}}}
	})
	web := httptest.NewServer(s)
	defer web.Close()
	for i := 1; i <= 11; i++ {
		suffix := fmt.Sprintf("%02d", i)
		_, _, _ = send(t.Context(), web.URL+path, hello("4477009004"+suffix, suffix)) // lost on purpose
	}
	web.Close()
	settle(t, s)
	got := in.statuses()
	slices.Sort(got)
	want := []string{"02 sent", "04 sent", "06 sent", "07 sent", "09 sent", "10 sent", "11 sent"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("announced (-want +got):\n%s", diff)
	}
}

// Whatever is not 200 brings the same bytes again.
func TestWebhookRetry(t *testing.T) {
	in := newInbox(t)
	answers := []int{500, 0, 302, 503, 204, 200}
	in.answer = func(n int) int { return answers[min(n, len(answers)-1)] }
	s := hooked(t, in.URL, nil)
	post(t, s, path, hello("447700900456", "a"))
	settle(t, s)
	posts := in.received()
	same := map[string]int{}
	for _, p := range posts {
		same[string(p.body)+p.signature]++
	}
	st := s.Webhooks()
	if st.Acknowledged != 3 || st.Retried != st.Posts-int64(len(same)) || len(posts) != int(st.Posts) {
		t.Errorf("%d POSTs of %d bodies, stats %+v", len(posts), len(same), st)
	}
	if diff := cmp.Diff(map[int]int64{500: 1, 0: 1, 302: 1, 503: 1, 204: 1}, st.Failed); diff != "" {
		t.Errorf("failed (-want +got):\n%s", diff)
	}
}

func TestWebhookGivesUp(t *testing.T) {
	in := newInbox(t)
	in.answer = func(int) int { return 500 }
	s := hooked(t, in.URL, func(c *simulator.Config) { c.Webhook.RetrySpeed = 1e8 }) // seven days are 6 ms
	post(t, s, path, hello("447700900456", "a"))
	settle(t, s)
	if st := s.Webhooks(); st.GivenUp != 3 || st.Acknowledged != 0 || st.Pending != 0 {
		t.Errorf("stats %+v", st)
	}
}

// down is a listener whose first connections end without an answer.
type down struct {
	net.Listener
	left int
}

func (d *down) Accept() (net.Conn, error) {
	for ; d.left > 0; d.left-- {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		_ = c.Close()
	}
	return d.Listener.Accept()
}

// A receiver that was down, and then out of order, has every status once it is back.
func TestWebhookReceiverDown(t *testing.T) {
	in := &inbox{secret: secret, answer: func(n int) int {
		if n < 20 {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	}}
	in.Server = httptest.NewUnstartedServer(in)
	in.Listener = &down{in.Listener, 50}
	in.Start()
	t.Cleanup(in.Close)
	s := hooked(t, in.URL, func(c *simulator.Config) {
		c.Webhook.Concurrency, c.Webhook.Batch = 4, 7
		c.Webhook.Faults = []simulator.WebhookRule{{Kind: simulator.Missing, Statuses: []string{"read"}}}
	})
	var want []string
	for i := range 100 {
		token := fmt.Sprintf("%03d", i)
		post(t, s, path, hello("447700900456", token))
		want = append(want, token+" delivered", token+" sent")
	}
	settle(t, s)
	got := in.statuses()
	slices.Sort(got)
	if diff := cmp.Diff(want, slices.Compact(got)); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	// A connection that was dialled while another one became free fails nobody: there
	// are four at most at a time.
	if st := s.Webhooks(); st.Acknowledged != 200 || st.Failed[0] < 40 || st.Failed[0] > 50 || st.Failed[503] != 20 || st.GivenUp != 0 {
		t.Errorf("stats %+v", st)
	}
}
