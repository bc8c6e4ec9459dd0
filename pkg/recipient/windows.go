package recipient

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/wacast/wacast/pkg/job"
)

// windowLength is how long a customer service window stays open after the person's
// last message or call (Cloud API fact sheet 7).
const windowLength = 24 * time.Hour

// windowGrain is by how much a window may close later than it is known to: a person
// who writes ten messages in a row costs one write.
const windowGrain = time.Minute

// windows is the view of who wrote to which of our numbers.
type windows struct {
	mu      sync.RWMutex
	numbers map[string]uint32 // our numbers, by the order they came in
	wrote   map[window]uint32 // Unix seconds
}

// window names one of our numbers and a person.
type window struct {
	number uint32
	person alias
}

func newWindows() *windows {
	return &windows{numbers: make(map[string]uint32), wrote: make(map[window]uint32)}
}

func windowKey(number string, person alias) string { return number + "." + string(person.ID()) }

func (w *windows) apply(key string, value []byte) {
	number, id, _ := strings.Cut(key, ".")
	person, ok := parseAlias(id)
	if !ok {
		return
	}
	at, err := time.Parse(time.RFC3339, string(value))
	if err != nil {
		w.drop(number, person)
		return
	}
	w.note(number, person, at)
}

// note enters when a person wrote, unless a later time is known.
func (w *windows) note(number string, person alias, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, known := w.numbers[number]
	if !known {
		n = uint32(len(w.numbers))
		w.numbers[number] = n
	}
	key := window{n, person}
	w.wrote[key] = max(w.wrote[key], seconds(at))
}

func (w *windows) drop(number string, person alias) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n, known := w.numbers[number]; known {
		delete(w.wrote, window{n, person})
	}
}

// last is when a person last wrote to a number; zero where that is not known.
func (w *windows) last(number string, person alias) time.Time {
	w.mu.RLock()
	defer w.mu.RUnlock()
	n, known := w.numbers[number]
	if !known {
		return time.Time{}
	}
	at, ok := w.wrote[window{n, person}]
	if !ok {
		return time.Time{}
	}
	return time.Unix(int64(at), 0)
}

func (w *windows) empty() bool {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return len(w.wrote) == 0
}

// sweep drops the windows that have closed: the bucket does not tell of keys that
// have become too old.
func (w *windows) sweep(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, at := range w.wrote {
		if now.Sub(time.Unix(int64(at), 0)) > windowLength {
			delete(w.wrote, key)
		}
	}
}

// of are the keys of a person's windows.
func (w *windows) of(people []alias) (keys []string) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for number, n := range w.numbers {
		for _, person := range people {
			if _, ok := w.wrote[window{n, person}]; ok {
				keys = append(keys, windowKey(number, person))
			}
		}
	}
	return keys
}

// Wrote records an inbound message or call of a person to one of our numbers, which
// opens the customer service window or keeps it open. One that is known already costs
// nothing.
func (b *Book) Wrote(ctx context.Context, number string, p Person, at time.Time) error {
	if !job.ValidSender(number) {
		return errors.New("service window: the phone number id is none")
	}
	known := b.hash.aliases(p)
	if known.n == 0 {
		return nil
	}
	person := b.links.root(known.list[0])
	if at.Before(b.windows.last(number, person).Add(windowGrain)) {
		return nil
	}
	if err := b.cfg.Windows.Put(ctx, windowKey(number, person), at.UTC().AppendFormat(nil, time.RFC3339)); err != nil {
		return err
	}
	b.windows.note(number, person, at) // so that an older message right behind it changes nothing
	return nil
}

// Window is until when the customer service window between one of our numbers and a
// person is open, as far as this book knows.
func (b *Book) Window(number string, p Person) (until time.Time, open bool) {
	if b.windows.empty() {
		return time.Time{}, false
	}
	known := b.hash.aliases(p)
	for _, a := range known.all() {
		for _, person := range [...]alias{a, b.links.root(a)} {
			if at := b.windows.last(number, person); !at.IsZero() && at.Add(windowLength).After(until) {
				until = at.Add(windowLength)
			}
		}
	}
	return until, until.After(b.cfg.Now())
}
