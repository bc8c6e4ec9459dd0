package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/embed"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/simulator"
	"github.com/wacast/wacast/pkg/webhook"
)

// rig is a whole wacast in one process.
type rig struct {
	dir   string
	nats  *embed.NATS
	redis *embed.Redis
	sim   *simulator.Server
	cfg   app.Config
	app   *app.App

	stopSim context.CancelFunc
	serving sync.WaitGroup
}

// readyTimeout bounds the start of the rig.
const readyTimeout = 20 * time.Second

// newRig starts NATS, Redis, the simulator, a worker and a receiver of webhooks. Whatever it started is
// gone after close.
func newRig(ctx context.Context, templates []byte, sim simulator.Config, log *slog.Logger) (r *rig, err error) {
	r = &rig{stopSim: func() {}}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close(ctx))
		}
	}()
	if r.dir, err = os.MkdirTemp("", "wacast-lab-"); err != nil {
		return r, err
	}
	if err = os.WriteFile(filepath.Join(r.dir, "templates.json"), templates, 0o600); err != nil {
		return r, err
	}
	if r.nats, err = embed.StartNATS(embed.NATSOptions{Dir: filepath.Join(r.dir, "nats")}); err != nil {
		return r, err
	}
	if r.redis, err = embed.StartRedis(); err != nil {
		return r, err
	}
	api, err := r.serve(ctx, templates, sim)
	if err != nil {
		return r, err
	}
	if r.cfg, _, err = app.Load(app.Sources{Environ: []string{}}); err != nil {
		return r, err
	}
	r.cfg.RedisURL, r.cfg.APIURL, r.cfg.AdminAddr, r.cfg.Templates = r.redis.URL(), api, "127.0.0.1:0", r.dir
	r.cfg.DefaultMPS, r.cfg.AccessToken = sim.MPS, sender.Literal("simulated")
	r.cfg.WebhookAddr, r.cfg.AppSecret = "127.0.0.1:0", sender.Literal(sim.Webhook.Secret)
	// Worker, servers and judge share this machine, so its jitter counts twice.
	r.cfg.RateHeadroom = 0.05
	nc, err := r.nats.Connect()
	if err != nil {
		return r, err
	}
	if r.app, err = app.New(app.Options{Config: r.cfg, Log: log, Roles: app.RoleAll, WorkerID: "lab", NATS: nc}); err != nil {
		nc.Close()
		return r, err
	}
	callback := "http://" + r.app.WebhookAddr() + webhook.Path
	if err = r.sim.SetWebhooks(simulator.WebhookChange{URL: &callback}); err != nil {
		return r, err
	}
	r.app.Start()
	return r, r.app.AwaitReady(ctx, readyTimeout)
}

// serve runs the simulator on a loopback port and returns its URL.
func (r *rig) serve(ctx context.Context, templates []byte, cfg simulator.Config) (string, error) {
	cfg.Templates = []json.RawMessage{templates}
	cfg.DedupKey = JobOfToken
	var err error
	if r.sim, err = simulator.New(cfg); err != nil {
		return "", err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	r.stopSim = stop
	r.serving.Go(func() { _ = r.sim.Serve(serving, l) }) // ends when it is stopped
	return "http://" + l.Addr().String(), nil
}

// close takes everything down, the worker first.
func (r *rig) close(ctx context.Context) error {
	var errs []error
	if r.app != nil {
		errs = append(errs, r.app.Stop(context.WithoutCancel(ctx)))
	}
	r.stopSim()
	r.serving.Wait()
	if r.redis != nil {
		r.redis.Close()
	}
	if r.nats != nil {
		r.nats.Close()
	}
	if r.dir != "" {
		errs = append(errs, os.RemoveAll(r.dir))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}

// JobOfToken names the job of a callback token, whatever the attempt: what must
// not be accepted twice.
func JobOfToken(token string) string {
	if t, ok := job.ParseToken(token); ok {
		return t.Namespace + "/" + t.Key.String()
	}
	return token
}
