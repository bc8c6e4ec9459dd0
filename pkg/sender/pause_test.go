package sender

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wacast/wacast/pkg/job"
)

// replicas starts stops that share a store, until the test ends.
func replicas(t *testing.T, store Store, n int) []*Stops {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	list := make([]*Stops, n)
	for i := range list {
		s, _ := newTestStops(store)
		list[i] = s
		running.Go(func() { _ = s.Run(ctx) })
	}
	synctest.Wait()
	t.Cleanup(func() { cancel(); running.Wait() })
	return list
}

// What an operator pauses, nothing but an operator lets go on.
func TestPauseCoversItsScopeOnAllReplicas(t *testing.T) {
	other := Target{ScopeNumber, "200"}
	for _, tt := range []struct {
		target  Target
		covered bool // the other number of the account
	}{{Everything(), true}, {account, true}, {number, false}, {template, true}} {
		t.Run(string(tt.target.Scope), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all := replicas(t, &bucket{}, 2)
				cli, _ := newTestStops(all[0].store) // a command, which never ran
				if err := cli.Pause(t.Context(), tt.target, "wrong text", "ana"); err != nil {
					t.Fatal(err)
				}
				time.Sleep(30 * 24 * time.Hour)
				for i, s := range all {
					if err := s.Lift(t.Context(), account, number, template, tt.target); err != nil {
						t.Fatal(err)
					}
					if v := s.Admit(account, number, template); v.OK || v.Stop.By != "ana" || v.Stop.Reason != job.ReasonPaused {
						t.Errorf("replica %d: %+v, want it paused by ana", i, v)
					}
					if v := s.Peek(account, other, template); v.OK == tt.covered {
						t.Errorf("replica %d: the other number may send: %v", i, v.OK)
					}
				}
				if err := cli.Resume(t.Context(), tt.target); err != nil {
					t.Fatal(err)
				}
				for i, s := range all {
					if v := s.Admit(account, number, template); !v.OK || v.Probe || !s.Free() {
						t.Errorf("replica %d after the resume: %+v", i, v)
					}
				}
			})
		})
	}
}

// A pause and a refusal of one target do not hide each other.
func TestPauseAndRefusalOfOneNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := replicas(t, &bucket{}, 1)[0]
		refuse(t, s, number, 10*time.Second)
		if err := s.Pause(t.Context(), number, "", "ana"); err != nil {
			t.Fatal(err)
		}
		if got := s.List(); len(got) != 2 {
			t.Errorf("List() = %+v, want both", got)
		}
		time.Sleep(time.Minute)
		if s.Admit(account, number).OK {
			t.Error("a probe was let through a pause")
		}
		if err := s.Lift(t.Context(), number); err != nil {
			t.Fatal(err)
		}
		if got := s.List(); len(got) != 1 || got[0].By != "ana" {
			t.Errorf("List() = %+v, want the pause alone", got)
		}
		refuse(t, s, number, time.Hour)
		if err := s.Resume(t.Context(), number); err != nil {
			t.Fatal(err)
		}
		if !s.Admit(account, number).OK || len(s.List()) != 0 {
			t.Error("the operator's word does not end what was refused")
		}
	})
}

// A number that fails is looked at before a message is tried, each turn by one
// replica, and the first clear answer lets all of them go on.
func TestFailingIsLookedAtBeforeAMessageIsTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := replicas(t, &bucket{}, 2)
		one, two := all[0], all[1]
		if err := one.Failing(t.Context(), number, 502, "html", 2*time.Second); err != nil {
			t.Fatal(err)
		}
		if one.Turn(t.Context(), number, 4*time.Second) || one.Admit(number).OK {
			t.Error("a probe before the first wait is over")
		}
		time.Sleep(2 * time.Second)
		if one.Peek(number).OK || two.Peek(number).OK {
			t.Error("a message is let through without a look before")
		}
		if !two.Turn(t.Context(), number, 4*time.Second) || one.Turn(t.Context(), number, 4*time.Second) {
			t.Error("not exactly one replica has the turn")
		}
		two.Allow(number)
		if one.Peek(number).OK {
			t.Error("the other replica may try a message too")
		}
		if v := two.Admit(account, number, template); !v.OK || !v.Probe || v.Stop.Reason != job.ReasonAPIFailing {
			t.Errorf("%+v, want a probe", v)
		}
		if two.Admit(number).OK {
			t.Error("a second message was let through")
		}
		time.Sleep(4 * time.Second)
		if !one.Turn(t.Context(), number, 8*time.Second) {
			t.Error("a probe that hangs keeps the next one from its turn")
		}
		two.Inconclusive(account, number, template)
		if two.Peek(number).OK || two.ListFailing()[0].Probes != 2 {
			t.Errorf("after an unclear answer %+v", two.ListFailing())
		}
		one.Allow(number)
		if !one.Admit(number).Probe {
			t.Fatal("no second probe")
		}
		if err := one.LiftFailing(t.Context(), account, number); err != nil {
			t.Fatal(err)
		}
		for i, s := range all {
			if !s.Free() || s.ListFailing() != nil {
				t.Errorf("replica %d still holds back: %+v", i, s.List())
			}
		}
	})
}

// What the API says of a number when it answers again takes the place of the
// failure; what only failed is lifted by any clear answer, what was refused is not.
func TestFailingGivesWayToARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := replicas(t, &bucket{}, 1)[0]
		if err := s.Failing(t.Context(), number, 131016, "", time.Second); err != nil {
			t.Fatal(err)
		}
		refuse(t, s, number, time.Minute) // in flight when it was stopped
		time.Sleep(time.Second)
		if !s.Turn(t.Context(), number, 10*time.Second) {
			t.Fatal("no turn")
		}
		s.Allow(number)
		if !s.Admit(account, number).Probe {
			t.Fatal("no probe")
		}
		refuse(t, s, number, time.Minute)
		got := s.List()
		if len(got) != 1 || got[0].Code != 190 || got[0].Probes != 0 || time.Until(got[0].Until) < time.Minute {
			t.Errorf("%+v, want the refusal as it would stand alone", got)
		}
		if err := s.LiftFailing(t.Context(), number); err != nil || s.Free() {
			t.Errorf("a refusal was lifted as a failure: %v", err)
		}
		if err := s.Failing(t.Context(), number, 0, "", time.Second); err != nil || s.List()[0].Code != 190 {
			t.Errorf("a failure hides a refusal: %+v, %v", s.List(), err)
		}
	})
}

func TestHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &bucket{}
		s := replicas(t, store, 1)[0]
		if !s.HeardSince("100").IsZero() {
			t.Error("something was heard of a silent number")
		}
		sent := time.Now().Add(-time.Hour)
		value, err := EncodeHeard(sent)
		if err != nil {
			t.Fatal(err)
		}
		changed := s.Changed()
		for _, v := range [][]byte{value, []byte("nonsense")} {
			if err := store.Put(t.Context(), HeardKey("100"), v); err != nil {
				t.Fatal(err)
			}
			if got := s.HeardSince("100"); !got.Equal(sent) {
				t.Errorf("heard %v, want %v", got, sent)
			}
		}
		select {
		case <-changed:
			t.Error("a webhook is a change of what is stopped")
		default:
		}
		if err := store.Delete(t.Context(), HeardKey("100")); err != nil || !s.HeardSince("100").IsZero() || !s.Free() {
			t.Error("what was deleted is still heard")
		}
	})
}

func BenchmarkAdmit(b *testing.B) {
	s, _ := newTestStops(nil)
	for b.Loop() {
		s.Admit(account, number, template)
	}
}
