package dedup

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/embed/embedtest"
)

// claimAll lets many goroutines claim the same jobs, in batches and each in an
// order of its own, and returns how often each job was given away.
func claimAll(t *testing.T, s *embedtest.Server, goroutines, jobs, batch int) []int {
	t.Helper()
	all := ids(jobs)
	given := make([]int, jobs)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			l := open(s, Options{})
			order := rand.Perm(jobs)
			for len(order) > 0 {
				n := min(batch, len(order))
				requests := make([]ClaimRequest, n)
				for i, at := range order[:n] {
					requests[i] = ClaimRequest{subject(all[at]), NewNonce()}
				}
				claims, err := l.Claim(context.Background(), requests)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for i, c := range claims {
					if c.Verdict == Yours {
						given[order[i]]++
					}
				}
				mu.Unlock()
				order = order[n:]
			}
		})
	}
	wg.Wait()
	return given
}

func eachOnce(t *testing.T, given []int) {
	t.Helper()
	for i, n := range given {
		if n != 1 {
			t.Errorf("job %d was given to %d claims, want 1", i, n)
		}
	}
}

func TestOneClaimWins(t *testing.T) {
	onBackends(t, func(t *testing.T, s *embedtest.Server) {
		if s.Mini {
			eachOnce(t, claimAll(t, s, 8, 50, 25))
		} else {
			eachOnce(t, claimAll(t, s, 64, 1000, 250))
		}
	})
}

func TestOneClaimWinsWhileScriptsAreLost(t *testing.T) {
	s := embedtest.Redis(t)
	goroutines, jobs := 16, 500
	if s.Mini {
		goroutines, jobs = 4, 50
	}
	stop, stopped := make(chan struct{}), make(chan int)
	go func() {
		flushes := 0
		defer func() { stopped <- flushes }()
		for {
			select {
			case <-stop:
				return
			default:
			}
			if err := s.Client.ScriptFlush(context.Background()).Err(); err != nil {
				t.Error(err)
				return
			}
			flushes++
		}
	}()
	eachOnce(t, claimAll(t, s, goroutines, jobs, 50))
	close(stop)
	if flushes := <-stopped; flushes == 0 {
		t.Error("no script was ever lost")
	}
}

func TestABatchIsAnsweredInItsOrder(t *testing.T) {
	onBackends(t, func(t *testing.T, s *embedtest.Server) {
		l := open(s, Options{})
		all := ids(100)
		var subjects []Subject
		for i, id := range all {
			subjects = append(subjects, subject(id))
			if i%3 == 0 {
				l.settleOne(t, Settlement{Subject: subjects[i], State: Rejected})
			}
		}
		entries, err := l.Lookup(context.Background(), subjects)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range entries {
			if want := map[bool]State{true: Rejected, false: None}[i%3 == 0]; e.State != want {
				t.Errorf("job %d is %v, want %v", i, e.State, want)
			}
		}
	})
}

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
		if strings.Contains(key, "{") {
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

// Statuses may be seen before the outcome is known.
func TestStatusBitsOutliveASettlement(t *testing.T) {
	onBackends(t, func(t *testing.T, s *embedtest.Server) {
		l, sub, ctx := open(s, Options{}), subject("a"), context.Background()
		l.put(t, sub.Key, stored{state: Unknown, attempt: 1, body: sub.Body, publication: sub.Publication, seen: 0b101})
		if c := l.settleOne(t, Settlement{Subject: sub, Attempt: 1, State: Accepted}); !c.Done {
			t.Fatalf("%+v", c)
		}
		hash := hashOf(sub.Key)
		packed, err := s.Client.HGet(ctx, l.layout.Load().keys(hash)[1], string(binary.BigEndian.AppendUint64(nil, hash))).Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if len(packed) != finalSize || packed[finalSize-1] != 0b101 {
			t.Errorf("the entry is %x, want the bits 101 at its end", packed)
		}
	})
}

func TestReplicasWithOtherSettingsLookInTheSamePlace(t *testing.T) {
	const window = time.Hour
	f := embedtest.FakeRedis(t)
	ctx := context.Background()
	few, many := open(f.Server, Options{Window: window, Buckets: 256}), open(f.Server, Options{Window: window, Buckets: 1 << 16})
	var requests []ClaimRequest
	for _, id := range ids(200) {
		requests = append(requests, ClaimRequest{subject(id), mine})
	}
	if _, err := few.Claim(ctx, requests); err != nil {
		t.Fatal(err)
	}
	for range 2 { // in this generation, and from the next
		for i := range requests {
			requests[i].Nonce = theirs
		}
		claims, err := many.Claim(ctx, requests)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range claims {
			if c.Verdict == Yours || c.Entry.Nonce != mine {
				t.Fatalf("job %d: %+v, want my claim", i, c)
			}
		}
		f.Advance(window)
	}
}

func TestAnotherWindowIsRefused(t *testing.T) {
	s := embedtest.Redis(t)
	open(s, Options{Window: 7 * 24 * time.Hour}).lookupOne(t, subject("a"))
	_, err := open(s, Options{Window: time.Hour}).Lookup(context.Background(), []Subject{subject("a")})
	if !errors.Is(err, ErrWindow) || !strings.Contains(err.Error(), "set WACAST_DEDUP_WINDOW to 168h0m0s") {
		t.Errorf("error is %v, want ErrWindow and what to do", err)
	}
}

func TestAnEmptiedRedisTakesSettlements(t *testing.T) {
	f := embedtest.FakeRedis(t)
	l, s := open(f.Server, Options{}), subject("a")
	l.claimOne(t, s, mine)
	f.Flush()
	if c := l.settleOne(t, Settlement{Subject: s, Nonce: mine, Attempt: 1, State: Accepted}); !c.Done {
		t.Fatalf("settle: %+v", c)
	}
	if c := open(f.Server, Options{}).claimOne(t, s, theirs); c.Verdict != Settled || c.Entry.State != Accepted || !c.Entry.SamePublication {
		t.Errorf("claim: %+v, want settled", c)
	}
}

func TestKeysExpire(t *testing.T) {
	s := embedtest.Redis(t)
	ctx := context.Background()
	const window = time.Hour
	open(s, Options{Window: window}).claimOne(t, subject("a"), mine)
	keys, err := s.Keys(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(keys) != 5 {
		t.Errorf("one claim made the keys %q, want a bucket, three layouts and the window", keys)
	}
	for _, key := range keys {
		ttl := s.Client.PTTL(ctx, key).Val()
		least, most := 2*window, 3*window
		switch {
		case strings.HasSuffix(key, ":window"):
			least, most = -1, -1 // stays
		case !strings.Contains(key, "{"):
			least, most = 4*window, 5*window
		}
		if ttl < least || ttl > most {
			t.Errorf("%s lives for %v, want %v to %v", key, ttl, least, most)
		}
	}
}

func TestRedisErrorsAreReturned(t *testing.T) {
	f := embedtest.FakeRedis(t)
	ctx := context.Background()
	l, s := open(f.Server, Options{}), subject("a")
	lay, err := l.currentLayout(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Client.Set(ctx, lay.keys(hashOf(s.Key))[1], "not a hash", 0).Err(); err != nil {
		t.Fatal(err)
	}
	_, err = l.Claim(ctx, []ClaimRequest{{subject("b"), mine}, {s, mine}})
	if err == nil || !strings.Contains(err.Error(), "WRONGTYPE") {
		t.Errorf("error is %v, want Redis's WRONGTYPE", err)
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := l.Claim(canceled, []ClaimRequest{{s, mine}}); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want context.Canceled", err)
	}
}

func TestCallsThatMakeNoSense(t *testing.T) {
	l, s, ctx := open(embedtest.FakeRedis(t).Server, Options{}), subject("a"), context.Background()
	for name, call := range map[string]func() error{
		"claim without a nonce":         func() error { _, err := l.Claim(ctx, []ClaimRequest{{s, 0}}); return err },
		"settle as open":                func() error { _, err := l.Settle(ctx, []Settlement{{Subject: s, State: Open}}); return err },
		"settle as none":                func() error { _, err := l.Settle(ctx, []Settlement{{Subject: s}}); return err },
		"accepted at no attempt":        func() error { _, err := l.Settle(ctx, []Settlement{{Subject: s, State: Accepted}}); return err },
		"unknown at no attempt":         func() error { _, err := l.Settle(ctx, []Settlement{{Subject: s, State: Unknown}}); return err },
		"reopen at no attempt":          func() error { _, err := l.Reopen(ctx, []Reopening{{Subject: s, Nonce: mine}}); return err },
		"reopen at attempt 256":         func() error { _, err := l.Reopen(ctx, []Reopening{{Subject: s, Nonce: mine, Next: 256}}); return err },
		"resolve a claim without nonce": func() error { _, err := l.Resolve(ctx, []Resolution{{Subject: s, Attempt: 1}}); return err },
	} {
		if call() == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if e := l.lookupOne(t, s); e.State != None {
		t.Errorf("a refused call left %+v", e)
	}
	if claims, err := l.Claim(ctx, nil); err != nil || len(claims) != 0 {
		t.Errorf("no request: %v, %v", claims, err)
	}
}
