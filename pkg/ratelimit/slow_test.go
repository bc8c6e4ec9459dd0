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
	s.slow(t, Slowdown{Sender: "1", Hold: hold}, Slowdown{Sender: "2", Hold: time.Hour})
	states := s.states(t, "1", "2", "3")
	if !s.exact {
		for i := range states {
			states[i].Hold = states[i].Hold.Round(time.Minute / 6)
		}
	}
	if diff := cmp.Diff([]State{{.94, hold}, {.94, MaxHold}, {1, 0}}, states); diff != "" {
		t.Error("states (-want +got):\n", diff)
	}
	request := Request{Sender: "1", Spacing: 10 * time.Millisecond, Want: 3}
	g := s.reserve(t, request)[0]
	if g.Count != 0 || g.Again <= hold-time.Second || g.Again > hold-DefaultHorizon {
		t.Errorf("held number: %+v, want nothing and again a horizon before the hold ends", g)
	}
	if g.Share != .94 || g.Spacing != 10639*time.Microsecond { // 10 ms / 0.94, up
		t.Errorf("held number: %+v, want 0.94 of the limit", g)
	}
	if !s.exact {
		return
	}
	s.sleep(g.Again)
	g = s.reserve(t, request)[0]
	if want := (Grant{First: DefaultHorizon, Spacing: 10639 * time.Microsecond, Count: 1, Again: 10639 * time.Microsecond, Share: .94}); g != want {
		t.Errorf("when it was told to ask again: %+v, want %+v", g, want)
	}
}

func testOneOverload(t *testing.T, s subject) {
	if !s.exact {
		return // the same scripts as in miniredis, at times that cannot be chosen
	}
	for range 50 {
		s.slow(t, Slowdown{Sender: "1"})
		s.sleep(5 * time.Millisecond)
	}
	if got := s.states(t, "1")[0]; got.Share < .94 || got.Share > .943 {
		t.Errorf("after refusals for 250 ms the share is %v, want one cut", got.Share)
	}
}

func testStorm(t *testing.T, s subject) {
	if !s.exact {
		return
	}
	for range 40 {
		s.slow(t, Slowdown{Sender: "1"})
		s.sleep(310 * time.Millisecond)
	}
	if got := s.states(t, "1")[0]; got.Share < .01 || got.Share > .02 {
		t.Errorf("after refusals for 12 s the share is %v, want the least there is", got.Share)
	}
	s.sleep(2 * time.Minute)
	s.slow(t, Slowdown{Sender: "1"})
	if got := s.states(t, "1")[0].Share; got != .94 {
		t.Errorf("minutes later the share falls to %v, want 0.94", got)
	}
}

func testRecovers(t *testing.T, s subject) {
	if !s.exact {
		return
	}
	request := Request{Sender: "1", Spacing: 12500 * time.Microsecond, Want: 1}
	s.reserve(t, request)
	s.slow(t, Slowdown{Sender: "1", Hold: time.Second})
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
		for name, bad := range map[string]Slowdown{"no sender": {Hold: time.Second}, "negative": {Sender: "1", Hold: -1}} {
			if err := s.Slow(context.Background(), []Slowdown{{Sender: "2"}, bad}); err == nil {
				t.Errorf("%s: %s: no error", backend, name)
			}
		}
		if got := s.states(t, "2")[0].Share; got != 1 {
			t.Errorf("%s: a refused call slowed the good number to %v", backend, got)
		}
	}
}
