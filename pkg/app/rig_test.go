package app_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/embed"
	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/report"
	"github.com/wacast/wacast/pkg/simulator"
	"github.com/wacast/wacast/producer"
)

// atOnce is how many of these tests run at a time, unless -parallel says: they mostly wait.
const atOnce = "4"

func TestMain(m *testing.M) {
	flag.Parse()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "test.parallel" })
	if !said {
		_ = flag.Set("test.parallel", atOnce) // it is a flag of every test
	}
	embedtest.Main(m)
}

const (
	numberA = "106540352242922"
	numberB = "106540352242923"
	// patience is how long a test waits for what must happen; a busy machine is slow.
	patience = 60 * time.Second
)

// rig is everything around the apps of one test: NATS, Redis and the simulator.
type rig struct {
	t     *testing.T
	nats  *embed.NATS
	redis *embedtest.Server
	sim   *simulator.Server
	api   *httptest.Server
	js    jetstream.JetStream
	env   []string
	log   *logBuffer
}

// newRig starts the servers. The simulator judges at 2,000 messages a second
// unless it is told otherwise.
func newRig(t *testing.T, sim simulator.Config, env ...string) *rig {
	t.Helper()
	t.Parallel()
	return makeRig(t, sim, env...)
}

// makeRig is [newRig] for a test that runs alone.
func makeRig(t *testing.T, sim simulator.Config, env ...string) *rig {
	t.Helper()
	if sim.MPS == 0 {
		sim.MPS = 2000
	}
	sim.DedupKey = func(token string) string {
		parsed, ok := job.ParseToken(token)
		if !ok {
			t.Errorf("the callback data %q is no token", token)
		}
		return parsed.Key.String()
	}
	s, err := simulator.New(sim)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, nats: embedtest.NATS(t), redis: embedtest.Redis(t), sim: s, api: httptest.NewServer(s), log: new(logBuffer)}
	t.Cleanup(r.api.Close)
	r.env = append([]string{
		"WACAST_NAMESPACE=" + strings.ToLower(r.redis.Namespace), "WACAST_NATS_URL=" + r.nats.ClientURL(), "WACAST_REDIS_URL=" + r.redis.URL,
		"WACAST_API_URL=" + r.api.URL, "WACAST_ADMIN_ADDR=127.0.0.1:0",
		fmt.Sprintf("WACAST_DEFAULT_MPS=%d", sim.MPS), "WACAST_SEND_TIMEOUT=2s",
	}, env...)
	if !slices.ContainsFunc(env, func(e string) bool { return strings.HasPrefix(e, "WACAST_ACCOUNTS_DIR=") }) {
		r.env = append(r.env, "WACAST_ACCESS_TOKEN=token-a")
	}
	return r
}

func (r *rig) config() app.Config {
	r.t.Helper()
	cfg, _, err := app.Load(app.Sources{Environ: r.env})
	if err != nil {
		r.t.Fatal(err)
	}
	return cfg
}

// start runs an app until the test ends or stops it.
func (r *rig) start(id string) *app.App {
	r.t.Helper()
	a, err := app.New(app.Options{Config: r.config(), Log: r.log.logger(), WorkerID: id})
	if err != nil {
		r.t.Fatal(err)
	}
	a.Start()
	r.t.Cleanup(func() { _ = a.Stop(context.Background()) })
	return a
}

// ready starts an app and waits until it can work.
func (r *rig) ready(id string) *app.App {
	r.t.Helper()
	a := r.start(id)
	if err := a.AwaitReady(r.t.Context(), patience); err != nil {
		r.t.Fatal(err)
	}
	return a
}

// publish publishes jobs and returns once they are stored.
func (r *rig) publish(jobs ...*job.Job) producer.Stats {
	r.t.Helper()
	p, err := producer.New(embedtest.Dial(r.t, r.nats), producer.Config{Namespace: r.config().Namespace})
	if err != nil {
		r.t.Fatal(err)
	}
	defer p.Close()
	stats, err := p.PublishAll(r.t.Context(), func(yield func(*job.Job, error) bool) {
		for _, j := range jobs {
			if !yield(j, nil) {
				return
			}
		}
	}, func(rejection producer.Rejection) { r.t.Error(rejection.Err) })
	if err != nil {
		r.t.Fatal(err)
	}
	return stats
}

// publishRaw publishes what no producer would.
func (r *rig) publishRaw(subject, data string) {
	r.t.Helper()
	if _, err := r.jetStream().Publish(r.t.Context(), subject, []byte(data)); err != nil {
		r.t.Fatal(err)
	}
}

// jetStream is a connection that lasts as long as the test.
func (r *rig) jetStream() jetstream.JetStream {
	r.t.Helper()
	if r.js == nil {
		var err error
		if r.js, err = jetstream.New(embedtest.Dial(r.t, r.nats)); err != nil {
			r.t.Fatal(err)
		}
	}
	return r.js
}

// jobSubject is where jobs of a campaign are published.
func (r *rig) jobSubject(number, campaign string) string {
	return queue.Names{Namespace: r.config().Namespace}.JobSubject(queue.ID{Sender: number, Lane: job.Bulk, Campaign: campaign})
}

// view answers questions until the test ends.
func (r *rig) view() *app.View {
	r.t.Helper()
	v, err := app.OpenView(r.t.Context(), r.config())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(v.Close)
	return v
}

// await waits until a campaign stands as wanted.
func (r *rig) await(v *app.View, campaign string, done func(*report.Progress) bool) *report.Progress {
	r.t.Helper()
	var p *report.Progress
	r.eventually(func() (ok bool, state string) {
		var err error
		if p, err = v.Progress(r.t.Context(), campaign); err != nil {
			r.t.Fatal(err)
		}
		return done(p), fmt.Sprintf("%+v", *p)
	})
	return p
}

// eventually looks until something holds, and fails the test with its state if it
// never does.
func (r *rig) eventually(look func() (ok bool, state string)) {
	r.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for {
		ok, state := look()
		if ok {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			r.t.Fatalf("it never came: %s; simulator %+v\nlog:\n%s", state, r.sim.Stats(), r.log)
		}
	}
}

// newJobs makes n jobs of a campaign with ids from first on.
func newJobs(number, campaign string, first, n int) []*job.Job {
	jobs := make([]*job.Job, n)
	for i := range jobs {
		jobs[i] = newJob(number, campaign, first+i)
	}
	return jobs
}

func newJob(number, campaign string, i int) *job.Job {
	return &job.Job{
		V: job.Version, ID: fmt.Sprintf("row-%06d", i), Campaign: campaign, From: number,
		To: job.Phone(fmt.Sprintf("+54911%08d", i)), Template: job.Template{
			Name: "appointment", Language: "es_AR",
			Params: &job.Params{Body: job.Positional("Emilia", fmt.Sprintf("23 de noviembre, %02d:30", i%24))},
		},
	}
}

// logBuffer collects what all apps of a test log.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *logBuffer) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func encode(t *testing.T, j *job.Job) string {
	t.Helper()
	data, err := job.Encode(j)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
