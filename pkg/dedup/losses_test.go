package dedup

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
)

// TestNoLossMakesASecondSend runs workers that crash anywhere, webhooks and keepers
// on a Redis that is emptied or goes back to what it was, in a random order, and
// counts what the API accepts.
func TestNoLossMakesASecondSend(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			f := embedtest.FakeRedis(t)
			l, j := open(f.Server, Options{Lease: modelLease, Buckets: 1}), &memory{}
			w := &world{
				t: t, rng: rand.New(rand.NewPCG(seed, 9)), fake: f, ledger: l, journal: j,
				keeper: NewKeeper(l, j, KeeperOptions{Every: 50 * time.Millisecond}), accepted: map[job.Key]int{}, sends: map[job.Key]int{},
			}
			for range 600 {
				w.step()
			}
			w.settleDown()
		})
	}
}

// world is a namespace with its workers and API.
type world struct {
	t       *testing.T
	rng     *rand.Rand
	fake    *embedtest.Fake
	ledger  *Ledger
	journal *memory
	keeper  *Keeper
	past    map[string]any
	steps   int
	flights []flight
	// accepted is how often the API took a job, sends how often it was asked.
	accepted, sends map[job.Key]int
}

// flight is a claim whose worker has not ended the job yet.
type flight struct {
	Subject
	nonce   Nonce
	attempt int
	lease   time.Time
	noted   bool
}

func (f flight) record(do RecordKind, state State, attempt int) Record {
	return Record{Key: f.Key, Do: do, State: state, Attempt: attempt, Body: bodyMark(f.Body), Publication: f.Publication}
}

func (w *world) chance(percent int) bool { return w.rng.IntN(100) < percent }

// anyJob is one of a few that are under way; slowly, others take their place.
func (w *world) anyJob() Subject {
	s := subject(strconv.Itoa(w.steps/stepsPerJob + w.rng.IntN(4)))
	s.Publication = pick(w.rng, first, first, second)
	return s
}

const stepsPerJob = 20

func (w *world) step() {
	w.t.Helper()
	w.steps++
	switch n := w.rng.IntN(100); {
	case n < 30:
		w.claim(w.anyJob())
	case n < 60:
		w.fly()
	case n < 68:
		w.resolve(w.anyJob())
	case n < 76:
		w.webhook(w.anyJob().Key)
	case n < 80:
		w.fake.Advance(time.Duration(w.rng.IntN(60)) * time.Millisecond)
	case n < 82:
		w.fake.Advance(modelLease)
		fallthrough
	case n < 90:
		w.tick()
	case n < 93:
		w.past = w.snapshot()
	case n < 97:
		w.fake.Flush()
		w.tick()
	case w.past != nil:
		w.rollBack()
		w.tick()
	}
	for k, n := range w.accepted {
		if n > 1 {
			w.t.Fatalf("the API took %v %d times", k, n)
		}
	}
}

func (w *world) tick() {
	w.keeper.note(context.Background(), w.keeper.tick(context.Background()))
}

func (w *world) claim(s Subject) {
	nonce := NewNonce()
	c := w.ledger.claimOne(w.t, s, nonce)
	if c.Verdict == Settled && c.Entry.Event == 0 && c.Entry.State != Unknown {
		w.end(flight{Subject: s}, c.Entry.State, c.Entry.Attempt)
	}
	if c.Verdict == Yours {
		w.flights = append(w.flights, flight{Subject: s, nonce: nonce, attempt: c.Entry.Attempt, lease: w.fake.Now().Add(modelLease)})
	}
}

// fly goes on with a job that is in flight; the worker may crash at each step.
func (w *world) fly() {
	if len(w.flights) == 0 {
		return
	}
	i := w.rng.IntN(len(w.flights))
	f := w.flights[i]
	if !f.noted {
		w.journal.add(f.record(RecordClaim, None, f.attempt))
		w.flights[i].noted = true
		return
	}
	w.flights = append(w.flights[:i], w.flights[i+1:]...)
	if !w.fake.Now().Before(f.lease) || w.chance(10) {
		w.giveBack(f, f.attempt) // not sent
		return
	}
	w.sends[f.Key]++
	switch n := w.rng.IntN(10); {
	case n < 4:
		w.accepted[f.Key]++
		w.end(f, Accepted, f.attempt)
	case n < 6:
		w.accepted[f.Key] += w.rng.IntN(2)
		w.end(f, Unknown, f.attempt)
	case n < 9:
		w.giveBack(f, f.attempt+1) // refused for now
	default:
		w.end(f, Rejected, f.attempt)
	}
}

// end records an outcome, then settles.
func (w *world) end(f flight, state State, attempt int) {
	if w.chance(15) {
		return
	}
	w.journal.add(f.record(RecordOutcome, state, attempt))
	event := uint64(len(w.journal.events))
	if w.chance(15) {
		return
	}
	w.ledger.settleOne(w.t, Settlement{Subject: f.Subject, Nonce: f.nonce, Attempt: attempt, State: state, Event: event})
}

func (w *world) giveBack(f flight, next int) {
	if w.chance(15) {
		return
	}
	w.journal.add(f.record(RecordReturn, None, next))
	if w.chance(15) {
		return
	}
	w.ledger.reopenOne(w.t, Reopening{Subject: f.Subject, Nonce: f.nonce, Next: next})
}

// resolve deals with a claim that was left behind, as a worker that meets it.
func (w *world) resolve(s Subject) {
	e := w.ledger.lookupOne(w.t, s)
	if !e.Stale() {
		return
	}
	f := flight{Subject: s, nonce: e.Nonce, attempt: e.Attempt}
	for i, rec := range w.journal.events {
		if rec.Key == s.Key && rec.Do == RecordOutcome && rec.Attempt == e.Attempt {
			w.ledger.settleOne(w.t, Settlement{Subject: s, Nonce: e.Nonce, Attempt: e.Attempt, State: rec.State, Event: uint64(i + 1)})
			return
		}
	}
	if w.ledger.resolveOne(w.t, Resolution{Subject: s, Nonce: e.Nonce, Attempt: e.Attempt}).Done {
		w.end(f, Unknown, e.Attempt)
	}
}

// webhook tells of a job that the API took.
func (w *world) webhook(k job.Key) {
	if w.accepted[k] == 0 {
		return
	}
	evidence := []Evidence{{Key: k, Attempt: 1, Seen: SeenDelivered}}
	entries, err := w.ledger.Attest(context.Background(), evidence)
	e := one(w.t, entries, err)
	if e.NotWhole || e.State != Accepted || e.Event == 0 {
		return
	}
	f := flight{Subject: Subject{Key: k}}
	if e.Seen&SeenDoubt != 0 && e.Seen&SeenStatus == 0 {
		w.journal.add(f.record(RecordOutcome, Accepted, e.Attempt))
	}
	rec := f.record(RecordStatus, None, e.Attempt)
	rec.Seen = SeenDelivered
	w.journal.add(rec)
	if w.chance(80) {
		_, err = w.ledger.Mark(context.Background(), evidence)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// settleDown lets all leases end and webhooks come, and then wants the ledger to
// know what was accepted and nothing that was not.
func (w *world) settleDown() {
	w.t.Helper()
	w.flights = nil
	for range 3 {
		w.fake.Advance(modelLease)
		w.tick()
	}
	if s := w.keeper.Status(); s.Whole != s.Tags {
		w.t.Fatalf("%+v, %v", s, w.keeper.Trouble())
	}
	for i := range w.steps/stepsPerJob + 4 {
		s := subject(strconv.Itoa(i))
		w.webhook(s.Key)
		e := w.ledger.lookupOne(w.t, s)
		if n := w.accepted[s.Key]; (e.State == Accepted) != (n == 1) {
			w.t.Errorf("%d was accepted %d times and sent %d times: %+v", i, n, w.sends[s.Key], e)
		}
	}
}

// snapshot is all that Redis holds.
func (w *world) snapshot() map[string]any {
	ctx, all := context.Background(), map[string]any{}
	keys, err := w.fake.Keys(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, key := range keys {
		if w.fake.Client.Type(ctx, key).Val() == "hash" {
			all[key] = w.fake.Client.HGetAll(ctx, key).Val()
		} else {
			all[key] = w.fake.Client.Get(ctx, key).Val()
		}
	}
	return all
}

// rollBack has Redis hold what it held, in a process with another run id.
func (w *world) rollBack() {
	ctx := context.Background()
	w.fake.Flush()
	_, err := w.fake.Client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for key, value := range w.past {
			fields, ok := value.(map[string]string)
			if !ok {
				pipe.Set(ctx, key, value, 0)
				continue
			}
			for name, field := range fields {
				if name == "e" {
					field = strings.Replace(field, "none ", "before ", 1)
				}
				pipe.HSet(ctx, key, name, field)
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}
