package dedup

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/embed/embedtest"
)

// The moments in the life of a job whose first attempt is unknown and that is tried
// once more, at which evidence may come.
const (
	whenUnknown = iota
	whenOpen
	whenClaimed
	whenLate // the lease is over, the answer has not come
	whenEnded
	never
)

// The events of the tests' streams.
const (
	unknownEvent = 40 // of the first attempt
	answerEvent  = 41
)

// resent is such a life: how its second attempt ends, and when webhooks say that the
// API took the one or the other.
type resent struct {
	end           string
	first, second int
}

func (r resent) String() string { return fmt.Sprintf("%s, %d, %d", r.end, r.first, r.second) }

// endings are what becomes of the second attempt: what its worker hears in time or
// after its lease, or that the worker dies.
var endings = map[string]State{
	"accepted": Accepted, "rejected": Rejected, "unknown": Unknown,
	"accepted late": Accepted, "rejected late": Rejected, "unknown late": Unknown,
	"given back": Open, "tried again": Open, "the worker dies": Unknown,
}

func (r resent) isLate() bool {
	return r.end == "the worker dies" || len(r.end) > 5 && r.end[len(r.end)-5:] == " late"
}

// told gives the evidence that comes at a moment. It comes again at the end, as a
// webhook does until its job has an outcome.
func (r resent) told(t *testing.T, l *Ledger, s Subject, moment int) {
	for i, when := range []int{r.first, r.second} {
		if when != moment && (moment != whenEnded || when == never) {
			continue
		}
		e := Evidence{Key: s.Key, Attempt: i + 1, Seen: SeenSent}
		if got := l.attestOne(t, e); i == 0 && got.State == Rejected {
			e.Unknown = true // as the receiver finds in the events
			l.attestOne(t, e)
		}
	}
}

// live has it all happen, and returns the entry at the end.
func (r resent) live(t *testing.T, l *Ledger, s Subject) Entry {
	l.put(t, s.Key, stored{state: Unknown, attempt: 1, body: 1, publication: first, event: unknownEvent})
	r.told(t, l, s, whenUnknown)
	if l.againOne(t, Retrial{Subject: s, Attempt: 1}).Done {
		r.told(t, l, s, whenOpen)
		if l.claimOne(t, s, mine).Verdict == Yours {
			r.told(t, l, s, whenClaimed)
			r.answer(t, l, s)
		}
	}
	r.told(t, l, s, whenEnded)
	return l.lookupOne(t, s)
}

func (r resent) answer(t *testing.T, l *Ledger, s Subject) {
	if r.isLate() {
		l.expire(t, s)
		r.told(t, l, s, whenLate)
	}
	answer := Settlement{Subject: s, Nonce: mine, Attempt: 2, State: endings[r.end], Event: answerEvent}
	switch {
	case r.end == "the worker dies":
		l.resolveOne(t, Resolution{Subject: s, Nonce: mine, Attempt: 2})
	case r.end == "given back":
		l.reopenOne(t, Reopening{Subject: s, Nonce: mine, Next: 2})
	case r.end == "tried again":
		l.reopenOne(t, Reopening{Subject: s, Nonce: mine, Next: 3})
	case r.isLate(): // the ledger first, and not at all what it says already
		if e := l.lookupOne(t, s); e.State == Accepted {
			return
		}
		answer.Event = 0
		l.settleOne(t, answer)
		answer.Event = answerEvent
		fallthrough
	default:
		l.settleOne(t, answer)
	}
}

// expire ends the lease of a claim.
func (l *Ledger) expire(t *testing.T, s Subject) {
	t.Helper()
	e := l.lookupOne(t, s)
	l.put(t, s.Key, stored{
		state: Claimed, attempt: uint8(e.Attempt), body: s.Body, publication: s.Publication, nonce: e.Nonce,
		lease: -time.Second, seen: uint8(e.Seen), other: uint8(e.Other),
	})
}

// taken says which attempts the API took, as far as anybody was told. A clear refusal
// outweighs a status of the same attempt that came before or after it.
func (r resent) taken() (first, second bool) {
	first = r.first != never
	reached := r.first > whenOpen // else the second attempt is never claimed
	second = reached && (endings[r.end] == Accepted ||
		r.second != never && (endings[r.end] != Rejected || r.second == whenLate))
	return first, second
}

// possible leaves out what cannot be: an attempt is not heard of before it is made,
// and only one that is late can be overtaken.
func (r resent) possible() bool {
	early := r.second < whenClaimed || r.second != never && r.first <= whenOpen
	return !early && (r.isLate() || r.first != whenLate && r.second != whenLate)
}

// Whenever evidence of a resent job's attempts comes, what the API took ends as
// accepted, at an attempt that it took, and whoever looks at the entry knows whether
// that is on record.
func TestEvidenceOfAResentJob(t *testing.T) {
	onBackends(t, func(t *testing.T, s *embedtest.Server) {
		l := open(s, Options{})
		for end, answer := range endings {
			for n := range (never + 1) * (never + 1) {
				r := resent{end, n / (never + 1), n % (never + 1)}
				if !r.possible() {
					continue
				}
				e := r.live(t, l, asking(subject(r.String())))
				first, second := r.taken()
				switch {
				case first || second:
					if e.State != Accepted || e.Attempt == 1 && !first || e.Attempt == 2 && !second || e.Attempt > 2 {
						t.Errorf("%s: %v at attempt %d; the API took the first %v, the second %v", r, e.State, e.Attempt, first, second)
					}
					onRecord := e.Event == answerEvent && answer == Accepted
					if e.Event != 0 && !onRecord && e.Seen&SeenDoubt == 0 {
						t.Errorf("%s: event %d says something else, and nobody would know: %+v", r, e.Event, e)
					}
				case e.State != answer || e.Attempt < 2:
					t.Errorf("%s: %v at attempt %d, want %v", r, e.State, e.Attempt, answer)
				}
			}
		}
	})
}

// A claim that is made again keeps what was heard of another attempt, as does a
// replay over it.
func TestEvidenceOfAnotherAttemptStays(t *testing.T) {
	onBackends(t, func(t *testing.T, s *embedtest.Server) {
		l := open(s, Options{})
		sub := asking(subject("a"))
		l.put(t, sub.Key, claimed2)
		for _, attempt := range []int{1, 3, 1} { // the first that is heard of counts
			if e := l.attestOne(t, Evidence{Key: sub.Key, Attempt: attempt, Seen: SeenSent}); e.Other != 1 || e.Seen != 0 {
				t.Errorf("evidence of attempt %d: %+v", attempt, e)
			}
		}
		if e := l.claimOne(t, sub, mine).Entry; e.Other != 1 || e.Attempt != 2 {
			t.Errorf("claimed again: %+v", e)
		}
		for name, records := range map[string][]Record{
			"refused":    {{Do: RecordOutcome, State: Rejected, Attempt: 2, Event: answerEvent}},
			"unknown":    {{Do: RecordOutcome, State: Unknown, Attempt: 2, Event: answerEvent}},
			"given back": {{Do: RecordReturn, Attempt: 3}},
			"cancelled":  {{Do: RecordCancel}, {Do: RecordReturn, Attempt: 2}},
		} {
			sub := asking(subject(name))
			l.put(t, sub.Key, stored{state: Claimed, attempt: 2, body: 1, publication: first, nonce: mine, lease: -time.Second, other: 1})
			for i := range records {
				records[i].Key = sub.Key
			}
			l.replay(t, records...)
			if e := l.lookupOne(t, sub); e.State != Accepted || e.Attempt != 1 || e.Event != 0 && e.Seen&SeenDoubt == 0 {
				t.Errorf("%s: %+v", name, e)
			}
		}
	})
}

// What ended otherwise gives way to no evidence but that of an attempt which is
// unknown on record, and a mark that there were two survives.
func TestEvidenceOfAnUnknownAttempt(t *testing.T) {
	refused := stored{state: Rejected, attempt: 2, body: 1, publication: first, event: answerEvent}
	onBackends(t, func(t *testing.T, s *embedtest.Server) {
		l := open(s, Options{})
		for _, c := range []struct {
			name string
			from stored
			Evidence
			want brief
		}{
			{"not unknown", refused, Evidence{Attempt: 1}, brief{Rejected, 2, answerEvent, 0}},
			{"unknown", refused, Evidence{Attempt: 1, Unknown: true}, brief{Accepted, 1, answerEvent, SeenDoubt}},
			{"the attempt that was refused", refused, Evidence{Attempt: 2, Unknown: true}, brief{Rejected, 2, answerEvent, 0}},
			{"accepted at another", accepted.having(40, SeenRead), Evidence{Attempt: 1, Unknown: true}, brief{Accepted, 2, 40, SeenRead}},
		} {
			sub := asking(subject(c.name))
			l.put(t, sub.Key, c.from)
			c.Key, c.Seen = sub.Key, SeenSent
			if got := briefly(l.attestOne(t, c.Evidence)); got != c.want {
				t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
			}
		}
		sub := asking(subject("twice"))
		l.put(t, sub.Key, accepted.having(40, SeenDoubt))
		for _, bits := range []Seen{SeenTwice | SeenSent, SeenRead} {
			l.markOne(t, Evidence{Key: sub.Key, Attempt: 2, Seen: bits})
		}
		if e := l.settleOne(t, Settlement{Subject: sub, Attempt: 2, State: Accepted, Event: 50}).Entry; e.Seen != SeenTwice|SeenSent|SeenRead {
			t.Errorf("seen %b", e.Seen)
		}
		if _, err := l.Attest(context.Background(), []Evidence{{Key: sub.Key, Attempt: 1, Seen: SeenTwice}}); err == nil {
			t.Error("that there were two is no evidence of one")
		}
	})
}
