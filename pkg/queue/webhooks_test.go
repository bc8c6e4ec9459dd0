package queue_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/queue"
)

func (r *rig) webhooks(tb testing.TB) *queue.Webhooks {
	tb.Helper()
	w, err := queue.NewWebhooks(r.js, r.names)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(w.Close)
	return w
}

func store(tb testing.TB, w *queue.Webhooks, hook queue.Hook) {
	tb.Helper()
	if err := w.Store(context.Background(), hook); err != nil {
		tb.Fatal(err)
	}
}

// opened is a box that the test closes.
func opened(tb testing.TB, open func(context.Context) (*queue.HookQueue, error)) *queue.HookQueue {
	tb.Helper()
	q, err := open(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(q.Close)
	return q
}

// hooks fetches n webhooks.
func hooks(tb testing.TB, q *queue.HookQueue, n int) []*queue.HookDelivery {
	tb.Helper()
	var all []*queue.HookDelivery
	for deadline := time.Now().Add(long); len(all) < n; {
		if time.Now().After(deadline) {
			tb.Fatalf("%d webhooks, want %d", len(all), n)
		}
		got, err := q.Fetch(context.Background(), n-len(all), long)
		if err != nil {
			tb.Fatal("fetch webhooks:", err)
		}
		all = append(all, got...)
	}
	return all
}

func waitingHooks(tb testing.TB, w *queue.Webhooks) queue.HooksWaiting {
	tb.Helper()
	waiting, err := w.Waiting(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	return waiting
}

func TestWebhooksComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	w := r.webhooks(t)
	noise := make([]byte, 3<<20) // which no compression makes smaller
	random := rand.NewChaCha8([32]byte{})
	if _, err := random.Read(noise); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		body []byte
	}{
		{"small", []byte(`{"object":"whatsapp_business_account"}`)},
		{"empty", nil},
		{"of 3 MB", bytes.Repeat([]byte(`{"status":"delivered","id":"wamid.1"},`), 3<<20/38)},
		{"of 3 MB of noise", noise},
	} {
		t.Run(tt.name, func(t *testing.T) {
			header := map[string]string{"X-Hub-Signature-256": "sha256=" + tt.name, "x-lower": "1"}
			for range 2 { // delivered twice, stored once
				store(t, w, queue.Hook{Body: tt.body, Header: header, Forward: true})
			}
			if got := waitingHooks(t, w); got != (queue.HooksWaiting{Inbox: 1, Forwards: 1}) {
				t.Errorf("waiting: %+v", got)
			}
			for _, open := range []func(context.Context) (*queue.HookQueue, error){w.Inbox, w.Forwards} {
				d := hooks(t, opened(t, open), 1)[0]
				if !bytes.Equal(d.Body, tt.body) {
					t.Errorf("%d bytes came back, other than the %d that were stored", len(d.Body), len(tt.body))
				}
				if diff := cmp.Diff(header, d.Header); diff != "" || d.Delivered != 1 || time.Since(d.Stored) > time.Minute {
					t.Errorf("delivered %d times, stored %v: %s", d.Delivered, d.Stored, diff)
				}
				if err := d.Ack(); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, "nothing waits", func() bool { return waitingHooks(t, w) == queue.HooksWaiting{} })
		})
	}
}

func TestWebhooksAreHandedOutUntilTheyAreAcked(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	w := r.webhooks(t)
	const n = 30
	for i := range n {
		store(t, w, queue.Hook{Body: fmt.Appendf(nil, "hook %d", i)})
	}
	one, two := opened(t, w.Inbox), opened(t, r.webhooks(t).Inbox)
	seen := make(map[string]int)
	for round, q := range []*queue.HookQueue{one, two, one} { // each webhook is given to one of them
		for _, d := range hooks(t, q, n/3) {
			err := d.InProgress()
			if round == 0 { // given back, these come again
				err = errors.Join(err, d.Nak(0))
			} else {
				seen[string(d.Body)]++
				err = errors.Join(err, d.Ack())
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	eventually(t, "the acks are heard", func() bool { return waitingHooks(t, w).Inbox == n/3 })
	r.restart(t)
	deleteConsumers(t, r, "WACAST_WEBHOOKS")
	for _, d := range hooks(t, two, n/3) {
		seen[string(d.Body)]++
		if err := d.Ack(); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) != n {
		t.Errorf("%d webhooks were handed out, want %d", len(seen), n)
	}
	for body, times := range seen {
		if times != 1 {
			t.Errorf("%s was kept %d times", body, times)
		}
	}
	if got, err := one.Fetch(context.Background(), 1, 100*time.Millisecond); len(got) > 0 || err != nil {
		t.Errorf("Fetch of nothing = %v, %v", got, err)
	}
	one.Close()
	one.Close()
	if _, err := one.Fetch(context.Background(), 1, time.Second); !errors.Is(err, queue.ErrClosed) {
		t.Errorf("Fetch after Close = %v", err)
	}
}

func TestAWebhookGivenBackComesAfterItsDelay(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	w := r.webhooks(t)
	store(t, w, queue.Hook{Body: []byte("early")})
	q := opened(t, w.Inbox)
	d := hooks(t, q, 1)[0]
	begin := time.Now()
	if err := d.Nak(300 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if d = hooks(t, q, 1)[0]; time.Since(begin) < 300*time.Millisecond || d.Delivered != 2 {
		t.Errorf("it came after %v, %d times", time.Since(begin), d.Delivered)
	}
}

func TestQuarantineKeepsAWebhookForPeople(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	w := r.webhooks(t)
	body := []byte(strings.Repeat("no JSON ", 20_000))
	store(t, w, queue.Hook{Body: body, Header: map[string]string{"X-Hub-Signature-256": "s"}})
	d := hooks(t, opened(t, w.Inbox), 1)[0]
	for range 2 {
		if err := w.Quarantine(context.Background(), d, "it is no JSON"+strings.Repeat("!", 2000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Ack(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it has moved", func() bool { return waitingHooks(t, w) == queue.HooksWaiting{Odd: 1} })
	s, err := r.js.Stream(context.Background(), "WACAST_WEBHOOKS")
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.GetLastMsgForSubject(context.Background(), "wacast.webhooks.odd")
	if err != nil {
		t.Fatal(err)
	}
	h := m.Header
	if !strings.HasPrefix(h.Get(queue.HeaderDetail), "it is no JSON!") || len(h.Get(queue.HeaderDetail)) > 1024 ||
		h.Get("Nats-TTL") != "168h0m0s" || h.Get("Wacast-Hook-X-Hub-Signature-256") != "s" || h.Get("Wacast-Encoding") != "gzip" {
		t.Errorf("header %v", h)
	}
}

// Whoever delivers a webhook that cannot be stored must be told so, and may come back.
func TestWebhooksIntoAFullStream(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{WebhooksMaxBytes: 20 << 10})
	w := r.webhooks(t)
	var err error
	n := 0
	for ; err == nil && n < 100; n++ {
		err = w.Store(context.Background(), queue.Hook{Body: fmt.Appendf(nil, "%d %s", n, strings.Repeat("x", 1000))})
	}
	if !errors.Is(err, queue.ErrFull) {
		t.Fatalf("after %d webhooks: %v, want ErrFull", n, err)
	}
	if strings.Contains(err.Error(), "xxx") {
		t.Error("the error has the body")
	}
	for _, d := range hooks(t, opened(t, w.Inbox), 5) {
		if err := d.Ack(); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "there is room again", func() bool {
		return w.Store(context.Background(), queue.Hook{Body: []byte("again")}) == nil
	})
}

func TestWebhooksWithoutAStream(t *testing.T) {
	t.Parallel()
	r := bare(t)
	w := r.webhooks(t)
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if err := w.Store(ctx, queue.Hook{Body: []byte("{}")}); !errors.Is(err, queue.ErrNoStream) {
		t.Errorf("Store = %v, want ErrNoStream", err)
	}
	if _, err := w.Inbox(context.Background()); !errors.Is(err, queue.ErrNoStream) {
		t.Errorf("Inbox = %v, want ErrNoStream", err)
	}
	if _, err := w.Waiting(context.Background()); !errors.Is(err, queue.ErrNoStream) {
		t.Errorf("Waiting = %v, want ErrNoStream", err)
	}
}
