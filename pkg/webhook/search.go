package webhook

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/whatsapp"
)

const (
	// lookBack is how long before its status a message is taken to have been accepted
	// at most, as the servers' clocks see it, and lookOn how long later statuses of the
	// same search may be.
	lookBack = 2 * time.Minute
	lookOn   = 15 * time.Minute
	// maxRead is how many events one search of a number reads, and maxSearch how long
	// the searches for a batch go on.
	maxRead   = 32 << 10
	maxSearch = 250 * time.Millisecond
	// restFactor is how many times as long as a search took there is none after it, but
	// for longestRest: a bot beside us, on a number of ours, may cause as many as it likes.
	restFactor  = 9
	longestRest = 5 * time.Second
	// maxNumbers is how many numbers are remembered.
	maxNumbers = 4096

	// A status of a number of ours that is of no message on record may have overtaken
	// the answer to its own request. If it has just come, its webhook comes again until
	// the number was searched so long after it came first.
	freshFor = time.Minute
	grace    = time.Second
	// minReturns is how often a webhook was handed out when that is surely over, and
	// maxReturns, a minute later, how often at most while there is no time to search.
	minReturns = 3
	maxReturns = 8
)

// bare is a status without callback data.
type bare struct {
	hook   *hook
	update *whatsapp.Update
	// at is when the message was accepted at the latest, but for its answer: the time of
	// the status, or of its webhook where the platform's clock is ahead.
	at time.Time
}

// here is how long the status has been here at least: as the returns of its webhook
// take, unless it was given back in trouble.
func (s *bare) here() (took time.Duration) {
	for n := 1; n < min(s.hook.delivery.Delivered, maxReturns); n++ {
		took += backoff(n, firstReturn, lastReturn)
	}
	return min(took, time.Since(s.hook.delivery.Stored))
}

// isForeign reports whether what is not found by now will not be: its number was
// searched since began, when the status came again, or when it had been here for a
// moment.
func (s *bare) isForeign(number *reading, began time.Time) bool {
	switch d := s.hook.delivery; {
	case number == nil:
		return false
	case !number.ours, time.Since(number.searched) < s.here()-grace:
		return true
	default:
		return !number.searched.Before(began) && (d.Delivered >= minReturns || time.Since(d.Stored) > freshFor)
	}
}

// finder finds out to which attempts messages belong. It is the running goroutine's
// own.
type finder struct {
	namespace string
	known     *wamids
	numbers   map[string]*reading
	// rest is when the next search may begin.
	rest time.Time
}

// reading is how far a number's messages are read: those that were accepted from since
// on, as long as statuses without a token come in.
type reading struct {
	ours  bool
	since time.Time
	upTo  time.Time
	after uint64 // sequence of the last event read
	// searched is when the last search began that read all there was.
	searched time.Time
}

func newFinder(namespace string) *finder {
	return &finder{namespace: namespace, known: newWamids(), numbers: make(map[string]*reading)}
}

// match files the statuses that came without callback data under their attempts, as
// far as these are known by the messages' ids.
func (p *Processor) match(b *batch) bool {
	for _, r := range b.reports {
		if s := r.first.status; s.MessageID != "" {
			p.finder.known.add(s.MessageID, r.token)
		}
	}
	began := time.Now()
	left := p.file(b, b.bare)
	if len(left) > 0 && !p.search(left) {
		return false
	}
	for _, s := range p.file(b, left) {
		switch {
		case s.isForeign(p.finder.numbers[s.update.Number], began):
			s.hook.tally[updateForeign]++
		case s.hook.delivery.Delivered < maxReturns:
			p.cfg.Metrics.update(updateWaiting, 1)
			s.hook.waits = true
		default:
			s.hook.tally[updateUnsearched]++
		}
	}
	return true
}

// file files what is known and returns the rest.
func (p *Processor) file(b *batch, statuses []bare) (left []bare) {
	for _, s := range statuses {
		if token, ok := p.finder.known.find(s.update.Status.MessageID); ok {
			b.file(s.hook, s.update, token)
		} else {
			left = append(left, s)
		}
	}
	return left
}

// search reads what the numbers of statuses have sent around their times, the number
// that has waited longest first.
func (p *Processor) search(statuses []bare) bool {
	f, began := p.finder, time.Now()
	if began.Before(f.rest) {
		return true
	}
	defer func() { f.rest = time.Now().Add(min(restFactor*time.Since(began), longestRest)) }()
	for _, w := range f.wanted(statuses) {
		if time.Since(began) > maxSearch {
			return true
		}
		if !p.try(p.recording, func(ctx context.Context) error { return f.read(ctx, p.cfg.Events, w) }) {
			return false
		}
	}
	return true
}

// wanted is what statuses ask of one number.
type wanted struct {
	number   string
	reading  *reading
	earliest time.Time
	// latest is when the last of their webhooks came.
	latest time.Time
}

func (f *finder) wanted(statuses []bare) []*wanted {
	if len(f.numbers) > maxNumbers {
		clear(f.numbers)
	}
	byNumber := make(map[string]*wanted)
	for _, s := range statuses {
		w := byNumber[s.update.Number]
		if w == nil {
			w = &wanted{number: s.update.Number, reading: f.numbers[s.update.Number], earliest: s.at}
			if w.reading == nil {
				w.reading = new(reading)
				f.numbers[w.number] = w.reading
			}
			byNumber[w.number] = w
		}
		w.earliest = earlier(w.earliest, s.at)
		w.latest = later(w.latest, s.hook.delivery.Stored)
	}
	return slices.SortedFunc(maps.Values(byNumber), func(a, b *wanted) int {
		return cmp.Or(a.reading.searched.Compare(b.reading.searched), cmp.Compare(a.number, b.number))
	})
}

// read reads on where the last reading of the number ended, or begins anew where that
// was long ago. What is older than where it began is looked for besides.
func (f *finder) read(ctx context.Context, events Events, w *wanted) (err error) {
	r, began := w.reading, time.Now()
	if !r.ours {
		if r.ours, err = events.Sends(ctx, w.number); err != nil || !r.ours {
			return err
		}
	}
	from := w.earliest.Add(-lookBack)
	if from.After(r.upTo) {
		*r = reading{ours: true, since: from, upTo: from, searched: r.searched}
	}
	if from.Before(r.since) {
		older := queue.TakenRange{Sender: w.number, Since: from, Until: earlier(r.since, from.Add(lookOn)), Most: maxRead}
		if _, _, err := events.Taken(ctx, older, f.learn); err != nil {
			return err
		}
	}
	newer := queue.TakenRange{Sender: w.number, After: r.after, Since: r.since, Until: w.latest.Add(lookBack), Most: maxRead}
	after, all, err := events.Taken(ctx, newer, func(t queue.Taken) {
		f.learn(t)
		r.upTo = later(r.upTo, t.Stored)
	})
	if err != nil {
		return err
	}
	if r.after = after; all {
		r.upTo, r.searched = w.latest, began
	}
	return nil
}

func (f *finder) learn(t queue.Taken) {
	if t.Attempt < 1 || t.Attempt > maxAttempt {
		return
	}
	f.known.add(string(t.Wamid), job.Token{Namespace: f.namespace, Key: t.Key, Attempt: t.Attempt})
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
