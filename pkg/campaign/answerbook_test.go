package campaign_test

import (
	"context"
	"testing"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/job"
)

// The first answer stands until the recipient gives another; a deadline that passes
// overrides none, and one that comes after it does.
func TestAnswerBook(t *testing.T) {
	b := campaign.NewAnswerBook(newMemory(), "tested")
	give := func(id string, answer, was job.Kind) {
		t.Helper()
		got, err := b.Give(context.Background(), job.Key{Campaign: "c", ID: id}, answer, clock())
		if got != was || err != nil {
			t.Errorf("%s of %s was %q, %v; want %q", answer, id, got, err, was)
		}
	}
	miss := func(id string, stands job.Kind, first bool) {
		t.Helper()
		got, is, err := b.Miss(context.Background(), job.Key{Campaign: "c", ID: id}, clock())
		if got != stands || is != first || err != nil {
			t.Errorf("the deadline of %s left %q, %v, %v; want %q, %v", id, got, is, err, stands, first)
		}
	}
	give("a", job.Confirmed, "")
	give("a", job.Confirmed, job.Confirmed)
	give("a", job.Declined, job.Confirmed)
	miss("a", job.Declined, false)
	miss("b", job.NoAnswer, true)
	miss("b", job.NoAnswer, false)
	give("b", job.Confirmed, job.NoAnswer)
	miss("b", job.Confirmed, false)
	give("c", job.Declined, "")
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
