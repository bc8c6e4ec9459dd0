package webhook

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/recipient"
)

// Inbox hands out stored webhooks; [queue.HookQueue] does.
type Inbox interface {
	Fetch(ctx context.Context, most int, wait time.Duration) ([]*queue.HookDelivery, error)
}

// Quarantine keeps webhooks that a person should look at; [queue.Webhooks] does.
type Quarantine interface {
	Quarantine(ctx context.Context, hook *queue.HookDelivery, why string) error
}

// Ledger knows which jobs were sent; [dedup.Ledger] does.
type Ledger interface {
	// Lookup answers how jobs stand.
	Lookup(ctx context.Context, subjects []dedup.Subject) ([]dedup.Entry, error)
	// Attest tells that the API took attempts, and answers how their jobs stand.
	Attest(ctx context.Context, evidence []dedup.Evidence) ([]dedup.Entry, error)
	// Mark says which statuses are on record.
	Mark(ctx context.Context, evidence []dedup.Evidence) ([]dedup.Change, error)
}

// History is what was recorded; [queue.Events] is.
type History interface {
	At(ctx context.Context, sequences []uint64) ([]job.Event, error)
	Find(ctx context.Context, key job.Key, sender string, since time.Time) ([]job.Event, error)
	Scan(ctx context.Context, filter queue.Filter, fn func(*queue.Raw) error) error
	Ends(ctx context.Context) (last uint64, err error)
}

// Events is where what comes in is recorded and outcomes are found; [queue.Events] is.
type Events interface {
	History
	Record(ctx context.Context, events []job.Event) ([]uint64, error)
	// Taken passes messages of a number, and Sends tells whether it has any.
	Taken(ctx context.Context, part queue.TakenRange, fn func(queue.Taken)) (after uint64, all bool, err error)
	Sends(ctx context.Context, number string) (bool, error)
}

// ProcessorConfig is what a processor needs. Everything without a default is
// required.
type ProcessorConfig struct {
	// ID names this processor among its replicas. Defaults to a random name.
	ID string
	// Namespace is that of the tokens which are ours.
	Namespace string

	Inbox      Inbox
	Quarantine Quarantine
	Ledger     Ledger
	Events     Events
	// Heard is the bucket of senders.
	Heard Bucket
	// Memory is the bucket of answers, and Campaigns that of campaigns.
	Memory    Memory
	Campaigns Campaigns
	Deadlines Deadlines
	// Book is told who people are and what they want, and Key is what it hashes with,
	// which also signs the payloads of buttons.
	Book Book
	Key  recipient.Key
	// Keywords are the words that opt out or in, and Scope what such a word covers.
	// They default to those of [recipient.NewKeywords] and to [recipient.All].
	Keywords *recipient.Keywords
	Scope    recipient.Scope
	// Stops is told what the platform stops, and Accounts knows whose numbers are whose.
	Stops    Stops
	Accounts Accounts
	// Room has what comes in take its part of the numbers' rates. Nil takes none.
	Room Room
	// Now tells how old is what the platform tells. Defaults to [time.Now].
	Now func() time.Time

	// Tracer may be nil where nobody looks at spans.
	Tracer Tracer

	Metrics *Metrics
	Log     *slog.Logger
}

func (c ProcessorConfig) validate() error {
	return missing("processor", map[string]bool{
		"Namespace": c.Namespace == "", "Inbox": c.Inbox == nil, "Quarantine": c.Quarantine == nil, "Ledger": c.Ledger == nil,
		"Events": c.Events == nil, "Heard": c.Heard == nil, "Memory": c.Memory == nil, "Campaigns": c.Campaigns == nil, "Deadlines": c.Deadlines == nil,
		"Book": c.Book == nil, "Key": len(c.Key) == 0, "Stops": c.Stops == nil, "Accounts": c.Accounts == nil, "Metrics": c.Metrics == nil, "Log": c.Log == nil,
	})
}

const (
	// maxHooks is the most webhooks that are processed together, and maxHeld how many
	// bytes they should have.
	maxHooks = 256
	maxHeld  = 8 << 20
	// firstSize is how large webhooks are taken to be before there were any.
	firstSize = 512 << 10
	// fetchWait is how long a fetch waits for the first webhook.
	fetchWait = 5 * time.Second
	// stepTimeout bounds one try at a step.
	stepTimeout = 10 * time.Second
	// holdEvery is how often the server is told that webhooks are still being
	// processed.
	holdEvery = queue.HookWait / 4
)

// Processor turns stored webhooks into events. It is made by [NewProcessor], runs
// from [Processor.Start] to [Processor.Stop], and is not started twice. Any number of
// processors may run side by side.
type Processor struct {
	cfg    ProcessorConfig
	source string
	heard  *heard
	latest *latest
	coming *coming

	fetching, ledger, whole, recording *trouble

	// fetch ends the taking of webhooks, work even what is under way.
	fetch, work       context.Context
	endFetch, endWork context.CancelFunc
	running, hearing  sync.WaitGroup
	start, stop       sync.Once
	stopped           chan struct{}

	// The running goroutine's own: the size of a webhook, as the last ones were, who
	// finds messages by their ids, and what catchUp goes by.
	size     int
	finder   *finder
	specs    specs
	outdated map[string]bool
	repeat   time.Duration
	caughtUp bool
}

// NewProcessor checks the config and returns a processor that has not started.
func NewProcessor(cfg ProcessorConfig) (*Processor, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if cfg.ID == "" {
		cfg.ID = fmt.Sprintf("webhook-%08x", rand.Uint32())
	}
	if cfg.Keywords == nil {
		cfg.Keywords = recipient.NewKeywords(nil, nil)
	}
	if cfg.Scope == "" {
		cfg.Scope = recipient.All
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	p := &Processor{
		cfg: cfg, source: "wacast/" + cfg.Namespace + "/" + cfg.ID, heard: newHeard(cfg.Heard, cfg.Log), latest: newLatest(cfg.Events, cfg.Book, cfg.Log),
		coming:    newComing(cfg.Room, cfg.Log),
		fetching:  &trouble{what: "fetching webhooks from NATS", log: cfg.Log},
		ledger:    &trouble{what: "the ledger, which statuses wait for,", log: cfg.Log},
		whole:     &trouble{what: "asking Redis for all that it held", log: cfg.Log},
		recording: &trouble{what: "recording statuses in NATS", log: cfg.Log},
		stopped:   make(chan struct{}), repeat: repeatWindow, size: firstSize, finder: newFinder(cfg.Namespace), outdated: make(map[string]bool),
	}
	p.fetch, p.endFetch = context.WithCancel(context.Background())
	p.work, p.endWork = context.WithCancel(context.Background())
	return p, nil
}

// Start begins to process and returns at once.
func (p *Processor) Start() {
	p.start.Do(func() {
		p.running.Go(p.run)
		p.hearing.Go(func() { p.heard.run(p.fetch) })
		p.hearing.Go(func() { p.latest.run(p.fetch) })
		p.hearing.Go(func() { p.coming.run(p.fetch) })
	})
}

// Stop takes no more webhooks and finishes what is under way until ctx ends; what
// cannot be finished is given back. It may be called more than once, also before
// Start.
func (p *Processor) Stop(ctx context.Context) error {
	p.stop.Do(func() {
		p.start.Do(func() {})
		p.endFetch()
		go func() {
			defer close(p.stopped)
			p.running.Wait()
			p.hearing.Wait()
			p.heard.flush(p.work)
			p.endWork()
		}()
	})
	select {
	case <-p.stopped:
		return nil
	case <-ctx.Done():
	}
	p.endWork()
	<-p.stopped
	return fmt.Errorf("stop webhook processor: %w", context.Cause(ctx))
}

// Trouble is what keeps webhooks from being processed; nil when nothing does.
func (p *Processor) Trouble() error {
	for _, t := range []*trouble{p.fetching, p.ledger, p.whole, p.recording} {
		if err := t.err(); err != nil {
			return err
		}
	}
	return nil
}

// run processes until the fetching ends.
func (p *Processor) run() {
	var retry pause
	for p.fetch.Err() == nil {
		deliveries, err := p.cfg.Inbox.Fetch(p.fetch, p.most(), fetchWait)
		if p.fetch.Err() != nil {
			giveBack(deliveries)
			return
		}
		if p.fetching.note(err) != nil {
			retry.wait(p.fetch)
			continue
		}
		retry.reset()
		if len(deliveries) > 0 {
			p.process(deliveries)
		}
	}
}

// oldest is when the first of the webhooks came.
func oldest(deliveries []*queue.HookDelivery) time.Time {
	first := deliveries[0].Stored
	for _, d := range deliveries {
		if d.Stored.Before(first) {
			first = d.Stored
		}
	}
	return first
}

// most is how many webhooks are fetched next, so that large ones do not fill the
// memory.
func (p *Processor) most() int {
	return min(max(maxHeld/max(p.size, 1), 1), maxHooks)
}

func giveBack(deliveries []*queue.HookDelivery) {
	for _, d := range deliveries {
		_ = d.Nak(0) // an unheard nak only costs the wait
	}
}

// hold tells the server that webhooks are being processed, until it is told to stop.
func hold(deliveries []*queue.HookDelivery) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var holding sync.WaitGroup
	holding.Go(func() {
		for sleep(ctx, holdEvery) {
			for _, d := range deliveries {
				_ = d.InProgress() // one that is lost is followed by others
			}
		}
	})
	return func() { cancel(); holding.Wait() }
}
