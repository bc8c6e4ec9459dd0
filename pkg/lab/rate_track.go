package lab

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/simulator"
	"github.com/wacast/wacast/producer"
)

// throttled is the code of what is refused for its rate.
const throttled = 130429

// track is a namespace of its own, a judge in this process, and worker processes.
type track struct {
	opts     RateOptions
	limit    int
	cfg      app.Config
	nc       *nats.Conn
	producer *producer.Producer
	sim      *simulator.Server
	server   *http.Server
	serving  sync.WaitGroup
	fleet    fleet
}

// newTrack prepares a measurement at a limit. Nothing runs yet but the judge.
func newTrack(ctx context.Context, opts RateOptions, limit int, headroom float64) (t *track, err error) {
	t = &track{opts: opts, limit: limit}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.close(ctx))
		}
	}()
	url, err := t.serve()
	if err != nil {
		return t, err
	}
	t.fleet.command = opts.Worker
	if t.fleet.environ, err = environ(opts.Config, url, limit, headroom); err != nil {
		return t, err
	}
	if t.cfg, _, err = app.Load(app.Sources{Environ: t.fleet.environ}); err != nil {
		return t, err
	}
	if t.nc, err = app.DialOnce(t.cfg); err != nil {
		return t, err
	}
	js, err := jetstream.New(t.nc)
	if err != nil {
		return t, err
	}
	if _, err = queue.Ensure(ctx, js, t.cfg.Topology()); err != nil {
		return t, err
	}
	t.producer, err = producer.New(t.nc, producer.Config{Namespace: t.cfg.Namespace})
	return t, err
}

// environ is that of a worker: of the settings only what leads to the servers and
// what streams are like is in it. What Redis remembers ends soon.
func environ(cfg app.Config, url string, limit int, headroom float64) ([]string, error) {
	connection, err := cfg.Connection()
	if err != nil {
		return nil, err
	}
	setting := func(entry string) bool { return strings.HasPrefix(entry, "WACAST_") }
	return slices.Concat(slices.DeleteFunc(os.Environ(), setting), connection, []string{
		fmt.Sprintf("WACAST_NAMESPACE=rate-%08x", rand.Uint32()),
		fmt.Sprintf("WACAST_REPLICAS=%d", cfg.Replicas), fmt.Sprintf("WACAST_JOBS_MAX_BYTES=%d", cfg.JobsMaxBytes),
		"WACAST_DEDUP_WINDOW=1h", "WACAST_EVENTS_MAX_AGE=1d",
		"WACAST_API_URL=" + url, "WACAST_ACCESS_TOKEN=simulated",
		fmt.Sprintf("WACAST_DEFAULT_MPS=%d", limit), fmt.Sprintf("WACAST_RATE_HEADROOM=%g", headroom),
		"WACAST_ADMIN_ADDR=127.0.0.1:0", "WACAST_LOG_LEVEL=info", "WACAST_LOG_FORMAT=json",
	}), nil
}

// serve runs the judge. The simulator answers late, but judges at once: so requests
// are kept back for the other half of the latency.
func (t *track) serve() (url string, err error) {
	base := time.Duration(float64(t.opts.Latency/2) * (1 - t.opts.Jitter))
	spread := time.Duration(float64(t.opts.Latency) * t.opts.Jitter)
	t.sim, err = simulator.New(simulator.Config{
		MPS: t.limit, Latency: simulator.Latency{Base: base, Spread: spread}, Keep: keepMessages, DedupKey: JobOfToken,
	})
	if err != nil {
		return "", err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	t.server = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		way := time.NewTimer(base + time.Duration(rand.Float64()*float64(spread)))
		defer way.Stop()
		select {
		case <-way.C:
			t.sim.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	})}
	t.serving.Go(func() { _ = t.server.Serve(l) }) // ends when it is closed
	return "http://" + l.Addr().String(), nil
}

// keepMessages is more than a measurement sends.
const keepMessages = 2_000_000

// publish puts bulk jobs, numbered from first, into campaigns in turn.
func (t *track) publish(ctx context.Context, jobs, campaigns int) error {
	stats, err := t.producer.PublishAll(ctx, func(yield func(*job.Job, error) bool) {
		for i := range jobs {
			j := benchJob(i, 0)
			j.From, j.Campaign = Clinic, fmt.Sprintf("%s-%d", benchCampaign, i%campaigns)
			if !yield(j, nil) {
				return
			}
		}
	}, nil)
	if err == nil && stats.Published != jobs {
		err = fmt.Errorf("published %d of %d jobs", stats.Published, jobs)
	}
	return err
}

// tally is what the judge has counted at a time.
type tally struct {
	at                time.Time
	accepted, refused int64
}

func (t *track) tally() tally {
	s := t.sim.Stats()
	return tally{time.Now(), s.Accepted, s.Refused[throttled]}
}

// steadySeconds is how much a number sends at its limit before it is measured.
const steadySeconds = 3

// awaitSteady waits until so many seconds' worth was accepted.
func (t *track) awaitSteady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	want := t.tally().accepted + int64(steadySeconds*t.limit)
	for t.tally().accepted < want {
		if err := t.fleet.alive(); err != nil {
			return err
		}
		if err := pause(ctx, pollEvery); err != nil {
			return fmt.Errorf("the workers accomplish too little: %w", err)
		}
	}
	return nil
}

// pause waits for a while.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close takes down workers, streams and judge, in this order.
func (t *track) close(ctx context.Context) error {
	t.fleet.stop()
	if t.producer != nil {
		t.producer.Close()
	}
	var err error
	if t.nc != nil {
		err = removeStreams(context.WithoutCancel(ctx), t.nc, t.cfg.Namespace)
		t.nc.Close()
	}
	if t.server != nil {
		err = errors.Join(err, t.server.Close())
	}
	t.serving.Wait()
	return err
}
