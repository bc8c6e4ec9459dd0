package app

import (
	"context"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/whatsapp"
)

const (
	// levelsEvery is how often it is asked what the API lets a number do, and levelsLook
	// how often, more or less, it is looked whether there is a number to ask about:
	// replicas that look at the same moment all ask.
	levelsEvery = time.Hour
	levelsLook  = time.Minute
	// levelsTimeout bounds one question.
	levelsTimeout = 10 * time.Second
	// codeMaintenance is what a number answers while its level is raised.
	codeMaintenance = 131057
)

// levels asks the API what it lets numbers and portfolios do, and tells all replicas:
// what one has asked, the others need not. Nothing depends on an answer.
type levels struct {
	api interface {
		Number(ctx context.Context, id, token string) (whatsapp.Number, error)
	}
	// busy lists the queues that have jobs: a number that no account lists is asked
	// about once it sends.
	busy     func(ctx context.Context) ([]queue.Depth, error)
	stops    *sender.Stops
	accounts *sender.Directory
	log      *slog.Logger

	failed map[string]time.Time // when a number could not be asked about
	// maintained are the numbers that are in maintenance, with a zero time, or were,
	// until when: their level may be another one then.
	maintained map[string]time.Time
}

// askLevels keeps asking until the app stops.
func (a *App) askLevels(api *whatsapp.Client, b *base, stops *sender.Stops) {
	l := &levels{
		api: api, busy: b.queues.Discover, stops: stops, accounts: a.accounts, log: a.log,
		failed: make(map[string]time.Time), maintained: make(map[string]time.Time),
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { l.run(ctx) })
	a.closer("levels", func() { cancel(); running.Wait() })
}

func (l *levels) run(ctx context.Context) {
	select {
	case <-l.stops.Ready():
	case <-ctx.Done():
		return
	}
	l.maintenance()
	l.ask(ctx, l.numbers(ctx))
	look := time.NewTimer(nextLook())
	defer look.Stop()
	for {
		changed := l.stops.Changed()
		l.ask(ctx, l.maintenance())
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-look.C:
			l.ask(ctx, l.numbers(ctx))
			look.Reset(nextLook())
		}
	}
}

func nextLook() time.Duration { return levelsLook/2 + rand.N(levelsLook) }

// numbers are those that accounts list and those that have jobs, in any order: what
// one replica is at, another leaves alone.
func (l *levels) numbers(ctx context.Context) []string {
	known := make(map[string]bool)
	for _, a := range l.accounts.Accounts() {
		for _, n := range a.Numbers {
			known[n] = true
		}
	}
	depths, err := l.busy(ctx)
	if err != nil && ctx.Err() == nil {
		l.log.Debug("queues cannot be listed, to ask about their numbers", "error", err)
	}
	for _, d := range depths {
		known[d.Sender] = true
	}
	list := slices.Collect(maps.Keys(known))
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// maintenance notes which numbers are in maintenance, and returns those that were.
func (l *levels) maintenance() (over []string) {
	now := make(map[string]bool)
	for _, s := range l.stops.List() {
		if s.Scope == sender.ScopeNumber && s.Code == codeMaintenance {
			now[s.Name] = true
			l.maintained[s.Name] = time.Time{}
		}
	}
	for number, ended := range l.maintained {
		if ended.IsZero() && !now[number] {
			l.maintained[number] = time.Now()
		}
		if !now[number] {
			over = append(over, number)
		}
	}
	return over
}

// ask asks about every number that it is time for.
func (l *levels) ask(ctx context.Context, numbers []string) {
	for _, id := range numbers {
		n, err := l.accounts.Lookup(id)
		if err != nil || !l.due(n) || ctx.Err() != nil {
			continue
		}
		if err := l.read(ctx, n); err != nil && ctx.Err() == nil {
			l.failed[id] = time.Now()
			l.log.Info("what the API lets a number send cannot be read; what is known holds", "number", id, "next_try", levelsEvery, "error", err)
		}
	}
}

// due reports whether it is time to ask about a number: nobody has for an hour, it
// was in maintenance since, or what follows from its level was told by a replica with
// other settings.
func (l *levels) due(n sender.Number) bool {
	ended, maintained := l.maintained[n.ID]
	if maintained && ended.IsZero() {
		return false // it would answer the same
	}
	if failed, ok := l.failed[n.ID]; ok && time.Since(failed) < levelsEvery && failed.After(ended) {
		return false
	}
	told, ok := l.stops.Told(n.ID)
	return !ok || time.Since(told.Since) >= levelsEvery || told.Since.Before(ended) || told.MPS != mpsOf(told.Level, n)
}

func (l *levels) read(ctx context.Context, n sender.Number) error {
	token, err := n.Account.Token.Value()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, levelsTimeout)
	defer cancel()
	got, err := l.api.Number(ctx, n.ID, token)
	if err != nil {
		return err
	}
	delete(l.failed, n.ID)
	delete(l.maintained, n.ID)
	level := got.Throughput.Level
	if told, ok := l.stops.Told(n.ID); !ok || told.Level != level {
		l.log.Info("the API tells a number's level", "number", n.ID, "throughput", level, "was", told.Level)
	}
	if err := l.stops.SetLimit(ctx, n.ID, sender.Limit{MPS: mpsOf(level, n), Level: level, Source: sender.SourceAPI}); err != nil {
		return err
	}
	return l.tellPortfolio(ctx, n.Account.Group(), got)
}

// tellPortfolio tells a portfolio's limit, which each of its numbers knows.
func (l *levels) tellPortfolio(ctx context.Context, name string, n whatsapp.Number) error {
	recipients, ok := n.Recipients()
	if !ok {
		return nil
	}
	if told, ok := l.stops.ToldPortfolio(name); ok && told.Recipients == recipients {
		return nil
	}
	l.log.Info("the API tells a portfolio's messaging limit", "portfolio", name, "limit", n.MessagingLimit)
	return l.stops.SetPortfolio(ctx, name, sender.PortfolioLimit{Recipients: recipients, Source: sender.SourceAPI})
}

// mpsOf is what a level lets a number send; 0 leaves it its default, for a level that
// says nothing, and for the standard one where the default is lower: a number that is
// used in the WhatsApp Business app too is of that level, and may send a quarter.
func mpsOf(level string, n sender.Number) int {
	mps := whatsapp.Throughput{Level: level}.MPS()
	if level == whatsapp.LevelStandard && mps > n.MPS {
		return 0
	}
	return mps
}
