package ratelimit

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/embed/embedtest"
)

// counter is quotas and the clock they go by, which only the test moves.
type counter struct {
	Quotas
	now time.Time
	set func(time.Time)
}

// counters are all quotas. The clock of a real server cannot be set, so there the
// scripts read one from a key.
func counters() map[string]func(*testing.T) *counter {
	start := time.UnixMicro(1_763_837_123_456_789)
	return map[string]func(*testing.T) *counter{
		"local": func(*testing.T) *counter {
			c := &counter{now: start, set: func(time.Time) {}}
			c.Quotas = NewLocalQuotas(func() time.Time { return c.now })
			return c
		},
		"miniredis": func(t *testing.T) *counter {
			f := embedtest.FakeRedis(t)
			f.SetTime(start)
			return &counter{NewRedisQuotas(f.Client, Options{Namespace: f.Namespace}), start, f.SetTime}
		},
		"redis": func(t *testing.T) *counter { return withClockKey(t, embedtest.Redis(t), start) },
	}
}

func withClockKey(t *testing.T, s *embedtest.Server, start time.Time) *counter {
	q, key := NewRedisQuotas(s.Client, Options{Namespace: s.Namespace}), s.Namespace+":clock"
	for _, script := range []*script{&q.scripts.tally, &q.scripts.roster, &q.scripts.leave} {
		source := strings.Replace(script.source, "redis.call('TIME')", "redis.call('HMGET', '"+key+"', 's', 'us')", 1)
		if source == script.source {
			t.Fatal("a script asks for the time in another way")
		}
		*script = newScript(source)
	}
	set := func(now time.Time) {
		us := now.UnixMicro()
		if err := s.Client.HSet(context.Background(), key, "s", us/1e6, "us", us%1e6).Err(); err != nil {
			t.Fatal(err)
		}
	}
	set(start)
	return &counter{q, start, set}
}

func (c *counter) pass(d time.Duration) {
	c.now = c.now.Add(d)
	c.set(c.now)
}

func (c *counter) take(t *testing.T, takings ...Taking) []Taken {
	t.Helper()
	taken, err := c.Take(context.Background(), takings)
	if err != nil {
		t.Fatal(err)
	}
	return taken
}

func (c *counter) giveBack(t *testing.T, takings ...Taking) {
	t.Helper()
	if err := c.Return(context.Background(), takings); err != nil {
		t.Fatal(err)
	}
}

const day = 24 * time.Hour

func daily(limit int) Quota { return Quota{Name: "number/1", Limit: limit, Window: day} }
func recipients(limit int) Quota {
	return Quota{Name: "portfolio/1", Limit: limit, Window: day, Unique: true}
}

// TestQuotas is what all quotas have to do.
func TestQuotas(t *testing.T) {
	tests := map[string]func(*testing.T, *counter){
		"messages up to the limit":               testMessages,
		"recipients count once":                  testRecipients,
		"a recipient's last message counts":      testLastMessage,
		"what is returned makes room":            testReturn,
		"a recipient of two messages stays":      testReturnShared,
		"a return that is late makes no room":    testReturnLate,
		"the limit may change":                   testLimitChanges,
		"quotas are apart":                       testApart,
		"a clock that jumps back costs a window": testJumpBack,
		"what makes no sense is refused":         testInvalidQuota,
		"nothing is asked for":                   func(t *testing.T, c *counter) { c.take(t); c.giveBack(t) },
	}
	for backend, open := range counters() {
		for name, test := range tests {
			t.Run(backend+"/"+name, func(t *testing.T) { test(t, open(t)) })
		}
	}
}

func testMessages(t *testing.T, c *counter) {
	q := daily(3)
	got := c.take(t, slices.Repeat([]Taking{{Quota: q}}, 5)...)
	again := got[3].Again
	want := []Taken{{OK: true, New: true}, {OK: true, New: true}, {OK: true, New: true}, {Again: again}, {Again: again}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want +got):\n", diff)
	}
	if again < day || again > day+2*q.Step() {
		t.Errorf("again in %v, want a day and at most two steps", again)
	}
	c.pass(again - time.Millisecond)
	if got := c.take(t, Taking{Quota: q})[0]; got.OK || got.Again != time.Millisecond {
		t.Errorf("a millisecond before: %+v", got)
	}
	c.pass(time.Millisecond)
	if got := c.take(t, Taking{Quota: q})[0]; !got.OK {
		t.Errorf("when it was told to ask again: %+v", got)
	}
}

func testRecipients(t *testing.T, c *counter) {
	q := recipients(2)
	who := func(n uint64) Taking { return Taking{Quota: q, Who: n} }
	got := c.take(t, who(1), who(1), who(1<<63+9), who(3), who(1))
	again := day + time.Millisecond
	want := []Taken{{OK: true, New: true}, {OK: true}, {OK: true, New: true}, {Again: again}, {OK: true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want +got):\n", diff)
	}
	c.pass(again - time.Millisecond)
	if got := c.take(t, who(3))[0]; got.OK || got.Again != time.Millisecond {
		t.Errorf("a millisecond before: %+v", got)
	}
	c.pass(time.Millisecond)
	if diff := cmp.Diff([]Taken{{OK: true, New: true}, {OK: true, New: true}, {Again: again}}, c.take(t, who(3), who(4), who(1))); diff != "" {
		t.Error("a day later (-want +got):\n", diff)
	}
}

func testLastMessage(t *testing.T, c *counter) {
	q := recipients(1)
	c.take(t, Taking{q, 1})
	c.pass(23 * time.Hour)
	c.take(t, Taking{q, 1})
	c.pass(2 * time.Hour)
	if got := c.take(t, Taking{q, 2})[0]; got.OK || got.Again != 22*time.Hour+time.Millisecond {
		t.Errorf("two hours after the first's last message the second got %+v, want 22 hours to go", got)
	}
}

func testReturn(t *testing.T, c *counter) {
	for _, q := range []Quota{daily(2), recipients(2)} {
		c.take(t, Taking{q, 1}, Taking{q, 2})
		c.pass(min(q.Step(), time.Minute)) // into the next step, perhaps
		c.giveBack(t, Taking{q, 2}, Taking{q, 77})
		if q.Unique {
			if got := c.take(t, Taking{q, 3}, Taking{q, 4}); !got[0].New || got[1].OK {
				t.Errorf("%s: %+v, want room for one", q.Name, got)
			}
			continue
		}
		if got := c.take(t, Taking{q, 3}, Taking{q, 4}, Taking{q, 5}); !got[0].OK || !got[1].OK || got[2].OK {
			t.Errorf("%s: %+v, want room for the two that were returned", q.Name, got)
		}
	}
}

func testReturnShared(t *testing.T, c *counter) {
	q := recipients(1)
	c.take(t, Taking{q, 1})
	c.take(t, Taking{q, 1}) // another message, which is sent
	c.giveBack(t, Taking{q, 1})
	if got := c.take(t, Taking{q, 2})[0]; got.OK {
		t.Errorf("%+v, though the first recipient got a message", got)
	}
}

func testReturnLate(t *testing.T, c *counter) {
	q := daily(1)
	c.take(t, Taking{Quota: q})
	c.pass(2 * q.Step())
	c.giveBack(t, Taking{Quota: q})
	if got := c.take(t, Taking{Quota: q})[0]; got.OK {
		t.Errorf("%+v, though the return came two steps later", got)
	}
}

func testLimitChanges(t *testing.T, c *counter) {
	for _, unique := range []bool{false, true} {
		quota := func(limit int) Quota { return Quota{Name: "1", Limit: limit, Window: day, Unique: unique} }
		for who := range uint64(5) {
			c.take(t, Taking{quota(5), who})
			c.pass(time.Hour)
		}
		got := c.take(t, Taking{quota(3), 9})[0] // the first three have to be over
		if got.OK || got.Again < 21*time.Hour || got.Again > 21*time.Hour+2*quota(3).Step() {
			t.Errorf("unique %v: %+v, want to wait for 21 hours or a little more", unique, got)
		}
		if got := c.take(t, Taking{quota(6), 9})[0]; !got.New {
			t.Errorf("unique %v: %+v, want room under the higher limit", unique, got)
		}
	}
}

func testApart(t *testing.T, c *counter) {
	qs := []Quota{
		{Name: "1", Limit: 1, Window: day}, {Name: "2", Limit: 1, Window: day}, {Name: "1", Limit: 1, Window: day, Unique: true},
		{Name: "1", Limit: 1, Window: time.Hour}, {Name: "1", Limit: 1, Window: time.Hour, Unique: true},
	}
	var all []Taking
	for _, q := range qs {
		all = append(all, Taking{q, 1})
	}
	for i, got := range c.take(t, all...) {
		if !got.New {
			t.Errorf("%+v: %+v", qs[i], got)
		}
	}
}

func testJumpBack(t *testing.T, c *counter) {
	for _, q := range []Quota{daily(2), recipients(2)} {
		c.take(t, Taking{q, 1}, Taking{q, 2})
		c.pass(-1000 * day)
		got := c.take(t, Taking{q, 3})[0]
		if got.OK || got.Again < day || got.Again > day+2*q.Step() {
			t.Errorf("%s: %+v after the jump, want no room for a day", q.Name, got)
		}
		c.pass(got.Again)
		if got := c.take(t, Taking{q, 3})[0]; !got.OK {
			t.Errorf("%s: %+v a day after the jump", q.Name, got)
		}
	}
}

func testInvalidQuota(t *testing.T, c *counter) {
	good := Taking{Quota: daily(1)}
	for name, bad := range map[string]Quota{
		"no name":          {Limit: 1, Window: day},
		"no limit":         {Name: "1", Window: day},
		"window too short": {Name: "1", Limit: 1, Window: time.Second},
		"window too long":  {Name: "1", Limit: 1, Window: 32 * day},
	} {
		if _, err := c.Take(context.Background(), []Taking{good, {Quota: bad}}); err == nil {
			t.Errorf("%s: no error from Take", name)
		}
		if err := c.Return(context.Background(), []Taking{{Quota: bad}}); err == nil {
			t.Errorf("%s: no error from Return", name)
		}
	}
	if got := c.take(t, good)[0]; !got.OK {
		t.Errorf("a refused call took the good quota's room: %+v", got)
	}
}

// TestQuotasAgree has all quotas do the same things at the same times; their answers
// have to be the same.
func TestQuotasAgree(t *testing.T) {
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 7))
		all, jumps := make(map[string]*counter), seed%2 == 1
		for backend, open := range counters() {
			if backend != "miniredis" || !jumps { // whose keys lose the time of each jump twice
				all[backend] = open(t)
			}
		}
		for step := range 200 {
			d := time.Duration(rng.Int64N(int64([]time.Duration{time.Second, 10 * time.Minute, 5 * time.Hour}[rng.IntN(3)])))
			if jumps && rng.IntN(20) == 0 {
				d = -d
			}
			// Each quota takes part in each step: Redis drops one in whose window nothing
			// happened, and a clock that then jumps back does not bring it back.
			quotas := []Quota{daily(5 + rng.IntN(3)), recipients(5 + rng.IntN(3)), {Name: "x", Limit: 3, Window: 10 * time.Hour}}
			var takings []Taking
			for i := range 3 + rng.IntN(6) {
				takings = append(takings, Taking{quotas[i%3], rng.Uint64N(12)})
			}
			giveBack := rng.IntN(4) == 0
			answers := make(map[string][]Taken)
			for backend, c := range all {
				c.pass(d)
				if giveBack {
					c.giveBack(t, takings...)
				} else {
					answers[backend] = c.take(t, takings...)
				}
			}
			for backend, got := range answers {
				if diff := cmp.Diff(answers["local"], got); diff != "" {
					t.Fatalf("seed %d step %d: %v (-local +%s):\n%s", seed, step, takings, backend, diff)
				}
			}
		}
	}
}

// sent is one message that was sent, in milliseconds.
type sent struct {
	at  int64
	who uint64
}

// checkQuota takes and gives back by what the input says, three bytes a step, and
// checks that no rolling window ever held more than the limit of what was sent.
func checkQuota(t *testing.T, unique bool, limit int64, steps []byte) {
	q := Quota{Name: "1", Limit: int(limit), Window: time.Hour, Unique: unique}
	tally, roster := newTally(q), newRoster(q)
	now, window := int64(1.7e12), q.Window.Milliseconds()
	var log []sent
	for ; len(steps) >= 3; steps = steps[3:] {
		now += int64(steps[0]) * int64(steps[0]) * 20 // up to 22 minutes
		who, later := uint64(steps[1]%16), int64(steps[2])*40
		var ok, isNew bool
		if unique {
			ok, isNew = roster.take(now, limit, who)
		} else {
			n, _ := tally.take(now, limit, 1)
			ok, isNew = n == 1, n == 1
		}
		switch {
		case !ok:
		case isNew && steps[2] >= 128: // not sent after all, and said so within a step
			if unique {
				roster.giveBack(now+later, who)
			} else {
				tally.giveBack(now+later, 1)
			}
			now += later
		default:
			log = append(log, sent{now, who})
		}
	}
	from := 0
	for i, s := range log {
		for log[from].at < s.at-window {
			from++
		}
		n := int64(i - from + 1)
		if unique {
			people := make(map[uint64]bool)
			for _, other := range log[from : i+1] {
				people[other.who] = true
			}
			n = int64(len(people))
		}
		if n > limit {
			t.Fatalf("%d in the hour that ends with message %d, want at most %d", n, i, limit)
		}
	}
}

// FuzzQuota is [checkQuota] with an input that the fuzzer chooses.
func FuzzQuota(f *testing.F) {
	f.Add(true, uint8(3), []byte{10, 1, 0, 200, 2, 200, 0, 1, 0, 255, 9, 129})
	f.Add(false, uint8(1), []byte{0, 0, 200, 13, 0, 200, 200, 0, 0, 255, 0, 0})
	f.Fuzz(func(t *testing.T, unique bool, limit uint8, steps []byte) {
		checkQuota(t, unique, 1+int64(limit%40), steps[:min(len(steps), 3000)])
	})
}

func TestQuotaHoldsInEveryWindow(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 8))
		steps := make([]byte, 6000)
		for i := range steps {
			steps[i] = byte(rng.Uint32())
			if i%3 == 0 {
				steps[i] >>= rng.IntN(8)
			}
		}
		checkQuota(t, seed%2 == 0, 1+rng.Int64N(30), steps)
	}
}

// A quota of messages gives nearly all of its limit: no less than a window's worth in
// a window and two steps.
func TestQuotaIsUsed(t *testing.T) {
	q := daily(1000)
	tally, now, total := newTally(q), int64(1.7e12), int64(0)
	for end := now + (10 * day).Milliseconds(); now < end; {
		n, again := tally.take(now, 1000, 10)
		total += n
		now += max(again, 60_000)
	}
	if total < 9900 {
		t.Errorf("%d messages in ten days, want nearly 10,000", total)
	}
}

func TestRedisQuotaKeysGo(t *testing.T) {
	s := embedtest.Redis(t)
	ctx, quotas := context.Background(), NewRedisQuotas(s.Client, Options{Namespace: s.Namespace})
	var takings []Taking
	for i := range 2000 {
		takings = append(takings, Taking{daily(5000), 0}, Taking{recipients(5000), uint64(i) * 7919})
	}
	if _, err := quotas.Take(ctx, takings); err != nil {
		t.Fatal(err)
	}
	for key, longest := range map[string]time.Duration{
		s.Namespace + ":quota:{number/1}:86400000":     day + 3*daily(1).Step(),
		s.Namespace + ":unique:{portfolio/1}:86400000": day + time.Second,
	} {
		if ttl := s.Client.PTTL(ctx, key).Val(); ttl <= day-time.Minute || ttl > longest {
			t.Errorf("%s lives for %v, want up to %v", key, ttl, longest)
		}
	}
	if err := quotas.Return(ctx, takings); err != nil {
		t.Fatal(err)
	}
	if keys := s.Client.Keys(ctx, s.Namespace+":*").Val(); len(keys) > 0 {
		t.Errorf("all was returned, and there are %v", keys)
	}
}

func TestRedisQuotaMemoryIsBounded(t *testing.T) {
	s := embedtest.Redis(t)
	c := withClockKey(t, s, time.Unix(1_763_837_123, 0))
	for i := range 3000 { // a little more than ten days
		c.take(t, Taking{daily(1e6), 0}, Taking{recipients(200), uint64(i) * 7919})
		c.pass(5 * time.Minute)
	}
	for key, most := range map[string]int64{
		s.Namespace + ":quota:{number/1}:86400000":     25_000,
		s.Namespace + ":unique:{portfolio/1}:86400000": 200 * 130,
	} {
		if n := s.Client.MemoryUsage(context.Background(), key, 0).Val(); n == 0 || n > most {
			t.Errorf("%s takes %d bytes, want at most %d", key, n, most)
		}
	}
}

func BenchmarkRedisQuotas(b *testing.B) {
	s := embedtest.Redis(b)
	quotas := NewRedisQuotas(s.Client, Options{Namespace: s.Namespace})
	for _, size := range []int{1, 64} {
		b.Run(fmt.Sprintf("%d_of_three", size), func(b *testing.B) {
			takings := make([]Taking, 0, 3*size)
			for i := range size {
				takings = append(takings, Taking{recipients(1e6), uint64(i)}, Taking{daily(1e9), 0}, Taking{Quota{Name: "c", Limit: 1e9, Window: day}, 0})
			}
			for b.Loop() {
				if _, err := quotas.Take(context.Background(), takings); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*size), "µs/message")
		})
	}
}
