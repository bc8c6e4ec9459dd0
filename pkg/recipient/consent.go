package recipient

import (
	"math"
	"slices"
	"sync"
	"time"

	"github.com/wacast/wacast/pkg/job"
)

// mark is what memory holds of an [Entry]: 12 bytes for each person.
type mark struct {
	since, hold uint32 // Unix seconds
	flags       flags
	source      uint8
}

// flags of a [mark].
type flags uint8

const (
	outOfAll       flags = 1 << iota
	outOfMarketing       // of every number of ours
	outOfNumber          // of single numbers, which are in consents.numbers
	badNumber
	doubtful // it has failed, but not often enough
	optedIn  // nothing stands against messages for that, but the entry is there
)

// sources in the order of their numbers in a [mark].
func sources() []Source {
	return []Source{Keyword, Button, Preferences, API, Import, Operator}
}

// consents is the view of the bucket of consent.
type consents struct {
	badAfter int

	mu    sync.RWMutex
	marks map[alias]mark
	// numbers are the opt-outs that are about single numbers of ours, which are few.
	numbers map[alias][]OptOut
	stats   Stats
}

func newConsents(badAfter int) *consents {
	return &consents{badAfter: badAfter, marks: make(map[alias]mark), numbers: make(map[alias][]OptOut)}
}

// apply takes a change of the bucket in, and returns whose entry it was if it is one
// that says anything.
func (c *consents) apply(key string, value []byte) (a alias, stands bool, err error) {
	a, ok := parseAlias(key)
	if !ok {
		return a, false, nil // the bucket also holds the key
	}
	e, err := ReadEntry(value)
	if err != nil {
		return a, false, err
	}
	m, numbers := c.mark(&e)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.count(c.marks[a].flags, -1)
	c.stats.count(m.flags, 1)
	if m == (mark{}) {
		delete(c.marks, a)
	} else {
		c.marks[a] = m
	}
	if len(numbers) > 0 {
		c.numbers[a] = numbers
	} else {
		delete(c.numbers, a)
	}
	return a, m != mark{}, nil
}

// mark is the short form of an entry, with the opt-outs that do not fit into it.
func (c *consents) mark(e *Entry) (m mark, numbers []OptOut) {
	for _, o := range e.OptOuts {
		if o.Number != "" {
			m.flags |= outOfNumber
			numbers = append(numbers, OptOut{Scope: o.Scope, Number: o.Number, Source: o.Source, Since: o.Since})
			continue
		}
		flag := outOfAll
		if o.Scope == Marketing {
			flag = outOfMarketing
		}
		if m.flags&outOfAll == 0 { // the wider one is the one to tell of
			m.since, m.source = seconds(o.Since), uint8(max(0, slices.Index(sources(), o.Source)))
		}
		m.flags |= flag
	}
	m.hold = seconds(e.HoldUntil)
	if len(e.OptIns) > 0 {
		m.flags |= optedIn
	}
	switch {
	case e.Bad == nil:
	case len(e.Bad.Marks) >= c.badAfter:
		m.flags |= badNumber
	default:
		m.flags |= doubtful
	}
	return m, numbers
}

func seconds(t time.Time) uint32 { return uint32(min(max(t.Unix(), 0), math.MaxUint32)) }

// empty reports that there is nothing against anybody.
func (c *consents) empty() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.marks) == 0
}

func (c *consents) flags(a alias) flags {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.marks[a].flags
}

func (c *consents) has(a alias) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	_, ok := c.marks[a]
	return ok
}

// verdict is what stands under one alias against a message.
func (c *consents) verdict(a alias, from string, marketing bool, now time.Time) Verdict {
	c.mu.RLock()
	m, ok := c.marks[a]
	var numbers []OptOut
	if m.flags&outOfNumber != 0 {
		numbers = c.numbers[a] // replaced as a whole, never changed
	}
	c.mu.RUnlock()
	if !ok {
		return Verdict{OK: true}
	}
	if m.flags&outOfAll != 0 || m.flags&outOfMarketing != 0 && marketing {
		scope := All
		if m.flags&outOfAll == 0 {
			scope = Marketing
		}
		return refusal(OptOut{Scope: scope, Source: sources()[m.source], Since: time.Unix(int64(m.since), 0)})
	}
	for _, o := range numbers {
		if o.Number == from && (o.Scope == All || marketing) {
			return refusal(o)
		}
	}
	if m.flags&badNumber != 0 {
		return Verdict{Reason: job.ReasonBadNumber, Detail: "messages to this number failed again and again (131026)", Permanent: true}
	}
	if hold := time.Unix(int64(m.hold), 0); marketing && now.Before(hold) {
		return Verdict{Reason: job.ReasonMarketingHold, Until: hold, Detail: "the platform delivers no more marketing to this recipient for now (131049), until " + hold.UTC().Format(time.RFC3339)}
	}
	return Verdict{OK: true}
}

// refusal says which opt-out stands against a message.
func refusal(o OptOut) Verdict {
	what := "all messages"
	if o.Scope == Marketing {
		what = "marketing"
	}
	if o.Number != "" {
		what += " from this number"
	}
	return Verdict{Reason: job.ReasonOptedOut, Permanent: true,
		Detail: "opted out of " + what + " (" + string(o.Source) + ", " + o.Since.UTC().Format(time.DateOnly) + ")"}
}

// Stats counts what a [Book] knows.
type Stats struct {
	// OptedOut are people with any opt-out, Bad numbers that cannot be reached.
	OptedOut, Bad int
	// Links are aliases that stand for another one, Windows those who wrote to a number
	// within the last day.
	Links, Windows int
	// Dropped links could not be taken in at once, and are learned with a later message.
	Dropped uint64
}

func (s *Stats) count(f flags, n int) {
	if f&(outOfAll|outOfMarketing|outOfNumber) != 0 {
		s.OptedOut += n
	}
	if f&badNumber != 0 {
		s.Bad += n
	}
}
