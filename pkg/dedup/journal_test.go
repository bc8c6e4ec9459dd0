package dedup

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

// memory is a journal in memory. Records get their sequences as they are added.
type memory struct {
	mu             sync.Mutex
	events, claims []Record
	// failAt makes a read end with an error before this many records.
	failAt int
	reads  int
}

var errAway = errors.New("the streams are away")

func (m *memory) add(records ...Record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range records {
		list := &m.events
		if r.Do == RecordClaim || r.Do == RecordReturn {
			list = &m.claims
		}
		r.Sequence = uint64(len(*list) + 1)
		if list == &m.events {
			r.Event = r.Sequence
		}
		*list = append(*list, r)
	}
}

func (m *memory) Ends(context.Context) (events, claims uint64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return uint64(len(m.events)), uint64(len(m.claims)), nil
}

func (m *memory) Events(_ context.Context, after, upTo uint64, _ time.Time, fn func(Record) error) error {
	return m.read(m.events[:], after, upTo, fn)
}

func (m *memory) Claims(_ context.Context, after, upTo uint64, _ time.Time, fn func(Record) error) error {
	return m.read(m.claims[:], after, upTo, fn)
}

func (m *memory) read(list []Record, after, upTo uint64, fn func(Record) error) error {
	for _, r := range list[after:upTo] {
		if m.reads++; m.failAt > 0 && m.reads >= m.failAt {
			return errAway
		}
		if err := fn(r); err != nil {
			return err
		}
	}
	return nil
}

// keep makes a keeper of a ledger that nobody used before it.
func keep(tb testing.TB, l *Ledger, j Journal) *Keeper {
	tb.Helper()
	return NewKeeper(l, j, KeeperOptions{Alone: true})
}

// tickOnce has a keeper look once, which must go well.
func (k *Keeper) tickOnce(tb testing.TB) {
	tb.Helper()
	err := k.tick(context.Background())
	k.note(context.Background(), err)
	if err != nil {
		tb.Fatal(err)
	}
}

func (k *Keeper) wantWhole(tb testing.TB) {
	tb.Helper()
	k.tickOnce(tb)
	if s := k.Status(); s.Whole != s.Tags || k.Trouble() != nil {
		tb.Fatalf("%+v, %v: want all whole", s, k.Trouble())
	}
}
