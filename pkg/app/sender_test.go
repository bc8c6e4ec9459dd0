package app_test

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/ratelimit"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/simulator"
)

// listedRig is a rig whose account lists number A, which may send 1,000 a second, and
// whose default is 80.
func listedRig(t *testing.T) *rig {
	dir := t.TempDir()
	write(t, dir, "token", "token-a")
	write(t, dir, "accounts/a.yaml", "waba_id: 111\nportfolio: Acme\nnumbers: ["+numberA+"]\naccess_token_file: "+dir+"/token\n")
	return newRig(t, simulator.Config{MPS: 1000, MessagingLimit: "TIER_2K"}, "WACAST_ACCOUNTS_DIR="+filepath.Join(dir, "accounts"), "WACAST_DEFAULT_MPS=80")
}

// state waits until number A stands as wanted.
func (r *rig) state(o *app.Operator, wanted func(*app.SenderState) bool) *app.SenderState {
	r.t.Helper()
	var s *app.SenderState
	r.eventually(func() (bool, string) {
		list, err := o.Senders(r.t.Context())
		if err != nil || len(list) != 1 || list[0].Number != numberA {
			r.t.Fatalf("senders %+v, %v; want number A alone", list, err)
		}
		s = &list[0]
		return s.Pace != nil && wanted(s), fmt.Sprintf("%+v with the pace %+v", s, s.Pace)
	})
	return s
}

// The worker goes by what the API tells, by what an operator says at once, and by the
// API's word again, and a listing shows what it does.
func TestLimitOfASenderChanges(t *testing.T) {
	r := listedRig(t)
	r.ready("one")
	o := r.operator()
	s := r.state(o, func(s *app.SenderState) bool { return s.Pace.MPS == 1000 })
	if s.Source != sender.SourceAPI || s.Level != "HIGH" || s.Account != "111" || s.Pace.Share != 1 || s.Pace.Effective < 950 || s.Pace.Effective > 1000 {
		t.Errorf("%+v with the pace %+v; want a little less than the API's 1,000", s, s.Pace)
	}
	if s.Portfolio != "Acme" || s.Recipients == nil || *s.Recipients != 2000 {
		t.Errorf("%+v; want Acme's 2,000 people", s)
	}
	mps, perDay := 20, 5000
	if _, err := o.SetSender(t.Context(), numberA, app.SenderChange{MPS: &mps, PerDay: &perDay}); err != nil {
		t.Fatal(err)
	}
	s = r.state(o, func(s *app.SenderState) bool { return s.Pace.MPS == 20 })
	if s.Source != sender.SourceOperator || s.By != "ana@host" || s.PerDay != 5000 || s.Pace.Effective > 20 {
		t.Errorf("%+v with the pace %+v; want ana's 20", s, s.Pace)
	}
	if _, err := o.SetSender(t.Context(), numberA, app.SenderChange{Auto: true}); err != nil {
		t.Fatal(err)
	}
	if s = r.state(o, func(s *app.SenderState) bool { return s.Pace.MPS == 1000 }); s.Source != sender.SourceAPI || s.PerDay != 0 {
		t.Errorf("%+v; want the API's word", s)
	}
	if _, err := o.SetSender(t.Context(), numberB, app.SenderChange{MPS: &mps}); !errors.Is(err, app.ErrNoSender) {
		t.Errorf("a number that nobody knows was limited: %v", err)
	}
}

// Why a queue's jobs wait, as it changes under a running worker.
func TestWhyNothingIsSent(t *testing.T) {
	r := listedRig(t)
	one := r.ready("one")
	o := r.operator()
	mps := 5
	if _, err := o.SetSender(t.Context(), numberA, app.SenderChange{MPS: &mps}); err != nil {
		t.Fatal(err)
	}
	r.publish(newJobs(numberA, "c1", 0, 1000)...)
	r.publish(&job.Job{
		V: job.Version, ID: "later", Campaign: "c2", From: numberA, To: "+5491155550100", SendAt: time.Now().Add(time.Hour).UTC(),
		Template: job.Template{Name: "appointment", Language: "es_AR", Params: &job.Params{Body: job.Positional("Emilia", "x")}},
	})
	why := func(campaign, reason string) app.Why {
		t.Helper()
		var got app.Why
		r.eventually(func() (bool, string) {
			s, err := o.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range s.Waiting {
				if w.Campaign == campaign {
					got = w.Why
				}
			}
			return got.Reason == reason, fmt.Sprintf("%+v, want %s", s.Waiting, reason)
		})
		return got
	}
	why("c1", app.WhyRate)
	why("c2", app.WhyTime)

	names := queue.Names{Namespace: r.config().Namespace}
	bucket, err := queue.OpenBucket(t.Context(), r.jetStream(), names.SendersBucket())
	if err != nil {
		t.Fatal(err)
	}
	worker := sender.NewStops(bucket, "two", slog.New(slog.DiscardHandler))
	until := time.Now().Add(time.Hour)
	if err := worker.Hold(t.Context(), numberA, "c1", job.ReasonDailyLimit, until); err != nil {
		t.Fatal(err)
	}
	if got := why("c1", string(job.ReasonDailyLimit)); !got.Until.Equal(until) {
		t.Errorf("%+v, want until %s", got, until)
	}
	if err := worker.Release(t.Context(), numberA, "c1"); err != nil {
		t.Fatal(err)
	}
	limiter := ratelimit.NewRedis(r.redis.Client, ratelimit.Options{Namespace: names.Namespace})
	if err := limiter.Slow(t.Context(), []ratelimit.Slowdown{{Sender: numberA, Spacing: 12500 * time.Microsecond, Hold: 20 * time.Second, Refusals: 2}}); err != nil {
		t.Fatal(err)
	}
	if got := why("c1", app.WhyThrottled); got.Until.IsZero() {
		t.Errorf("%+v, want an end", got)
	}
	if s := r.state(o, func(s *app.SenderState) bool { return s.Pace.HoldSeconds > 0 }); s.Pace.Share >= 1 || s.Pace.Effective >= 5 {
		t.Errorf("the pace is %+v after a refusal for the rate", s.Pace)
	}
	for _, stop := range []struct {
		target sender.Target
		reason string
	}{
		{sender.Target{Scope: sender.ScopeTemplate, Name: "111/appointment"}, app.WhyTemplate},
		{sender.Target{Scope: sender.ScopeAccount, Name: "111"}, app.WhyAccount},
	} {
		if err := worker.Refused(t.Context(), stop.target, job.ReasonTemplate, 132015, "stopped", time.Hour); err != nil {
			t.Fatal(err)
		}
		why("c1", stop.reason)
	}
	if err := o.PauseCampaign(t.Context(), "c1", "wrong date"); err != nil {
		t.Fatal(err)
	}
	if got := why("c1", app.WhyPaused); got.By != "ana@host" {
		t.Errorf("%+v, want it by ana", got)
	}
	if err := one.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	why("c1", app.WhyNoWorker)
}
