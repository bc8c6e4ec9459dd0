package dedup

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/embed/embedtest"
)

func TestLeaseOnTheClock(t *testing.T) {
	f := embedtest.FakeRedis(t)
	l := open(f.Server, Options{Lease: time.Second})
	s := subject("a")
	if v := l.claimOne(t, s, mine).Verdict; v != Yours {
		t.Fatal(v)
	}
	f.Advance(999 * time.Millisecond)
	if c := l.claimOne(t, s, theirs); c.Verdict != Held || c.Entry.LeaseLeft != time.Millisecond {
		t.Errorf("a millisecond before its end: %+v, want held for 1ms", c)
	}
	f.Advance(time.Millisecond)
	c := l.claimOne(t, s, theirs)
	if c.Verdict != Stale || c.Entry.Nonce != mine || c.Entry.Attempt != 1 {
		t.Fatalf("at its end: %+v, want my stale claim", c)
	}
	if r := l.resolveOne(t, Resolution{Subject: s, Nonce: c.Entry.Nonce, Attempt: c.Entry.Attempt}); !r.Done {
		t.Errorf("the stale claim stays: %+v", r)
	}
}

// The owner must see its lease end before anybody else does.
func TestDeadlineComesBeforeTheEndInRedis(t *testing.T) {
	l := open(embedtest.Redis(t), Options{Lease: 50 * time.Millisecond})
	s := subject("a")
	claim := l.claimOne(t, s, mine)
	for {
		e := l.lookupOne(t, s)
		seen := time.Now()
		if e.Stale() {
			if seen.Before(claim.Deadline) {
				t.Errorf("the claim was stale %v before its deadline", claim.Deadline.Sub(seen))
			}
			return
		}
		if seen.Sub(claim.Deadline) > 5*time.Second {
			t.Fatal("the lease does not end")
		}
		time.Sleep(time.Millisecond) // a real server's clock signals nothing
	}
}

func TestEntriesLastAWindowAndNotTwo(t *testing.T) {
	const window = time.Hour
	for name, c := range map[string]struct {
		at   time.Duration // after the start of a generation
		want map[time.Duration]State
	}{
		"claimed early in a generation": {time.Second, map[time.Duration]State{window: Accepted, 2*window - 2*time.Second: Accepted, 2 * window: None}},
		"claimed late in a generation":  {window - time.Second, map[time.Duration]State{2 * time.Second: Accepted, window: Accepted, window + 2*time.Second: None}},
	} {
		for later, want := range c.want {
			f := embedtest.FakeRedis(t)
			f.SetTime(time.Now().Truncate(window).Add(c.at))
			l, s := open(f.Server, Options{Window: window}), subject("a")
			l.claimOne(t, s, mine)
			l.settleOne(t, Settlement{Subject: s, Nonce: mine, Attempt: 1, State: Accepted})
			f.Advance(later)
			if got := l.lookupOne(t, s).State; got != want {
				t.Errorf("%s, %v later: %v, want %v", name, later, got, want)
			}
			if got := open(f.Server, Options{Window: window}).lookupOne(t, s).State; got != want {
				t.Errorf("%s, %v later, to a process that just started: %v, want %v", name, later, got, want)
			}
		}
	}
}

func TestAChangeMovesTheEntryOn(t *testing.T) {
	const window = time.Hour
	f := embedtest.FakeRedis(t)
	l, s := open(f.Server, Options{Window: window}), subject("a")
	l.claimOne(t, s, mine)
	for attempt := 2; attempt < 6; attempt++ {
		f.Advance(window)
		if c := l.reopenOne(t, Reopening{Subject: s, Nonce: mine, Next: attempt}); !c.Done {
			t.Fatalf("attempt %d: %+v", attempt, c)
		}
		if c := l.claimOne(t, s, mine); c.Verdict != Yours || c.Entry.Attempt != attempt {
			t.Fatalf("attempt %d: %+v", attempt, c)
		}
	}
	hashes := 0
	keys, err := f.Keys(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if strings.Contains(key, "{") && !strings.Contains(key, ":e:") {
			hashes++
		}
	}
	if hashes != 1 {
		t.Errorf("one job is in %d hashes, want 1: %q", hashes, keys)
	}
}

// The clocks of a process and of Redis may differ by anything.
func TestClocksThatDisagree(t *testing.T) {
	const window = time.Hour
	for name, off := range map[string]time.Duration{
		"far ahead": 1000 * window, "far behind": -1000 * window,
		"one ahead": window, "one behind": -window, "two behind": -2 * window,
	} {
		f := embedtest.FakeRedis(t)
		f.SetTime(time.Now().Add(off))
		s := subject("a")
		if v := open(f.Server, Options{Window: window}).claimOne(t, s, mine).Verdict; v != Yours {
			t.Errorf("%s: first claim %v", name, v)
		}
		f.Advance(window)
		if v := open(f.Server, Options{Window: window}).claimOne(t, s, theirs).Verdict; v != Stale {
			t.Errorf("%s: second claim, a window later: %v, want stale", name, v)
		}
	}
}

func TestRedisClockThatGoesBack(t *testing.T) {
	const window = time.Hour
	f := embedtest.FakeRedis(t)
	f.SetTime(time.Now().Truncate(window).Add(time.Second))
	l, s := open(f.Server, Options{Window: window}), subject("a")
	l.claimOne(t, s, mine)
	f.Advance(-2 * time.Second)
	if v := l.claimOne(t, s, theirs).Verdict; v != Held {
		t.Errorf("a claim from the generation before: %v, want held", v)
	}
}

// A process whose clock is behind learns Redis's time at its first call, and from
// then on has the generation after Redis's among those it looks into.
func TestRedisClockThatGoesBackUnderASlowProcess(t *testing.T) {
	const window = time.Hour
	f := embedtest.FakeRedis(t)
	f.SetTime(time.Now().Truncate(window).Add(2*window - time.Second))
	slow, other := open(f.Server, Options{Window: window}), open(f.Server, Options{Window: window})
	slow.lookupOne(t, subject("before"))
	f.Advance(2 * time.Second)
	other.claimOne(t, subject("a"), mine)
	f.Advance(-2 * time.Second)
	if v := slow.claimOne(t, subject("a"), theirs).Verdict; v != Held {
		t.Errorf("a claim from the generation before: %v, want held", v)
	}
}
