package dedup

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/embed/embedtest"
)

func (l *Ledger) attestOne(tb testing.TB, e Evidence) Entry {
	tb.Helper()
	entries, err := l.Attest(context.Background(), []Evidence{e})
	return one(tb, entries, err)
}

func (l *Ledger) markOne(tb testing.TB, e Evidence) Change {
	tb.Helper()
	changes, err := l.Mark(context.Background(), []Evidence{e})
	return one(tb, changes, err)
}

func (l *Ledger) againOne(tb testing.TB, r Retrial) Change {
	tb.Helper()
	changes, err := l.Again(context.Background(), []Retrial{r})
	return one(tb, changes, err)
}

// brief is what the tables of evidence look at.
type brief struct {
	State   State
	Attempt int
	Event   uint64
	Seen    Seen
}

func briefly(e Entry) brief { return brief{e.State, e.Attempt, e.Event, e.Seen} }

// having adds what evidence is about to an entry of the tables.
func (e stored) having(event uint64, seen Seen) stored {
	e.event, e.seen = event, uint8(seen)
	return e
}

func TestAttest(t *testing.T) {
	cases := []struct {
		name    string
		from    stored
		attempt int
		want    brief
	}{
		{"nothing known", none, 1, brief{}},
		{"unknown", unknown2.having(40, 0), 2, brief{Accepted, 2, 40, SeenDoubt}},
		{"unknown, an earlier attempt", unknown2.having(40, 0), 1, brief{Accepted, 1, 40, SeenDoubt}},
		{"unknown, not on record yet", unknown2, 2, brief{Accepted, 2, 0, SeenDoubt}},
		{"stale claim", stale2, 2, brief{Accepted, 2, 0, 0}},
		{"live claim", live2, 2, brief{Claimed, 2, 0, SeenDelivered}},
		{"live claim, more evidence", live2.having(0, SeenSent), 2, brief{Claimed, 2, 0, SeenSent | SeenDelivered}},
		{"open", open2, 1, brief{Accepted, 1, 0, 0}},
		{"accepted", accepted.having(40, SeenSent), 2, brief{Accepted, 2, 40, SeenSent}},
		{"accepted, in doubt", accepted.having(40, SeenDoubt), 2, brief{Accepted, 2, 40, SeenDoubt}},
		{"rejected", rejected.having(40, 0), 1, brief{Rejected, 0, 40, 0}},
	}
	onBackends(t, func(t *testing.T, s *embedtest.Server) {
		l := open(s, Options{})
		for _, c := range cases {
			sub := asking(subject(c.name))
			l.put(t, sub.Key, c.from)
			for range 2 { // the same webhook again
				got := l.attestOne(t, Evidence{Key: sub.Key, Attempt: c.attempt, Seen: SeenDelivered})
				if diff := cmp.Diff(c.want, briefly(got)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", c.name, diff)
				}
			}
			if after := l.lookupOne(t, sub); c.from.state != None && !after.SamePublication {
				t.Errorf("%s: the entry lost its message: %+v", c.name, after)
			}
		}
	})
}

func TestMark(t *testing.T) {
	cases := []struct {
		name string
		from stored
		done bool
		want brief
	}{
		{"nothing known", none, false, brief{}},
		{"claimed", live2, false, brief{Claimed, 2, 0, 0}},
		{"accepted", accepted.having(40, 0), true, brief{Accepted, 2, 40, SeenDelivered}},
		{"accepted, another status", accepted.having(40, SeenSent|SeenDoubt), true, brief{Accepted, 2, 40, SeenSent | SeenDelivered | SeenDoubt}},
		{"rejected", rejected.having(40, 0), true, brief{Rejected, 0, 40, SeenDelivered}},
	}
	onBackends(t, func(t *testing.T, s *embedtest.Server) {
		l := open(s, Options{})
		for _, c := range cases {
			sub := asking(subject(c.name))
			l.put(t, sub.Key, c.from)
			for range 2 {
				got := l.markOne(t, Evidence{Key: sub.Key, Attempt: 2, Seen: SeenDelivered})
				if diff := cmp.Diff(c.want, briefly(got.Entry)); diff != "" || got.Done != c.done {
					t.Errorf("%s: done %v (-want +got):\n%s", c.name, got.Done, diff)
				}
			}
		}
	})
}

func TestAgain(t *testing.T) {
	cases := []struct {
		name    string
		from    stored
		as      func(Subject) Subject
		attempt int
		done    bool
		want    brief
	}{
		{"unknown", unknown2.having(40, 0), asking, 2, true, brief{Open, 3, 0, 0}},
		{"unknown, by its copy", unknown2, otherMessage, 2, true, brief{Open, 3, 0, 0}},
		{"unknown, of another attempt", unknown2, asking, 1, false, brief{Unknown, 2, 0, 0}},
		{"unknown, of another body", unknown2, otherBody, 2, false, brief{Unknown, 2, 0, 0}},
		{"rejected before any attempt", rejected, asking, 0, true, brief{Open, 1, 0, 0}},
		{"opened so before", open2, asking, 1, true, brief{Open, 2, 0, 0}},
		{"opened otherwise", open2, asking, 2, false, brief{Open, 2, 0, 0}},
		{"claimed meanwhile", live2, asking, 1, false, brief{Claimed, 2, 0, 0}},
		{"claimed by somebody who is lost", stale2, asking, 2, false, brief{Claimed, 2, 0, 0}},
		{"accepted", accepted.having(40, SeenSent), asking, 2, false, brief{Accepted, 2, 40, SeenSent}},
		{"no trace", none, asking, 0, true, brief{Open, 1, 0, 0}},
		{"forgotten", none, asking, 3, true, brief{Open, 4, 0, 0}},
	}
	onBackends(t, func(t *testing.T, s *embedtest.Server) {
		l := open(s, Options{})
		for _, c := range cases {
			sub := c.as(subject(c.name))
			l.put(t, sub.Key, c.from)
			for range 2 {
				got := l.againOne(t, Retrial{Subject: sub, Attempt: c.attempt})
				if diff := cmp.Diff(c.want, briefly(got.Entry)); diff != "" || got.Done != c.done {
					t.Errorf("%s: done %v (-want +got):\n%s", c.name, got.Done, diff)
				}
			}
		}
	})
}

// TestSettleWithEvidence has the owner's answer meet what webhooks said before, and
// events that are on record.
func TestSettleWithEvidence(t *testing.T) {
	attested := claimed2.having(0, SeenSent)
	cases := []struct {
		name  string
		from  stored
		as    func(Subject) Subject
		to    State
		event uint64
		done  bool
		want  brief
	}{
		{"accepted", claimed2, asking, Accepted, 40, true, brief{Accepted, 2, 40, 0}},
		{"accepted, as was seen", attested, asking, Accepted, 40, true, brief{Accepted, 2, 40, 0}},
		{"unknown", claimed2, asking, Unknown, 40, true, brief{Unknown, 2, 40, 0}},
		{"unknown, but seen", attested, asking, Unknown, 40, false, brief{Accepted, 2, 40, SeenDoubt}},
		{"unknown, but seen, not on record", attested, asking, Unknown, 0, false, brief{Accepted, 2, 0, SeenDoubt}},
		{"rejected", attested, asking, Rejected, 40, true, brief{Rejected, 2, 40, 0}},
		{"the event comes later", accepted, asking, Accepted, 40, true, brief{Accepted, 2, 40, 0}},
		{"another event", accepted.having(39, SeenSent), asking, Accepted, 40, true, brief{Accepted, 2, 39, SeenSent}},
		{"the event of another message", accepted, otherMessage, Accepted, 40, false, brief{Accepted, 2, 0, 0}},
		{"the doubt ends", accepted.having(39, SeenDoubt), asking, Accepted, 40, true, brief{Accepted, 2, 39, 0}},
		{"the doubt stays", accepted.having(39, SeenDoubt), asking, Accepted, 0, true, brief{Accepted, 2, 39, SeenDoubt}},
		{"evidence before the unknown's event", accepted.having(0, SeenDoubt), asking, Unknown, 40, false, brief{Accepted, 2, 40, SeenDoubt}},
		{"unknown becomes accepted", unknown2.having(39, 0), asking, Accepted, 40, true, brief{Accepted, 2, 39, 0}},
		{"a replayed claim", stored{state: Claimed, attempt: 2, body: 1, publication: first, nonce: 1}, asking, Rejected, 40, true, brief{Rejected, 2, 40, 0}},
		{"a replayed claim of another message", stored{state: Claimed, attempt: 2, body: 1, publication: first, nonce: 1}, otherMessage, Rejected, 40, false, brief{Claimed, 2, 0, 0}},
	}
	onBackends(t, func(t *testing.T, s *embedtest.Server) {
		l := open(s, Options{})
		for _, c := range cases {
			sub := c.as(subject(c.name))
			l.put(t, sub.Key, c.from)
			got := l.settleOne(t, Settlement{Subject: sub, Nonce: mine, Attempt: 2, State: c.to, Event: c.event})
			if diff := cmp.Diff(c.want, briefly(got.Entry)); diff != "" || got.Done != c.done {
				t.Errorf("%s: done %v (-want +got):\n%s", c.name, got.Done, diff)
			}
		}
	})
}

// What was seen is not opened or forgotten by who knows less.
func TestEvidenceOutlivesAClaim(t *testing.T) {
	want := brief{Accepted, 2, 0, 0}
	onBackends(t, func(t *testing.T, s *embedtest.Server) {
		l := open(s, Options{})
		given, left := asking(subject("given back")), asking(subject("left behind"))
		l.put(t, given.Key, claimed2.having(0, SeenSent))
		c := l.reopenOne(t, Reopening{Subject: given, Nonce: mine, Next: 3})
		if c.Done || briefly(c.Entry) != want {
			t.Errorf("reopened: %+v", c)
		}
		l.put(t, left.Key, stale2.having(0, SeenSent))
		c = l.resolveOne(t, Resolution{Subject: left, Nonce: theirs, Attempt: 2})
		if c.Done || briefly(c.Entry) != want {
			t.Errorf("resolved: %+v", c)
		}
		again := asking(subject("again"))
		l.put(t, again.Key, claimed2.having(0, SeenSent))
		if e := l.claimOne(t, again, mine).Entry; e.Seen != SeenSent {
			t.Errorf("claimed again: %+v", e)
		}
	})
}

// A mark of one job that nobody may send, and the message that meets it.
func TestCancelMark(t *testing.T) {
	onBackends(t, func(t *testing.T, s *embedtest.Server) {
		l := open(s, Options{})
		sub := subject("a")
		if c := l.settleOne(t, Settlement{Subject: Subject{Key: sub.Key}, State: Cancelled}); !c.Done {
			t.Fatalf("mark: %+v", c)
		}
		if c := l.claimOne(t, sub, mine); c.Verdict != Settled || c.Entry.State != Cancelled || c.Entry.Event != 0 {
			t.Errorf("claim: %+v", c)
		}
		if c := l.settleOne(t, Settlement{Subject: sub, State: Cancelled, Event: 40}); !c.Done || c.Entry.Event != 40 || !c.Entry.SamePublication {
			t.Errorf("its event: %+v", c)
		}
	})
}

// Changes that rest on what may be lost wait until nothing is.
func TestChangesOfALedgerThatIsNotWhole(t *testing.T) {
	f := embedtest.FakeRedis(t)
	l := open(f.Server, Options{Epochs: true})
	put := func(id string, e stored) Subject {
		sub := asking(subject(id))
		l.put(t, sub.Key, e)
		return sub
	}
	for name, e := range map[string]Entry{
		"resolve": l.resolveOne(t, Resolution{Subject: put("a", stale2), Nonce: theirs, Attempt: 2}).Entry,
		"again":   l.againOne(t, Retrial{Subject: put("b", unknown2), Attempt: 2}).Entry,
		"attest":  l.attestOne(t, Evidence{Key: put("c", unknown2).Key, Attempt: 2, Seen: SeenSent}),
		"cancel":  l.settleOne(t, Settlement{Subject: put("d", none), State: Cancelled}).Entry,
	} {
		if !e.NotWhole || e.State != Unknown && e.State != Claimed && e.State != None {
			t.Errorf("%s: %+v, want nothing done", name, e)
		}
	}
	for name, done := range map[string]bool{
		"settle": l.settleOne(t, Settlement{Subject: put("e", claimed2), Nonce: mine, Attempt: 2, State: Rejected}).Done,
		"accept": l.settleOne(t, Settlement{Subject: put("f", none), Attempt: 1, State: Accepted}).Done,
		"event":  l.settleOne(t, Settlement{Subject: put("g", rejected), State: Rejected, Event: 3}).Done,
		"reopen": l.reopenOne(t, Reopening{Subject: put("h", claimed2), Nonce: mine, Next: 3}).Done,
		"mark":   l.markOne(t, Evidence{Key: put("i", accepted).Key, Attempt: 2, Seen: SeenSent}).Done,
	} {
		if !done {
			t.Errorf("%s waits for a whole ledger", name)
		}
	}
}
