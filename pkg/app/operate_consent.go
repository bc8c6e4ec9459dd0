package app

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/recipient"
)

// importers is how many opt-outs of a list are written at a time.
const importers = 256

// Suppressed is one thing that keeps messages from a person.
type Suppressed struct {
	// Person is the keyed hash; Number is masked, and empty for who was forgotten.
	Person string `json:"person"`
	Number string `json:"number"`
	// Reason is opted_out, bad_number or marketing_hold.
	Reason job.Reason      `json:"reason"`
	Scope  recipient.Scope `json:"scope"`
	// From is the phone number id that it is about, empty for all.
	From   string           `json:"from"`
	Source recipient.Source `json:"source"`
	Since  *time.Time       `json:"since"`
	Until  *time.Time       `json:"until"`
	Detail string           `json:"detail"`
}

// Suppress records that a person opted out, and reports false where that stood
// already. Workers know it within a second.
func (o *Operator) Suppress(ctx context.Context, p recipient.Person, out recipient.OptOut) (bool, error) {
	book, _, err := openBook(ctx, o.js, o.cfg, discardLog())
	if err != nil {
		return false, err
	}
	changed, err := book.OptOut(ctx, p, out)
	if err != nil || !changed {
		return false, err
	}
	return true, o.note(ctx, job.EventData{Kind: job.OptOut, To: job.Phone(p.Number), UserID: p.UserID, From: out.Number,
		Scope: string(out.Scope), Reason: job.ReasonOptedOut, Detail: o.signed(out.Detail)})
}

// Unsuppress ends a person's opt-outs of a scope, of one number or, where from is
// empty, of all; with scope all also the mark of a bad number. It reports whether there
// were any.
func (o *Operator) Unsuppress(ctx context.Context, p recipient.Person, scope recipient.Scope, from, reason string) (bool, error) {
	book, _, err := openBook(ctx, o.js, o.cfg, discardLog())
	if err != nil {
		return false, err
	}
	if scope == recipient.All && from == "" {
		if err := book.Delivered(ctx, p); err != nil {
			return false, err
		}
	}
	changed, err := book.OptIn(ctx, p, recipient.OptIn{Scope: scope, Number: from})
	if err != nil || !changed {
		return false, err
	}
	return true, o.note(ctx, job.EventData{Kind: job.OptIn, To: job.Phone(p.Number), UserID: p.UserID, From: from,
		Scope: string(scope), Detail: o.signed(reason)})
}

// Imported counts what became of a list.
type Imported struct {
	// Added are new, Known stood already.
	Added int `json:"added"`
	Known int `json:"known"`
}

// Import records the opt-outs of a list, many at a time. It ends with the first that
// cannot be written; what was read before may be written by then, and may come again.
func (o *Operator) Import(ctx context.Context, people <-chan recipient.Person, out recipient.OptOut) (Imported, error) {
	book, err := o.openPeople(ctx)
	if err != nil {
		return Imported{}, err
	}
	defer book.close()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var added, known atomic.Int64
	var writing sync.WaitGroup
	for range importers {
		writing.Go(func() {
			for p := range people {
				if ctx.Err() != nil {
					continue // the reader must not wait for ever
				}
				changed, err := book.OptOut(ctx, p, out)
				switch {
				case err != nil:
					fail(err)
				case changed:
					added.Add(1)
				default:
					known.Add(1)
				}
			}
		})
	}
	writing.Wait()
	sum := Imported{Added: int(added.Load()), Known: int(known.Load())}
	if ctx.Err() != nil {
		return sum, fmt.Errorf("import opt-outs: %w", context.Cause(ctx))
	}
	if sum.Added == 0 {
		return sum, nil
	}
	return sum, o.note(ctx, job.EventData{Kind: job.OptOut, From: out.Number, Scope: string(out.Scope), Count: sum.Added,
		Reason: job.ReasonOptedOut, Detail: "a list " + o.signed(out.Detail)})
}

// Suppressions calls fn with everything that keeps messages from somebody.
func (o *Operator) Suppressions(ctx context.Context, fn func(Suppressed) error) error {
	bucket, err := queue.OpenBucket(ctx, o.js, o.names.ConsentBucket())
	if err != nil {
		return err
	}
	badAfter, now := o.cfg.BadAfter, time.Now()
	reading, done := context.WithCancelCause(ctx)
	defer done(nil)
	err = bucket.Watch(reading, func(key string, value []byte) {
		if key == "" {
			done(errReadAll)
			return
		}
		if !recipient.IsID(key) || value == nil || reading.Err() != nil {
			return
		}
		e, err := recipient.ReadEntry(value)
		if err == nil {
			err = eachSuppressed(key, e, badAfter, now, fn)
		}
		if err != nil {
			done(err)
		}
	})
	if err == errReadAll {
		return nil
	}
	return err
}

// eachSuppressed tells what an entry holds, in the order of its weight.
func eachSuppressed(person string, e recipient.Entry, badAfter int, now time.Time, fn func(Suppressed) error) error {
	for _, out := range e.OptOuts {
		since := out.Since
		if err := fn(Suppressed{Person: person, Number: e.Masked, Reason: job.ReasonOptedOut, Scope: out.Scope, From: out.Number,
			Source: out.Source, Since: &since, Detail: out.Detail}); err != nil {
			return err
		}
	}
	if e.Bad != nil && len(e.Bad.Marks) >= badAfter {
		since := e.Bad.Since
		if err := fn(Suppressed{Person: person, Number: e.Masked, Reason: job.ReasonBadNumber, Scope: recipient.All,
			Source: recipient.API, Since: &since, Detail: "undeliverable again and again (131026)"}); err != nil {
			return err
		}
	}
	if until := e.HoldUntil; now.Before(until) {
		return fn(Suppressed{Person: person, Number: e.Masked, Reason: job.ReasonMarketingHold, Scope: recipient.Marketing,
			Source: recipient.API, Until: &until, Detail: "the platform delivers no more marketing for now (131049)"})
	}
	return nil
}
