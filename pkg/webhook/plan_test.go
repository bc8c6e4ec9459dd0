package webhook

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// Whatever statuses come, in whatever order and webhooks: each is recorded at most
// once, none before what it implies, no failure after a delivery, and in the end the
// same is on record as if all had come at once, but for failures that came first and
// were taken back.
func TestAnyOrder(t *testing.T) {
	const seed = 4
	rng := rand.New(rand.NewPCG(seed, seed))
	words := []string{"sent", "delivered", "read", "failed", "played"}
	outcome := job.NewEvent("worker", time.Unix(1, 0), job.EventData{Kind: job.Accepted, Campaign: "c", ID: "a", From: "1", Attempt: 1, Stream: "S", Sequence: 9})
	for round := range 20_000 {
		entry := dedup.Entry{State: dedup.Accepted, Event: 1}
		recorded, told := make(map[string]bool), []string{}
		for range 1 + rng.IntN(4) {
			var statuses []string
			for range 1 + rng.IntN(4) {
				word := words[rng.IntN(len(words))]
				told = append(told, word)
				statuses = append(statuses, fmt.Sprintf(`{"id":"w","status":%q,"timestamp":%d,"biz_opaque_callback_data":"ns/1/1/c/a"}`, word, 1790000000+rng.IntN(9)))
			}
			told = append(told, "|")
			b := newBatch("ns", nil, []*queue.HookDelivery{{Body: []byte(`{"entry":[{"changes":[{"value":{"statuses":[` + strings.Join(statuses, ",") + `]}}]}]}`)}})
			p := makePlan("test", b.reports[0], entry, outcome)
			entry.Seen |= p.mark
			for _, e := range p.events {
				kind := e.Data.Kind
				switch {
				case kind == job.Settled: // may be said again
				case recorded[e.ID]:
					t.Fatalf("round %d, %v: %s twice", round, told, kind)
				case kind == job.Failed && (recorded[idOf(job.Delivered)] || recorded[idOf(job.Read)]):
					t.Fatalf("round %d, %v: failed after delivered", round, told)
				case kind == job.Read && !recorded[idOf(job.Delivered)], kind == job.Delivered && !recorded[idOf(job.Sent)]:
					t.Fatalf("round %d, %v: %s before what it implies", round, told, kind)
				}
				recorded[e.ID] = true
			}
		}
		wrong := recorded[idOf(job.Failed)] && recorded[idOf(job.Delivered)]
		if withdrawn := recorded[idOf(job.Settled)+"/failed"]; withdrawn != wrong {
			t.Fatalf("round %d, %v: a failure is taken back: %v, want %v", round, told, withdrawn, wrong)
		}
		all := strings.Join(told, " ")
		want := map[job.Kind]bool{
			job.Read:      strings.Contains(all, "read") || strings.Contains(all, "played"),
			job.Delivered: strings.ContainsAny(all, "|") && (strings.Contains(all, "read") || strings.Contains(all, "played") || strings.Contains(all, "delivered")),
		}
		want[job.Sent] = want[job.Delivered] || strings.Contains(all, "sent")
		for kind, w := range want {
			if recorded[idOf(kind)] != w {
				t.Fatalf("round %d, %s: %s is recorded: %v", round, all, kind, !w)
			}
		}
	}
}

// idOf is the id of the status of the job of the test.
func idOf(kind job.Kind) string { return "c/a/" + string(kind) + "/1/S/9" }

func FuzzBatch(f *testing.F) {
	f.Add([]byte(`{"entry":[{"changes":[{"value":{"statuses":[{"id":"w","status":"read","biz_opaque_callback_data":"ns/1/1/c/a"},7]}},{"field":"x"}]}]}`))
	f.Add([]byte(`{"entry":[{"changes":[{"value":{"statuses":[{"status":"new","timestamp":"0","biz_opaque_callback_data":"ns/1/255/_/a"}]}}]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		b := newBatch("ns", nil, []*queue.HookDelivery{{Body: body, Stored: time.Unix(1, 0)}})
		for _, r := range b.reports {
			e := r.evidence()
			if e.Seen == 0 || e.Seen&^dedup.SeenStatus != 0 || e.Attempt < 1 || e.Attempt > maxAttempt {
				t.Errorf("the ledger would not take %+v", e)
			}
			p := makePlan("test", r, dedup.Entry{State: dedup.Accepted, Seen: dedup.SeenDoubt}, job.Event{})
			for i := range p.events {
				if _, err := job.EncodeEvent(&p.events[i]); err != nil || p.events[i].Key() != r.token.Key {
					t.Errorf("event of %v: %v", p.events[i].Key(), err)
				}
			}
		}
	})
}
