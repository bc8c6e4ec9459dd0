package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/webhook"
)

// Statuses in any order, in one webhook or in several, twice, and with gaps.
func TestStories(t *testing.T) {
	r := newRig(t)
	// A word is a status and its second; a bar begins another webhook.
	tests := []struct{ told, want string }{
		{"sent1 | delivered2 | read3", "sent@1 delivered@2 read@3"},
		{"sent1 delivered2 read3", "sent@1 delivered@2 read@3"},
		{"read3 delivered2 sent1", "sent@1 delivered@2 read@3"},
		{"read3 | delivered2 | sent1", "sent@3 delivered@3 read@3"},
		{"read3", "sent@3 delivered@3 read@3"},
		{"sent1 | read3", "sent@1 delivered@3 read@3"},
		{"delivered2 | sent1", "sent@2 delivered@2"},
		{"sent1 sent1 | sent1 | delivered2 delivered2 | delivered2", "sent@1 delivered@2"},
		{"failed2", "failed@2"},
		{"sent1 | failed2", "sent@1 failed@2"},
		{"sent1 failed2 | failed2", "sent@1 failed@2"},
		{"delivered2 | failed3", "sent@2 delivered@2"},
		{"failed3 delivered2", "sent@2 delivered@2"},
		{"failed1 | delivered2", "failed@1 settled(failed>)@2 sent@2 delivered@2"},
		{"failed1 | delivered2 | failed3 | read4", "failed@1 settled(failed>)@2 sent@2 delivered@2 read@4"},
		{"sent1 | failed2 | read3 | delivered4", "sent@1 failed@2 settled(failed>)@3 delivered@3 read@3"},
		{"played4", "sent@4 delivered@4 read@4"},
		{"teleported1", ""},
		{"teleported1 sent2", "sent@2"},
	}
	p := r.start(nil)
	for i, tt := range tests {
		id := fmt.Sprint("s", i)
		r.accepted(id)
		for hook := range strings.SplitSeq(tt.told, " | ") {
			var statuses []string
			for word := range strings.FieldsSeq(hook) {
				end := len(word) - 1
				statuses = append(statuses, r.status(id, word[:end], int(word[end]-'0')))
			}
			r.post(append(webhookOf(statuses...), fmt.Sprintf("%*s", rand.IntN(10_000), "")...))
			r.processed()
		}
		if got := strings.TrimSpace(strings.TrimPrefix(r.story(id), "accepted")); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.told, got, tt.want)
		}
	}
	if err := p.Trouble(); err != nil {
		t.Error(err)
	}
	if left := r.processed(); left.Odd != 2 {
		t.Errorf("%d in quarantine, want the two with a status that nobody knows", left.Odd)
	}
}

// What an event of a status holds comes from the outcome and the status.
func TestStatusEvents(t *testing.T) {
	r := newRig(t)
	m := r.accepted("a")
	r.start(nil)
	r.post(webhookOf(r.status("a", "sent", 1), r.status("a", "failed", 2)))
	r.processed()
	common := job.EventData{
		Campaign: "c", ID: "a", From: number, To: "+447700900456", UserID: "GB.1", Lane: job.Bulk, Template: "hello", Language: "en", Attempt: 1,
		Wamid: "wamid.HBgMNDQ3NzAwOTAwNDU2a", WaID: "447700900456", Stream: r.names.JobsStream(), Sequence: m.publication, Metadata: []byte(`{"row":1}`),
	}
	sent, failed := common, common
	sent.Kind, failed.Kind = job.Sent, job.Failed
	failed.Reason, failed.Code, failed.Detail = job.ReasonDelivery, 131026, "Message Undeliverable."
	source := "wacast/" + r.names.Namespace + "/tested"
	want := []job.Event{job.NewEvent(source, begun.Add(time.Second), sent), job.NewEvent(source, begun.Add(2*time.Second), failed)}
	if diff := cmp.Diff(want, r.recorded("a")[1:]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := value(t, r.registry, "wacast_statuses_total", "failed"); got != 1 {
		t.Errorf("counted %v", got)
	}
}

// A job whose answer was lost is settled by any of its statuses, and once.
func TestUnknownIsSettled(t *testing.T) {
	for _, first := range []string{"sent", "delivered", "read", "failed", "teleported"} {
		t.Run(first, func(t *testing.T) {
			r := newRig(t)
			m := r.unknown("a")
			r.start(nil)
			r.post(webhookOf(r.status("a", first, 1)), webhookOf(r.status("a", first, 1)), webhookOf(r.status("a", "sent", 2), r.status("a", "failed", 3)))
			r.processed()
			var settled []job.Event
			for _, e := range r.recorded("a") {
				if e.Data.Kind == job.Settled {
					settled = append(settled, e)
				}
			}
			if len(settled) != 1 {
				t.Fatalf("%d settled: %s", len(settled), r.story("a"))
			}
			d := settled[0].Data
			if d.Was != job.Unknown || d.Outcome != job.Accepted || d.Reason != job.ReasonWebhook || d.Sequence != m.publication || d.Attempt != 1 || d.Wamid == "" || d.Body != 7 {
				t.Errorf("settled as %+v", d)
			}
			entries := must[[]dedup.Entry](t)(r.ledger.Lookup(t.Context(), []dedup.Subject{m.subject}))
			if entries[0].State != dedup.Accepted {
				t.Errorf("the ledger says %v", entries[0].State)
			}
		})
	}
}

// A status that overtakes the answer to its own request waits for it.
func TestStatusBeforeTheAnswer(t *testing.T) {
	for outcome, want := range map[job.Kind]string{
		job.Accepted: "accepted sent@1 delivered@1",
		job.Unknown:  "unknown settled(unknown>accepted)@1 sent@1 delivered@1",
	} {
		r := newRig(t)
		m := r.claim("a")
		r.start(nil)
		r.post(webhookOf(r.status("a", "delivered", 1)))
		eventually(t, "the status waits", func() bool { return value(t, r.registry, "wacast_webhook_updates_total", "waiting") > 0 })
		if got := r.story("a"); got != "" {
			t.Errorf("recorded before the answer: %s", got)
		}
		m.ended(outcome)
		r.processed()
		if got := r.story("a"); got != want {
			t.Errorf("%s: %s, want %s", outcome, got, want)
		}
	}
}

// The worker died between the claim and the record: evidence makes the stale claim
// accepted, and the statuses wait until a worker has put that on record.
func TestStatusOfALostClaim(t *testing.T) {
	r := newRig(t)
	m := r.claim("a")
	eventually(t, "the lease is over", func() bool {
		entries, err := r.ledger.Lookup(context.Background(), []dedup.Subject{m.subject})
		return err == nil && entries[0].Stale()
	})
	r.start(nil)
	r.post(webhookOf(r.status("a", "sent", 1)))
	eventually(t, "the claim is accepted", func() bool {
		entries, err := r.ledger.Lookup(context.Background(), []dedup.Subject{m.subject})
		return err == nil && entries[0].State == dedup.Accepted && entries[0].Event == 0
	})
	m.ended(job.Accepted)
	r.processed()
	if got := r.story("a"); got != "accepted sent@1" {
		t.Error(got)
	}
}

// A job that was tried again, and whose answer was lost again, is settled once more.
func TestUnknownAgainIsSettled(t *testing.T) {
	r := newRig(t)
	m := r.unknown("a")
	must[[]dedup.Change](t)(r.ledger.Again(t.Context(), []dedup.Retrial{{Subject: m.subject, Attempt: 1}}))
	m.reclaim()
	again := job.NewEvent("worker", begun, job.EventData{Kind: job.Settled, Was: job.Unknown, Outcome: job.Unknown,
		Campaign: "c", ID: "a", From: number, Attempt: 2, Stream: r.names.JobsStream(), Sequence: m.publication})
	again.ID += "/unknown"
	sequences := must[[]uint64](t)(r.events.Record(t.Context(), []job.Event{again}))
	must[[]dedup.Change](t)(r.ledger.Settle(t.Context(), []dedup.Settlement{
		{Subject: m.subject, Nonce: m.nonce, Attempt: 2, State: dedup.Unknown, Event: sequences[0]}}))
	r.start(nil)
	second := job.Token{Namespace: r.names.Namespace, Key: key("a"), Attempt: 2}.String()
	r.post(webhookOf(strings.Replace(r.status("a", "sent", 1), r.token("a"), second, 1)))
	r.processed()
	if got := r.story("a"); got != "unknown settled(unknown>unknown)@0 settled(unknown>accepted)@1 sent@1" {
		t.Error(got)
	}
}

// An outcome that is in the ledger and not in the stream may be on its way to the
// replica that was asked; in the end the statuses are recorded without it.
func TestOutcomeIsGone(t *testing.T) {
	r := newRig(t)
	m := r.claim("a")
	must[[]dedup.Change](t)(r.ledger.Settle(t.Context(), []dedup.Settlement{
		{Subject: m.subject, Nonce: m.nonce, Attempt: 1, State: dedup.Accepted, Event: 1_000_000}}))
	r.start(nil)
	r.post(webhookOf(r.status("a", "delivered", 1)))
	r.processed()
	if got := r.story("a"); got != "sent@1 delivered@1" {
		t.Error(got)
	}
	if e := r.recorded("a")[1]; e.Data.From != number || e.Data.Wamid == "" || e.Data.Attempt != 1 {
		t.Errorf("recorded %+v", e.Data)
	}
	if got := value(t, r.registry, "wacast_webhook_updates_total", "waiting"); got != 3 {
		t.Errorf("waited %v times, want 3", got)
	}
}

// What is not ours, not known, or makes no sense is counted and harms nothing.
func TestWhatIsNotOurs(t *testing.T) {
	r := newRig(t)
	r.accepted("a")
	rejected := r.claim("no").ended(job.Rejected)
	other := job.Token{Namespace: "elsewhere", Key: key("a"), Attempt: 1}.String()
	late := job.Token{Namespace: r.names.Namespace, Key: key("a"), Attempt: 256}.String()
	replace := func(token string) string { return strings.Replace(r.status("a", "sent", 1), r.token("a"), token, 1) }
	r.post(
		[]byte("no JSON"), []byte(`{"object":"page","entry":[]}`), fixture(t, "status_delivered"), fixture(t, "message_text_stop"), fixture(t, "account_update_restriction"),
		[]byte(`{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"brand_new","value":{}}]}]}`),
		webhookOf(replace(other), replace(late), replace("c7:r000123:a1"), r.status("gone", "sent", 1)),
		webhookOf(r.status(rejected.id, "sent", 1)),
		webhookOf(`null`, r.status("a", "sent", 1), `7`),
	)
	r.start(nil)
	if left := r.processed(); left.Odd != 5 {
		t.Errorf("%d in quarantine, want 5", left.Odd)
	}
	for result, want := range map[string]float64{
		"recorded": 1, "foreign": 4, "forgotten": 1, "contradiction": 1, "message": 1, "signal": 1, "unknown_field": 1, "broken": 2, "waiting": 0,
	} {
		if got := value(t, r.registry, "wacast_webhook_updates_total", result); got != want {
			t.Errorf("%v updates are %s, want %v", got, result, want)
		}
	}
	for result, want := range map[string]float64{"undecodable": 1, "not_whatsapp": 1, "processed": 7, "quarantined": 5} {
		if got := value(t, r.registry, "wacast_webhooks_total", result); got != want {
			t.Errorf("%v webhooks are %s, want %v", got, result, want)
		}
	}
	if got := r.story("a") + "; " + r.story("no"); got != "accepted sent@1; rejected@0" {
		t.Error(got)
	}
	if strings.Contains(r.log.String(), "447700900456") {
		t.Errorf("the log shows a number: %s", r.log)
	}
}

// A thousand updates in one webhook, of which some are broken, foreign or early.
func TestThousandUpdates(t *testing.T) {
	r := newRig(t)
	var statuses []string
	var early *message
	for i := range 1000 {
		id := fmt.Sprint("j", i)
		switch {
		case i%10 == 3:
			statuses = append(statuses, `{"id":7`+strings.Repeat(" ", i)+`}`)
			continue
		case i%10 == 5:
			statuses = append(statuses, strings.Replace(r.status(id, "sent", 1), r.names.Namespace, "elsewhere", 1))
			continue
		case i == 42:
			early = r.claim(id)
		default:
			r.accepted(id)
		}
		statuses = append(statuses, r.status(id, "delivered", i%60))
	}
	r.post(webhookOf(statuses...))
	r.start(nil)
	eventually(t, "all but one are recorded", func() bool { return value(t, r.registry, "wacast_webhook_updates_total", "recorded") == 799 })
	early.ended(job.Accepted)
	r.processed()
	if got := value(t, r.registry, "wacast_statuses_total", "delivered"); got != 800 {
		t.Errorf("%v are delivered, want 800", got)
	}
	if got := r.story("j42"); got != "accepted sent@42 delivered@42" {
		t.Error(got)
	}
}

// The clock of unknown outcomes: the latest message that a status was heard of.
func TestHeard(t *testing.T) {
	r := newRig(t)
	ahead := must[[]byte](t)(sender.EncodeHeard(begun.Add(time.Hour)))
	r.accepted("a")
	p := r.start(nil)
	r.post(webhookOf(r.status("a", "sent", 1)))
	r.processed()
	r.stop(p) // writes what was not written
	stored := must[[]byte](t)(r.senders.Get(t.Context(), sender.HeardKey(number)))
	if at, err := sender.DecodeHeard(stored); err != nil || !at.Equal(begun) {
		t.Errorf("heard of a message of %v, %v; want %v", at, err, begun)
	}
	if err := r.senders.Put(t.Context(), sender.HeardKey(number), ahead); err != nil {
		t.Fatal(err)
	}
	r.accepted("b")
	p = r.start(nil)
	r.post(webhookOf(r.status("b", "sent", 1)))
	r.processed()
	r.stop(p)
	if got := must[[]byte](t)(r.senders.Get(t.Context(), sender.HeardKey(number))); string(got) != string(ahead) {
		t.Errorf("what another replica heard is gone: %s", got)
	}
}

func TestStopBeforeStart(t *testing.T) {
	r := newRig(t)
	p := must[*webhook.Processor](t)(webhook.NewProcessor(r.config()))
	f := must[*webhook.Forwarder](t)(webhook.NewForwarder(webhook.ForwarderConfig{URL: "http://bot.example", Inbox: r.inbox, Metrics: r.metrics, Log: r.logger()}))
	for range 2 {
		if err := errors.Join(p.Stop(t.Context()), f.Stop(t.Context())); err != nil {
			t.Error(err)
		}
	}
	p.Start() // these do nothing any more
	f.Start()
	r.post([]byte("{}"))
	if left := r.waiting().Inbox; left != 1 {
		t.Errorf("%d webhooks are kept, want 1", left)
	}
}
