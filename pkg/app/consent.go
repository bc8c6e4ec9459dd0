package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/recipient"
)

// Keywords are the words that opt out and in.
func (c *Config) Keywords() (*recipient.Keywords, error) {
	out, err := recipient.ParseWords(c.KeywordsOut, recipient.OutWords())
	if err != nil {
		return nil, settingError("consent.keywords_out", err)
	}
	in, err := recipient.ParseWords(c.KeywordsIn, recipient.InWords())
	if err != nil {
		return nil, settingError("consent.keywords_in", err)
	}
	return recipient.NewKeywords(out, in), nil
}

// checkConsent is what is wrong with the settings about recipients.
func (c *Config) checkConsent() error {
	_, err := c.Keywords()
	if c.IdentityKey != nil {
		if _, bad := c.identity(); bad != nil {
			err = errors.Join(err, bad)
		}
	}
	return err
}

func (c *Config) identity() (recipient.Key, error) {
	text, err := c.IdentityKey.Value()
	if err != nil {
		return nil, settingError("identity_key", err)
	}
	key, err := recipient.ParseKey(text)
	if err != nil {
		return nil, settingError("identity_key", err)
	}
	return key, nil
}

// identityKey is the key that recipients are hashed with: that of the settings, or
// else the one that all processes share.
func (c *Config) identityKey(ctx context.Context, consent recipient.Store) (recipient.Key, error) {
	var given recipient.Key
	if c.IdentityKey != nil {
		var err error
		if given, err = c.identity(); err != nil {
			return nil, err
		}
	}
	return recipient.UseKey(ctx, consent, given)
}

// openBook makes a book over the buckets of an account, and returns the key beside it.
func openBook(ctx context.Context, js jetstream.JetStream, cfg Config, log *slog.Logger) (*recipient.Book, recipient.Key, error) {
	names := queue.Names{Namespace: cfg.Namespace}
	book := recipient.Config{BadAfter: cfg.BadAfter, Log: log}
	for name, into := range map[string]*recipient.Bucket{
		names.ConsentBucket(): &book.Consent, names.PeopleBucket(): &book.People, names.WindowsBucket(): &book.Windows,
	} {
		bucket, err := queue.OpenBucket(ctx, js, name)
		if err != nil {
			return nil, nil, err
		}
		*into = bucket
	}
	key, err := cfg.identityKey(ctx, book.Consent)
	book.Key = key
	return recipient.NewBook(book), key, err
}

// startBook opens the book of recipients and waits until it knows everything.
func (a *App) startBook(ctx context.Context, b *base) error {
	var wrong error // which waiting mends not
	err := await(ctx, a.log, "consent", func(ctx context.Context) (err error) {
		if b.book, b.key, err = openBook(ctx, b.js, a.cfg, a.log); errors.Is(err, recipient.ErrKey) {
			wrong, err = err, nil
		}
		return err
	})
	if err = errors.Join(err, wrong); err != nil {
		return err
	}
	stop := runBook(b.book)
	a.closer("recipients", stop)
	a.registry.MustRegister(newBookState(b.book))
	a.mu.Lock()
	a.book = b.book
	a.mu.Unlock()
	select {
	case <-b.book.Ready():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// runBook keeps a book up to date until stop is called.
func runBook(book *recipient.Book) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = book.Run(ctx) }) // ends with the context only
	return func() { cancel(); running.Wait() }
}

// errConsentStale is why nothing is sent: an opt-out could be missed.
var errConsentStale = errors.New("it is not certain that every opt-out is known: NATS does not answer, or the view of its bucket is behind; it goes on by itself")

// checkConsent is why consent keeps the worker from sending.
func (a *App) checkConsent(context.Context) error {
	a.mu.Lock()
	book := a.book
	a.mu.Unlock()
	if book == nil || book.Fresh() {
		return nil // the worker says what it waits for
	}
	return errConsentStale
}

// bookState shows what the book of recipients holds.
type bookState struct {
	book                       *recipient.Book
	suppressed, links, windows *prometheus.Desc
	dropped                    *prometheus.Desc
}

func newBookState(book *recipient.Book) *bookState {
	return &bookState{
		book:       book,
		suppressed: prometheus.NewDesc("wacast_suppressed", "People who get no messages, or no marketing: opted_out, bad_number.", []string{"reason"}, nil),
		links:      prometheus.NewDesc("wacast_recipient_links", "Aliases of recipients that are known to be somebody's: wa_ids and user ids.", nil, nil),
		windows:    prometheus.NewDesc("wacast_service_windows", "Customer service windows that were opened within the last day.", nil, nil),
		dropped:    prometheus.NewDesc("wacast_recipient_links_dropped_total", "Links that were not taken in at once; they are learned with a later message.", nil, nil),
	}
}

// Describe implements [prometheus.Collector].
func (s *bookState) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{s.suppressed, s.links, s.windows, s.dropped} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (s *bookState) Collect(ch chan<- prometheus.Metric) {
	stats := s.book.Stats()
	gauge := func(d *prometheus.Desc, n int, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), labels...)
	}
	gauge(s.suppressed, stats.OptedOut, "opted_out")
	gauge(s.suppressed, stats.Bad, "bad_number")
	gauge(s.links, stats.Links)
	gauge(s.windows, stats.Windows)
	ch <- prometheus.MustNewConstMetric(s.dropped, prometheus.CounterValue, float64(stats.Dropped))
}

// errReadAll ends a watch that has seen all there was.
var errReadAll = errors.New("all is read")

func discardLog() *slog.Logger { return slog.New(slog.DiscardHandler) }
