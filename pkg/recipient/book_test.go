package recipient_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/recipient"
)

const ours, theirs = "106540352242922", "106540352242999"

var (
	emilia = recipient.Person{Number: "+5491155550100", WaID: "541155550100", UserID: "AR.13491208655302741918"}
	since  = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
)

// The behaviour of a book is that of its rules, whatever the buckets are.
func TestBook(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) buckets{
		"memory": func(*testing.T) buckets { return inMemory() },
		"NATS":   func(t *testing.T) buckets { return onNATS(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for name, test := range map[string]func(*testing.T, buckets){
				"opt-outs": testOptOuts, "one person": testOnePerson, "consent moves": testConsentMoves,
				"hold": testHold, "bad numbers": testBad, "windows": testWindows, "forget": testForget, "moved": testMoved,
				"books that do not run": testIdle, "one key": testSharedKey,
			} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(t, open(t))
				})
			}
		})
	}
}

// reasons are what a person is refused for: any message, and marketing.
func reasons(b *recipient.Book, p recipient.Person, from string) [2]job.Reason {
	return [2]job.Reason{b.Check(p, from, false).Reason, b.Check(p, from, true).Reason}
}

func testOptOuts(t *testing.T, buckets buckets) {
	b, ctx := buckets.open(t), t.Context()
	p := recipient.Person{Number: "+5491155550100"}
	none, both, marketing := [2]job.Reason{}, [2]job.Reason{job.ReasonOptedOut, job.ReasonOptedOut}, [2]job.Reason{"", job.ReasonOptedOut}
	out := func(scope recipient.Scope, number string) func() (bool, error) {
		return func() (bool, error) {
			return b.OptOut(ctx, p, recipient.OptOut{Scope: scope, Number: number, Source: recipient.Keyword, Since: since})
		}
	}
	in := func(scope recipient.Scope, number string) func() (bool, error) {
		return func() (bool, error) { return b.OptIn(ctx, p, recipient.OptIn{Scope: scope, Number: number, At: since}) }
	}
	for i, step := range []struct {
		do           func() (bool, error)
		changed      bool
		here, others [2]job.Reason
	}{
		{in(recipient.All, ""), false, none, none},
		{out(recipient.Marketing, ours), true, marketing, none},
		{out(recipient.Marketing, ours), false, marketing, none},
		{out(recipient.All, ours), true, both, none},
		{out(recipient.Marketing, ""), true, both, marketing},
		{in(recipient.All, ours), true, marketing, marketing},
		{out(recipient.All, ""), true, both, both},
		{in(recipient.Marketing, ""), true, both, both},
		{in(recipient.Marketing, ""), false, both, both},
		{in(recipient.All, theirs), false, both, both},
		{in(recipient.All, ""), true, none, none},
		{out(recipient.All, ""), true, both, both},
	} {
		if changed, err := step.do(); changed != step.changed || err != nil {
			t.Errorf("step %d: changed %v, %v", i, changed, err)
		}
		eventually(t, fmt.Sprintf("step %d: %v here, %v elsewhere", i, step.here, step.others), func() bool {
			return reasons(b, p, ours) == step.here && reasons(b, p, theirs) == step.others
		})
	}
	want := recipient.Verdict{Reason: job.ReasonOptedOut, Permanent: true, Detail: "opted out of all messages (keyword, 2026-11-22)"}
	if diff := cmp.Diff(want, b.Check(p, ours, false)); diff != "" {
		t.Error(diff)
	}
	if other := reasons(b, recipient.Person{Number: "+5491155550101"}, ours); other != none {
		t.Errorf("another number is refused too: %v", other)
	}
	if _, err := b.OptOut(ctx, p, recipient.OptOut{Scope: "some"}); err == nil {
		t.Error("an unknown scope was taken")
	}
	if _, err := b.OptOut(ctx, recipient.Person{}, recipient.OptOut{Scope: recipient.All}); err == nil {
		t.Error("nobody was taken")
	}
}

func testOnePerson(t *testing.T, buckets buckets) {
	b, other, ctx := buckets.open(t), buckets.open(t), t.Context()
	byNumber, byUser, byWaID := recipient.Person{Number: emilia.Number}, recipient.Person{UserID: emilia.UserID}, recipient.Person{WaID: emilia.WaID}
	if b.Canonical(byUser) == b.Canonical(byNumber) {
		t.Fatal("they are one before anybody said so")
	}
	b.Learn(recipient.Person{WaID: emilia.WaID, UserID: emilia.UserID}) // an inbound message
	eventually(t, "the user id leads to the wa_id", func() bool { return other.Canonical(byUser) == other.Canonical(byWaID) })
	b.Learn(emilia) // an answer
	for _, p := range []recipient.Person{byUser, byWaID} {
		eventually(t, "all lead to the number", func() bool { return other.Canonical(p) == secret.Number(emilia.Number) })
	}
	eventually(t, "she has three names", func() bool { return len(b.Aliases(byUser)) == 3 })
	done[bool](t)(b.OptOut(ctx, byWaID, recipient.OptOut{Scope: recipient.All, Source: recipient.Keyword}))
	for _, p := range []recipient.Person{byNumber, byUser, byWaID, emilia} {
		eventually(t, "she is refused by whatever name", func() bool { return other.Check(p, ours, false).Reason == job.ReasonOptedOut })
	}
}

func testConsentMoves(t *testing.T, buckets buckets) {
	b, other, ctx := buckets.open(t), buckets.open(t), t.Context()
	byNumber, byUser := recipient.Person{Number: emilia.Number}, recipient.Person{UserID: emilia.UserID}
	done[bool](t)(b.OptOut(ctx, byUser, recipient.OptOut{Scope: recipient.Marketing, Source: recipient.Preferences, Since: since}))
	eventually(t, "it is known by the user id", func() bool { return b.Check(byUser, ours, true).Reason == job.ReasonOptedOut })
	b.Learn(recipient.Person{Number: emilia.Number, UserID: emilia.UserID})
	for _, book := range []*recipient.Book{b, other} {
		eventually(t, "it stands against the number", func() bool { return book.Check(byNumber, ours, true).Reason == job.ReasonOptedOut })
	}
	// A process that has not heard of the link writes where it was.
	if err := buckets[0].Update(ctx, string(secret.User(emilia.UserID)), func([]byte) ([]byte, error) {
		return []byte(`{"optouts":[{"scope":"all","source":"keyword","since":"2026-11-22T10:00:00Z"}]}`), nil
	}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "that moves too", func() bool { return other.Check(byNumber, ours, false).Reason == job.ReasonOptedOut })
	done[bool](t)(b.OptIn(ctx, byNumber, recipient.OptIn{Scope: recipient.All}))
	for _, p := range []recipient.Person{byNumber, byUser} {
		eventually(t, "nothing is left behind", func() bool { return other.Check(p, ours, true).OK && b.Check(p, ours, true).OK })
	}
}

func testHold(t *testing.T, buckets buckets) {
	b, ctx := buckets.open(t), t.Context()
	until := time.Now().Add(24 * time.Hour).Truncate(time.Second)
	for _, at := range []time.Time{until, until.Add(-time.Hour)} { // the later one counts
		if err := b.HoldMarketing(ctx, emilia, at); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "marketing waits", func() bool {
		v := b.Check(emilia, ours, true)
		return v.Reason == job.ReasonMarketingHold && v.Until.Equal(until) && !v.Permanent
	})
	if v := b.Check(emilia, ours, false); !v.OK {
		t.Errorf("other messages wait too: %+v", v)
	}
	later := recipient.NewBook(recipient.Config{Consent: buckets[0], People: buckets[1], Windows: buckets[2], Key: secret,
		Now: func() time.Time { return until }})
	running, cancel := context.WithCancel(ctx)
	var run sync.WaitGroup
	run.Go(func() { _ = later.Run(running) })
	<-later.Ready()
	if v := later.Check(emilia, ours, true); !v.OK {
		t.Errorf("a day later it still waits: %+v", v)
	}
	cancel()
	run.Wait()
}

func testBad(t *testing.T, buckets buckets) {
	b, ctx := buckets.open(t), t.Context()
	p := recipient.Person{Number: "+5491155550100"}
	for i, step := range []struct {
		mark string
		bad  bool
	}{{"spring", false}, {"spring", false}, {"summer", false}, {"autumn", true}, {"winter", true}} {
		if bad := done[bool](t)(b.Undeliverable(ctx, p, step.mark)); bad != step.bad {
			t.Errorf("mark %d (%s): bad = %v", i, step.mark, bad)
		}
	}
	eventually(t, "it is refused", func() bool {
		v := b.Check(p, ours, false)
		return v.Reason == job.ReasonBadNumber && v.Permanent && b.Stats().Bad == 1
	})
	if err := b.Delivered(ctx, p); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is good again", func() bool { return b.Check(p, ours, false).OK && b.Stats().Bad == 0 })
	if bad := done[bool](t)(b.Undeliverable(ctx, p, "winter")); bad {
		t.Error("the marks from before it was delivered to still count")
	}
}

func testWindows(t *testing.T, buckets buckets) {
	b, other, ctx := buckets.open(t), buckets.open(t), t.Context()
	now := time.Now().Truncate(time.Second)
	wrote := func(p recipient.Person, at time.Time) {
		t.Helper()
		if err := b.Wrote(ctx, ours, p, at); err != nil {
			t.Fatal(err)
		}
	}
	byUser := recipient.Person{UserID: emilia.UserID}
	wrote(byUser, now.Add(-2*time.Hour))
	open := func(number string, p recipient.Person, at time.Time) func() bool {
		return func() bool {
			until, open := other.Window(number, p)
			return open && until.Equal(at.Add(24*time.Hour))
		}
	}
	eventually(t, "it is open", open(ours, byUser, now.Add(-2*time.Hour)))
	b.Learn(emilia)
	eventually(t, "it is open by the number", open(ours, recipient.Person{Number: emilia.Number, UserID: emilia.UserID}, now.Add(-2*time.Hour)))
	wrote(emilia, now)
	wrote(emilia, now.Add(-3*time.Hour)) // comes late
	eventually(t, "it is open for longer", open(ours, recipient.Person{Number: emilia.Number}, now))
	if _, open := other.Window(theirs, emilia); open {
		t.Error("it is open towards another number")
	}
	if _, open := other.Window(ours, recipient.Person{Number: "+5491155550101"}); open {
		t.Error("it is open for somebody else")
	}
	wrote(recipient.Person{Number: "+5491155550102"}, now.Add(-25*time.Hour))
	eventually(t, "three were told of", func() bool { return other.Stats().Windows >= 3 })
	if _, open := other.Window(ours, recipient.Person{Number: "+5491155550102"}); open {
		t.Error("one of yesterday is open")
	}
	if err := b.Wrote(ctx, "not a number id", emilia, now); err == nil {
		t.Error("a subject with spaces was written")
	}
}

func testForget(t *testing.T, buckets buckets) {
	b, ctx := buckets.open(t), t.Context()
	plain := recipient.Person{Number: "+5491155550177", UserID: "AR.7"}
	for _, p := range []recipient.Person{emilia, plain} {
		b.Learn(p)
		done[bool](t)(b.Undeliverable(ctx, p, "spring"))
		if err := b.Wrote(ctx, ours, p, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	done[bool](t)(b.OptOut(ctx, emilia, recipient.OptOut{Scope: recipient.All, Source: recipient.Import, Detail: "from the old list"}))
	eventually(t, "all is known", func() bool {
		s := b.Stats()
		return s.Links == 3 && s.Windows == 2 && s.OptedOut == 1
	})
	if kept := done[bool](t)(b.Forget(ctx, recipient.Person{Number: emilia.Number})); !kept {
		t.Error("her opt-out is gone")
	}
	if kept := done[bool](t)(b.Forget(ctx, recipient.Person{UserID: plain.UserID})); kept {
		t.Error("something is kept of somebody who never opted out")
	}
	eventually(t, "links and windows are gone", func() bool { s := b.Stats(); return s.Links == 2 && s.Windows == 0 })
	fresh := buckets.open(t)
	if got := fresh.Check(recipient.Person{UserID: emilia.UserID}, ours, false).Reason; got != job.ReasonOptedOut {
		t.Errorf("reason afterwards = %q", got)
	}
	var held []byte
	_ = buckets[0].Update(ctx, string(secret.Number(emilia.Number)), func(value []byte) ([]byte, error) {
		held = value
		return value, nil
	})
	for _, trace := range []string{"549", "list", "spring"} {
		if strings.Contains(string(held), trace) {
			t.Errorf("%q is still held: %s", trace, held)
		}
	}
}

func testMoved(t *testing.T, buckets buckets) {
	b, ctx := buckets.open(t), t.Context()
	former, now := recipient.Person{Number: "+5491155550100"}, recipient.Person{Number: "+5491155550999"}
	done[bool](t)(b.OptOut(ctx, former, recipient.OptOut{Scope: recipient.All, Source: recipient.Keyword}))
	if err := b.Moved(ctx, former, now); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the opt-out moved along", func() bool { return b.Check(now, ours, false).Reason == job.ReasonOptedOut })
	if b.Canonical(former) == b.Canonical(now) {
		t.Error("whoever gets the former number is the same person")
	}
}

// testIdle uses a book as commands do.
func testIdle(t *testing.T, buckets buckets) {
	running, idle, ctx := buckets.open(t), buckets.idle(), t.Context()
	running.Learn(emilia)
	eventually(t, "she is one", func() bool { return len(running.Aliases(emilia)) == 3 && running.Stats().Links == 2 })
	byUser := recipient.Person{UserID: emilia.UserID}
	for _, want := range []bool{true, false} {
		if changed := done[bool](t)(idle.OptOut(ctx, byUser, recipient.OptOut{Scope: recipient.All, Source: recipient.Operator})); changed != want {
			t.Errorf("changed = %v", changed)
		}
	}
	eventually(t, "it stands", func() bool {
		return running.Check(recipient.Person{Number: emilia.Number}, ours, false).Reason == job.ReasonOptedOut
	})
	for _, want := range []bool{true, false} {
		if changed := done[bool](t)(idle.OptIn(ctx, byUser, recipient.OptIn{Scope: recipient.All})); changed != want {
			t.Errorf("changed back = %v", changed)
		}
	}
	if _, err := idle.Forget(ctx, emilia); err == nil {
		t.Error("a book that knows nothing forgot")
	}
}

func testSharedKey(t *testing.T, buckets buckets) {
	keys := make([]recipient.Key, 8)
	var asking sync.WaitGroup
	for i := range keys {
		asking.Go(func() { keys[i] = done[recipient.Key](t)(recipient.SharedKey(t.Context(), buckets[0])) })
	}
	asking.Wait()
	for _, k := range keys {
		if len(k) != 32 || !cmp.Equal(k, keys[0]) {
			t.Errorf("keys of %d bytes, the same: %v", len(k), cmp.Equal(k, keys[0]))
		}
	}
	buckets.open(t) // which passes the key over
}
