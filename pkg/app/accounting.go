package app

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/report"
)

// accounting verifies campaigns now and then, as wacast campaign verify does, and
// tells in a metric what is missing. One replica does it at a time.
type accounting struct {
	reporter *report.Reporter
	specs    func() []campaign.Spec
	counts   func(ctx context.Context, id string) (map[job.Kind]uint64, error)
	rdb      redis.UniversalClient
	lock, id string
	log      *slog.Logger
	desc     *prometheus.Desc

	mu sync.Mutex
	// missing is what the last look found, by campaign; empty while another replica
	// looks.
	missing map[string]uint64
	// looked is how many outcomes a campaign had then: what stands still is not
	// verified again.
	looked map[string]uint64
}

const (
	accountingEvery = time.Minute
	accountingLock  = 3 * accountingEvery
	// maxVerified is the size, in outcomes, up to which campaigns are verified
	// unasked: reading those of a million takes seconds.
	maxVerified = 1_000_000
)

func newAccounting(a *App, b *base, campaigns *campaign.Store) *accounting {
	return &accounting{
		reporter: report.New(b.events, b.queues, b.later), specs: campaigns.All, counts: b.events.Counts,
		rdb: a.rdb, lock: a.cfg.Namespace + ":accounting", id: a.id, log: a.log,
		desc: prometheus.NewDesc("wacast_campaign_unaccounted",
			"Publications of a campaign that are missing or ended twice, as wacast campaign verify tells; of campaigns up to a million outcomes.", []string{"campaign"}, nil),
		missing: make(map[string]uint64), looked: make(map[string]uint64),
	}
}

// Describe implements [prometheus.Collector].
func (c *accounting) Describe(ch chan<- *prometheus.Desc) { ch <- c.desc }

// Collect implements [prometheus.Collector].
func (c *accounting) Collect(ch chan<- prometheus.Metric) {
	c.mu.Lock()
	missing := maps.Clone(c.missing)
	c.mu.Unlock()
	for id, n := range missing {
		ch <- prometheus.MustNewConstMetric(c.desc, prometheus.GaugeValue, float64(n), id)
	}
}

// run looks until ctx ends.
func (c *accounting) run(ctx context.Context) {
	tick := time.NewTicker(accountingEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			c.look(ctx)
		}
	}
}

// look verifies what has changed, if it is this replica's turn.
func (c *accounting) look(ctx context.Context) {
	if !c.mine(ctx) {
		c.mu.Lock()
		clear(c.missing)
		clear(c.looked)
		c.mu.Unlock()
		return
	}
	for i, spec := range c.specs() {
		if i == maxCampaignSeries || ctx.Err() != nil {
			return
		}
		if err := c.verify(ctx, &spec); err != nil && ctx.Err() == nil {
			c.log.Warn("a campaign's accounts cannot be verified now", "campaign", spec.ID, "error", err)
		}
	}
}

// mine takes the lock or keeps it.
func (c *accounting) mine(ctx context.Context) bool {
	if ok, err := c.rdb.SetNX(ctx, c.lock, c.id, accountingLock).Result(); err == nil && ok {
		return true
	}
	owner, err := c.rdb.Get(ctx, c.lock).Result()
	if err != nil || owner != c.id {
		return false
	}
	return c.rdb.Expire(ctx, c.lock, accountingLock).Err() == nil
}

func (c *accounting) verify(ctx context.Context, spec *campaign.Spec) error {
	counts, err := c.counts(ctx, spec.ID)
	if err != nil {
		return err
	}
	var ended uint64
	for _, kind := range job.Outcomes() {
		ended += counts[kind]
	}
	c.mu.Lock()
	same := c.looked[spec.ID] == ended
	c.mu.Unlock()
	if ended == 0 || ended > maxVerified || same {
		return nil
	}
	accounts, err := c.reporter.Verify(ctx, spec.ID, 0)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looked[spec.ID] = ended
	c.missing[spec.ID] = accounts.Missing + uint64(len(accounts.EndedTwice)+len(accounts.SentTwice))
	return nil
}
