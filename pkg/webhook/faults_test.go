package webhook_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/webhook"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// hangingLedger never comes back from a mark.
type hangingLedger struct {
	webhook.Ledger
	marking chan struct{}
}

func (l *hangingLedger) Mark(ctx context.Context, _ []dedup.Evidence) ([]dedup.Change, error) {
	select {
	case l.marking <- struct{}{}:
	case <-ctx.Done():
	}
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

// A processor that dies between the record and the mark leaves no second event:
// neither soon, when the stream knows the ids, nor after it has forgotten them.
func TestKilledBetweenRecordAndMark(t *testing.T) {
	for name, away := range map[string]time.Duration{"soon": 0, "when the ids are forgotten": 300 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			if away > 0 {
				r.forgetful(100 * time.Millisecond)
			}
			r.accepted("a")
			r.unknown("b")
			hanging := &hangingLedger{Ledger: r.ledger, marking: make(chan struct{})}
			first := r.start(func(c *webhook.ProcessorConfig) { c.Ledger = hanging })
			r.post(webhookOf(r.status("a", "read", 3), r.status("b", "sent", 3)))
			<-hanging.marking
			killed, cancel := context.WithCancel(t.Context())
			cancel()
			if err := first.Stop(killed); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			const want = "accepted sent@3 delivered@3 read@3; unknown settled(unknown>accepted)@3 sent@3"
			if before := r.story("a") + "; " + r.story("b"); before != want {
				t.Errorf("before %s", before)
			}
			time.Sleep(away) // a window of the server's, which no signal ends
			second := must[*webhook.Processor](t)(webhook.NewProcessor(r.config()))
			if away > 0 {
				second.SetRepeatWindow(away / 3)
			}
			second.Start()
			defer r.stop(second)
			r.processed()
			if after := r.story("a") + "; " + r.story("b"); after != want {
				t.Errorf("after %s", after)
			}
		})
	}
}

// forgetful makes the stream of events forget ids soon.
func (r *rig) forgetful(window time.Duration) {
	r.tb.Helper()
	stream := must[jetstream.Stream](r.tb)(r.js.Stream(r.tb.Context(), r.names.EventsStream()))
	cfg := stream.CachedInfo().Config
	cfg.Duplicates = window
	must[jetstream.Stream](r.tb)(r.js.UpdateStream(r.tb.Context(), cfg))
}

// While Redis is away nothing is acked, and afterwards nothing is missing.
func TestRedisAway(t *testing.T) {
	r := newRig(t)
	r.accepted("a")
	r.accepted("b")
	p := r.start(nil)
	r.post(webhookOf(r.status("a", "sent", 1)))
	r.processed()
	r.gate.close()
	r.post(webhookOf(r.status("a", "delivered", 2)), webhookOf(r.status("b", "read", 3)))
	eventually(t, "it says why", func() bool { return p.Trouble() != nil })
	if left := r.waiting().Inbox; left != 2 {
		t.Errorf("%d webhooks are kept, want 2", left)
	}
	r.gate.open()
	r.processed()
	eventually(t, "it is over", func() bool { return p.Trouble() == nil })
	if got := r.story("a") + "; " + r.story("b"); got != "accepted sent@1 delivered@2; accepted sent@3 delivered@3 read@3" {
		t.Error(got)
	}
	if n := strings.Count(r.log.String(), "fails"); n != 1 {
		t.Errorf("an outage is %d lines:\n%s", n, r.log)
	}
}

// Stopped while Redis is away, a processor gives back what it has.
func TestStopWhileRedisIsAway(t *testing.T) {
	r := newRig(t)
	r.accepted("a")
	r.gate.close()
	p := r.start(nil)
	r.post(webhookOf(r.status("a", "sent", 1)))
	eventually(t, "it says why", func() bool { return p.Trouble() != nil })
	r.stop(p)
	r.gate.open()
	r.start(nil)
	r.processed()
	if got := r.story("a"); got != "accepted sent@1" {
		t.Error(got)
	}
}

// partLedger says of all entries that they may be behind, until it is whole.
type partLedger struct {
	webhook.Ledger
	whole atomic.Bool
}

func (l *partLedger) Attest(ctx context.Context, evidence []dedup.Evidence) ([]dedup.Entry, error) {
	if !l.whole.Load() {
		return []dedup.Entry{{NotWhole: true}}, nil
	}
	return l.Ledger.Attest(ctx, evidence)
}

// A ledger that is being rebuilt has no say: its webhooks wait.
func TestLedgerIsNotWhole(t *testing.T) {
	r := newRig(t)
	ledger := &partLedger{Ledger: r.ledger}
	p := r.start(func(c *webhook.ProcessorConfig) { c.Ledger = ledger })
	r.post(webhookOf(r.status("a", "sent", 1))) // of which the ledger knows nothing yet
	eventually(t, "it waits", func() bool { return p.Trouble() != nil })
	r.accepted("a")
	ledger.whole.Store(true)
	r.processed()
	if got := r.story("a"); got != "accepted sent@1" || p.Trouble() != nil {
		t.Error(got, p.Trouble())
	}
}

// NATS goes and comes back: what was answered with 200 is there, the rest comes again.
func TestNATSAway(t *testing.T) {
	r := newRig(t)
	r.accepted("a")
	store := secrets{appSecret}
	receiver := must[*webhook.Receiver](t)(webhook.NewReceiver(webhook.ReceiverConfig{
		Store: r.hooks, Secrets: &store, Metrics: webhook.NewMetrics(prometheus.NewRegistry()), Log: r.logger()}))
	server := must[*webhook.Server](t)(webhook.NewServer("127.0.0.1:0", receiver, r.logger()))
	server.Start()
	defer func() { _ = server.Stop(context.Background()) }()
	client := &http.Client{Transport: new(http.Transport)}
	defer client.CloseIdleConnections()
	post := func(body []byte) int {
		req := must[*http.Request](t)(http.NewRequest(http.MethodPost, "http://"+server.Addr()+webhook.Path, bytes.NewReader(body)))
		req.Header.Set(whatsapp.SignatureHeader, whatsapp.Sign(body, appSecret))
		resp := must[*http.Response](t)(client.Do(req))
		resp.Body.Close()
		return resp.StatusCode
	}
	r.start(nil)
	if got := post(webhookOf(r.status("a", "sent", 1))); got != 200 {
		t.Fatal(got)
	}
	r.processed()
	r.natsGate.close()
	if got := post(webhookOf(r.status("a", "delivered", 2))); got != 503 || receiver.Trouble() == nil {
		t.Errorf("NATS is away: %d, %v", got, receiver.Trouble())
	}
	if err := r.nats.Restart(); err != nil { // it forgets its consumers' pulls too
		t.Fatal(err)
	}
	r.natsGate.open()
	eventually(t, "webhooks are taken again", func() bool { return post(webhookOf(r.status("a", "delivered", 2))) == 200 })
	eventually(t, "they are recorded", func() bool {
		events, err := r.events.Find(context.Background(), key("a"), "", time.Time{})
		return err == nil && len(events) == 3 && events[2].Data.Kind == job.Delivered
	})
}

// Three processors share the work, and each status is on record once.
func TestProcessorsSideBySide(t *testing.T) {
	r := newRig(t)
	const jobs = 200
	var bodies [][]byte
	for i := range jobs {
		id := "j" + string(rune('a'+i%26)) + string(rune('a'+i/26))
		r.accepted(id)
		for _, s := range []string{"read", "sent", "delivered", "delivered"} {
			bodies = append(bodies, webhookOf(r.status(id, s, 1)))
		}
	}
	for range 3 {
		r.start(func(c *webhook.ProcessorConfig) { c.Inbox = r.openInbox() })
	}
	var posting sync.WaitGroup
	posting.Go(func() { r.post(bodies...) })
	posting.Wait()
	r.processed()
	counts := must[map[job.Kind]uint64](t)(r.events.Counts(t.Context(), "c"))
	if counts[job.Sent] != jobs || counts[job.Delivered] != jobs || counts[job.Read] != jobs {
		t.Errorf("%v, want %d of each", counts, jobs)
	}
}

// blindLedger lets a processor see nothing of what the other one has marked since.
type blindLedger struct {
	webhook.Ledger
	seen dedup.Seen
}

func (l *blindLedger) Attest(ctx context.Context, evidence []dedup.Evidence) ([]dedup.Entry, error) {
	entries, err := l.Ledger.Attest(ctx, evidence)
	for i := range entries {
		entries[i].Seen &= l.seen
	}
	return entries, err
}

// Two processors have the failure and the delivery of one message at the same time,
// and neither knows of the other: who is second to mark takes the failure back.
func TestFailureBesideDelivery(t *testing.T) {
	for name, told := range map[string][2]string{"failure first": {"failed", "delivered"}, "delivery first": {"delivered", "failed"}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.accepted("a")
			for i, status := range told {
				p := r.start(func(c *webhook.ProcessorConfig) { c.Ledger = &blindLedger{Ledger: r.ledger} })
				r.post(webhookOf(r.status("a", status, i+1)))
				r.processed()
				r.stop(p)
			}
			counts := must[map[job.Kind]uint64](t)(r.events.Counts(t.Context(), "c"))
			if counts[job.Failed] != 1 || counts[job.Delivered] != 1 || counts[job.Settled] != 1 || !strings.Contains(r.story("a"), "settled(failed>)@2") {
				t.Errorf("%s: %v", r.story("a"), counts)
			}
		})
	}
}
