package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/recipient"
	"github.com/wacast/wacast/pkg/report"
)

// Forgotten tells what was erased of a person.
type Forgotten struct {
	// Events counts those that were erased, Jobs the copies of jobs that waited,
	// Letters the dead letters and Webhooks those in quarantine.
	Events   int `json:"events"`
	Jobs     int `json:"jobs"`
	Letters  int `json:"letters"`
	Webhooks int `json:"webhooks"`
	Answers  int `json:"answers"`
	// Suppressed counts the jobs that had no outcome yet and have ended as suppressed.
	Suppressed int `json:"suppressed"`
	// Held counts the jobs that workers were still sending; the command is to be
	// repeated.
	Held int `json:"held"`
	// Aliases counts what the person was known by.
	Aliases int `json:"aliases"`
	// OptedOut says that the person had opted out, of which a keyed hash stays.
	OptedOut bool `json:"opted_out"`
	// ClaimsUntil is until when the claims of workers, which age by themselves, may
	// still name the person's jobs; null for no job.
	ClaimsUntil *time.Time `json:"claims_until"`
}

// ErrReason marks a reason that names the person who is to be forgotten.
var ErrReason = errors.New("the reason names the person: it stays on record")

// Forget erases a person: jobs that wait end as suppressed and go, events give way to
// erased ones, which count the same and name nobody; dead letters, webhooks in
// quarantine, answers, service windows and links go. Where the person had opted out a
// keyed hash of it stays. It may be repeated, and goes on where it was cut short; while
// workers are sending to the person it waits, at most for its patience.
func (o *Operator) Forget(ctx context.Context, p recipient.Person, reason string, patience time.Duration) (*Forgotten, error) {
	book, err := o.openPeople(ctx)
	if err != nil {
		return nil, err
	}
	defer book.close()
	s := newSearch(o, book.key.NewFinder(book.Aliases(p)), p)
	if s.mentions([]byte(reason)) {
		return nil, ErrReason
	}
	if err := s.readEvents(ctx); err != nil {
		return nil, err
	}
	f := new(Forgotten)
	if err := s.settleDown(ctx, f, patience); err != nil {
		return f, err
	}
	if err := s.readEvents(ctx); err != nil { // what has come since
		return f, err
	}
	if err := s.eraseFound(ctx, f); err != nil {
		return f, err
	}
	for _, alias := range s.unlinked(book, p) {
		kept, err := book.Forget(ctx, alias)
		if err != nil {
			return f, err
		}
		f.OptedOut = f.OptedOut || kept
	}
	if err := s.eraseEvents(ctx, f); err != nil {
		return f, err
	}
	kept, err := book.Forget(ctx, p) // the links last: by them all is found again
	if err != nil {
		return f, err
	}
	f.OptedOut = f.OptedOut || kept
	f.Aliases = len(s.finder.IDs())
	return f, o.note(ctx, job.EventData{Kind: job.Erased, Count: f.Events, Detail: "forgotten: " + o.signed(reason)})
}

// settleDown ends what waits, again until no worker is sending to the person.
func (s *search) settleDown(ctx context.Context, f *Forgotten, patience time.Duration) error {
	over := time.After(patience)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if err := s.readWaiting(ctx); err != nil {
			return err
		}
		var err error
		if f.Held, err = s.endWaiting(ctx, f); err != nil || f.Held == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-over:
			return nil
		case <-tick.C:
		}
	}
}

// eraseFound erases what is found by what the events tell only, which is why those come
// after it.
func (s *search) eraseFound(ctx context.Context, f *Forgotten) error {
	if err := s.readRest(ctx); err != nil {
		return err
	}
	var places []queue.Place
	for i := range s.letters {
		places = append(places, s.o.names.DeadPlace(&s.letters[i]))
	}
	for i := range s.odd {
		places = append(places, s.odd[i].Places...)
	}
	f.Letters, f.Webhooks = len(s.letters), len(s.odd)
	if err := queue.Erase(ctx, s.o.nc, places...); err != nil {
		return err
	}
	return s.forgetAnswers(ctx, f)
}

// eraseEvents puts erased events in the place of the person's, and then erases those:
// the newest first, as the oldest are likely to name the person by all aliases. Nothing
// is missing at any time, and verify takes both for one.
func (s *search) eraseEvents(ctx context.Context, f *Forgotten) error {
	slices.SortFunc(s.events, func(a, b queue.Recorded) int { return cmp.Compare(a.Sequence, b.Sequence) })
	if _, err := s.o.events.Record(ctx, report.Erase(s.events, s.done, s.o.source(), time.Now())); err != nil {
		return err
	}
	var latest time.Time
	places := make([]queue.Place, 0, len(s.events))
	for i := range s.events {
		places = append(places, s.o.names.EventPlace(s.events[i].Sequence))
		if stored := s.events[i].Stored; stored.After(latest) {
			latest = stored
		}
	}
	slices.Reverse(places)
	f.Events = len(places)
	if until := latest.Add(queue.ClaimsMaxAge); until.After(time.Now()) {
		f.ClaimsUntil = &until
	}
	return queue.Erase(ctx, s.o.nc, places...)
}

func (s *search) forgetAnswers(ctx context.Context, f *Forgotten) error {
	answers, err := queue.OpenBucket(ctx, s.o.js, s.o.names.AnswersBucket())
	if err != nil {
		return err
	}
	for key := range s.keys {
		name := campaign.AnswerKey(key)
		if _, err := answers.Get(ctx, name); errors.Is(err, queue.ErrNoKey) {
			continue
		} else if err != nil {
			return err
		}
		if err := answers.Delete(ctx, name); err != nil {
			return err
		}
		f.Answers++
	}
	return nil
}

// unlinked are the aliases that only the events tell of, each as a person: once those
// are erased, nothing leads to them.
func (s *search) unlinked(book *people, p recipient.Person) []recipient.Person {
	linked := book.Aliases(p)
	var all []recipient.Person
	add := func(alias recipient.Person) {
		if ids := book.key.IDs(alias); len(ids) > 0 && !slices.Contains(linked, ids[0]) {
			all = append(all, alias)
		}
	}
	for digits := range s.numbers {
		add(recipient.Person{Number: "+" + digits})
	}
	for user := range s.users {
		add(recipient.Person{UserID: user})
	}
	return all
}

// ParsePerson reads what a person is named by on a command line.
func ParsePerson(number, userID string) (recipient.Person, error) {
	if (number == "") == (userID == "") {
		return recipient.Person{}, errors.New("give a telephone number, or --user-id")
	}
	if number != "" && !strings.HasPrefix(number, "+") {
		number = "+" + number
	}
	if number != "" && !job.Phone(number).Valid() {
		return recipient.Person{}, fmt.Errorf("%v is no telephone number: + and 7 to 15 digits", job.Phone(number))
	}
	return recipient.Person{Number: number, UserID: userID}, nil
}
