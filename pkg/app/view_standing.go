package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/recipient"
)

// Standing is how the recipient of a job stands now: whether the customer service
// window with the job's number is open, and what stands against messages.
type Standing struct {
	WindowUntil time.Time          `json:"window_until,omitzero"`
	OptOuts     []recipient.OptOut `json:"optouts,omitempty"`
	HoldUntil   time.Time          `json:"hold_until,omitzero"`
	// Undeliverable counts the campaigns of which no message reached the number.
	Undeliverable int `json:"undeliverable,omitempty"`
}

// serviceWindow is how long a message from the recipient opens the window (Cloud API
// fact sheet 7).
const serviceWindow = 24 * time.Hour

// standing reads what is known of the recipient that events name; nil where they name
// none.
func (o *Operator) standing(ctx context.Context, events []job.Event) (*Standing, error) {
	var who recipient.Person
	number := ""
	for i := range events {
		d := &events[i].Data
		who.Number, who.WaID, who.UserID = cmp.Or(who.Number, string(d.To)), cmp.Or(who.WaID, string(d.WaID)), cmp.Or(who.UserID, d.UserID)
		number = cmp.Or(number, d.From)
	}
	if who == (recipient.Person{}) {
		return nil, nil
	}
	buckets := make(map[string]*queue.Bucket)
	for _, name := range []string{o.names.ConsentBucket(), o.names.PeopleBucket(), o.names.WindowsBucket()} {
		b, err := queue.OpenBucket(ctx, o.js, name)
		if err != nil {
			return nil, err
		}
		buckets[name] = b
	}
	key, err := o.cfg.identityKey(ctx, buckets[o.names.ConsentBucket()])
	if err != nil {
		return nil, err
	}
	s := new(Standing)
	ids := key.IDs(who)
	for _, id := range ids {
		if to, err := buckets[o.names.PeopleBucket()].Get(ctx, string(id)); err == nil {
			ids = append(ids, recipient.ID(to))
		}
	}
	for _, id := range ids {
		if err := s.add(ctx, buckets[o.names.ConsentBucket()], buckets[o.names.WindowsBucket()], number, id); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// add reads what is kept under one of the person's ids.
func (s *Standing) add(ctx context.Context, consent, windows *queue.Bucket, number string, id recipient.ID) error {
	value, err := windows.Get(ctx, number+"."+string(id))
	if err != nil && !errors.Is(err, queue.ErrNoKey) {
		return err
	}
	if wrote, bad := time.Parse(time.RFC3339, string(value)); bad == nil && wrote.Add(serviceWindow).After(s.WindowUntil) {
		s.WindowUntil = wrote.Add(serviceWindow)
	}
	value, err = consent.Get(ctx, string(id))
	if errors.Is(err, queue.ErrNoKey) {
		return nil
	}
	if err != nil {
		return err
	}
	e, err := recipient.ReadEntry(value)
	if err != nil {
		return err
	}
	if len(e.OptOuts) > 0 { // those of an alias are copies of the person's
		s.OptOuts = e.OptOuts
	}
	if e.HoldUntil.After(s.HoldUntil) {
		s.HoldUntil = e.HoldUntil
	}
	if e.Bad != nil {
		s.Undeliverable = max(s.Undeliverable, len(e.Bad.Marks))
	}
	return nil
}

// String says it in a line for people.
func (s *Standing) String() string {
	now := time.Now()
	parts := []string{"customer service window closed"}
	if s.WindowUntil.After(now) {
		parts[0] = "customer service window open until " + s.WindowUntil.Local().Format(time.DateTime)
	}
	for _, o := range s.OptOuts {
		parts = append(parts, fmt.Sprintf("opted out of %s messages since %s (%s)", o.Scope, o.Since.Local().Format(time.DateTime), o.Source))
	}
	if s.HoldUntil.After(now) {
		parts = append(parts, "no marketing until "+s.HoldUntil.Local().Format(time.DateTime)+" (131049)")
	}
	if s.Undeliverable > 0 {
		parts = append(parts, fmt.Sprintf("not reached by %d campaigns (131026)", s.Undeliverable))
	}
	if len(parts) == 1 {
		parts = append(parts, "nothing against messages")
	}
	return strings.Join(parts, "; ")
}
