package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"runtime/pprof"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/producer"
)

// BenchOptions say what [Bench] measures.
type BenchOptions struct {
	// Config says where NATS and Redis are.
	Config app.Config
	// Jobs is how many messages are sent, once by the worker and once bare.
	Jobs int
	// Numbers is how many sender numbers share the jobs. No number may send more
	// than 1,000 messages a second, so one alone would be no fair measure.
	Numbers int
	// InFlight is how many requests run at once, of either kind.
	InFlight int
	// API is the URL of the stand-in for the Cloud API, in another process: what
	// it costs is not the worker's.
	API string
	// Profile gets a CPU profile of the worker's part (go tool pprof); nil for none.
	Profile io.Writer
	Out     io.Writer
	Log     *slog.Logger
}

// unlimited is a limit that no machine reaches.
const unlimited = 1_000_000

// Bench sends messages through NATS and Redis to a stand-in of the Cloud API, and
// the same number by nothing but net/http, and compares what a message costs this
// process. It leaves nothing in NATS.
func Bench(ctx context.Context, opts BenchOptions) error {
	cfg := opts.Config
	cfg.Namespace = fmt.Sprintf("bench-%08x", rand.Uint32())
	cfg.APIURL, cfg.AdminAddr, cfg.AccessToken = opts.API, "127.0.0.1:0", sender.Literal("simulated")
	cfg.DefaultMPS, cfg.RateHeadroom, cfg.MaxInFlight = unlimited, 0, opts.InFlight
	bare, err := measureBare(ctx, opts.API, opts.Jobs, opts.InFlight)
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	sent, err := measureWorker(ctx, cfg, opts)
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	fmt.Fprintf(opts.Out, "%-22s %12s %14s %14s %14s\n", "", "messages/s", "CPU µs/message", "allocs/message", "bytes/message")
	for _, f := range []struct {
		name string
		figures
	}{{"net/http POST alone", bare}, {"wacast worker", sent.figures}} {
		fmt.Fprintf(opts.Out, "%-22s %12.0f %14.1f %14.1f %14.0f\n", f.name, f.rate(), f.cpuMicros(), f.perMessage(f.allocs), f.perMessage(f.bytes))
	}
	_, err = fmt.Fprintf(opts.Out, "CPU ratio %.2f; Redis %.1f bytes a job\n", sent.cpuMicros()/bare.cpuMicros(), float64(sent.redis)/float64(opts.Jobs))
	return err
}

// sent is what the worker cost.
type sentFigures struct {
	figures
	redis int64
}

func measureWorker(ctx context.Context, cfg app.Config, opts BenchOptions) (sent sentFigures, err error) {
	nc, err := app.DialOnce(cfg)
	if err != nil {
		return sent, err
	}
	defer nc.Close()
	defer func() { err = errors.Join(err, removeStreams(context.WithoutCancel(ctx), nc, cfg.Namespace)) }()
	before, err := app.RedisMemory(ctx, cfg)
	if err != nil {
		return sent, err
	}
	a, o, err := waiting(ctx, nc, cfg, opts)
	if err != nil {
		return sent, err
	}
	defer o.Close()
	defer func() { err = errors.Join(err, a.Stop(context.WithoutCancel(ctx))) }()
	sent.figures, err = measure(opts.Jobs, func() error {
		if opts.Profile != nil {
			if err := pprof.StartCPUProfile(opts.Profile); err != nil {
				return err
			}
			defer pprof.StopCPUProfile()
		}
		if _, err := o.Resume(ctx, everything(), "the jobs are there"); err != nil {
			return err
		}
		return awaitEnd(ctx, o.View, uint64(opts.Jobs))
	})
	if err != nil {
		return sent, err
	}
	after, err := app.RedisMemory(ctx, cfg)
	sent.redis = after - before
	return sent, err
}

const benchCampaign = "bench"

// startTime is how long a worker may take until it is ready.
const startTime = 30 * time.Second

func everything() []sender.Target { return []sender.Target{sender.Everything()} }

// waiting is a worker that is ready and paused, with all jobs before it, and who lets
// it go: how long a process takes to start is nothing that a message costs.
func waiting(ctx context.Context, nc *nats.Conn, cfg app.Config, opts BenchOptions) (*app.App, *app.Operator, error) {
	a, err := app.New(app.Options{Config: cfg, Log: opts.Log, WorkerID: "bench"})
	if err != nil {
		return nil, nil, err
	}
	a.Start()
	o, err := prepare(ctx, nc, cfg, a, opts)
	if err != nil {
		return nil, nil, errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
	}
	return a, o, nil
}

// prepare waits for the worker, pauses it and publishes the jobs.
func prepare(ctx context.Context, nc *nats.Conn, cfg app.Config, a *app.App, opts BenchOptions) (*app.Operator, error) {
	if err := a.AwaitReady(ctx, startTime); err != nil {
		return nil, err
	}
	o, err := app.OpenOperator(ctx, cfg, "bench")
	if err != nil {
		return nil, err
	}
	if err = o.Pause(ctx, everything(), "the jobs are on their way"); err == nil {
		err = publishAll(ctx, nc, cfg.Namespace, opts)
	}
	if err != nil {
		o.Close()
	}
	return o, err
}

func publishAll(ctx context.Context, nc *nats.Conn, namespace string, opts BenchOptions) error {
	p, err := producer.New(nc, producer.Config{Namespace: namespace})
	if err != nil {
		return err
	}
	defer p.Close()
	_, err = p.PublishAll(ctx, func(yield func(*job.Job, error) bool) {
		for i := range opts.Jobs {
			if !yield(benchJob(i, i%opts.Numbers), nil) {
				return
			}
		}
	}, nil)
	return err
}

func benchJob(i, number int) *job.Job {
	return &job.Job{
		V: job.Version, ID: fmt.Sprintf("row-%07d", i), Campaign: benchCampaign, From: fmt.Sprintf("1065403522%05d", number), To: job.Phone(fmt.Sprintf("+54911%08d", i)),
		Template: job.Template{Name: "appointment_confirmation", Language: "es_AR", Params: &job.Params{
			Body: job.Positional("Emilia", "23 de noviembre, 09:30"),
		}},
	}
}

// It is asked whether the worker is done when half of what is left may be, since
// asking costs worker and server too; but within these bounds.
const soonestAsk, latestAsk = 10 * time.Millisecond, time.Second

// awaitEnd waits until all jobs have outcomes, and wants all of them accepted.
func awaitEnd(ctx context.Context, view *app.View, n uint64) error {
	start := time.Now()
	for {
		counts, err := view.Counts(ctx, benchCampaign)
		if err != nil {
			return err
		}
		done := counts[job.Accepted]
		if done == n {
			return nil
		}
		if bad := counts[job.Rejected] + counts[job.Unknown] + counts[job.Duplicate]; bad > 0 {
			return fmt.Errorf("%d jobs were not accepted: %v", bad, counts)
		}
		half := time.Duration(float64(time.Since(start)) * float64(n-done) / float64(2*max(done, 1)))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(max(half, soonestAsk), latestAsk)):
		}
	}
}

func removeStreams(ctx context.Context, nc *nats.Conn, namespace string) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	t := queue.Settings{Names: queue.Names{Namespace: namespace}}.Topology()
	var errs []error
	for _, s := range t.Streams {
		errs = append(errs, js.DeleteStream(ctx, s.Name))
	}
	for _, b := range t.Buckets {
		errs = append(errs, js.DeleteKeyValue(ctx, b.Bucket))
	}
	return errors.Join(errs...)
}
