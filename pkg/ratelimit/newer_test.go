package ratelimit

import (
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/embed/embedtest"
)

// What a newer build keeps of a number's rate in a form that this one cannot read holds
// up nobody: it is as if nothing were known, which gives out less for one horizon.
func TestUnreadableStateIsNothingKnown(t *testing.T) {
	for _, kept := range []string{"2 of a newer form", "v2:1795398829897051", "1795398829897051 50000 100000 1795398829900761 20 1795398829904664 7"} {
		s := embedtest.Redis(t)
		limiter := NewRedis(s.Client, Options{Namespace: s.Namespace})
		if err := s.Client.Set(t.Context(), limiter.key("a"), kept, time.Hour).Err(); err != nil {
			t.Fatal(err)
		}
		grants, err := limiter.Reserve(t.Context(), []Request{{Sender: "a", Spacing: 10 * time.Millisecond, Want: 100}})
		if err != nil {
			t.Fatalf("%q: %v", kept, err)
		}
		if g := grants[0]; g.Count > 1 || g.Again <= 0 || g.Again > DefaultHorizon || g.Share != 1 {
			t.Errorf("%q: %+v, want at most one slot, and more within a horizon", kept, g)
		}
	}
}
