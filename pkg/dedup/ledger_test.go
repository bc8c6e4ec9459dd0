package dedup

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
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

// Statuses may be seen before the outcome is known.
func TestStatusBitsOutliveASettlement(t *testing.T) {
	onBackends(t, func(t *testing.T, s *embedtest.Server) {
		l, sub := open(s, Options{}), subject("a")
		l.put(t, sub.Key, stored{state: Unknown, attempt: 1, body: sub.Body, publication: sub.Publication, seen: 0b101})
		if c := l.settleOne(t, Settlement{Subject: sub, Attempt: 1, State: Accepted}); !c.Done {
			t.Fatalf("%+v", c)
		}
		if e := l.lookupOne(t, sub); e.Seen != SeenSent|SeenRead {
			t.Errorf("%+v, want its statuses", e)
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
	if len(keys) != 7 {
		t.Errorf("one claim made the keys %q, want a bucket, its epoch, three layouts, their version and the window", keys)
	}
	for _, key := range keys {
		ttl := s.Client.PTTL(ctx, key).Val()
		least, most := 2*window, 3*window
		switch {
		case strings.HasSuffix(key, ":window"), strings.HasSuffix(key, ":layout"), strings.Contains(key, ":e:"):
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
	keys, _ := lay.keys(hashOf(s.Key), nil)
	if err := f.Client.Set(ctx, keys[1], "not a hash", 0).Err(); err != nil {
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

// In a cluster the jobs of one command are of one tag; else many share a command.
func TestGroupsOfJobs(t *testing.T) {
	for _, sharded := range []bool{false, true} {
		l := open(embedtest.Redis(t), Options{})
		l.sharded.Store(sharded)
		requests := make([]ClaimRequest, 300)
		for i := range requests {
			requests[i] = ClaimRequest{Subject: Subject{Key: job.Key{Campaign: "c", ID: strconv.Itoa(i)}}, Nonce: Nonce(i + 1)}
		}
		requests[7] = requests[3] // the same claim twice in a call
		claims, err := l.Claim(t.Context(), requests)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range claims {
			if c.Verdict != Yours || c.Entry.Nonce != requests[i].Nonce {
				t.Fatalf("sharded %v: claim %d is %v with nonce %d", sharded, i, c.Verdict, c.Entry.Nonce)
			}
		}
	}
}
