package sender

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wacast/wacast/pkg/job"
)

var spanish = TemplateTarget("1", "coupon", "es_AR")

// paused is what the platform tells of a template that it pauses.
func paused(at time.Time, lasts time.Duration) Stop {
	stop := Stop{Scope: spanish.Scope, Name: spanish.Name, Reason: job.ReasonTemplateStatus, Detail: "paused", At: at, WayBack: BackWebhook}
	if lasts > 0 {
		stop.Until, stop.WayBack = at.Add(lasts), BackTime
	}
	return stop
}

func tell(t *testing.T, s *Stops, stop Stop, want bool) {
	t.Helper()
	if changed, err := s.PlatformStop(t.Context(), stop); err != nil || changed != want {
		t.Errorf("the stop is new: %v, %v; want %v", changed, err, want)
	}
}

func resume(t *testing.T, s *Stops, target Target, reason job.Reason, at time.Time, want bool) {
	t.Helper()
	if changed, err := s.PlatformResume(t.Context(), target, reason, at); err != nil || changed != want {
		t.Errorf("the resume ended something: %v, %v; want %v", changed, err, want)
	}
}

func TestTargets(t *testing.T) {
	all := TemplateTarget("1", "coupon", "")
	for _, tt := range []struct {
		wide, narrow Target
		want         bool
	}{
		{all, all, true}, {all, spanish, true}, {spanish, all, false}, {all, TemplateTarget("1", "coupons", "es"), false},
		{all, TemplateTarget("2", "coupon", "es"), false}, {account, CategoryTarget("1", "utility"), true}, {account, CategoryTarget("11", "utility"), false},
		{account, all, false}, {account, number, false}, {account, Target{ScopeTemplate, "1/x"}, false},
	} {
		if tt.wide.Covers(tt.narrow) != tt.want {
			t.Errorf("%v covers %v: %v", tt.wide, tt.narrow, !tt.want)
		}
	}
}

// A template that the platform pauses stops on all replicas, in its language alone, and
// goes on when the platform says so.
func TestPlatformStopsAndResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &bucket{}
		all := replicas(t, store, 2)
		receiver, log := newTestStops(store) // which never ran
		at := time.Now()
		tell(t, receiver, paused(at, 0), true)
		tell(t, receiver, paused(at, 0), false) // once more
		for i, s := range all {
			v := s.Admit(account, number, template, spanish)
			if v.OK || v.Stop.By != ByPlatform || !v.Stop.Since.Equal(at) || v.Stop.WayBack != BackWebhook {
				t.Errorf("replica %d: %+v", i, v)
			}
			if !s.Admit(account, number, template, TemplateTarget("1", "coupon", "en")).OK {
				t.Error("another language is held back")
			}
		}
		time.Sleep(30 * 24 * time.Hour)
		if all[0].Admit(spanish).OK {
			t.Error("a probe was let through where only a webhook may")
		}
		if err := all[0].Lift(t.Context(), account, spanish); err != nil || all[0].Free() {
			t.Errorf("an accepted message lifted it: %v", err)
		}
		resume(t, receiver, spanish, job.ReasonTemplateStatus, time.Now(), true)
		for i, s := range all {
			if !s.Admit(spanish).OK || !s.Free() || len(s.List()) != 0 {
				t.Errorf("replica %d: %+v", i, s.List())
			}
		}
		if n := strings.Count(log.String(), "msg=stopped") + strings.Count(log.String(), `msg="goes on"`); n != 2 {
			t.Errorf("%d lines are logged, want 2:\n%s", n, log)
		}
	})
}

// Webhooks come in any order: what happened last holds, whichever came first, also to
// another receiver.
func TestPlatformOutOfOrder(t *testing.T) {
	for _, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}, {2, 0, 3, 1}, {3, 3, 0, 0, 1, 1, 2, 2}} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &bucket{}
				worker := replicas(t, store, 1)[0]
				begun := time.Now()
				for i, n := range order {
					receiver, _ := newTestStops(store)
					at := begun.Add(time.Duration(n) * time.Hour)
					var err error
					if n%2 == 0 {
						_, err = receiver.PlatformStop(t.Context(), paused(at, 0))
					} else {
						_, err = receiver.PlatformResume(t.Context(), spanish, job.ReasonTemplateStatus, at)
					}
					if err != nil {
						t.Fatal(err)
					}
					newest := n
					for _, m := range order[:i] {
						newest = max(newest, m)
					}
					if stopped := !worker.Peek(spanish).OK; stopped != (newest%2 == 0) {
						t.Errorf("after %v it is stopped: %v", order[:i+1], stopped)
					}
				}
			})
		})
	}
}

// Of a stop and a resume of the same second, the resume holds: the next refusal tells
// if that is wrong.
func TestPlatformInOneSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, resumeFirst := range []bool{true, false} {
			s, _ := newTestStops(nil)
			at := time.Now()
			if resumeFirst {
				resume(t, s, spanish, job.ReasonTemplateStatus, at, false)
				tell(t, s, paused(at, 0), false)
			} else {
				tell(t, s, paused(at, 0), true)
				resume(t, s, spanish, job.ReasonTemplateStatus, at, true)
			}
			if !s.Free() {
				t.Errorf("resume first: %v: %+v", resumeFirst, s.List())
			}
		}
	})
}

// The end of one cause is not that of another.
func TestCausesStandBesideEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := replicas(t, &bucket{}, 1)[0]
		at := time.Now()
		ban := Stop{Scope: ScopeAccount, Name: "1", Reason: job.ReasonBanned, At: at, WayBack: BackWebhook}
		restricted := Stop{Scope: ScopeAccount, Name: "1", Reason: job.ReasonRestricted, At: at, Until: at.Add(time.Hour), WayBack: BackTime}
		gone := Stop{Scope: ScopeAccount, Name: "1", Reason: job.ReasonAccount, At: at, WayBack: BackWebhook}
		tell(t, s, ban, true)
		tell(t, s, restricted, true)
		tell(t, s, gone, true)
		refuse(t, s, account, 0) // the token, which waits for a person
		if err := s.Pause(t.Context(), account, "look first", "ana"); err != nil || len(s.List()) != 5 {
			t.Fatalf("%v: %+v", err, s.List())
		}
		time.Sleep(2 * time.Hour)
		for _, reason := range []job.Reason{job.ReasonBanned, job.ReasonAccount, job.ReasonRestricted} {
			resume(t, s, account, reason, time.Now(), true)
		}
		left := s.List()
		if len(left) != 2 || left[0].Code != 190 || left[1].By != "ana" {
			t.Errorf("%+v, want the refusal and the pause", left)
		}
		if err := s.Resume(t.Context(), account); err != nil || !s.Free() {
			t.Errorf("%v: %+v", err, s.List())
		}
		if _, err := s.PlatformStop(t.Context(), Stop{Scope: ScopeAccount, Name: "1", Reason: job.ReasonPaused}); err == nil {
			t.Error("the platform pauses like an operator")
		}
	})
}

// A pause of three hours: one message is tried at its end. Accepted, it ends the stop,
// and a webhook of before begins none; refused, the stop goes on.
func TestPlatformStopWithAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := replicas(t, &bucket{}, 2)
		s, other := all[0], all[1]
		at := time.Now()
		tell(t, s, paused(at, 3*time.Hour), true)
		time.Sleep(3*time.Hour - time.Second)
		if s.Admit(spanish).OK {
			t.Error("let through before its end")
		}
		time.Sleep(time.Second)
		if v := s.Admit(account, spanish); !v.Probe {
			t.Fatalf("%+v, want a probe", v)
		}
		if err := s.Refused(t.Context(), spanish, job.ReasonTemplateStatus, 132015, "paused still", 3*time.Hour); err != nil {
			t.Fatal(err)
		}
		if v := other.Peek(spanish); v.OK || time.Until(v.Stop.Until) < 3*time.Hour || v.Stop.By != ByPlatform {
			t.Errorf("after a refused probe %+v", v)
		}
		time.Sleep(4 * time.Hour)
		if v := other.Admit(account, spanish); !v.Probe {
			t.Fatalf("%+v, want a second probe", v)
		}
		probed := time.Now()
		time.Sleep(time.Second)
		if err := other.Lift(t.Context(), account, spanish); err != nil || !s.Free() || !other.Free() {
			t.Fatalf("after an accepted probe: %v, %+v", err, s.List())
		}
		tell(t, s, paused(probed.Add(-time.Minute), 3*time.Hour), false)
		tell(t, s, paused(time.Now(), 6*time.Hour), true)
	})
}

// What the platform tells while a probe is on its way is newer than its answer.
func TestProbeDoesNotLiftWhatIsNewer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := replicas(t, &bucket{}, 2)
		s, receiver := all[0], all[1]
		tell(t, receiver, paused(time.Now(), 3*time.Hour), true)
		time.Sleep(3 * time.Hour)
		if !s.Admit(spanish).Probe {
			t.Fatal("no probe")
		}
		time.Sleep(time.Second)
		tell(t, receiver, paused(time.Now(), 6*time.Hour), true)
		if err := s.Lift(t.Context(), spanish); err != nil || s.Peek(spanish).OK || receiver.Peek(spanish).OK {
			t.Errorf("the second pause is gone: %v", err)
		}
	})
}

// A refusal and the webhook that tells why are one stop.
func TestRefusalAndWebhookAreOneStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := replicas(t, &bucket{}, 1)[0]
		refused := func() {
			t.Helper()
			if err := s.Refused(t.Context(), spanish, job.ReasonTemplateStatus, 132015, "refused", 3*time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		refused()
		at := time.Now().Add(-time.Second) // the webhook is later, the event was before
		tell(t, s, paused(at, 6*time.Hour), true)
		refused() // in flight
		if got := s.List(); len(got) != 1 || got[0].By != ByPlatform || !got[0].Until.Equal(at.Add(6*time.Hour)) {
			t.Errorf("%+v, want one that knows the end", got)
		}
		time.Sleep(time.Minute)
		resume(t, s, spanish, job.ReasonTemplateStatus, time.Now(), true)
		time.Sleep(time.Hour)
		refused() // a new one
		resume(t, s, spanish, job.ReasonTemplateStatus, time.Now().Add(-30*time.Minute), false)
		if s.Peek(spanish).OK {
			t.Error("an older webhook lifted a refusal")
		}
		resume(t, s, spanish, job.ReasonTemplateStatus, time.Now().Add(-time.Second), true)
	})
}

// A webhook that is repeated after an operator has resumed stops nothing.
func TestOperatorResumesForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &bucket{}
		s := replicas(t, store, 1)[0]
		at := time.Now()
		tell(t, s, paused(at, 0), true)
		time.Sleep(time.Hour)
		cli, _ := newTestStops(store) // which never ran
		if err := cli.Resume(t.Context(), spanish); err != nil || !s.Free() {
			t.Fatalf("%v: %+v", err, s.List())
		}
		tell(t, s, paused(at, 0), false)
		tell(t, s, paused(at.Add(time.Minute), 0), false)
		tell(t, s, paused(time.Now().Add(time.Second), 0), true)
	})
}
