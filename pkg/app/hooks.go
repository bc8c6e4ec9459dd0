package app

import (
	"context"
	"sync"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/ratelimit"
	"github.com/wacast/wacast/pkg/recipient"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/webhook"
)

// hooks is the role webhook: the address that the platform posts to, which needs
// NATS only, and what becomes of what it has posted.
type hooks struct {
	store    *queue.Webhooks
	receiver *webhook.Receiver
	server   *webhook.Server
	metrics  *webhook.Metrics
}

// newHooks binds the address; nil where there is no secret, so that any role but
// webhook itself does without.
func (a *App) newHooks() (*hooks, error) {
	secrets := a.cfg.secrets(a.accounts)
	if len(secrets) == 0 {
		if !a.roles.has(RoleWorker) {
			return nil, errNoAppSecret
		}
		a.log.Warn("webhooks are not received: delivered stays 0, and an outcome that is unknown cannot settle; set app_secret and verify_token",
			"variables", envPrefix+"APP_SECRET, "+envPrefix+"VERIFY_TOKEN")
		return nil, nil
	}
	js, err := jetstream.New(a.nc)
	if err != nil {
		return nil, err
	}
	h := &hooks{metrics: webhook.NewMetrics(a.registry)}
	for _, account := range a.accounts.Accounts() {
		for _, number := range account.Numbers {
			h.metrics.Add(number)
		}
	}
	if h.store, err = queue.NewWebhooks(js, queue.Names{Namespace: a.cfg.Namespace}); err != nil {
		return nil, err
	}
	h.receiver, err = webhook.NewReceiver(webhook.ReceiverConfig{
		Store: h.store, Secrets: secrets, VerifyToken: a.cfg.VerifyToken, Forward: a.cfg.ForwardURL != "", Metrics: h.metrics, Log: a.log,
	})
	if err == nil {
		h.server, err = webhook.NewServer(a.cfg.WebhookAddr, h.receiver, a.log)
	}
	if err != nil {
		h.store.Close()
		return nil, settingError("webhook.addr", err)
	}
	a.registry.MustRegister(newWaitingHooks(h.store.Waiting))
	return h, nil
}

// start serves at once: a webhook that NATS cannot take yet is repeated by the
// platform.
func (h *hooks) start() { h.server.Start() }

// stop takes no more webhooks. It may be called more than once.
func (h *hooks) stop(ctx context.Context) error {
	err := h.server.Stop(ctx)
	h.store.Close()
	return err
}

// startForwarder passes webhooks on, where the settings say so.
func (a *App) startForwarder(ctx context.Context) error {
	if a.cfg.ForwardURL == "" {
		return nil
	}
	inbox, err := a.hooks.store.Forwards(ctx)
	if err != nil {
		return err
	}
	a.closer("webhooks to pass on", inbox.Close)
	f, err := webhook.NewForwarder(webhook.ForwarderConfig{URL: a.cfg.ForwardURL, Inbox: inbox, Metrics: a.hooks.metrics, Log: a.log})
	if err != nil {
		return settingError("forward_url", err)
	}
	a.part("webhook forwarder", f.Stop)
	f.Start()
	return nil
}

// startProcessor makes events of the webhooks.
func (a *App) startProcessor(ctx context.Context, b *base) error {
	inbox, err := a.hooks.store.Inbox(ctx)
	if err != nil {
		return err
	}
	a.closer("webhooks", inbox.Close)
	words, err := a.cfg.Keywords()
	if err != nil {
		return err
	}
	stops := a.followStops(b)
	slots := ratelimit.NewRedis(a.rdb, ratelimit.Options{Namespace: a.cfg.Namespace})
	cfg := webhook.ProcessorConfig{
		ID: a.id, Namespace: a.cfg.Namespace, Inbox: inbox, Quarantine: a.hooks.store, Ledger: b.ledger, Events: b.events,
		Heard: b.senders, Memory: b.answers, Campaigns: b.campaigns, Deadlines: b.later,
		Book: b.book, Key: b.key, Keywords: words, Scope: recipient.Scope(a.cfg.KeywordsScope),
		Room:  &room{slots: slots, accounts: a.accounts, stops: stops, headroom: a.cfg.RateHeadroom},
		Stops: stops, Accounts: a.accounts, Metrics: a.hooks.metrics, Log: a.log,
	}
	if a.traces != nil {
		cfg.Tracer = a.traces
	}
	p, err := webhook.NewProcessor(cfg)
	if err != nil {
		return err
	}
	a.part("webhook processor", p.Stop)
	p.Start()
	return nil
}

// followStops makes what webhooks stop, kept up to date with the other replicas.
func (a *App) followStops(b *base) *sender.Stops {
	stops := sender.NewStops(b.senders, a.id, a.log)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = stops.Run(ctx) }) // ends with the context only
	a.closer("stops of webhooks", func() { cancel(); running.Wait() })
	return stops
}

// checkWebhook is why webhooks cannot be taken. What only keeps them from being
// processed is no reason to let the platform knock in vain.
func (a *App) checkWebhook(context.Context) error { return a.hooks.receiver.Trouble() }

// WebhookAddr is where webhooks are taken, as host:port; empty where they are not.
func (a *App) WebhookAddr() string {
	if a.hooks == nil {
		return ""
	}
	return a.hooks.server.Addr()
}
