package dedup

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/embed/embedtest"
)

// replay applies records as a keeper would.
func (l *Ledger) replay(tb testing.TB, records ...Record) {
	tb.Helper()
	ctx := context.Background()
	if _, err := l.epochsOf(ctx, allTags, epochAsk{verb: epochBegin, token: "test"}); err != nil {
		tb.Fatal(err)
	}
	r := newReplayer(l, "test")
	r.since = time.Now()
	for i, rec := range records {
		rec.Sequence = uint64(i + 1)
		if err := r.add(ctx, rec); err != nil {
			tb.Fatal(err)
		}
	}
	if err := r.flush(ctx); err != nil {
		tb.Fatal(err)
	}
}

func TestReplayedRecords(t *testing.T) {
	out := func(s State, attempt int) Record {
		return Record{Do: RecordOutcome, State: s, Attempt: attempt, Event: 50, Body: 1, Publication: first}
	}
	claim := func(attempt int) Record {
		return Record{Do: RecordClaim, Attempt: attempt, Body: 1, Publication: first}
	}
	back := func(next int) Record { return Record{Do: RecordReturn, Attempt: next, Body: 1, Publication: first} }
	seen := func(attempt int) Record { return Record{Do: RecordStatus, Attempt: attempt, Event: 50, Seen: SeenRead} }
	mark := Record{Do: RecordCancel, Event: 50}
	unknown, sent := unknown2.having(40, 0), accepted.having(40, SeenSent)
	cases := []struct {
		name    string
		from    stored
		records []Record
		want    brief
	}{
		{"accepted, nothing known", none, []Record{out(Accepted, 2)}, brief{Accepted, 2, 50, 0}},
		{"accepted, a claim", stale2, []Record{out(Accepted, 2)}, brief{Accepted, 2, 50, 0}},
		{"accepted, unknown before", unknown, []Record{out(Accepted, 2)}, brief{Accepted, 2, 40, 0}},
		{"accepted, unknown before at another attempt", unknown, []Record{out(Accepted, 3)}, brief{Accepted, 3, 50, 0}},
		{"accepted, rejected before", rejected.having(40, 0), []Record{out(Accepted, 1)}, brief{Accepted, 1, 50, 0}},
		{"accepted before", sent, []Record{out(Accepted, 2)}, brief{Accepted, 2, 40, SeenSent}},
		{"accepted before, without an event", accepted, []Record{out(Accepted, 2)}, brief{Accepted, 2, 50, 0}},
		{"accepted before, in doubt", accepted.having(40, SeenDoubt), []Record{out(Accepted, 2)}, brief{Accepted, 2, 40, 0}},
		{"an acceptance is not taken back", sent, []Record{out(Unknown, 3), out(Rejected, 3), claim(3), back(3), mark}, brief{Accepted, 2, 40, SeenSent}},
		{"unknown, nothing known", none, []Record{out(Unknown, 2)}, brief{Unknown, 2, 50, 0}},
		{"unknown, a claim that has evidence", stale2.having(0, SeenSent), []Record{out(Unknown, 2)}, brief{Accepted, 2, 50, SeenDoubt}},
		{"unknown, open for another attempt", open2, []Record{out(Unknown, 1)}, brief{Open, 2, 0, 0}},
		{"unknown, claimed for another attempt", stale2, []Record{out(Unknown, 1)}, brief{Claimed, 2, 0, 0}},
		{"unknown before, without an event", unknown2, []Record{out(Unknown, 2)}, brief{Unknown, 2, 50, 0}},
		{"unknown, then refused", unknown, []Record{out(Rejected, 2)}, brief{Rejected, 2, 40, 0}},
		{"unknown, an earlier refusal", unknown, []Record{out(Rejected, 1)}, brief{Unknown, 2, 40, 0}},
		{"refused, tried again, unknown", none, []Record{out(Rejected, 1), out(Unknown, 2)}, brief{Unknown, 2, 50, 0}},
		{"no attempt leaves no trace", none, []Record{out(Expired, 0), out(Rejected, 0)}, brief{}},
		{"no attempt leaves an open job", open2, []Record{out(Expired, 0)}, brief{Open, 2, 0, 0}},
		{"a claim, nothing known", none, []Record{claim(1)}, brief{Claimed, 1, 0, 0}},
		{"a claim of an open job", open2, []Record{claim(1), claim(2)}, brief{Claimed, 2, 0, 0}},
		{"a claim of another attempt", open2, []Record{claim(1)}, brief{Open, 2, 0, 0}},
		{"a claim that ended", unknown, []Record{claim(1), claim(2)}, brief{Unknown, 2, 40, 0}},
		{"a claim after the end", unknown, []Record{claim(3)}, brief{Claimed, 3, 0, 0}},
		{"given back", none, []Record{claim(1), back(1)}, brief{Open, 1, 0, 0}},
		{"given back, claimed again", none, []Record{claim(1), back(1), claim(1)}, brief{Claimed, 1, 0, 0}},
		{"given back for the next attempt", stale2, []Record{claim(2), back(3)}, brief{Open, 3, 0, 0}},
		{"given back before this attempt", stale2, []Record{claim(1), back(1)}, brief{Claimed, 2, 0, 0}},
		{"given back with evidence", stale2.having(0, SeenSent), []Record{back(3)}, brief{Accepted, 2, 0, 0}},
		{"given back, but ended", unknown, []Record{back(2), back(3)}, brief{Unknown, 2, 40, 0}},
		{"a live claim", live2, []Record{back(2), mark}, brief{Claimed, 2, 0, 0}},
		{"statuses", sent, []Record{seen(2)}, brief{Accepted, 2, 40, SeenSent | SeenRead}},
		{"statuses of an unknown job", unknown, []Record{seen(2)}, brief{Accepted, 2, 40, SeenRead}},
		{"statuses, nothing else left", none, []Record{seen(2)}, brief{Accepted, 2, 50, SeenRead}},
		{"a mark", none, []Record{mark}, brief{Cancelled, 0, 0, 0}},
		{"a mark that was met", none, []Record{mark, out(Cancelled, 0)}, brief{Cancelled, 0, 50, 0}},
		{"a mark of a job given back", none, []Record{mark, claim(1), back(1)}, brief{Cancelled, 1, 0, 0}},
		{"a mark of a job that was sent after all", none, []Record{mark, claim(1)}, brief{Claimed, 1, 0, 0}},
	}
	onBackends(t, func(t *testing.T, s *embedtest.Server) {
		l := open(s, Options{})
		for _, c := range cases {
			sub := asking(subject(c.name))
			l.put(t, sub.Key, c.from)
			for i := range c.records {
				c.records[i].Key = sub.Key
			}
			l.replay(t, c.records...)
			got := briefly(l.lookupOne(t, sub))
			got.Seen &= seenAll
			if got != c.want {
				t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
			}
		}
	})
}

func TestRecordsWithoutAPlace(t *testing.T) {
	for _, r := range []Record{
		{}, {Do: RecordOutcome}, {Do: RecordOutcome, State: Claimed, Attempt: 1}, {Do: RecordOutcome, State: Accepted, Attempt: 256},
		{Do: RecordStatus, Attempt: 1}, {Do: RecordStatus, Seen: SeenSent}, {Do: RecordClaim}, {Do: RecordReturn, Attempt: -1}, {Do: 9, Attempt: 1},
	} {
		if r.applies() {
			t.Errorf("%+v has a place in the ledger", r)
		}
	}
}

// life makes up what happens to a job: the records in the order of time, and how
// the job stands after each. What opens it again is not on record.
func life(rng *rand.Rand, s Subject) (records []Record, stands []brief) {
	now := brief{}
	opened := 0 // the attempt after the end it stands at, when opened again
	do := func(kind RecordKind, to State, attempt int, then State) {
		records = append(records, Record{Key: s.Key, Do: kind, State: to, Attempt: attempt, Body: bodyMark(s.Body), Publication: s.Publication})
		now.State, now.Attempt = then, attempt
		stands = append(stands, now)
	}
	for range rng.IntN(12) {
		switch {
		case now.State == None || now.State == Open || opened > 0:
			attempt := max(now.Attempt, opened, 1)
			if opened == 0 && rng.IntN(10) == 0 {
				do(RecordCancel, None, 0, Cancelled)
				return records, stands
			}
			opened = 0
			do(RecordClaim, None, attempt, Claimed)
		case now.State == Claimed:
			to := pick(rng, Open, Open, Open, Accepted, Unknown, Unknown, Rejected)
			if to == Open {
				do(RecordReturn, None, now.Attempt+rng.IntN(2), Open)
			} else {
				do(RecordOutcome, to, now.Attempt, to)
			}
		case now.State == Unknown && rng.IntN(2) == 0:
			to := pick(rng, Accepted, Rejected)
			do(RecordOutcome, to, now.Attempt, to)
		case now.State == Unknown || now.State == Rejected:
			opened = now.Attempt + 1
		}
	}
	return records, stands
}

// TestAReplayEndsAsLifeDid replays many jobs' lives: into an empty Redis, and over
// what Redis held in the middle of them, from a point before that.
func TestAReplayEndsAsLifeDid(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 7))
	onBackends(t, func(t *testing.T, s *embedtest.Server) {
		jobs := 2000
		if s.Mini {
			jobs = 200
		}
		type one struct {
			Subject
			records    []Record
			want       brief
			from, held int
		}
		l, lives := open(s, Options{}), make([]one, 0, jobs)
		var before, after []Record
		for i := range jobs {
			sub := subject(fmt.Sprint("life-", i))
			records, stands := life(rng, sub)
			if len(records) == 0 {
				continue
			}
			held := rng.IntN(len(records) + 1)
			from := rng.IntN(held + 1)
			before, after = append(before, records[:held]...), append(after, records[from:]...)
			lives = append(lives, one{sub, records, stands[len(stands)-1], from, held})
		}
		l.replay(t, pass(before)...)
		l.replay(t, pass(after)...)
		for _, o := range lives {
			e := l.lookupOne(t, o.Subject)
			if e.State != o.want.State || e.Attempt != o.want.Attempt && o.want.State != Cancelled {
				t.Errorf("%+v, want %+v, of %d records, %d held, from %d:\n%+v", e, o.want, len(o.records), o.held, o.from, o.records)
			}
		}
	})
}

// pass is the order of a replay: events, then claims.
func pass(records []Record) []Record {
	var events, claims []Record
	for _, r := range records {
		if r.Do == RecordClaim || r.Do == RecordReturn {
			claims = append(claims, r)
		} else {
			events = append(events, r)
		}
	}
	return append(events, claims...)
}
