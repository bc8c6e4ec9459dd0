package webhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/webhook"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// memory is a store that fails when it is told to.
type memory struct {
	mu    sync.Mutex
	hooks []queue.Hook
	err   error
	wait  chan struct{}
}

func (m *memory) Store(_ context.Context, h queue.Hook) error {
	if m.wait != nil {
		<-m.wait
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err == nil {
		m.hooks = append(m.hooks, h)
	}
	return m.err
}

// secrets are those of all accounts.
type secrets []string

func (s *secrets) AppSecrets() []string { return *s }

const appSecret = "test_app_secret"

// receiving is a receiver with what it writes to.
type receiving struct {
	*webhook.Receiver
	store    *memory
	secrets  secrets
	log      *bytes.Buffer
	registry *prometheus.Registry
}

func newReceiving(t *testing.T, change func(*webhook.ReceiverConfig)) *receiving {
	t.Helper()
	rc := &receiving{store: &memory{}, secrets: secrets{"another", appSecret}, log: new(bytes.Buffer), registry: prometheus.NewRegistry()}
	cfg := webhook.ReceiverConfig{
		Store: rc.store, Secrets: &rc.secrets, VerifyToken: sender.Literal("fixture-verify-token"),
		Metrics: webhook.NewMetrics(rc.registry), Log: slog.New(slog.NewTextHandler(rc.log, nil)),
	}
	if change != nil {
		change(&cfg)
	}
	rc.Receiver = must[*webhook.Receiver](t)(webhook.NewReceiver(cfg))
	return rc
}

func (rc *receiving) do(r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	rc.ServeHTTP(w, r)
	return w.Result()
}

// signed is a request as the platform makes it.
func signed(body []byte, secret string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, webhook.Path, bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(whatsapp.SignatureHeader, whatsapp.Sign(body, secret))
	return r
}

func TestHandshake(t *testing.T) {
	var f struct {
		Request struct {
			Path  string            `json:"path"`
			Query map[string]string `json:"query"`
		} `json:"request"`
		Want struct {
			Status int    `json:"status"`
			Type   string `json:"content_type"`
			Body   string `json:"body"`
		} `json:"expected_response"`
	}
	if err := json.Unmarshal(fixture(t, "verification_request"), &f); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		change func(url.Values)
		token  sender.Secret
		status int
	}{
		{"fixture", func(url.Values) {}, sender.Literal("fixture-verify-token"), f.Want.Status},
		{"wrong token", func(q url.Values) { q.Set("hub.verify_token", "fixture-verify-toke") }, sender.Literal("fixture-verify-token"), 403},
		{"no token", func(q url.Values) { q.Del("hub.verify_token") }, sender.Literal("fixture-verify-token"), 403},
		{"another mode", func(q url.Values) { q.Set("hub.mode", "unsubscribe") }, sender.Literal("fixture-verify-token"), 403},
		{"a challenge of any length", func(q url.Values) { q.Set("hub.challenge", strings.Repeat("1", 300)) }, sender.Literal("fixture-verify-token"), 403},
		{"none configured", func(q url.Values) { q.Set("hub.verify_token", "") }, nil, 403},
		{"an empty one configured", func(q url.Values) { q.Set("hub.verify_token", "") }, sender.Literal(""), 403},
	}
	for _, tt := range tests {
		rc := newReceiving(t, func(c *webhook.ReceiverConfig) { c.VerifyToken = tt.token })
		query := url.Values{}
		for k, v := range f.Request.Query {
			query.Set(k, v)
		}
		tt.change(query)
		resp := rc.do(httptest.NewRequest(http.MethodGet, f.Request.Path+"?"+query.Encode(), nil))
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != tt.status {
			t.Errorf("%s: status %d, want %d", tt.name, resp.StatusCode, tt.status)
		}
		if tt.status == 200 && (string(body) != f.Want.Body || !strings.HasPrefix(resp.Header.Get("Content-Type"), f.Want.Type)) {
			t.Errorf("%s: %s %q", tt.name, resp.Header.Get("Content-Type"), body)
		}
		if tt.status != 200 && bytes.Contains(body, []byte(f.Want.Body)) {
			t.Errorf("%s: the challenge is answered", tt.name)
		}
		if strings.Contains(rc.log.String(), "fixture-verify") {
			t.Errorf("%s: the log shows the token: %s", tt.name, rc.log)
		}
	}
}

// What is rightly signed is stored to the byte and answered with 200, whatever it says.
func TestSignedBodiesAreStored(t *testing.T) {
	for name, body := range map[string][]byte{
		"status": fixture(t, "status_delivered"), "escapes": []byte(`{"text":"\u00e4\u00f6\u00e5 \/ <%@"}`), "not JSON": []byte("<html>"), "nothing": {},
		"not WhatsApp": []byte(`{"object":"page","entry":[]}`), "as large as may be": bytes.Repeat([]byte("1"), webhook.MaxBody),
	} {
		rc := newReceiving(t, func(c *webhook.ReceiverConfig) { c.Forward = true })
		if resp := rc.do(signed(body, appSecret)); resp.StatusCode != 200 {
			t.Fatalf("%s: status %d", name, resp.StatusCode)
		}
		if len(rc.store.hooks) != 1 {
			t.Fatalf("%s: stored %d times", name, len(rc.store.hooks))
		}
		h := rc.store.hooks[0]
		want := map[string]string{"Content-Type": "application/json", whatsapp.SignatureHeader: whatsapp.Sign(body, appSecret)}
		if diff := cmp.Diff(want, h.Header); diff != "" || !bytes.Equal(h.Body, body) || !h.Forward {
			t.Errorf("%s: %d bytes, to forward %v, header (-want +got):\n%s", name, len(h.Body), h.Forward, diff)
		}
		if got := value(t, rc.registry, "wacast_webhooks_total", "stored"); got != 1 {
			t.Errorf("%s: counted as stored %v times", name, got)
		}
	}
}

func TestWhatIsNotStored(t *testing.T) {
	body := fixture(t, "status_delivered")
	chunked := signed(bytes.Repeat([]byte("1"), webhook.MaxBody+1), appSecret)
	chunked.ContentLength = -1
	broken := signed(body, appSecret)
	broken.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body[:9]), errorReader{}))
	unsigned := signed(body, appSecret)
	unsigned.Header.Del(whatsapp.SignatureHeader)
	tests := []struct {
		name   string
		r      *http.Request
		status int
		result string
	}{
		{"another secret", signed(body, "wrong"), 401, "bad_signature"},
		{"no signature", unsigned, 401, "bad_signature"},
		{"too big", signed(bytes.Repeat([]byte("1"), webhook.MaxBody+1), appSecret), 413, "too_big"},
		{"too big, and does not say so", chunked, 413, "too_big"},
		{"broken off", broken, 400, "broken_off"},
		{"another method", httptest.NewRequest(http.MethodPut, webhook.Path, nil), 405, ""},
	}
	for _, tt := range tests {
		rc := newReceiving(t, nil)
		resp := rc.do(tt.r)
		if resp.StatusCode != tt.status || len(rc.store.hooks) > 0 {
			t.Errorf("%s: status %d, %d stored; want %d and none", tt.name, resp.StatusCode, len(rc.store.hooks), tt.status)
		}
		if tt.result != "" && value(t, rc.registry, "wacast_webhooks_total", tt.result) != 1 {
			t.Errorf("%s: not counted as %s", tt.name, tt.result)
		}
		if strings.Contains(rc.log.String(), "447700900456") || strings.Contains(rc.log.String(), appSecret) {
			t.Errorf("%s: the log shows too much: %s", tt.name, rc.log)
		}
	}
}

type errorReader struct{}

func (errorReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// Two secrets hold during a rotation, and one that is taken away holds no longer.
func TestSecretsRotate(t *testing.T) {
	body := fixture(t, "status_sent")
	rc := newReceiving(t, nil)
	for _, step := range []struct {
		secrets  []string
		old, new int
	}{{[]string{"old"}, 200, 401}, {[]string{"old", "new"}, 200, 200}, {[]string{"new"}, 401, 200}, {nil, 401, 401}} {
		rc.secrets = step.secrets
		if old, fresh := rc.do(signed(body, "old")).StatusCode, rc.do(signed(body, "new")).StatusCode; old != step.old || fresh != step.new {
			t.Errorf("with %v: %d and %d, want %d and %d", step.secrets, old, fresh, step.old, step.new)
		}
	}
}

// Anybody may sign wrongly as often as they like; it must not fill the disk.
func TestForgeriesAreLoggedOnce(t *testing.T) {
	rc := newReceiving(t, nil)
	for range 100 {
		rc.do(signed([]byte("x"), "wrong"))
	}
	if n := strings.Count(rc.log.String(), "\n"); n != 1 {
		t.Errorf("%d lines:\n%s", n, rc.log)
	}
}

func TestStoreFails(t *testing.T) {
	rc := newReceiving(t, nil)
	rc.store.err = errors.New("no responders")
	for range 3 {
		resp := rc.do(signed([]byte("{}"), appSecret))
		if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
			t.Errorf("status %d, retry after %q", resp.StatusCode, resp.Header.Get("Retry-After"))
		}
	}
	if err := rc.Trouble(); !errors.Is(err, rc.store.err) {
		t.Errorf("trouble: %v", err)
	}
	rc.store.err = nil
	if resp := rc.do(signed([]byte("{}"), appSecret)); resp.StatusCode != 200 || rc.Trouble() != nil {
		t.Errorf("status %d, trouble %v", resp.StatusCode, rc.Trouble())
	}
	if got := value(t, rc.registry, "wacast_webhooks_total", "store_failed"); got != 3 || strings.Count(rc.log.String(), "\n") != 2 {
		t.Errorf("counted %v, log:\n%s", got, rc.log)
	}
}

// A store that hangs holds no more requests than it may; the rest come again.
func TestBusy(t *testing.T) {
	rc := newReceiving(t, func(c *webhook.ReceiverConfig) { c.MaxRequests = 2 })
	rc.store.wait = make(chan struct{})
	var hanging sync.WaitGroup
	for range 2 {
		hanging.Go(func() { rc.do(signed([]byte("{}"), appSecret)) })
	}
	eventually(t, "two requests hang", func() bool { return len(rc.Places()) == 2 })
	if resp := rc.do(signed([]byte("{}"), appSecret)); resp.StatusCode != 503 {
		t.Errorf("status %d", resp.StatusCode)
	}
	close(rc.store.wait)
	hanging.Wait()
	if len(rc.store.hooks) != 2 || value(t, rc.registry, "wacast_webhooks_total", "busy") != 1 {
		t.Errorf("%d stored", len(rc.store.hooks))
	}
}

func TestConfigsNameWhatIsMissing(t *testing.T) {
	_, receiver := webhook.NewReceiver(webhook.ReceiverConfig{})
	_, processor := webhook.NewProcessor(webhook.ProcessorConfig{})
	_, forwarder := webhook.NewForwarder(webhook.ForwarderConfig{URL: "bot.example?token=secret"})
	for err, fields := range map[error][]string{
		receiver:  {"Store", "Secrets", "Metrics", "Log"},
		processor: {"Namespace", "Inbox", "Quarantine", "Ledger", "Events", "Heard", "Metrics", "Log"},
		forwarder: {"Inbox", "Metrics", "Log"},
	} {
		for _, field := range fields {
			if err == nil || !strings.Contains(err.Error(), field+" is missing") {
				t.Errorf("error %v does not name %s", err, field)
			}
		}
	}
	if !strings.Contains(forwarder.Error(), "URL") || strings.Contains(forwarder.Error(), "secret") {
		t.Error(forwarder)
	}
}
