package dedup

import (
	"context"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
)

func TestMain(m *testing.M) { embedtest.Main(m) }

// backends opens each kind of Redis the scripts have to run on.
var backends = map[string]func(testing.TB) *embedtest.Server{
	"redis":     embedtest.Redis,
	"miniredis": func(tb testing.TB) *embedtest.Server { return embedtest.FakeRedis(tb).Server },
}

func onBackends(t *testing.T, test func(*testing.T, *embedtest.Server)) {
	for name, open := range backends {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func open(s *embedtest.Server, opts Options) *Ledger {
	opts.Namespace = s.Namespace
	return New(s.Client, opts)
}

func subject(id string) Subject {
	return Subject{Key: job.Key{Campaign: "c", ID: id}, Body: 0xb0d1, Publication: PublicationOf("WACAST_JOBS", 1)}
}

// one unwraps the answer to a call for one job.
func one[T any](tb testing.TB, answers []T, err error) T {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
	if len(answers) != 1 {
		tb.Fatalf("%d answers for one job", len(answers))
	}
	return answers[0]
}

func (l *Ledger) claimOne(tb testing.TB, s Subject, n Nonce) Claim {
	tb.Helper()
	claims, err := l.Claim(context.Background(), []ClaimRequest{{s, n}})
	return one(tb, claims, err)
}

func (l *Ledger) settleOne(tb testing.TB, s Settlement) Change {
	tb.Helper()
	changes, err := l.Settle(context.Background(), []Settlement{s})
	return one(tb, changes, err)
}

func (l *Ledger) reopenOne(tb testing.TB, r Reopening) Change {
	tb.Helper()
	changes, err := l.Reopen(context.Background(), []Reopening{r})
	return one(tb, changes, err)
}

func (l *Ledger) resolveOne(tb testing.TB, r Resolution) Change {
	tb.Helper()
	changes, err := l.Resolve(context.Background(), []Resolution{r})
	return one(tb, changes, err)
}

func (l *Ledger) lookupOne(tb testing.TB, s Subject) Entry {
	tb.Helper()
	entries, err := l.Lookup(context.Background(), []Subject{s})
	return one(tb, entries, err)
}

// stored is an entry as a test puts it into Redis, past all rules.
type stored struct {
	state       State
	attempt     uint8
	body        uint64
	publication Publication
	nonce       Nonce
	lease       time.Duration // from now; negative is over
	code, seen  uint8
	other       uint8 // of a claim
	event       uint64
}

func (e stored) pack(now time.Time) []byte {
	b := []byte{byte(e.state), e.attempt}
	b = binary.BigEndian.AppendUint16(b, bodyMark(e.body))
	b = binary.BigEndian.AppendUint32(b, uint32(now.Unix()))
	b = binary.BigEndian.AppendUint32(b, uint32(e.publication))
	switch {
	case e.state == Claimed:
		b = binary.BigEndian.AppendUint64(b, uint64(e.nonce))
		end := binary.BigEndian.AppendUint64(nil, uint64(now.Add(e.lease).UnixMilli()))
		b = append(append(b, end[2:]...), e.seen)
		if e.other > 0 {
			b = append(b, e.other)
		}
	case e.state.Final():
		b = appendUint40(append(b, e.code, e.seen), e.event)
	}
	return b
}

// put stores an entry in the present generation, or none.
func (l *Ledger) put(tb testing.TB, k job.Key, e stored) {
	tb.Helper()
	ctx := context.Background()
	if e.state == None {
		return
	}
	lay, err := l.currentLayout(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	hash := hashOf(k)
	field := binary.BigEndian.AppendUint64(nil, hash)
	now, err := l.rdb.Time(ctx).Result()
	if err != nil {
		tb.Fatal(err)
	}
	keys, _ := lay.keys(hash, nil)
	if err := l.rdb.HSet(ctx, keys[1], field, e.pack(now)).Err(); err != nil {
		tb.Fatal(err)
	}
}

func ids(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("appt-%d", i)
	}
	return all
}
