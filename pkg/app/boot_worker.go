package app

import (
	"context"
	"sync"
	"time"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/policy"
	"github.com/wacast/wacast/pkg/ratelimit"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/whatsapp"
	"github.com/wacast/wacast/worker"
)

// startWorker sets the role worker up and starts it.
func (a *App) startWorker(ctx context.Context, b *base) error {
	api, err := whatsapp.New(a.cfg.prove(whatsapp.Config{
		BaseURL: a.cfg.APIURL, Version: a.cfg.APIVersion, MaxInFlight: a.cfg.MaxInFlight,
		Timeout: a.cfg.SendTimeout + time.Second, // the worker bounds each request by itself
	}, a.accounts.Accounts()))
	if err != nil {
		return err
	}
	a.closer("api client", api.Close)
	slots := ratelimit.NewRedis(a.rdb, ratelimit.Options{Namespace: a.cfg.Namespace})
	cfg := worker.Config{
		ID: a.id, Namespace: a.cfg.Namespace,
		Queues: b.queues, Events: b.events, Dead: b.dead, Later: b.later, Claims: b.claims, Ledger: b.ledger,
		Slots: slots, Quotas: ratelimit.NewRedisQuotas(a.rdb, ratelimit.Options{Namespace: a.cfg.Namespace}),
		API: api, Probe: prober{api}, Directory: a.accounts, Templates: a.templates,
		Headroom: a.cfg.RateHeadroom, MaxInFlight: a.cfg.MaxInFlight, SendTimeout: a.cfg.SendTimeout,
		UnknownDeadline: a.cfg.UnknownDeadline,
		Consent:         b.book, People: b.book, PayloadKey: b.key,
		Answers:      campaign.NewAnswerBook(b.answers, a.id),
		MarketingCap: a.cfg.MarketingCap, MarketingCapWindow: a.cfg.MarketingCapWindow,
		Limits: policy.Limits{MaxAttempts: a.cfg.MaxAttempts},
		Log:    a.log, Registerer: a.registry,
	}
	if a.traces != nil {
		cfg.Tracer = a.traces
	}
	campaigns, err := a.share(ctx, b, &cfg)
	if err != nil {
		return err
	}
	w, err := worker.New(cfg)
	if err != nil {
		return err
	}
	if err := a.takeCommands(b.names); err != nil {
		return err
	}
	a.registry.MustRegister(newBacklog(cfg))
	a.account(b, campaigns)
	a.askLevels(api, b, cfg.Stops)
	a.watchTokens(api)
	a.watchProofs(api, cfg.Stops)
	known := &paces{accounts: a.accounts, stops: cfg.Stops, headroom: a.cfg.RateHeadroom, states: slots.States}
	if err := a.answerQuestions(b, known); err != nil {
		return err
	}
	a.registry.MustRegister(newUseful(b.queues.Discover, known, w.Latency, a.cfg.MaxInFlight, func(id string) bool {
		spec, _ := campaigns.Lookup(id)
		return spec.State == campaign.Paused
	}))
	a.part("worker", w.Stop)
	w.Start()
	a.mu.Lock()
	a.worker = w
	a.mu.Unlock()
	return nil
}

// share makes what knows what the replicas share, and follows the campaigns.
func (a *App) share(ctx context.Context, b *base, cfg *worker.Config) (*campaign.Store, error) {
	cfg.Stops = sender.NewStops(b.senders, a.id, a.log)
	campaigns := campaign.NewStore(campaign.Config{Bucket: b.campaigns, Log: a.log})
	cfg.Campaigns = campaigns
	a.templates.follow(campaigns)
	watching, cancel := context.WithCancel(context.Background())
	var watch sync.WaitGroup
	watch.Go(func() { _ = campaigns.Run(watching) }) // ends with the context only
	watch.Go(func() { a.templates.watch(watching) })
	a.closer("campaigns", func() { cancel(); watch.Wait() })
	select {
	case <-campaigns.Ready():
		return campaigns, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// account has campaigns verified now and then.
func (a *App) account(b *base, campaigns *campaign.Store) {
	c := newAccounting(a, b, campaigns)
	a.registry.MustRegister(c)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { c.run(ctx) })
	a.closer("accounting", func() { cancel(); running.Wait() })
}

// prober asks the API for a number's own entry, which changes nothing.
type prober struct{ api *whatsapp.Client }

func (p prober) Probe(ctx context.Context, number, token string) error {
	_, err := p.api.Number(ctx, number, token)
	return err
}
