package simulator

import (
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// sighting is what is kept of every key: enough to count repeats exactly.
type sighting struct {
	first int64 // Unix milliseconds
	count uint32
}

// maxTokens bounds what a Duplicate lists.
const maxTokens = 10

// journal is the simulator's memory: counts and 64-bit hashes of everything,
// whole records of the latest messages and of duplicates.
type journal struct {
	keep     int
	dedupKey func(string) string
	seed     maphash.Seed

	mu         sync.Mutex
	stats      Stats
	latest     []Message // a ring once it holds keep messages
	next       int
	tokens     map[uint64]struct{}
	keys       map[uint64]sighting
	people     map[uint64]struct{}
	duplicates map[string]*Duplicate
}

func newJournal(keep int, dedupKey func(string) string) *journal {
	if dedupKey == nil {
		dedupKey = func(token string) string { return token }
	}
	j := &journal{keep: keep, dedupKey: dedupKey, seed: maphash.MakeSeed()}
	j.reset()
	return j
}

func (j *journal) reset() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stats = Stats{Refused: make(map[int]int64), Faults: make(map[Kind]int64)}
	j.latest, j.next = nil, 0
	j.tokens = make(map[uint64]struct{})
	j.keys = make(map[uint64]sighting)
	j.people = make(map[uint64]struct{})
	j.duplicates = make(map[string]*Duplicate)
}

// update changes the counts.
func (j *journal) update(change func(*Stats)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	change(&j.stats)
}

// add records an accepted message.
func (j *journal) add(m *Message) {
	person := maphash.String(j.seed, m.Person)
	key := j.dedupKey(m.Token)
	tokenHash, keyHash := maphash.String(j.seed, m.Token), maphash.String(j.seed, key)

	j.mu.Lock()
	defer j.mu.Unlock()
	j.count(m)
	j.people[person] = struct{}{}
	if m.Token == "" {
		j.stats.WithoutToken++
	} else {
		if _, again := j.tokens[tokenHash]; again {
			j.stats.DuplicateTokens++
		}
		j.tokens[tokenHash] = struct{}{}
		j.sight(keyHash, key, m)
	}
	if len(j.latest) < j.keep {
		j.latest = append(j.latest, *m)
		return
	}
	j.latest[j.next] = *m
	j.next = (j.next + 1) % j.keep
}

func (j *journal) count(m *Message) {
	j.stats.Accepted++
	if m.Held {
		j.stats.Held++
	}
	if j.stats.First.IsZero() || m.At.Before(j.stats.First) {
		j.stats.First = m.At
	}
	if m.At.After(j.stats.Last) {
		j.stats.Last = m.At
	}
}

func (j *journal) sight(hash uint64, key string, m *Message) {
	seen := j.keys[hash]
	if seen.count == 0 {
		seen.first = m.At.UnixMilli()
	}
	seen.count++
	j.keys[hash] = seen
	if seen.count == 1 {
		return
	}
	j.stats.Duplicates++
	d := j.duplicates[key]
	if d == nil {
		if len(j.duplicates) >= j.keep {
			return
		}
		d = &Duplicate{Key: key, First: time.UnixMilli(seen.first).UTC()}
		j.duplicates[key] = d
	}
	d.Count, d.Last = int(seen.count), m.At
	if len(d.Tokens) < maxTokens {
		d.Tokens = append(d.Tokens, m.Token)
	}
}

// snapshot is a copy of the counts.
func (j *journal) snapshot() Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.stats
	s.Refused, s.Faults = maps.Clone(s.Refused), maps.Clone(s.Faults)
	s.DistinctTokens, s.UniqueRecipients = len(j.tokens), len(j.people)
	return s
}

// messages are the latest, oldest first; limit 0 means all that are kept.
func (j *journal) messages(limit int) []Message {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := len(j.latest)
	if limit <= 0 || limit > n {
		limit = n
	}
	out := make([]Message, 0, limit)
	for i := n - limit; i < n; i++ {
		out = append(out, j.latest[(j.next+i)%n])
	}
	return out
}

// repeated lists what was accepted more than once, the first repeat first.
func (j *journal) repeated() []Duplicate {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := make([]Duplicate, 0, len(j.duplicates))
	for _, d := range j.duplicates {
		c := *d
		c.Tokens = slices.Clone(d.Tokens)
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b Duplicate) int {
		if c := a.First.Compare(b.First); c != 0 {
			return c
		}
		return strings.Compare(a.Key, b.Key)
	})
	return out
}
