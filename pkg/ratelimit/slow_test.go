package ratelimit

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func (s subject) slow(t *testing.T, slowdowns ...Slowdown) {
	t.Helper()
	if err := s.Slow(context.Background(), slowdowns); err != nil {
		t.Fatal(err)
	}
}

func (s subject) states(t *testing.T, senders ...string) []State {
	t.Helper()
	states, err := s.States(context.Background(), senders)
	if err != nil {
		t.Fatal(err)
	}
	return states
}

func testSlow(t *testing.T, s subject) {
	const hold = 10 * time.Second
	s.slow(t, slowdown("1", 2, hold), slowdown("2", 2, time.Hour))
	states := s.states(t, "1", "2", "3")
	if !s.exact {
		for i := range states {
			states[i].Hold = states[i].Hold.Round(time.Minute / 6)
		}
	}
	if diff := cmp.Diff([]State{{.97, hold}, {.97, MaxHold}, {1, 0}}, states); diff != "" {
		t.Error("states (-want +got):\n", diff)
	}
	request := Request{Sender: "1", Spacing: 10 * time.Millisecond, Want: 3, Urgent: 3}
	g := s.reserve(t, request)[0]
	if g.Count != 0 || g.Again <= hold-time.Second || g.Again > hold-DefaultHorizon {
		t.Errorf("held number: %+v, want nothing and again a horizon before the hold ends", g)
	}
	if g.Share != .97 || g.Spacing != 10310*time.Microsecond { // 10 ms / 0.97, up
		t.Errorf("held number: %+v, want 0.97 of the limit", g)
	}
	if !s.exact {
		return
	}
	s.sleep(g.Again)
	g = s.reserve(t, request)[0]
	if want := (Grant{First: DefaultHorizon, Spacing: 10310 * time.Microsecond, Count: 1, Again: 10310 * time.Microsecond, Share: .97}); g != want {
		t.Errorf("when it was told to ask again: %+v, want %+v", g, want)
	}
}

// slowdown is one by refusals, of 80 a second.
func slowdown(sender string, refusals int, hold time.Duration) Slowdown {
	return Slowdown{Sender: sender, Spacing: 12500 * time.Microsecond, Hold: hold, Refusals: refusals}
}

func testOneOverload(t *testing.T, s subject) {
	if !s.exact {
		return // the same scripts as in miniredis, at times that cannot be chosen
	}
	for i, want := range []float64{1, .97, .96, .91, .84} {
		s.slow(t, slowdown("1", 1, 0))
		if got := s.states(t, "1")[0].Share; got != want {
			t.Errorf("after %d refusals the share is %v, want %v", i+1, got, want)
		}
		s.sleep(50 * time.Millisecond)
	}
	for range 20 {
		s.slow(t, slowdown("1", 10, 0))
	}
	if got := s.states(t, "1")[0]; got.Share != .5 || got.Hold > 300*time.Millisecond || got.Hold < 200*time.Millisecond {
		t.Errorf("after refusals for 250 ms: %+v, want the half, and half a second without", got)
	}
}

func testStorm(t *testing.T, s subject) {
	if !s.exact {
		return
	}
	for range 40 {
		s.slow(t, slowdown("1", 10, 0))
		s.sleep(310 * time.Millisecond)
	}
	if got := s.states(t, "1")[0]; got.Share < .01 || got.Share > .02 {
		t.Errorf("after refusals for 12 s the share is %v, want the least there is", got.Share)
	}
	s.sleep(2 * time.Minute)
	s.slow(t, slowdown("1", 1, 0))
	if got := s.states(t, "1")[0].Share; got != 1 {
		t.Errorf("minutes later the share falls to %v, want all of the limit", got)
	}
}

func testRecovers(t *testing.T, s subject) {
	if !s.exact {
		return
	}
	request := Request{Sender: "1", Spacing: 12500 * time.Microsecond, Want: 1}
	s.reserve(t, request)
	s.slow(t, slowdown("1", 4, time.Second))
	s.sleep(time.Second)
	last := 0.0
	for range 61 {
		share := s.reserve(t, request)[0].Share
		if share < last {
			t.Fatalf("the share fell from %v to %v", last, share)
		}
		last = share
		s.sleep(100 * time.Millisecond)
	}
	if g := s.reserve(t, request)[0]; last != 1 || g.Share != 1 || g.Spacing != request.Spacing {
		t.Errorf("after six seconds: share %v, %+v; want the full limit", last, g)
	}
}

func TestSlowRefusesNonsense(t *testing.T) {
	for backend, open := range subjects() {
		s := open(t)
		for name, bad := range map[string]Slowdown{
			"no sender": slowdown("", 1, time.Second), "negative hold": slowdown("1", 1, -1), "no spacing": {Sender: "1"},
			"negative refusals": slowdown("1", -1, 0), "too many refusals": slowdown("1", MaxRefusals+1, 0),
		} {
			if err := s.Slow(context.Background(), []Slowdown{slowdown("2", 9, 0), bad}); err == nil {
				t.Errorf("%s: %s: no error", backend, name)
			}
		}
		if got := s.states(t, "2")[0].Share; got != 1 {
			t.Errorf("%s: a refused call slowed the good number to %v", backend, got)
		}
	}
}
