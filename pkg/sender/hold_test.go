package sender

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wacast/wacast/pkg/job"
)

// counting is a bucket that counts what is written into it.
type counting struct {
	bucket
	writes int
}

func (c *counting) Put(ctx context.Context, key string, value []byte) error {
	c.writes++
	return c.bucket.Put(ctx, key, value)
}

func (c *counting) kept(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.values[key] != nil
}

// What one worker finds used up, everybody can tell, until its time has come.
func TestHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := replicas(t, &bucket{}, 2)
		until := time.Now().Add(time.Hour)
		if err := all[0].Hold(t.Context(), "100", "reminders", job.ReasonDailyLimit, until); err != nil {
			t.Fatal(err)
		}
		for i, s := range all {
			h, ok := s.Held("100", "reminders")
			if !ok || h.Reason != job.ReasonDailyLimit || !h.Until.Equal(until) || h.By != "worker-1" {
				t.Errorf("replica %d: %+v, %v", i, h, ok)
			}
			if _, ok := s.Held("100", "other"); ok || !s.Free() || !s.Admit(account, number).OK {
				t.Errorf("replica %d: a hold has stopped something", i)
			}
		}
		if err := all[0].Hold(t.Context(), "100", "", job.ReasonPortfolioLimit, until); err != nil {
			t.Fatal(err)
		}
		for campaign, want := range map[string]job.Reason{"other": job.ReasonPortfolioLimit, job.NoCampaign: job.ReasonPortfolioLimit, "reminders": job.ReasonDailyLimit} {
			if h, _ := all[1].Held("100", campaign); h.Reason != want {
				t.Errorf("campaign %s waits for %q, want %q", campaign, h.Reason, want)
			}
		}
		if err := all[0].Release(t.Context(), "100", ""); err != nil {
			t.Fatal(err)
		}
		if _, ok := all[1].Held("100", "other"); ok {
			t.Error("it is held after the release")
		}
		time.Sleep(time.Hour)
		if _, ok := all[1].Held("100", "reminders"); ok {
			t.Error("it is held after its time")
		}
	})
}

// A worker may tell at every job what it knows already, and old news does not pile up.
func TestHoldIsCheap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &counting{}
		s := replicas(t, store, 1)[0]
		for i := range 100 {
			until := time.Now().Add(time.Minute + time.Duration(i)*time.Millisecond)
			if err := s.Hold(t.Context(), "100", "reminders", job.ReasonDailyLimit, until); err != nil {
				t.Fatal(err)
			}
		}
		if store.writes != 1 {
			t.Errorf("%d writes for one thing, want 1", store.writes)
		}
		if err := s.Hold(t.Context(), "100", "reminders", job.ReasonPortfolioLimit, time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if err := s.Hold(t.Context(), "100", "reminders", job.ReasonPortfolioLimit, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if store.writes != 3 {
			t.Errorf("%d writes, want one for each reason and end", store.writes)
		}
		time.Sleep(3 * time.Hour)
		if err := s.Hold(t.Context(), "200", "coupons", job.ReasonSpread, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if store.kept("held.100.reminders") || !store.kept("held.200.coupons") {
			t.Error("the store keeps what was over long ago, or not what is held")
		}
	})
}
