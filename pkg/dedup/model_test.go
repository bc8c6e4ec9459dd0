package dedup

import (
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
	attempt := 1
	if e := m.find(r.Key, now); e != nil {
		attempt = e.attempt
		switch {
		case e.state == Claimed && e.nonce == r.Nonce:
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
	m.write(r.Subject, modelEntry{state: Claimed, attempt: attempt, nonce: r.Nonce, leaseEnd: now + modelLease.Milliseconds()}, now)
	return Yours
}

func (m model) settle(s Settlement, now int64) bool {
	e := m.find(s.Key, now)
	attempt := s.Attempt
	if e != nil {
		if e.state == s.State && (s.Publication == 0 || s.Publication == e.publication) {
			return true
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
		if attempt == 0 {
			attempt = e.attempt
		}
	}
	m.write(s.Subject, modelEntry{state: s.State, attempt: attempt}, now)
	return true
}

func (m model) reopen(r Reopening, now int64) bool {
	if e := m.find(r.Key, now); e != nil {
		owner := e.state == Claimed && e.nonce == r.Nonce
		again := e.state == Open && e.attempt == r.Next
		resend := e.state == Unknown && e.attempt+1 == r.Next
		if !owner && (e.conflicts(r.Subject) || !again && !resend) {
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
	m.write(r.Subject, modelEntry{state: Unknown, attempt: e.attempt}, now)
	return true
}

// look is the entry as Lookup shows it, without its age and code.
func (m model) look(s Subject, now int64) Entry {
	e := m.find(s.Key, now)
	if e == nil {
		return Entry{}
	}
	same := e.publication == s.Publication && e.publication != 0
	got := Entry{State: e.state, Attempt: e.attempt, SamePublication: same, SameBody: same || e.body == 0 || s.Body == 0 || e.body == s.Body}
	if e.state == Claimed {
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
			for range 400 {
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
	nonce, attempt, now := pick(d.rng, mine, mine, theirs), d.rng.IntN(4), d.fake.Now().UnixMilli()
	var did string
	var want, got any
	switch d.rng.IntN(5) {
	case 0, 1:
		did, want, got = "claim", d.model.claim(ClaimRequest{s, nonce}, now), d.ledger.claimOne(d.t, s, nonce).Verdict
	case 2:
		to := State(d.rng.IntN(int(Unknown-Accepted)+1)) + Accepted
		if to == Accepted || to == Unknown {
			attempt = max(attempt, 1)
		}
		r := Settlement{Subject: s, Nonce: pick(d.rng, 0, nonce), Attempt: attempt, State: to}
		did, want, got = fmt.Sprintf("settle %+v", r), d.model.settle(r, now), d.ledger.settleOne(d.t, r).Done
	case 3:
		r := Reopening{Subject: s, Nonce: nonce, Next: attempt + 1}
		did, want, got = fmt.Sprintf("reopen %+v", r), d.model.reopen(r, now), d.ledger.reopenOne(d.t, r).Done
	case 4:
		r := Resolution{Subject: s, Nonce: nonce, Attempt: attempt + 1}
		did, want, got = fmt.Sprintf("resolve %+v", r), d.model.resolve(r, now), d.ledger.resolveOne(d.t, r).Done
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
