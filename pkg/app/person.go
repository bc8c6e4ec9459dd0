package app

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/recipient"
	"github.com/wacast/wacast/pkg/report"
)

// search looks for all that is held about one person. Aliases that are known by their
// hashes only are found all the same; those it meets in the messages it learns.
type search struct {
	o      *Operator
	finder *recipient.Finder
	// numbers and users are the aliases in plain, as far as they are known: digits of
	// numbers and wa_ids, and user ids.
	numbers, users map[string]bool

	events []queue.Recorded
	// done are the places of events that were erased before.
	done map[uint64]bool
	// nameless are events about a job that name nobody.
	nameless []queue.Recorded
	// keys are the person's jobs.
	keys map[job.Key]bool
	// read is the last event that was looked at.
	read uint64

	waiting []heldJob
	letters []queue.StoredLetter
	odd     []queue.OddHook
}

// heldJob is a job that waits; Job is nil where it cannot be read.
type heldJob struct {
	queue.WaitingJob
	Job *job.Job
}

func newSearch(o *Operator, finder *recipient.Finder, p recipient.Person) *search {
	s := &search{
		o: o, finder: finder, numbers: make(map[string]bool), users: make(map[string]bool),
		done: make(map[uint64]bool), keys: make(map[job.Key]bool),
	}
	s.learn(p)
	return s
}

// learn takes in the aliases of a message of the person, and reports whether one is
// new by its hash too.
func (s *search) learn(p recipient.Person) bool {
	for _, number := range []string{p.Number, p.WaID} {
		if digits := strings.TrimPrefix(number, "+"); digits != "" {
			s.numbers[digits] = true
		}
	}
	if p.UserID != "" {
		s.users[p.UserID] = true
	}
	return s.finder.Learn(p)
}

// readEvents reads the events from where it stopped the last time. An alias that was
// learned on the way may be in those before: then all are read once more.
func (s *search) readEvents(ctx context.Context) error {
	for {
		grown := false
		last, err := s.o.events.Ends(ctx)
		if err != nil {
			return err
		}
		err = s.o.events.Scan(ctx, queue.Filter{After: s.read, UpTo: last}, func(raw *queue.Raw) error {
			return s.takeEvent(raw, &grown)
		})
		if err != nil {
			return err
		}
		s.read = last
		if !grown {
			s.addNameless()
			return nil
		}
		s.read, s.events, s.nameless = 0, nil, nil
	}
}

func (s *search) takeEvent(raw *queue.Raw, grown *bool) error {
	switch raw.Kind {
	case job.Published:
		return nil
	case job.Erased:
		if e, err := job.DecodeEvent(raw.Data); err == nil {
			for _, place := range report.ErasedPlaces(&e.Data) {
				s.done[place] = true
			}
		}
		return nil
	}
	p := peek(raw.Data)
	nameless := p == recipient.Person{} && bytes.Contains(raw.Data, []byte(`"id":`))
	if !nameless && !s.finder.Is(p) {
		return nil
	}
	event, err := job.DecodeEvent(raw.Data)
	if err != nil {
		return nil // somebody else's, on one of our subjects
	}
	e := queue.Recorded{Event: *event, Sequence: raw.Sequence, Stored: raw.Stored}
	if p = personOf(&e.Data); nameless || !s.finder.Is(p) {
		if e.Data.ID != "" && p == (recipient.Person{}) {
			s.nameless = append(s.nameless, e)
		}
		return nil
	}
	*grown = s.learn(p) || *grown
	s.events = append(s.events, e)
	if e.Data.ID != "" {
		s.keys[e.Key()] = true
	}
	return nil
}

// addNameless adds the events that name a job of the person only.
func (s *search) addNameless() {
	for _, e := range s.nameless {
		if s.keys[e.Key()] {
			s.events = append(s.events, e)
		}
	}
	s.nameless = slices.DeleteFunc(s.nameless, func(e queue.Recorded) bool { return s.keys[e.Key()] })
}

// peek reads the aliases out of an event without decoding it: of a million events
// hardly any is the person's. Quotes within a text are escaped, so that what follows a
// field's name is the field, or one of the metadata.
func peek(data []byte) recipient.Person {
	return recipient.Person{Number: field(data, `"to":"`), WaID: field(data, `"wa_id":"`), UserID: field(data, `"user_id":"`)}
}

func field(data []byte, name string) string {
	at := bytes.Index(data, []byte(name))
	if at < 0 {
		return ""
	}
	data = data[at+len(name):]
	return string(data[:max(bytes.IndexByte(data, '"'), 0)])
}

func personOf(d *job.EventData) recipient.Person {
	return recipient.Person{Number: string(d.To), WaID: string(d.WaID), UserID: d.UserID}
}

// readWaiting finds the jobs that wait, what is left of erased ones among them.
func (s *search) readWaiting(ctx context.Context) error {
	s.waiting = nil
	return s.o.queues.EachWaiting(ctx, func(w *queue.WaitingJob) error {
		if len(w.Data) == 0 && w.Kind != "" {
			s.waiting = append(s.waiting, heldJob{WaitingJob: *w})
			return nil
		}
		if j, mine := s.isMine(w.Data); mine {
			s.waiting = append(s.waiting, heldJob{*w, j})
			if j != nil {
				s.keys[j.Key()] = true
			}
		}
		return nil
	})
}

// isMine reports whether a job is to the person; one that cannot be read, whether it
// mentions the person.
func (s *search) isMine(data []byte) (*job.Job, bool) {
	j, err := job.Decode(data)
	if err != nil {
		return nil, s.mentions(data)
	}
	p := recipient.Person{Number: string(j.To), UserID: j.UserID}
	if !s.finder.Is(p) {
		return nil, false
	}
	s.learn(p)
	return j, true
}

// mentions looks for aliases in what has no known form.
func (s *search) mentions(data []byte) bool {
	for digits := range s.numbers {
		for rest := data; ; {
			at := bytes.Index(rest, []byte(digits))
			if at < 0 {
				break
			}
			end := at + len(digits)
			if (at == 0 || !isDigit(rest[at-1])) && (end == len(rest) || !isDigit(rest[end])) {
				return true
			}
			rest = rest[end:]
		}
	}
	for user := range s.users {
		if bytes.Contains(data, []byte(user)) {
			return true
		}
	}
	return false
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// readRest finds dead letters and webhooks in quarantine.
func (s *search) readRest(ctx context.Context) error {
	s.letters, s.odd = nil, nil
	err := s.o.dead.Read(ctx, queue.DeadFilter{}, func(l *queue.StoredLetter) error {
		if _, mine := s.isMine(l.Data); mine {
			s.letters = append(s.letters, *l)
		}
		return nil
	})
	if err != nil {
		return err
	}
	hooks, err := queue.NewWebhooks(s.o.js, s.o.names)
	if err != nil {
		return fmt.Errorf("look into the quarantine: %w", err)
	}
	defer hooks.Close()
	return hooks.EachOdd(ctx, func(h *queue.OddHook) error {
		if s.mentions(h.Body) {
			s.odd = append(s.odd, *h)
		}
		return nil
	})
}
