package webhook_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/webhook"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// bot is the target: it answers as it is told, and keeps what it took.
type bot struct {
	*httptest.Server
	answer      atomic.Int64
	most, under atomic.Int64

	mu    sync.Mutex
	taken map[string]http.Header
	tries int
}

func newBot(t *testing.T, status int) *bot {
	t.Helper()
	b := &bot{taken: make(map[string]http.Header)}
	b.answer.Store(int64(status))
	b.Server = httptest.NewServer(b)
	t.Cleanup(b.Close)
	return b
}

func (b *bot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	under := b.under.Add(1)
	defer b.under.Add(-1)
	for most := b.most.Load(); under > most && !b.most.CompareAndSwap(most, under); most = b.most.Load() {
	}
	body, err := io.ReadAll(r.Body)
	status := int(b.answer.Load())
	b.mu.Lock()
	b.tries++
	if status/100 == 2 && err == nil {
		b.taken[string(body)] = r.Header.Clone()
	}
	b.mu.Unlock()
	if status/100 == 3 {
		w.Header().Set("Location", "/elsewhere")
	}
	w.WriteHeader(status)
}

// forwarding starts a forwarder to a bot.
func (r *rig) forwarding(target string, change func(*webhook.ForwarderConfig)) *webhook.Forwarder {
	r.tb.Helper()
	inbox := must[*queue.HookQueue](r.tb)(r.hooks.Forwards(r.tb.Context()))
	cfg := webhook.ForwarderConfig{URL: target + "/hook?token=query-secret", Inbox: inbox, Metrics: r.metrics, Log: r.logger()}
	if change != nil {
		change(&cfg)
	}
	f := must[*webhook.Forwarder](r.tb)(webhook.NewForwarder(cfg))
	f.SetBackoff(20 * time.Millisecond)
	f.Start()
	r.tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := f.Stop(ctx); err != nil && !errors.Is(err, context.Canceled) {
			r.tb.Error(err)
		}
		inbox.Close()
	})
	return f
}

// forward stores a webhook that is to be passed on.
func (r *rig) forward(bodies ...string) {
	r.tb.Helper()
	for _, body := range bodies {
		hook := queue.Hook{Body: []byte(body), Forward: true, Header: map[string]string{
			"Content-Type": "application/json", whatsapp.SignatureHeader: whatsapp.Sign([]byte(body), appSecret)}}
		if err := r.hooks.Store(r.tb.Context(), hook); err != nil {
			r.tb.Fatal(err)
		}
	}
}

func (r *rig) forwarded() {
	r.tb.Helper()
	eventually(r.tb, "all are passed on", func() bool {
		left, err := r.hooks.Waiting(context.Background())
		return err == nil && left.Forwards == 0
	})
}

// The bot sees what the platform posted, to the byte, and can check the signature.
func TestForwardUnchanged(t *testing.T) {
	r, b := newRig(t), newBot(t, 202)
	bodies := []string{string(fixture(t, "batch_mixed")), `{"text":"\u00e4\u00f6\u00e5 \/"}`, "no JSON", strings.Repeat("large ", 200_000)}
	f := r.forwarding(b.URL, nil)
	r.forward(bodies...)
	r.forwarded()
	for _, body := range bodies {
		header, ok := b.taken[body]
		if !ok || header.Get("Content-Type") != "application/json" || !whatsapp.VerifySignature([]byte(body), header.Get(whatsapp.SignatureHeader), appSecret) {
			t.Errorf("%.30s…: taken %v, header %v", body, ok, header)
		}
	}
	if got := value(t, r.registry, "wacast_webhook_forwards_total", "done"); got != 4 || f.Trouble() != nil {
		t.Errorf("%v are passed on, trouble %v", got, f.Trouble())
	}
}

// Whatever is no 2xx is tried again. Meanwhile nobody else waits.
func TestForwardAgain(t *testing.T) {
	for _, refusal := range []int{500, 404, 307} {
		r, b := newRig(t), newBot(t, refusal)
		f := r.forwarding(b.URL, nil)
		r.start(nil)
		r.accepted("a")
		r.forward(string(webhookOf(r.status("a", "sent", 1))), "2", "3", "4", "5", "6")
		r.processed()
		eventually(t, "the target fails", func() bool { return f.Trouble() != nil })
		if got := r.story("a"); got != "accepted sent@1" {
			t.Errorf("%d: %s", refusal, got)
		}
		b.answer.Store(200)
		r.forwarded()
		if len(b.taken) != 6 || f.Trouble() != nil {
			t.Errorf("%d: %d are taken, trouble %v", refusal, len(b.taken), f.Trouble())
		}
		if strings.Contains(r.log.String(), "query-secret") {
			t.Errorf("the log shows the query: %s", r.log)
		}
	}
}

// A target that nobody answers for is asked with one webhook at a time.
func TestTargetIsDown(t *testing.T) {
	r, b := newRig(t), newBot(t, 200)
	b.Close()
	f := r.forwarding(b.URL, nil)
	for range 100 {
		r.forward(strings.Repeat("x", len(b.taken)+int(r.sequence.Add(1))))
	}
	eventually(t, "it fails", func() bool { return value(t, r.registry, "wacast_webhook_forwards_total", "failed") >= 8 })
	if err := f.Trouble(); err == nil || strings.Contains(err.Error(), "query-secret") {
		t.Errorf("trouble: %v", err)
	}
	if got := r.waiting().Forwards; got != 100 {
		t.Errorf("%d are kept, want 100", got)
	}
	if got := value(t, r.registry, "wacast_webhook_forwards_total", "failed"); got > 20 {
		t.Errorf("%v requests to a target that is down", got)
	}
}

// A target that hangs keeps nobody from stopping, and its webhooks come again.
func TestStopWhileTheTargetHangs(t *testing.T) {
	r := newRig(t)
	hanging, end := make(chan struct{}, 10), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hanging <- struct{}{}; <-end }))
	defer server.Close()
	defer close(end)
	f := r.forwarding(server.URL, func(c *webhook.ForwarderConfig) { c.Parallel = 2 })
	r.forward("1", "2", "3")
	<-hanging
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Stop(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if got := r.waiting().Forwards; got != 3 {
		t.Errorf("%d are kept, want 3", got)
	}
	b := newBot(t, 200)
	r.forwarding(b.URL, func(c *webhook.ForwarderConfig) { c.Parallel = 2 })
	r.forwarded()
	if most := b.most.Load(); most > 2 {
		t.Errorf("%d at a time, want 2", most)
	}
}

func TestBackoff(t *testing.T) {
	for n, want := range map[int]time.Duration{
		0: time.Second, 1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 6: 32 * time.Second, 7: time.Minute, 40: time.Minute, 1 << 30: time.Minute,
	} {
		if got := webhook.Backoff(n); got != want {
			t.Errorf("after %d tries %v, want %v", n, got, want)
		}
	}
}
