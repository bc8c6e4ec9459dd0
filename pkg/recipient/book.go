package recipient

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wacast/wacast/pkg/job"
)

// DefaultBadAfter is that of [Config].
const DefaultBadAfter = 3

// sweepEvery is how often windows that have closed are dropped.
const sweepEvery = 10 * time.Minute

// Store is a key-value bucket to write into, such as queue.Bucket. Update makes of
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
	// counts as bad. Defaults to [DefaultBadAfter].
	BadAfter int
	// Log defaults to none.
	Log *slog.Logger
	// Now defaults to [time.Now].
	Now func() time.Time
}

// Book knows people: see the package's comment. Reading it costs no round trip. It
// may be used by many goroutines. A command that only writes need not run it: then
// each call asks the buckets.
type Book struct {
	cfg  Config
	hash *hasher

	consents *consents
	links    *links
	windows  *windows

	consent, people, inbound *following
	known                    chan struct{}
	news                     chan news
	dropped                  atomic.Uint64
}

// NewBook returns a book that is empty until it runs.
func NewBook(cfg Config) *Book {
	cfg.BadAfter = cmp.Or(cfg.BadAfter, DefaultBadAfter)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	b := &Book{
		cfg: cfg, hash: newHasher(cfg.Key), known: make(chan struct{}), news: make(chan news, maxNews),
		consents: newConsents(cfg.BadAfter), links: newLinks(), windows: newWindows(),
	}
	b.consent = newFollowing(cfg.Consent, askEvery, b.applyConsent)
	b.people = newFollowing(cfg.People, askSeldom, b.applyLink)
	b.inbound = newFollowing(cfg.Windows, askSeldom, b.windows.apply)
	return b
}

// Run keeps the view up to date until ctx ends, and writes what [Book.Learn] has taken
// in. It is called once.
func (b *Book) Run(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	for _, f := range []*following{b.consent, b.people, b.inbound} {
		running.Go(func() { f.run(ctx) })
	}
	for range writers {
		running.Go(func() { b.writeNews(ctx) })
	}
	running.Go(func() { b.becomeKnown(ctx) })
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
			b.windows.sweep(b.cfg.Now())
		}
	}
}

func (b *Book) becomeKnown(ctx context.Context) {
	for _, f := range []*following{b.consent, b.people, b.inbound} {
		select {
		case <-f.known:
		case <-ctx.Done():
			return
		}
	}
	close(b.known)
}

// Ready is closed once everything is known that the buckets held when [Book.Run]
// began.
func (b *Book) Ready() <-chan struct{} { return b.known }

// ready reports whether the view can be believed.
func (b *Book) ready() bool {
	select {
	case <-b.known:
		return true
	default:
		return false
	}
}

// Fresh reports whether the view of consent has, or had within about a second, all
// that the bucket holds. While it is not, nothing may be sent.
func (b *Book) Fresh() bool { return b.ready() && b.consent.fresh() }

// Stats counts what the book knows.
func (b *Book) Stats() Stats {
	b.consents.mu.RLock()
	s := b.consents.stats
	b.consents.mu.RUnlock()
	b.windows.mu.RLock()
	s.Windows = len(b.windows.wrote)
	b.windows.mu.RUnlock()
	s.Links, s.Dropped = b.links.count(), b.dropped.Load()
	return s
}

func (b *Book) applyConsent(key string, value []byte) {
	a, stands, err := b.consents.apply(key, value)
	if err != nil {
		b.cfg.Log.Error("an entry of consent is not understood, the one before it stays", "person", key, "error", err)
	}
	if stands && b.links.linked(a) {
		b.hear(news{from: a}) // it was written before the link was seen
	}
}

func (b *Book) applyLink(key string, value []byte) {
	if from, linked := b.links.apply(key, value); linked && b.consents.has(from) {
		b.hear(news{from: from})
	}
}

// Check says whether a person takes a message, marketing or other, from a number of
// ours. It makes no round trip.
func (b *Book) Check(p Person, from string, marketing bool) Verdict {
	if marketing && InUS(p.Number) {
		return Verdict{Reason: job.ReasonNotInUS, Detail: "the platform delivers no marketing to numbers of the United States", Permanent: true}
	}
	if b.consents.empty() {
		return Verdict{OK: true}
	}
	now := b.cfg.Now()
	known := b.hash.aliases(p)
	for _, a := range known.all() {
		if v := b.consents.verdict(a, from, marketing, now); !v.OK {
			return v
		}
		if root := b.links.root(a); root != a {
			if v := b.consents.verdict(root, from, marketing, now); !v.OK {
				return v
			}
		}
	}
	return Verdict{OK: true}
}

// Canonical is the id that a person is known by, empty for nobody. It changes when the
// person's number becomes known.
func (b *Book) Canonical(p Person) ID {
	known := b.hash.aliases(p)
	if known.n == 0 {
		return ""
	}
	return b.links.root(known.list[0]).ID()
}

// Aliases are all ids of a person: those of p and those linked to them. It looks
// through all the links, and so is not for every message.
func (b *Book) Aliases(p Person) []ID {
	var ids []ID
	for _, a := range b.aliases(p) {
		ids = append(ids, a.ID())
	}
	return ids
}

func (b *Book) aliases(p Person) []alias {
	var all []alias
	known := b.hash.aliases(p)
	for _, a := range known.all() {
		all = append(append(all, a), b.links.of(b.links.root(a))...)
	}
	slices.SortFunc(all, alias.compare)
	return slices.Compact(all)
}
