package dedup

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
)

const (
	modelWindow = time.Hour
	modelLease  = 100 * time.Millisecond
)

// modelEntry is one job as the model keeps it. Its rules are written from the
// comments of the methods, without a look at Redis.
type modelEntry struct {
	state       State
	attempt     int
	body        uint64
	publication Publication
	nonce       Nonce
	leaseEnd    int64
	written     int64
	event       uint64
	seen        Seen
	other       int
}

func (e *modelEntry) attested() bool { return e.seen&SeenStatus != 0 }

// proven is the attempt that evidence shows to be accepted, 0 for none.
func (e *modelEntry) proven() int {
	if e.attested() {
		return e.attempt
	}
	return e.other
}
func (e *modelEntry) doubtful() bool { return e.seen&SeenDoubt != 0 }
func (e *modelEntry) same(s Subject) bool {
	return s.Publication == 0 || e.publication == 0 || s.Publication == e.publication
}

type model map[job.Key]*modelEntry

// find is the entry, as long as it lasts: this generation and the last.
func (m model) find(k job.Key, now int64) *modelEntry {
	e := m[k]
	if e != nil && now/modelWindow.Milliseconds()-e.written/modelWindow.Milliseconds() > 1 {
		delete(m, k)
		e = nil
	}
	return e
}

func (m model) write(s Subject, e modelEntry, now int64) {
	if before := m.find(s.Key, now); before != nil {
		e.body, e.publication = before.body, before.publication
	}
	if s.Body != 0 {
		e.body = s.Body
	}
	if s.Publication != 0 {
		e.publication = s.Publication
	}
	e.written = now
	m[s.Key] = &e
}

func (e *modelEntry) conflicts(s Subject) bool {
	return e.body != s.Body && e.body != 0 && s.Body != 0 && (s.Publication == 0 || e.publication != s.Publication)
}

func (m model) claim(r ClaimRequest, now int64) Verdict {
	attempt, seen, other := 1, Seen(0), 0
	if e := m.find(r.Key, now); e != nil {
		attempt = e.attempt
		switch {
		case e.state == Claimed && e.nonce == r.Nonce:
			seen, other = e.seen, e.other
		case e.conflicts(r.Subject):
			return Conflict
		case e.state.Final():
			return Settled
		case e.state == Claimed && e.leaseEnd > now:
			return Held
		case e.state == Claimed:
			return Stale
		}
	}
	m.write(r.Subject, modelEntry{state: Claimed, attempt: attempt, nonce: r.Nonce, leaseEnd: now + modelLease.Milliseconds(), seen: seen, other: other}, now)
	return Yours
}

func (m model) settle(s Settlement, now int64) bool {
	e := m.find(s.Key, now)
	to := modelEntry{state: s.State, attempt: s.Attempt, event: s.Event}
	if e != nil {
		if e.state == s.State && e.same(s.Subject) {
			m.fillIn(e, s, now)
			return true
		}
		if e.state == Accepted && e.doubtful() && e.event == 0 && s.Event != 0 && e.same(s.Subject) {
			m.write(s.Subject, modelEntry{state: Accepted, attempt: e.attempt, event: s.Event, seen: e.seen}, now)
			return false
		}
		evidence := s.State == Accepted
		owner := e.state == Claimed && e.nonce == s.Nonce
		switch {
		case owner:
		case e.state == Claimed && (!evidence || e.leaseEnd > now):
			return false
		case e.state != Claimed && e.conflicts(s.Subject):
			return false
		case e.state == Open && s.Attempt != 0 && s.Attempt < e.attempt && !evidence:
			return false
		case e.state == Unknown && s.Attempt != e.attempt && !evidence:
			return false
		case e.state.Final() && e.state != Unknown:
			return false
		}
		if to.attempt == 0 {
			to.attempt = e.attempt
		}
		switch {
		case e.state.Final():
			to.seen = e.seen
			if e.event != 0 {
				to.event = e.event
			}
		case e.state == Claimed && e.attested() && s.State == Unknown:
			to.state, to.seen = Accepted, SeenDoubt
		case e.state == Claimed && e.other != 0 && !evidence:
			to.state, to.attempt, to.seen = Accepted, e.other, SeenDoubt
		}
	}
	m.write(s.Subject, to, now)
	return to.state == s.State
}

// fillIn adds the event to an entry that is settled so already.
func (m model) fillIn(e *modelEntry, s Settlement, now int64) {
	to := *e
	if to.event == 0 {
		to.event = s.Event
	}
	if s.State == Accepted && s.Event != 0 {
		to.seen &^= SeenDoubt
	}
	if to != *e {
		m.write(s.Subject, to, now)
	}
}

func (m model) reopen(r Reopening, now int64) bool {
	if e := m.find(r.Key, now); e != nil {
		owner := e.state == Claimed && e.nonce == r.Nonce
		again := e.state == Open && e.attempt == r.Next
		resend := e.state == Unknown && e.attempt+1 == r.Next
		if !owner && (e.conflicts(r.Subject) || !again && !resend) {
			return false
		}
		if owner && e.proven() != 0 {
			m.write(r.Subject, modelEntry{state: Accepted, attempt: e.proven()}, now)
			return false
		}
	}
	m.write(r.Subject, modelEntry{state: Open, attempt: r.Next}, now)
	return true
}

func (m model) resolve(r Resolution, now int64) bool {
	e := m.find(r.Key, now)
	if e == nil || e.state != Claimed || e.nonce != r.Nonce || e.attempt != r.Attempt || e.leaseEnd > now {
		return false
	}
	if e.proven() != 0 {
		m.write(r.Subject, modelEntry{state: Accepted, attempt: e.proven()}, now)
		return false
	}
	m.write(r.Subject, modelEntry{state: Unknown, attempt: e.attempt}, now)
	return true
}

func (m model) attest(v Evidence, now int64) bool {
	e, of := m.find(v.Key, now), Subject{Key: v.Key}
	switch {
	case e == nil:
		return false
	case e.state == Claimed && e.leaseEnd > now:
		to := *e
		if v.Attempt == e.attempt {
			to.seen |= v.Seen
		} else if e.other == 0 {
			to.other = v.Attempt
		}
		if to != *e {
			m.write(of, to, now)
		}
	case e.state == Claimed || e.state == Open:
		m.write(of, modelEntry{state: Accepted, attempt: v.Attempt}, now)
	case e.state == Unknown, v.Unknown && e.state.Final() && e.state != Accepted && v.Attempt != e.attempt:
		m.write(of, modelEntry{state: Accepted, attempt: v.Attempt, event: e.event, seen: e.seen | SeenDoubt}, now)
	}
	return true
}

func (m model) mark(v Evidence, now int64) bool {
	e := m.find(v.Key, now)
	if e == nil || !e.state.Final() {
		return false
	}
	if to := *e; e.seen|v.Seen != e.seen {
		to.seen |= v.Seen
		m.write(Subject{Key: v.Key}, to, now)
	}
	return true
}

func (m model) again(r Retrial, now int64) bool {
	if e := m.find(r.Key, now); e != nil {
		switch {
		case e.conflicts(r.Subject):
			return false
		case e.state == Open && e.attempt == r.Attempt+1:
			return true
		case !e.state.Final() || e.state == Accepted || e.attempt != r.Attempt:
			return false
		}
	}
	m.write(r.Subject, modelEntry{state: Open, attempt: r.Attempt + 1}, now)
	return true
}

// look is the entry as Lookup shows it, without its age and code.
func (m model) look(s Subject, now int64) Entry {
	e := m.find(s.Key, now)
	if e == nil {
		return Entry{}
	}
	same := e.publication == s.Publication && e.publication != 0
	got := Entry{State: e.state, Attempt: e.attempt, Event: e.event, Seen: e.seen, Publication: e.publication, SamePublication: same, SameBody: same || e.body == 0 || s.Body == 0 || e.body == s.Body}
	if e.state == Claimed {
		got.Other = e.other
		got.Nonce, got.LeaseLeft = e.nonce, time.Duration(max(0, e.leaseEnd-now))*time.Millisecond
	}
	return got
}

// TestLedgerIsTheModel does the same random things to both, on a clock that goes
// on by moments, leases and windows.
func TestLedgerIsTheModel(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			f := embedtest.FakeRedis(t)
			f.SetTime(time.UnixMilli(1_800_000_000_000))
			l := open(f.Server, Options{Window: modelWindow, Lease: modelLease, Buckets: 1})
			d := &driver{t: t, rng: rand.New(rand.NewPCG(seed, 5)), fake: f, ledger: l, model: model{}}
			for range 800 {
				d.step()
			}
		})
	}
}

type driver struct {
	t      *testing.T
	rng    *rand.Rand
	fake   *embedtest.Fake
	ledger *Ledger
	model  model
}

func pick[T any](rng *rand.Rand, choices ...T) T { return choices[rng.IntN(len(choices))] }

func (d *driver) step() {
	d.t.Helper()
	switch n := d.rng.IntN(100); {
	case n < 20:
		d.fake.Advance(time.Duration(d.rng.IntN(40)) * time.Millisecond)
	case n < 25:
		d.fake.Advance(modelLease)
	case n < 27:
		d.fake.Advance(pick(d.rng, modelWindow/2, modelWindow, 2*modelWindow, 9*modelWindow))
	}
	s := Subject{
		Key:         job.Key{Campaign: "c", ID: pick(d.rng, "a", "b", "c")},
		Body:        pick(d.rng, uint64(0), 1, 1, 1, 2),
		Publication: pick(d.rng, 0, first, first, second),
	}
	evidence := Evidence{Key: s.Key, Attempt: d.rng.IntN(3) + 1, Seen: pick(d.rng, SeenSent, SeenRead, SeenFailed), Unknown: d.rng.IntN(4) == 0}
	nonce, attempt, now := pick(d.rng, mine, mine, theirs), d.rng.IntN(4), d.fake.Now().UnixMilli()
	var did string
	var want, got any
	switch d.rng.IntN(8) {
	case 0, 1:
		did, want, got = "claim", d.model.claim(ClaimRequest{s, nonce}, now), d.ledger.claimOne(d.t, s, nonce).Verdict
	case 2:
		to := State(d.rng.IntN(int(Unknown-Accepted)+1)) + Accepted
		if to == Accepted || to == Unknown {
			attempt = max(attempt, 1)
		}
		r := Settlement{Subject: s, Nonce: pick(d.rng, 0, nonce), Attempt: attempt, State: to, Event: uint64(d.rng.IntN(3))}
		did, want, got = fmt.Sprintf("settle %+v", r), d.model.settle(r, now), d.ledger.settleOne(d.t, r).Done
	case 3:
		r := Reopening{Subject: s, Nonce: nonce, Next: attempt + 1}
		did, want, got = fmt.Sprintf("reopen %+v", r), d.model.reopen(r, now), d.ledger.reopenOne(d.t, r).Done
	case 4:
		r := Resolution{Subject: s, Nonce: nonce, Attempt: attempt + 1}
		did, want, got = fmt.Sprintf("resolve %+v", r), d.model.resolve(r, now), d.ledger.resolveOne(d.t, r).Done
	case 5:
		entries, err := d.ledger.Attest(context.Background(), []Evidence{evidence})
		did, want, got = fmt.Sprintf("attest %+v", evidence), d.model.attest(evidence, now), one(d.t, entries, err).State != None
	case 6:
		evidence.Seen |= pick(d.rng, 0, SeenTwice)
		did, want, got = fmt.Sprintf("mark %+v", evidence), d.model.mark(evidence, now), d.ledger.markOne(d.t, evidence).Done
	case 7:
		r := Retrial{Subject: s, Attempt: attempt}
		did, want, got = fmt.Sprintf("again %+v", r), d.model.again(r, now), d.ledger.againOne(d.t, r).Done
	}
	if want != got {
		d.t.Fatalf("%s of %+v by %x: %v, want %v", did, s, nonce, got, want)
	}
	entry := d.ledger.lookupOne(d.t, s)
	entry.Code, entry.Since = 0, time.Time{}
	if diff := cmp.Diff(d.model.look(s, now), entry); diff != "" {
		d.t.Fatalf("after %s of %+v by %x (-model +ledger):\n%s", did, s, nonce, diff)
	}
}
