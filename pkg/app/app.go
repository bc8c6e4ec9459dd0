package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/redis/go-redis/v9"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/recipient"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/worker"
)

// Options is what an app is made of. Config and Log are required.
type Options struct {
	Config Config
	Log    *slog.Logger
	// Roles are what the process does. Defaults to [RoleWorker].
	Roles Role
	// WorkerID names the worker among its replicas. Defaults to the host's name with
	// a random end.
	WorkerID string
	// NATS is used in place of the settings: the embedded mode connects without a
	// network. The app closes it.
	NATS *nats.Conn
}

// App is one wacast process: its connections, its roles and its admin address.
type App struct {
	cfg       Config
	log       *slog.Logger
	id        string
	roles     Role
	accounts  *sender.Directory
	templates *templates
	registry  *prometheus.Registry
	health    *health
	admin     *admin
	nc        *nats.Conn
	rdb       redis.UniversalClient
	hooks     *hooks   // nil where webhooks are not received
	traces    *tracing // nil where nobody wants spans

	start, stop sync.Once
	started     bool
	stopErr     error
	booting     sync.WaitGroup
	cancel      context.CancelFunc

	mu     sync.Mutex
	parts  stack // what boot has set up
	worker *worker.Worker
	keeper *dedup.Keeper
	book   *recipient.Book
	// bootErr is what a role could not be started for, which waiting mends not.
	bootErr error
}

// Check reads all that the settings and OpenTelemetry's variables name, without
// connecting anywhere, and returns everything that is wrong.
func Check(cfg Config, log *slog.Logger) error {
	_, _, err := cfg.load(log)
	_, traces := readTraceSettings(os.Getenv)
	return errors.Join(err, traces)
}

// load reads accounts and templates.
func (c *Config) load(log *slog.Logger) (*sender.Directory, *templates, error) {
	directory, err := c.directory()
	if err != nil {
		return nil, nil, err
	}
	if len(directory.Accounts()) == 0 {
		return nil, nil, fmt.Errorf("access_token (%[1]sACCESS_TOKEN or %[1]sACCESS_TOKEN_FILE): missing, and no accounts are given (%[1]sACCOUNTS_DIR)", envPrefix)
	}
	t, err := loadTemplates(directory.Accounts(), log)
	return directory, t, err
}

// New wires an app. It binds the admin address, but neither waits for NATS or
// Redis nor sends anything.
func New(opts Options) (*App, error) {
	cfg := opts.Config
	directory, templates, err := cfg.load(opts.Log)
	if err != nil {
		return nil, err
	}
	a := &App{
		cfg: cfg, log: opts.Log, id: cmp.Or(opts.WorkerID, newWorkerID()), roles: cmp.Or(opts.Roles, RoleWorker),
		accounts: directory, templates: templates,
		registry: prometheus.NewRegistry(), nc: opts.NATS, parts: stack{log: opts.Log},
	}
	a.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), buildInfo())
	if a.traces, err = newTracing(context.Background(), a.id, a.log); err != nil {
		return nil, err
	}
	if err := a.dial(); err != nil {
		return nil, errors.Join(err, a.hangUp(context.Background()))
	}
	return a, nil
}

// dial binds the addresses and makes the connections, none of which has to stand.
func (a *App) dial() (err error) {
	if a.rdb, err = dialRedis(a.cfg); err != nil {
		return err
	}
	if a.nc == nil {
		if a.nc, err = dialNATS(a.cfg, a.log); err != nil {
			return err
		}
	}
	if a.roles.has(RoleWebhook) {
		if a.hooks, err = a.newHooks(); err != nil {
			return err
		}
	}
	a.health = &health{checks: a.checks()}
	a.registry.MustRegister(newMissingParts(a.health))
	a.admin, err = newAdmin(a.cfg.AdminAddr, a.health, a.registry, a.log)
	return err
}

// checks are what the roles of this process cannot work without: a process that
// only takes webhooks does so while Redis is away.
func (a *App) checks() map[string]check {
	checks := map[string]check{"nats": a.checkNATS}
	if a.roles.has(RoleWorker) {
		checks["redis"], checks["ledger"], checks["consent"], checks["worker"] = a.checkRedis, a.checkLedger, a.checkConsent, a.checkWorker
	}
	if a.hooks != nil {
		checks["webhook"] = a.checkWebhook
	}
	return checks
}

// newWorkerID is the host, which is the pod's name in Kubernetes, and something
// that tells two processes on it apart.
func newWorkerID() string {
	host, err := os.Hostname()
	if err != nil {
		host = "worker"
	}
	return fmt.Sprintf("%s-%04x", host, rand.Uint32N(1<<16))
}

// Start serves the admin address and begins to set up the roles, which happens as
// soon as NATS and Redis answer. It returns at once.
func (a *App) Start() {
	a.start.Do(func() {
		a.started = true
		ctx, cancel := context.WithCancel(context.Background())
		a.cancel = cancel
		a.admin.start(a.log)
		if a.hooks != nil {
			a.hooks.start()
		}
		a.log.Info("wacast started", "version", Version(), "admin", a.AdminAddr(), "namespace", a.cfg.Namespace, "webhook", a.WebhookAddr())
		a.booting.Go(func() {
			if err := a.boot(ctx); err != nil && ctx.Err() == nil {
				a.log.Error("a role cannot start", "error", err)
				a.mu.Lock()
				a.bootErr = err
				a.mu.Unlock()
			}
		})
	})
}

// Stop drains: /readyz answers 503, no more jobs are taken, what is in flight is
// finished within the drain timeout and recorded, and everything is closed. It is
// idempotent, bounded, and safe before Start.
func (a *App) Stop(ctx context.Context) error {
	a.stop.Do(func() {
		a.start.Do(func() {}) // an app that was stopped does not start any more
		a.stopErr = a.shutdown(ctx)
	})
	return a.stopErr
}

// closeTimeout bounds the closing of what is left after the draining.
const closeTimeout = 5 * time.Second

func (a *App) shutdown(ctx context.Context) error {
	a.health.draining.Store(true)
	if a.started {
		a.log.Info("draining", "at_most", a.cfg.DrainTimeout)
		a.cancel()
		a.booting.Wait()
	}
	drain, cancel := context.WithTimeoutCause(ctx, a.cfg.DrainTimeout, errDrainTimeout)
	defer cancel()
	errs := []error{a.stopHooks(drain), a.parts.unwind(drain), a.hangUp(ctx)}
	if a.started {
		a.log.Info("wacast stopped")
	}
	return errors.Join(errs...)
}

// stopHooks ends the taking of webhooks before anything they need is gone.
func (a *App) stopHooks(ctx context.Context) error {
	if a.hooks == nil {
		return nil
	}
	return a.hooks.stop(ctx)
}

// hangUp closes the connections and, last, the admin address.
func (a *App) hangUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	errs := []error{a.stopHooks(ctx)}
	if a.nc != nil {
		a.nc.Close()
	}
	if a.rdb != nil {
		errs = append(errs, a.rdb.Close())
	}
	if a.traces != nil {
		errs = append(errs, a.traces.stop(ctx))
	}
	if a.admin != nil {
		errs = append(errs, a.admin.stop(ctx, a.started))
	}
	return errors.Join(errs...)
}

var errDrainTimeout = errors.New("the drain timeout is over; what was still in flight is unknown, or goes back to its queue")

// AwaitReady waits until the app can work. The error names what is missing.
func (a *App) AwaitReady(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for {
		missing := a.health.missing(ctx)
		if len(missing) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready: %w: %v", context.Cause(ctx), missing)
		case <-time.After(readyPoll):
		}
	}
}

// readyPoll is how often [App.AwaitReady] looks.
const readyPoll = 20 * time.Millisecond

// AdminAddr is where the admin address listens.
func (a *App) AdminAddr() string { return a.admin.listener.Addr().String() }

// Registry holds the app's metrics.
func (a *App) Registry() *prometheus.Registry { return a.registry }

func (a *App) checkNATS(context.Context) error {
	if !a.nc.IsConnected() {
		return natsAway(a.nc, a.cfg.NATSURL)
	}
	return nil
}

func (a *App) checkRedis(ctx context.Context) error {
	if err := pingRedis(ctx, a.rdb); err != nil {
		return fmt.Errorf("no answer from %s: %w", withoutPassword(a.cfg.RedisURL), err)
	}
	return nil
}

// checkLedger is why nothing may be claimed: Redis lost entries that are being
// restored, or is set up to lose some.
func (a *App) checkLedger(context.Context) error {
	a.mu.Lock()
	keeper := a.keeper
	a.mu.Unlock()
	if keeper == nil {
		return nil // the worker says what it waits for
	}
	return keeper.Trouble()
}

func (a *App) checkWorker(context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.bootErr != nil:
		return fmt.Errorf("cannot start: %w", a.bootErr)
	case a.worker == nil:
		return errors.New("not started yet: it waits for NATS and Redis")
	}
	return a.worker.Trouble()
}
