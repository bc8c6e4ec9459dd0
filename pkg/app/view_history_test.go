package app_test

import (
	"cmp"
	"strings"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// What the ledger says of a job's events makes an answer fast; it must never be what
// the answer lacks.
func TestExplainIsCompleteWhateverTheLedgerSays(t *testing.T) {
	f := newYard(t, embedtest.FakeRedis(t).Server)
	f.vouch()
	events, err := queue.NewEvents(f.js, queue.Names{Namespace: "wacast"})
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	at := time.Now()
	record := func(n int, kinds ...job.Kind) (sequences []uint64) {
		var all []job.Event
		for _, kind := range kinds {
			j := newJob(numberA, "c1", n)
			at = at.Add(time.Second)
			all = append(all, job.NewEvent("wacast/test", at, job.EventData{
				Kind: kind, Campaign: "c1", ID: j.ID, From: numberA, Attempt: 1, Stream: "WACAST_JOBS", Sequence: uint64(at.Unix()),
			}))
		}
		sequences, err := events.Record(t.Context(), all)
		if err != nil {
			t.Fatal(err)
		}
		return sequences
	}
	usual := []job.Kind{job.Accepted, job.Sent, job.Delivered}
	const seen = dedup.SeenSent | dedup.SeenDelivered
	for n, tt := range []struct {
		name  string
		kinds []job.Kind
		event int // which of them the ledger knows as the outcome, from 1 on; 0 for none
		wrong uint64
		seen  dedup.Seen
	}{
		{"all is as usual", usual, 1, 0, seen},
		{"no status yet", usual[:1], 1, 0, 0},
		{"a rejection before, a duplicate after", []job.Kind{job.Rejected, job.Accepted, job.Sent, job.Duplicate, job.Delivered, job.Duplicate}, 2, 0, seen},
		{"unknown to the ledger", usual, 0, 0, 0},
		{"the outcome is elsewhere", usual, 0, 1, seen},
		{"the outcome is behind the end", usual, 0, 1 << 30, seen},
		{"a status that is nowhere", usual, 1, 0, seen | dedup.SeenRead},
	} {
		key := newJob(numberA, "c1", n).Key()
		sequences := record(n, tt.kinds...)
		if event := tt.wrong; event > 0 || tt.event > 0 {
			if tt.event > 0 {
				event = sequences[tt.event-1]
			}
			f.settle(key, event, tt.seen)
		}
		story, err := f.o.Explain(t.Context(), key)
		if err != nil {
			t.Fatal(tt.name, err)
		}
		var got, want []string
		for _, s := range story.Steps {
			got = append(got, s.What)
		}
		for _, kind := range tt.kinds {
			want = append(want, string(kind))
		}
		if strings.Join(got, " ") != strings.Join(want, " ") || story.Incomplete != "" {
			t.Errorf("%s: %s, want %s; incomplete: %s", tt.name, got, want, cmp.Or(story.Incomplete, "no"))
		}
	}
}
