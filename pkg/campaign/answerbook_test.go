package campaign_test

import (
	"testing"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/job"
)

// A deadline that passes overrides no answer, and is written down once.
func TestAnswerBook(t *testing.T) {
	bucket := newMemory()
	b := campaign.NewAnswerBook(bucket, "tested")
	given := job.Key{Campaign: "c", ID: "a"}
	// What webhooks write may say more.
	if err := bucket.Put(t.Context(), campaign.AnswerKey(given), []byte(`{"answer":"declined","at":"2026-11-22T21:00:00Z","by":"x","before":[{"answer":"confirmed"}]}`)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		key    job.Key
		stands job.Kind
		first  bool
	}{
		{given, job.Declined, false},
		{job.Key{Campaign: "c", ID: "b"}, job.NoAnswer, true},
		{job.Key{Campaign: "c", ID: "b"}, job.NoAnswer, false},
		{job.Key{ID: "a"}, job.NoAnswer, true},
	} {
		stands, first, err := b.Miss(t.Context(), tt.key, clock())
		if stands != tt.stands || first != tt.first || err != nil {
			t.Errorf("the deadline of %s left %q, %v, %v; want %q, %v", tt.key, stands, first, err, tt.stands, tt.first)
		}
	}
	value, err := bucket.Get(t.Context(), campaign.AnswerKey(job.Key{ID: "a"}))
	if want := `{"answer":"no_answer","at":"2026-11-22T21:00:00Z","by":"tested"}`; string(value) != want || err != nil {
		t.Errorf("kept %s, %v; want %s", value, err, want)
	}
}

func TestAnswerKeyFitsEveryJob(t *testing.T) {
	seen := make(map[string]bool)
	for _, key := range []job.Key{{ID: "a:b"}, {Campaign: "c", ID: "a:b"}, {Campaign: "c", ID: "a"}, {ID: string(make([]byte, 128))}} {
		k := campaign.AnswerKey(key)
		if seen[k] || len(k) != 32 {
			t.Errorf("%v has key %q", key, k)
		}
		seen[k] = true
	}
}
