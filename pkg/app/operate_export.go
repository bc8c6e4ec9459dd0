package app

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/recipient"
)

// Dossier is all that is held about a person, numbers and texts whole.
type Dossier struct {
	// Numbers and UserIDs are what the person is known by, and IDs the hashes of these
	// and of others that are linked to them.
	Numbers []string       `json:"numbers"`
	UserIDs []string       `json:"user_ids"`
	IDs     []recipient.ID `json:"ids"`
	// Events are what became of the messages and what the person answered, the oldest
	// first.
	Events []job.Event `json:"events"`
	// Jobs are those that wait, Letters dead letters.
	Jobs    []DossierJob    `json:"jobs"`
	Letters []DossierLetter `json:"dead_letters"`
	// Webhooks are those in quarantine that mention the person.
	Webhooks []DossierHook   `json:"webhooks"`
	Consent  []DossierEntry  `json:"consent"`
	Windows  []DossierWindow `json:"windows"`
	Answers  []DossierAnswer `json:"answers"`
}

// DossierJob is a job that waits.
type DossierJob struct {
	// Where is the stream, and Kind what it is put off for.
	Where  string    `json:"where"`
	Kind   string    `json:"kind,omitempty"`
	Stored time.Time `json:"stored"`
	Job    string    `json:"job"`
}

// DossierLetter is a dead letter.
type DossierLetter struct {
	Reason job.Reason `json:"reason"`
	Code   int        `json:"code,omitempty"`
	Detail string     `json:"detail,omitempty"`
	Stored time.Time  `json:"stored"`
	Job    string     `json:"job"`
}

// DossierHook is a webhook in quarantine.
type DossierHook struct {
	Why    string    `json:"why"`
	Stored time.Time `json:"stored"`
	Body   string    `json:"body"`
}

// DossierEntry is what is held about consent under one id.
type DossierEntry struct {
	ID recipient.ID `json:"id"`
	recipient.Entry
}

// DossierWindow is when the person last wrote to a number of ours.
type DossierWindow struct {
	From  string `json:"from"`
	Wrote string `json:"wrote"`
}

// DossierAnswer is what the person answered to a job.
type DossierAnswer struct {
	Job    string          `json:"job"`
	Answer json.RawMessage `json:"answer"`
}

// Export collects all that is held about a person.
func (o *Operator) Export(ctx context.Context, p recipient.Person) (*Dossier, error) {
	book, err := o.openPeople(ctx)
	if err != nil {
		return nil, err
	}
	defer book.close()
	s := newSearch(o, book.key.NewFinder(book.Aliases(p)), p)
	for _, read := range []func(context.Context) error{s.readEvents, s.readWaiting, s.readRest} {
		if err := read(ctx); err != nil {
			return nil, err
		}
	}
	d := s.dossier()
	if err := d.addConsent(ctx, book); err != nil {
		return nil, err
	}
	if err := d.addWindows(ctx, book); err != nil {
		return nil, err
	}
	return d, s.addAnswers(ctx, d)
}

// dossier is what the streams hold. Lists without anything are no nulls.
func (s *search) dossier() *Dossier {
	d := &Dossier{
		Numbers: []string{}, UserIDs: []string{}, IDs: slices.Sorted(slices.Values(s.finder.IDs())),
		Events: []job.Event{}, Jobs: []DossierJob{}, Letters: []DossierLetter{}, Webhooks: []DossierHook{},
		Consent: []DossierEntry{}, Windows: []DossierWindow{}, Answers: []DossierAnswer{},
	}
	for digits := range s.numbers {
		d.Numbers = append(d.Numbers, "+"+digits)
	}
	for user := range s.users {
		d.UserIDs = append(d.UserIDs, user)
	}
	slices.Sort(d.Numbers)
	slices.Sort(d.UserIDs)
	for i := range s.events {
		d.Events = append(d.Events, s.events[i].Event)
	}
	for i := range s.waiting {
		if w := &s.waiting[i]; len(w.Data) > 0 {
			d.Jobs = append(d.Jobs, DossierJob{Where: w.Place.Stream, Kind: w.Kind, Stored: w.Stored, Job: string(w.Data)})
		}
	}
	for i := range s.letters {
		l := &s.letters[i]
		d.Letters = append(d.Letters, DossierLetter{Reason: l.Reason, Code: l.Code, Detail: l.Detail, Stored: l.Stored, Job: string(l.Data)})
	}
	for i := range s.odd {
		d.Webhooks = append(d.Webhooks, DossierHook{Why: s.odd[i].Why, Stored: s.odd[i].Stored, Body: string(s.odd[i].Body)})
	}
	return d
}

func (d *Dossier) addConsent(ctx context.Context, book *people) error {
	for _, id := range d.IDs {
		value, err := book.consent.Get(ctx, string(id))
		if errors.Is(err, queue.ErrNoKey) {
			continue
		}
		if err != nil {
			return err
		}
		entry, err := recipient.ReadEntry(value)
		if err != nil {
			return err
		}
		d.Consent = append(d.Consent, DossierEntry{ID: id, Entry: entry})
	}
	return nil
}

// addWindows looks through all windows: their keys begin with numbers of ours.
func (d *Dossier) addWindows(ctx context.Context, book *people) error {
	keys, err := book.windows.Keys(ctx)
	if err != nil {
		return err
	}
	for _, key := range keys {
		number, id, _ := strings.Cut(key, ".")
		if !slices.Contains(d.IDs, recipient.ID(id)) {
			continue
		}
		value, err := book.windows.Get(ctx, key)
		if err != nil && !errors.Is(err, queue.ErrNoKey) {
			return err
		}
		if err == nil {
			d.Windows = append(d.Windows, DossierWindow{From: number, Wrote: string(value)})
		}
	}
	return nil
}

func (s *search) addAnswers(ctx context.Context, d *Dossier) error {
	answers, err := queue.OpenBucket(ctx, s.o.js, s.o.names.AnswersBucket())
	if err != nil {
		return err
	}
	for key := range s.keys {
		value, err := answers.Get(ctx, campaign.AnswerKey(key))
		if errors.Is(err, queue.ErrNoKey) {
			continue
		}
		if err != nil {
			return err
		}
		d.Answers = append(d.Answers, DossierAnswer{Job: key.String(), Answer: value})
	}
	slices.SortFunc(d.Answers, func(a, b DossierAnswer) int { return strings.Compare(a.Job, b.Job) })
	return nil
}
