package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/recipient"
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

// base is what the roles of a process share.
type base struct {
	js        jetstream.JetStream
	names     queue.Names
	events    *queue.Events
	queues    *queue.Queues
	later     *queue.Later
	dead      *queue.Dead
	claims    *queue.Claims
	senders   *queue.Bucket
	campaigns *queue.Bucket
	answers   *queue.Bucket
	book      *recipient.Book
	key       recipient.Key
	ledger    *dedup.Ledger
}

// boot waits for NATS and Redis, sets up the roles and starts them. What it sets
// up is registered beside, to be taken down in the opposite order.
func (a *App) boot(ctx context.Context) error {
	js, err := jetstream.New(a.nc)
	if err != nil {
		return fmt.Errorf("jetstream: %w", err)
	}
	b := &base{js: js, names: queue.Names{Namespace: a.cfg.Namespace}}
	err = await(ctx, a.log, "NATS", func(ctx context.Context) error {
		if err := a.ensure(ctx, js); err != nil {
			return err
		}
		return b.openBuckets(ctx)
	})
	if err != nil {
		return err
	}
	a.registry.MustRegister(newStreams(js, b.names))
	if err := a.startBook(ctx, b); err != nil {
		return err
	}
	if a.hooks != nil {
		if err := a.startForwarder(ctx); err != nil {
			return err
		}
	}
	if err := await(ctx, a.log, "Redis", func(ctx context.Context) error { return pingRedis(ctx, a.rdb) }); err != nil {
		return err
	}
	if err := a.openStreams(b); err != nil {
		return err
	}
	a.keepLedger(b)
	if a.hooks != nil {
		if err := a.startProcessor(ctx, b); err != nil {
			return err
		}
	}
	if a.roles.has(RoleWorker) {
		return a.startWorker(ctx, b)
	}
	return nil
}

func (b *base) openBuckets(ctx context.Context) (err error) {
	if b.senders, err = queue.OpenBucket(ctx, b.js, b.names.SendersBucket()); err != nil {
		return err
	}
	if b.campaigns, err = queue.OpenBucket(ctx, b.js, b.names.CampaignsBucket()); err != nil {
		return err
	}
	b.answers, err = queue.OpenBucket(ctx, b.js, b.names.AnswersBucket())
	return err
}

// keepLedger opens the ledger and watches over it.
func (a *App) keepLedger(b *base) {
	b.ledger = dedup.New(a.rdb, dedup.Options{Namespace: a.cfg.Namespace, Window: a.cfg.DedupWindow, Lease: a.cfg.SendTimeout + leaseSlack})
	keeper := dedup.NewKeeper(b.ledger, journal{events: b.events, claims: b.claims, log: a.log}, dedup.KeeperOptions{Log: a.log, Alone: a.cfg.embedded})
	running, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { _ = keeper.Run(running) }) // ends with the context only
	a.closer("ledger", func() { cancel(); run.Wait() })
	a.registry.MustRegister(newLedgerState(keeper))
	a.mu.Lock()
	a.keeper = keeper
	a.mu.Unlock()
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

// openStreams makes what reads and writes the streams.
func (a *App) openStreams(b *base) error {
	var errs [5]error
	b.queues, errs[0] = queue.NewQueues(b.js, queue.QueuesConfig{Names: b.names, Log: a.log})
	b.events, errs[1] = queue.NewEvents(b.js, b.names)
	b.dead, errs[2] = queue.NewDead(b.js, b.names)
	b.later, errs[3] = queue.NewLater(b.js, b.names)
	b.claims, errs[4] = queue.NewClaims(b.js, b.names, a.id)
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	a.closer("queues", b.queues.Close)
	a.closer("events", b.events.Close)
	a.closer("dead letters", b.dead.Close)
	a.closer("schedules", b.later.Close)
	a.closer("claims", b.claims.Close)
	return nil
}

// part registers how a part is stopped.
func (a *App) part(name string, stop func(context.Context) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.parts.push(name, stop)
}

// closer registers how a part is closed.
func (a *App) closer(name string, undo func()) {
	a.part(name, func(context.Context) error {
		undo()
		return nil
	})
}
