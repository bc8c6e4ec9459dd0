package dedup

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/embed/embedtest"
)

func TestNothingIsClaimedBeforeAKeeperVouchesForIt(t *testing.T) {
	onBackends(t, func(t *testing.T, s *embedtest.Server) {
		l := open(s, Options{Epochs: true})
		c := l.claimOne(t, subject("a"), mine)
		if c.Verdict != NotWhole || !c.Entry.NotWhole {
			t.Fatalf("%+v, want not whole", c)
		}
		if e := l.lookupOne(t, subject("a")); e.State != None {
			t.Errorf("it left %+v", e)
		}
		keep(t, l, &memory{}).wantWhole(t)
		if v := l.claimOne(t, subject("a"), mine).Verdict; v != Yours {
			t.Errorf("with a keeper: %v, want yours", v)
		}
	})
}

func TestWhatIsWholeStaysSoWhenItIsChecked(t *testing.T) {
	onBackends(t, func(t *testing.T, s *embedtest.Server) {
		l := open(s, Options{Epochs: true})
		keep(t, l, &memory{}).wantWhole(t)
		l.claimOne(t, subject("a"), mine)
		epochs, err := l.epochsOf(t.Context(), allTags, epochAsk{verb: epochCheck, events: 1, claims: 1})
		if err != nil {
			t.Fatal(err)
		}
		for tag, e := range epochs {
			if !e.whole || e.events != 1 {
				t.Fatalf("part %d: %+v, want whole up to event 1", tag, e)
			}
		}
		if e := l.lookupOne(t, subject("a")); e.State != Claimed {
			t.Errorf("the claim became %+v", e)
		}
	})
}

func TestWhatIsFlushedIsReplayed(t *testing.T) {
	f := embedtest.FakeRedis(t)
	l, j := open(f.Server, Options{}), &memory{}
	k := keep(t, l, j)
	k.wantWhole(t)
	sent, claimed, returned := subject("sent"), subject("claimed"), subject("returned")
	for _, s := range []Subject{sent, claimed, returned} {
		l.claimOne(t, s, mine)
		j.add(Record{Key: s.Key, Do: RecordClaim, Attempt: 1, Body: bodyMark(s.Body), Publication: s.Publication})
	}
	j.add(Record{Key: sent.Key, Do: RecordOutcome, State: Accepted, Attempt: 1, Body: bodyMark(sent.Body), Publication: sent.Publication},
		Record{Key: returned.Key, Do: RecordReturn, Attempt: 2, Publication: returned.Publication})
	f.Flush()
	for _, s := range []Subject{sent, claimed, returned, subject("new")} {
		if v := l.claimOne(t, s, theirs).Verdict; v != NotWhole {
			t.Fatalf("%s after the flush: %v, want not whole", s.Key.ID, v)
		}
	}
	k.wantWhole(t)
	if c := l.claimOne(t, sent, theirs); c.Verdict != Settled || c.Entry.State != Accepted || c.Entry.Event != 1 || !c.Entry.SamePublication {
		t.Errorf("sent: %+v", c)
	}
	if c := l.claimOne(t, claimed, theirs); c.Verdict != Stale || c.Entry.Nonce == 0 || c.Entry.Attempt != 1 {
		t.Errorf("claimed: %+v", c)
	}
	if c := l.claimOne(t, returned, theirs); c.Verdict != Yours || c.Entry.Attempt != 2 {
		t.Errorf("returned: %+v", c)
	}
	other := sent
	other.Body, other.Publication = 0x1234, second
	if v := l.claimOne(t, other, theirs).Verdict; v != Conflict {
		t.Errorf("another body: %v, want conflict", v)
	}
}

// Claims made before a loss may still be on their way to the API.
func TestAReplayWaitsForTheLeasesOfBefore(t *testing.T) {
	const lease = 30 * time.Second
	f := embedtest.FakeRedis(t)
	l, j := open(f.Server, Options{Lease: lease}), &memory{}
	j.add(Record{Key: subject("old").Key, Do: RecordClaim, Attempt: 1})
	k := NewKeeper(l, j, KeeperOptions{})
	k.tickOnce(t)
	f.Advance(lease - time.Millisecond)
	k.tickOnce(t)
	var rebuilding rebuildingError
	if s := k.Status(); s.Whole != 0 || s.Since.IsZero() || !errors.As(k.Trouble(), &rebuilding) {
		t.Errorf("a moment before: %+v, %v", s, k.Trouble())
	}
	// The owner's claim comes into the stream with the last of its lease.
	j.add(Record{Key: subject("late").Key, Do: RecordClaim, Attempt: 1})
	f.Advance(time.Millisecond)
	k.wantWhole(t)
	if v := l.claimOne(t, subject("late"), mine).Verdict; v != Stale {
		t.Errorf("%v, want stale", v)
	}
}

func TestASecondKeeperGoesOnWhereTheFirstStopped(t *testing.T) {
	onBackends(t, func(t *testing.T, s *embedtest.Server) {
		l, j := open(s, Options{}), &memory{}
		const jobs, fails = 30, 20
		for _, id := range ids(jobs) {
			j.add(Record{Key: subject(id).Key, Do: RecordClaim, Attempt: 1})
		}
		one, two := keep(t, l, j), keep(t, l, j)
		one.opts.Every = 1 // it writes down each step
		j.failAt = fails
		if err := one.tick(context.Background()); !errors.Is(err, errAway) {
			t.Fatalf("error is %v, want that of the journal", err)
		}
		two.tickOnce(t)
		if s := two.Status(); s.Whole != 0 {
			t.Fatalf("two keepers work at once: %+v", s)
		}
		one.unlock(context.Background())
		j.failAt, j.reads = 0, 0
		two.wantWhole(t)
		if j.reads < jobs-fails || j.reads > jobs-fails+2 {
			t.Errorf("the second keeper read %d records, want only those the first left", j.reads)
		}
		if v := l.claimOne(t, subject("appt-0"), mine).Verdict; v != Stale {
			t.Errorf("what the first keeper replayed: %v, want stale", v)
		}
	})
}

// A keeper that was thought dead must not write what was true long ago.
func TestAKeeperThatIsOvertakenWritesNothing(t *testing.T) {
	f := embedtest.FakeRedis(t)
	l, j, ctx := open(f.Server, Options{}), &memory{}, context.Background()
	j.add(Record{Key: subject("a").Key, Do: RecordClaim, Attempt: 1}, Record{Key: subject("a").Key, Do: RecordReturn, Attempt: 1})
	slow := keep(t, l, j)
	begun, err := l.epochsOf(ctx, allTags, epochAsk{verb: epochBegin, token: slow.token})
	if err != nil {
		t.Fatal(err)
	}
	r := newRestoration(slow, begun)
	keep(t, l, j).wantWhole(t)
	l.claimOne(t, subject("a"), mine)
	if err := r.pass(ctx); !errors.Is(err, errFenced) {
		t.Errorf("error is %v, want that it was overtaken", err)
	}
	if _, err := r.mark(ctx, epochFinish); !errors.Is(err, errFenced) {
		t.Errorf("error is %v, want that it was overtaken", err)
	}
	if e := l.lookupOne(t, subject("a")); e.State != Claimed || e.Nonce != mine {
		t.Errorf("%+v, want my claim", e)
	}
}

// meanwhile is a journal that grows once, when its claims have been read.
type meanwhile struct {
	*memory
	grow func()
}

func (m *meanwhile) Claims(ctx context.Context, after, upTo uint64, since time.Time, fn func(Record) error) error {
	err := m.memory.Claims(ctx, after, upTo, since, fn)
	if grow := m.grow; grow != nil {
		m.grow = nil
		grow()
	}
	return err
}

// What the streams get while they are replayed, the ledger has not: it refuses the
// owners of the claims until it is whole.
func TestWhatComesDuringAReplayIsInItsSecondPass(t *testing.T) {
	onBackends(t, func(t *testing.T, s *embedtest.Server) {
		l, j := open(s, Options{}), &meanwhile{memory: &memory{}}
		returned, sent, late := subject("returned"), subject("sent"), subject("late")
		for _, s := range []Subject{returned, sent} {
			j.add(Record{Key: s.Key, Do: RecordClaim, Attempt: 1, Body: bodyMark(s.Body), Publication: s.Publication})
		}
		j.grow = func() {
			j.add(Record{Key: returned.Key, Do: RecordReturn, Attempt: 2, Publication: returned.Publication},
				Record{Key: sent.Key, Do: RecordOutcome, State: Accepted, Attempt: 1, Body: bodyMark(sent.Body), Publication: sent.Publication},
				Record{Key: late.Key, Do: RecordClaim, Attempt: 1, Body: bodyMark(late.Body), Publication: late.Publication})
		}
		keep(t, l, j).wantWhole(t)
		for _, w := range []struct {
			Subject
			state   State
			attempt int
		}{{returned, Open, 2}, {sent, Accepted, 1}, {late, Claimed, 1}} {
			if e := l.lookupOne(t, w.Subject); e.State != w.state || e.Attempt != w.attempt {
				t.Errorf("%s: %+v, want %v at attempt %d", w.Key.ID, e, w.state, w.attempt)
			}
		}
	})
}

func TestRebuild(t *testing.T) {
	f := embedtest.FakeRedis(t)
	l, j := open(f.Server, Options{}), &memory{}
	k := keep(t, l, j)
	k.wantWhole(t)
	j.add(Record{Key: subject("a").Key, Do: RecordClaim, Attempt: 1})
	if err := l.Rebuild(context.Background()); err != nil {
		t.Fatal(err)
	}
	if v := l.claimOne(t, subject("a"), mine).Verdict; v != NotWhole {
		t.Errorf("%v, want not whole", v)
	}
	k.wantWhole(t)
	if v := l.claimOne(t, subject("a"), mine).Verdict; v != Stale {
		t.Errorf("%v, want the replayed claim", v)
	}
}

func TestRunKeepsTheLedgerAndEnds(t *testing.T) {
	s := embedtest.Redis(t)
	l := open(s, Options{})
	told := make(chan Status, 10)
	k := NewKeeper(l, &memory{}, KeeperOptions{Every: time.Millisecond, Progress: func(s Status) { told <- s }})
	if k.Trouble() == nil {
		t.Error("a keeper that has not looked yet vouches for the ledger")
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- k.Run(ctx) }()
	if s := <-told; s.Whole != s.Tags {
		t.Errorf("%+v, want all whole", s)
	}
	if err := l.Rebuild(ctx); err != nil {
		t.Fatal(err)
	}
	<-told
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	if n := s.Client.Exists(context.Background(), s.Namespace+":keeper").Val(); n != 0 {
		t.Error("the lock outlives the keeper")
	}
}

// Checks say only what is certain: where the streams ended a lease ago.
func TestChecksFollowTheStreams(t *testing.T) {
	const lease = 50 * time.Millisecond
	s := embedtest.Redis(t)
	l, j := open(s, Options{Lease: lease}), &memory{}
	k := NewKeeper(l, j, KeeperOptions{Every: time.Millisecond})
	k.wantWhole(t)
	j.add(Record{Key: subject("a").Key, Do: RecordClaim, Attempt: 1})
	added := time.Now()
	for {
		k.tickOnce(t)
		looked, err := l.epochsOf(context.Background(), allTags[7:8], epochAsk{verb: epochLook})
		if err != nil {
			t.Fatal(err)
		}
		if looked[0].claims == 1 {
			break
		}
		if time.Since(added) > 10*time.Second {
			t.Fatal("the epoch does not follow")
		}
	}
	if took := time.Since(added); took < lease {
		t.Errorf("the epoch vouches for a claim after %v, want a lease at least", took)
	}
}

// On a new system nothing can be lost, and nobody is warned of it.
func TestANewLedgerWarnsNobody(t *testing.T) {
	for _, tt := range []struct {
		claims int
		want   string
	}{{0, "level=INFO msg=\"the ledger is new"}, {1, "level=WARN msg=\"the ledger cannot vouch"}} {
		var log strings.Builder
		l, j := open(embedtest.FakeRedis(t).Server, Options{}), &memory{}
		for range tt.claims {
			j.add(Record{Key: subject("a").Key, Do: RecordClaim, Attempt: 1})
		}
		k := NewKeeper(l, j, KeeperOptions{Log: slog.New(slog.NewTextHandler(&log, nil))})
		k.note(context.Background(), k.tick(context.Background()))
		if text := log.String(); !strings.Contains(text, tt.want) || tt.claims == 0 && strings.Contains(text, "WARN") {
			t.Errorf("with %d claims it logs\n%s", tt.claims, text)
		}
	}
}

func TestTroubleIsTold(t *testing.T) {
	f := embedtest.FakeRedis(t)
	l, j := open(f.Server, Options{}), &memory{}
	j.add(Record{Key: subject("a").Key, Do: RecordClaim, Attempt: 1})
	j.failAt = 1
	k := keep(t, l, j)
	k.note(context.Background(), k.tick(context.Background()))
	if err := k.Trouble(); !errors.Is(err, errAway) || !strings.Contains(err.Error(), "replay claims") {
		t.Errorf("trouble is %v, want that of the journal", err)
	}
	j.failAt = 0
	k.wantWhole(t)
}
