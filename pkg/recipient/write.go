package recipient

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// errNobody marks a call that names no person.
var errNobody = errors.New("consent: neither a number nor a user id is known")

// OptOut records what a person does not want, and reports false where it stood
// already, or where the person has opted in since then: what was said last counts, in
// whichever order it comes. When it returns, every book whose view is fresh knows it within a second.
func (b *Book) OptOut(ctx context.Context, p Person, o OptOut) (changed bool, err error) {
	if o.Scope != All && o.Scope != Marketing {
		return false, errors.New("opt-out: the scope must be all or marketing")
	}
	if o.Since.IsZero() {
		o.Since = b.cfg.Now()
	}
	o.Since = o.Since.UTC().Truncate(time.Second)
	to, err := b.root(ctx, p)
	if err != nil {
		return false, err
	}
	b.Learn(p)
	_, err = b.change(ctx, to, p.masked(), func(e *Entry) (wrote bool) {
		changed, wrote = e.optOut(o)
		return wrote
	})
	return changed && err == nil, err
}

// OptIn ends opt-outs that are not newer than it: scope [All] every one, [Marketing]
// those about marketing; from one of our numbers, or, where Number is empty, from all.
// Without a time it is now. It reports whether there were any.
func (b *Book) OptIn(ctx context.Context, p Person, in OptIn) (changed bool, err error) {
	if in.At.IsZero() {
		in.At = b.cfg.Now()
	}
	in.At = in.At.UTC().Truncate(time.Second)
	to, err := b.root(ctx, p)
	if err != nil {
		return false, err
	}
	_, err = b.each(ctx, p, func(a alias, e *Entry) bool {
		ended, wrote := e.optIn(in, a == to)
		changed = changed || ended
		return wrote
	})
	return changed && err == nil, err
}

// HoldMarketing keeps marketing from a person for a while (131049).
func (b *Book) HoldMarketing(ctx context.Context, p Person, until time.Time) error {
	to, err := b.root(ctx, p)
	if err != nil {
		return err
	}
	until = until.UTC().Truncate(time.Second)
	_, err = b.change(ctx, to, p.masked(), func(e *Entry) bool { return e.merge(Entry{HoldUntil: until}) })
	return err
}

// Undeliverable records that a message did not reach a person (131026), and reports
// whether the number counts as bad now. The mark is the campaign, or the job's id
// where it has none.
func (b *Book) Undeliverable(ctx context.Context, p Person, mark string) (bad bool, err error) {
	to, err := b.root(ctx, p)
	if err != nil {
		return false, err
	}
	_, err = b.change(ctx, to, p.masked(), func(e *Entry) bool {
		changed := e.fail(mark, b.cfg.BadAfter, b.cfg.Now())
		bad = len(e.Bad.Marks) >= b.cfg.BadAfter
		return changed
	})
	return bad, err
}

// Delivered records that a message did reach a person. It costs nothing where the book
// knows of no doubt about the number.
func (b *Book) Delivered(ctx context.Context, p Person) error {
	if b.ready() && !b.inDoubt(p) {
		return nil
	}
	_, err := b.each(ctx, p, func(_ alias, e *Entry) bool {
		was := e.Bad
		e.Bad = nil
		return was != nil
	})
	return err
}

func (b *Book) inDoubt(p Person) bool {
	if b.consents.empty() {
		return false
	}
	known := b.hash.aliases(p)
	return slices.ContainsFunc(known.all(), func(a alias) bool {
		return (b.consents.flags(a)|b.consents.flags(b.links.root(a)))&(badNumber|doubtful) != 0
	})
}

// Forget removes what is held about a person. An opt-out stays, under the keyed hash
// only, which kept reports. The book must be [Book.Ready]: what it knows is what it
// can remove.
func (b *Book) Forget(ctx context.Context, p Person) (kept bool, err error) {
	if !b.ready() {
		return false, errors.New("forget: the buckets are not read yet")
	}
	people := b.aliases(p)
	for _, key := range b.windows.of(people) {
		if err := b.cfg.Windows.Delete(ctx, key); err != nil {
			return false, err
		}
	}
	for _, a := range people {
		if !b.consents.has(a) {
			continue
		}
		if _, err := b.change(ctx, a, "", func(e *Entry) bool {
			kept = kept || len(e.OptOuts) > 0
			return e.forget()
		}); err != nil {
			return kept, err
		}
	}
	for _, a := range people {
		if kept || !b.links.linked(a) {
			continue // its opt-out must go on covering every alias
		}
		if err := b.cfg.People.Delete(ctx, string(a.ID())); err != nil {
			return kept, err
		}
	}
	return kept, nil
}

// root is the canonical alias of a person, as the view or else the bucket has it.
func (b *Book) root(ctx context.Context, p Person) (alias, error) {
	known := b.hash.aliases(p)
	if known.n == 0 {
		return alias{}, errNobody
	}
	if b.ready() {
		return b.links.root(known.list[0]), nil
	}
	return b.storedRoot(ctx, known.list[0])
}

// storedRoot asks the bucket.
func (b *Book) storedRoot(ctx context.Context, a alias) (root alias, err error) {
	root = chase(a, func(a alias) (alias, bool) {
		if err != nil {
			return a, false
		}
		var value []byte
		value, err = peek(ctx, b.cfg.People, string(a.ID()))
		to, ok := parseAlias(string(value))
		return to, ok && to != a
	})
	return root, err
}

// peek reads a value, nil for none.
func peek(ctx context.Context, s Store, key string) (value []byte, err error) {
	err = s.Update(ctx, key, func(have []byte) ([]byte, error) {
		value = have
		return nil, errSame
	})
	if errors.Is(err, errSame) {
		return value, nil
	}
	return nil, err
}

func (b *Book) entry(ctx context.Context, a alias) (Entry, error) {
	value, err := peek(ctx, b.cfg.Consent, string(a.ID()))
	if err != nil {
		return Entry{}, err
	}
	return ReadEntry(value)
}

// change changes the entry of an alias, unless fn reports that there is nothing to
// change.
func (b *Book) change(ctx context.Context, a alias, masked string, fn func(*Entry) bool) (changed bool, err error) {
	key := string(a.ID())
	edit := func(value []byte) ([]byte, error) {
		e, err := ReadEntry(value)
		if err != nil {
			return nil, err
		}
		if changed = fn(&e); !changed {
			return nil, errSame
		}
		e.Masked = cmp.Or(e.Masked, masked)
		if e.empty() {
			e.Masked = ""
		}
		return json.Marshal(e)
	}
	if b.ready() && !b.consents.has(a) { // in most cases one round trip is enough
		if value, err := edit(nil); err == nil {
			if created, err := b.cfg.Consent.Create(ctx, key, value); created || err != nil {
				return created, err
			}
		}
	}
	err = b.cfg.Consent.Update(ctx, key, edit)
	if errors.Is(err, errSame) {
		return false, nil
	}
	return changed && err == nil, err
}

// each changes every entry of a person: that of the canonical alias, and those that
// have not moved there yet.
func (b *Book) each(ctx context.Context, p Person, fn func(alias, *Entry) bool) (changed bool, err error) {
	known := b.hash.aliases(p)
	if known.n == 0 {
		return false, errNobody
	}
	var done []alias
	for _, a := range known.all() {
		root, err := b.storedRoot(ctx, a)
		if err != nil {
			return changed, err
		}
		for _, one := range [...]alias{a, root} {
			if slices.Contains(done, one) {
				continue
			}
			done = append(done, one)
			did, err := b.change(ctx, one, "", func(e *Entry) bool { return fn(one, e) })
			if err != nil {
				return changed, err
			}
			changed = changed || did
		}
	}
	return changed, nil
}
