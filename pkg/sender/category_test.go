package sender

import (
	"log/slog"
	"testing"
	"time"
)

// The newest that the platform tells of a template's category counts, in whichever
// order it comes, and in a replica that begins later.
func TestCategory(t *testing.T) {
	s := NewStops(nil, "tested", slog.New(slog.DiscardHandler))
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for i, step := range []struct {
		language, category string
		after              time.Duration
		es, en             string
		wakes              bool
	}{
		{"es_AR", "marketing", 2, "MARKETING", "", true},
		{"es_AR", "UTILITY", 1, "MARKETING", "", false},
		{"es_AR", "MARKETING", 3, "MARKETING", "", false},
		{"", "UTILITY", 4, "UTILITY", "UTILITY", true},
		{"es_AR", "MARKETING", 5, "MARKETING", "UTILITY", false},
	} {
		changed := s.Changed()
		if err := s.SetCategory(t.Context(), "1", "coupon.x/y", step.language, Category{Name: step.category, At: at.Add(step.after * time.Second)}); err != nil {
			t.Fatal(err)
		}
		if es, en := s.Category("1", "coupon.x/y", "es_AR"), s.Category("1", "coupon.x/y", "en"); es != step.es || en != step.en {
			t.Errorf("step %d: es %q, en %q", i, es, en)
		}
		select {
		case <-changed:
		default:
			if step.wakes {
				t.Errorf("step %d wakes nobody", i)
			}
		}
	}
	if got := s.Category("2", "coupon.x/y", "es_AR"); got != "" {
		t.Errorf("another account's template is %s", got)
	}
}
