package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/policy"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/ratelimit"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/whatsapp"
	"github.com/wacast/wacast/worker"
)

// leaseSlack is by how much a claim outlives the longest request: for its way to
// the slot, and for the recording.
const leaseSlack = 10 * time.Second

// Topology is what the settings make of the streams.
func (c *Config) Topology() queue.Topology {
	return queue.Settings{
		Names:        queue.Names{Namespace: c.Namespace},
		JobsMaxBytes: c.JobsMaxBytes, EventsMaxAge: c.EventsMaxAge, DeadMaxAge: c.DeadMaxAge, Replicas: c.Replicas,
	}.Topology()
}

// boot waits for NATS and Redis, sets up the worker and starts it. What it sets up
// is registered beside, to be taken down in the opposite order.
func (a *App) boot(ctx context.Context) error {
	js, err := jetstream.New(a.nc)
	if err != nil {
		return fmt.Errorf("jetstream: %w", err)
	}
	names := queue.Names{Namespace: a.cfg.Namespace}
	var shared buckets
	err = await(ctx, a.log, "NATS", func(ctx context.Context) error {
		if err := a.ensure(ctx, js); err != nil {
			return err
		}
		return shared.open(ctx, js, names)
	})
	if err != nil {
		return err
	}
	if err := await(ctx, a.log, "Redis", func(ctx context.Context) error { return pingRedis(ctx, a.rdb) }); err != nil {
		return err
	}
	cfg, err := a.streams(js, names)
	if err != nil {
		return err
	}
	if err := a.share(ctx, shared, &cfg); err != nil {
		return err
	}
	api, err := whatsapp.New(whatsapp.Config{
		BaseURL: a.cfg.APIURL, Version: a.cfg.APIVersion, MaxInFlight: a.cfg.MaxInFlight,
		Timeout: a.cfg.SendTimeout + time.Second, // the worker bounds each request by itself
	})
	if err != nil {
		return err
	}
	a.closer("api client", api.Close)
	cfg.ID, cfg.Namespace = a.workerID, a.cfg.Namespace
	cfg.Ledger = dedup.New(a.rdb, dedup.Options{Namespace: a.cfg.Namespace, Window: a.cfg.DedupWindow, Lease: a.cfg.SendTimeout + leaseSlack})
	cfg.Slots = ratelimit.NewRedis(a.rdb, ratelimit.Options{Namespace: a.cfg.Namespace})
	cfg.API, cfg.Directory, cfg.Templates = api, a.accounts, a.templates
	cfg.Headroom, cfg.MaxInFlight, cfg.SendTimeout = a.cfg.RateHeadroom, a.cfg.MaxInFlight, a.cfg.SendTimeout
	cfg.Limits = policy.Limits{MaxAttempts: a.cfg.MaxAttempts}
	cfg.Log, cfg.Registerer = a.log, a.registry
	return a.startWorker(cfg)
}

// ensure creates the streams that are missing and says where one is not as the
// settings would have it.
func (a *App) ensure(ctx context.Context, js jetstream.JetStream) error {
	if !a.nc.IsConnected() {
		return natsAway(a.nc, a.cfg.NATSURL)
	}
	differences, err := queue.Ensure(ctx, js, a.cfg.Topology())
	for _, d := range differences {
		a.log.Warn("a stream is kept by somebody else and differs from the settings", "difference", d.String())
	}
	return err
}

// streams makes what reads and writes the streams.
func (a *App) streams(js jetstream.JetStream, names queue.Names) (cfg worker.Config, err error) {
	var errs [4]error
	cfg.Queues, errs[0] = queue.NewQueues(js, queue.QueuesConfig{Names: names, Log: a.log})
	cfg.Events, errs[1] = queue.NewEvents(js, names)
	cfg.Dead, errs[2] = queue.NewDead(js, names)
	cfg.Later, errs[3] = queue.NewLater(js, names)
	if err := errors.Join(errs[:]...); err != nil {
		return cfg, err
	}
	a.closer("queues", cfg.Queues.Close)
	a.closer("events", cfg.Events.Close)
	a.closer("dead letters", cfg.Dead.Close)
	a.closer("schedules", cfg.Later.Close)
	return cfg, nil
}

// buckets are what all replicas share.
type buckets struct{ senders, campaigns *queue.Bucket }

func (b *buckets) open(ctx context.Context, js jetstream.JetStream, names queue.Names) (err error) {
	if b.senders, err = queue.OpenBucket(ctx, js, names.SendersBucket()); err != nil {
		return err
	}
	b.campaigns, err = queue.OpenBucket(ctx, js, names.CampaignsBucket())
	return err
}

// share makes what knows what the replicas share, and follows the campaigns.
func (a *App) share(ctx context.Context, shared buckets, cfg *worker.Config) error {
	cfg.Stops = sender.NewStops(shared.senders, a.workerID, a.log)
	campaigns := campaign.NewStore(campaign.Config{Bucket: shared.campaigns, Log: a.log})
	cfg.Campaigns = campaigns
	a.templates.follow(campaigns)
	watching, cancel := context.WithCancel(context.Background())
	var watch sync.WaitGroup
	watch.Go(func() { _ = campaigns.Run(watching) }) // ends with the context only
	a.closer("campaigns", func() { cancel(); watch.Wait() })
	select {
	case <-campaigns.Ready():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a *App) startWorker(cfg worker.Config) error {
	w, err := worker.New(cfg)
	if err != nil {
		return err
	}
	a.registry.MustRegister(newBacklog(cfg))
	a.mu.Lock()
	defer a.mu.Unlock()
	a.parts.push("worker", w.Stop)
	w.Start()
	a.worker = w
	return nil
}

// closer registers how a part is closed.
func (a *App) closer(name string, undo func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.parts.push(name, func(context.Context) error {
		undo()
		return nil
	})
}
