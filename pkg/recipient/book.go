package recipient

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// Store is a key-value bucket to write into, such as [queue.Bucket]. Update makes of
// a value, nil for none, what change returns, and asks it again when somebody else
// was faster; an error of change leaves the key as it is and is returned.
type Store interface {
	Put(ctx context.Context, key string, value []byte) error
	Create(ctx context.Context, key string, value []byte) (bool, error)
	Update(ctx context.Context, key string, change func(value []byte) ([]byte, error)) error
	Delete(ctx context.Context, key string) error
}

// Follower tells what is in a bucket. Follow calls fn with each key, its value (nil for
// one that was deleted) and its revision, with an empty key whenever that was all
// there is, and then with each change until ctx ends; the revision beside the empty
// key is one that the bucket had before it was read. Last is the newest revision.
type Follower interface {
	Follow(ctx context.Context, fn func(key string, value []byte, revision uint64)) error
	Last(ctx context.Context) (uint64, error)
}

// Bucket is what a [Book] needs of a bucket.
type Bucket interface {
	Store
	Follower
}

// Config is what a [Book] is made of. The buckets and the key are required.
type Config struct {
	// Consent holds an [Entry] for each person of whom there is anything to say,
	// People the links between aliases, Windows the time of the last inbound message.
	Consent, People, Windows Bucket
	Key                      Key
	// BadAfter is how many campaigns must have found a number undeliverable until it
	// counts as bad. Defaults to 3.
	BadAfter int
	// Log defaults to none.
	Log *slog.Logger
	// Now defaults to [time.Now].
	Now func() time.Time
}

// Book knows people: see the package's comment. Reading it costs no round trip. It
// may be used by many goroutines.
type Book struct {
	cfg   Config
	known chan struct{}
}

// NewBook returns a book that is empty until it runs.
func NewBook(cfg Config) *Book { return &Book{cfg: cfg, known: make(chan struct{})} }

// Run keeps the view up to date until ctx ends.
func (b *Book) Run(ctx context.Context) error { return errors.ErrUnsupported }

// Ready is closed once everything is known that the buckets held when [Book.Run]
// began.
func (b *Book) Ready() <-chan struct{} { return b.known }

// Fresh reports whether the view of consent has, or had within about a second, all
// that the bucket holds. While it is not, nothing may be sent.
func (b *Book) Fresh() bool { return false }

// Check says whether a person takes a message, marketing or other, from a number of
// ours. It makes no round trip.
func (b *Book) Check(p Person, from string, marketing bool) Verdict { return Verdict{OK: true} }

// OptOut records what a person does not want, and reports false where it stood
// already. When it returns, every book whose view is fresh knows it within a second.
func (b *Book) OptOut(ctx context.Context, p Person, o OptOut) (changed bool, err error) {
	return false, errors.ErrUnsupported
}

// OptIn ends opt-outs: scope [All] every one, [Marketing] those about marketing; from
// one of our numbers, or from all where number is empty. It reports whether there
// were any.
func (b *Book) OptIn(ctx context.Context, p Person, scope Scope, number string) (changed bool, err error) {
	return false, errors.ErrUnsupported
}

// HoldMarketing keeps marketing from a person for a while (131049).
func (b *Book) HoldMarketing(ctx context.Context, p Person, until time.Time) error {
	return errors.ErrUnsupported
}

// Undeliverable records that a message did not reach a person (131026), and reports
// whether the number counts as bad now. The mark is the campaign, or the job's id
// where it has none.
func (b *Book) Undeliverable(ctx context.Context, p Person, mark string) (bad bool, err error) {
	return false, errors.ErrUnsupported
}

// Delivered records that a message did reach a person, which is written only where
// the book knows the number to be in doubt.
func (b *Book) Delivered(ctx context.Context, p Person) error { return errors.ErrUnsupported }

// Learn takes in that the aliases of p are one person. It returns at once; what is new
// is written behind it, consent that stood under another alias moving along.
func (b *Book) Learn(p Person) {}

// Moved copies what was said under a person's former number or user id to the new one.
func (b *Book) Moved(ctx context.Context, former, now Person) error { return errors.ErrUnsupported }

// Canonical is the id that a person is known by. It is the id to use as a key.
func (b *Book) Canonical(p Person) ID { return "" }

// Aliases are all ids of a person: those of p and those linked to them. It looks
// through all the links, and so is not for every message.
func (b *Book) Aliases(p Person) []ID { return nil }

// Wrote records an inbound message or call of a person to one of our numbers, which
// opens the customer service window.
func (b *Book) Wrote(ctx context.Context, number string, p Person, at time.Time) error {
	return errors.ErrUnsupported
}

// Window is until when the customer service window between one of our numbers and a
// person is open.
func (b *Book) Window(number string, p Person) (until time.Time, open bool) { return time.Time{}, false }

// Forget removes what is held about a person. An opt-out stays, under the keyed hash
// only, which kept reports.
func (b *Book) Forget(ctx context.Context, p Person) (kept bool, err error) {
	return false, errors.ErrUnsupported
}
