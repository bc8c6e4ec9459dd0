package worker_test

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/ratelimit"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/template"
	"github.com/wacast/wacast/pkg/whatsapp"
	"github.com/wacast/wacast/worker"
)

func TestMain(m *testing.M) { embedtest.Main(m) }

// api answers at once and counts.
type api struct{ sent atomic.Int64 }

func (a *api) Send(context.Context, string, string, *whatsapp.Message) (whatsapp.Accepted, error) {
	n := a.sent.Add(1)
	return whatsapp.Accepted{MessageID: fmt.Sprintf("wamid.%d", n), Status: whatsapp.StatusAccepted}, nil
}

// unchecked knows no definitions and no campaigns.
type unchecked struct{}

func (unchecked) Definition(_, name, language string) (*template.Definition, error) {
	return template.Unchecked(name, language), nil
}

func (unchecked) Expressions(string) (*template.Expressions, error) {
	return template.CompileExpressions(map[string]string{"body.1": "{{.name}}"})
}

func (unchecked) Seen(context.Context, string) error  { return nil }
func (unchecked) Lookup(string) (campaign.Spec, bool) { return campaign.Spec{}, false }
func (unchecked) Changed() <-chan struct{}            { return nil }

func must[T any](tb testing.TB) func(T, error) T {
	return func(v T, err error) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

// newConfig is a worker's config over a real NATS and Redis.
func newConfig(tb testing.TB, api worker.API, mps int) (worker.Config, jetstream.JetStream) {
	tb.Helper()
	return newConfigWith(tb, api, mps, 30*time.Second)
}

// newConfigWith is [newConfig] with a lease.
func newConfigWith(tb testing.TB, api worker.API, mps int, lease time.Duration) (worker.Config, jetstream.JetStream) {
	tb.Helper()
	redis := embedtest.Redis(tb)
	return newConfigOver(tb, api, mps, lease, embedtest.Connect(tb), redis.Client, strings.ToLower(redis.Namespace))
}

// newConfigOver is [newConfigWith] over servers of the test's own.
func newConfigOver(tb testing.TB, api worker.API, mps int, lease time.Duration, nc *nats.Conn, rdb redis.UniversalClient, namespace string) (worker.Config, jetstream.JetStream) {
	tb.Helper()
	js := must[jetstream.JetStream](tb)(jetstream.New(nc))
	names := queue.Names{Namespace: namespace}
	must[[]queue.Difference](tb)(queue.Ensure(tb.Context(), js, queue.Settings{Names: names}.Topology()))
	cfg := worker.Config{
		ID: "tested", Namespace: names.Namespace,
		Queues:    must[*queue.Queues](tb)(queue.NewQueues(js, queue.QueuesConfig{Names: names})),
		Events:    must[*queue.Events](tb)(queue.NewEvents(js, names)),
		Dead:      must[*queue.Dead](tb)(queue.NewDead(js, names)),
		Later:     must[*queue.Later](tb)(queue.NewLater(js, names)),
		Ledger:    dedup.New(rdb, dedup.Options{Namespace: names.Namespace, Lease: lease}),
		Slots:     ratelimit.NewRedis(rdb, ratelimit.Options{Namespace: names.Namespace}),
		API:       api,
		Directory: must[*sender.Directory](tb)(sender.NewDirectory([]*sender.Account{{WABA: "1", Token: sender.Literal("t")}}, mps)),
		Stops:     sender.NewStops(nil, "tested", slog.New(slog.DiscardHandler)),
		Templates: unchecked{}, Campaigns: unchecked{},
		Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	}
	claims := must[*queue.Claims](tb)(queue.NewClaims(js, names, "tested"))
	cfg.Claims = claims
	tb.Cleanup(func() { cfg.Queues.Close(); cfg.Events.Close(); cfg.Dead.Close(); cfg.Later.Close(); claims.Close() })
	return cfg, js
}

// publish publishes jobs and returns once they are stored.
func publish(tb testing.TB, js jetstream.JetStream, namespace string, jobs iter.Seq[*job.Job]) {
	tb.Helper()
	p := must[*queue.Publisher](tb)(queue.NewPublisher(js.Conn(), queue.PublisherConfig{Names: queue.Names{Namespace: namespace}}))
	defer p.Close()
	var stored sync.WaitGroup
	for j := range jobs {
		data := must[[]byte](tb)(job.Encode(j))
		stored.Add(1)
		err := p.PublishAsync(tb.Context(), queue.IDOf(j), j.Key(), data, func(a queue.Ack) {
			if a.Err != nil {
				tb.Error(a.Err)
			}
			stored.Done()
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
	stored.Wait()
}

// newJobs makes n jobs of a campaign.
func newJobs(campaign string, n int) iter.Seq[*job.Job] {
	return func(yield func(*job.Job) bool) {
		for i := range n {
			if !yield(&job.Job{
				V: 1, ID: fmt.Sprintf("row-%d", i), Campaign: campaign, From: "106540352242922", To: job.Phone(fmt.Sprintf("+54911%08d", i)),
				Template: job.Template{Name: "appointment", Language: "es_AR", Params: &job.Params{Body: job.Positional("Emilia", "23 de noviembre, 09:30")}},
			}) {
				return
			}
		}
	}
}

// await waits until the event stream holds n events of a kind.
func await(tb testing.TB, events *queue.Events, campaign string, kind job.Kind, n uint64) {
	tb.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		counts, err := events.Counts(tb.Context(), campaign)
		if err != nil {
			tb.Fatal(err)
		}
		if counts[kind] >= n {
			return
		}
		if time.Now().After(deadline) {
			tb.Fatalf("after a minute %v, want %d %s", counts, n, kind)
		}
		time.Sleep(2 * time.Millisecond) // the streams of a real server have no signal for this
	}
}

func TestConfigNamesWhatIsMissing(t *testing.T) {
	_, err := worker.New(worker.Config{})
	for _, field := range []string{"Queues", "Events", "Ledger", "Slots", "API", "Directory", "Stops", "Templates", "Log", "Registerer"} {
		if err == nil || !strings.Contains(err.Error(), field+" is missing") {
			t.Errorf("error %v does not name %s", err, field)
		}
	}
}

func TestStopBeforeStart(t *testing.T) {
	cfg, _ := newConfig(t, &api{}, 100)
	w := must[*worker.Worker](t)(worker.New(cfg))
	for range 2 {
		if err := w.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
	w.Start() // does nothing any more
}

// A job that carries vars is filled by the campaign's expressions; a row that does
// not suit them is rejected.
func TestVarsAreExpanded(t *testing.T) {
	sent := make(chan whatsapp.Message, 1)
	cfg, js := newConfig(t, sendFunc(func(m *whatsapp.Message) { sent <- *m }), 100)
	w := must[*worker.Worker](t)(worker.New(cfg))
	w.Start()
	defer func() { _ = w.Stop(context.Background()) }()
	publish(t, js, cfg.Namespace, func(yield func(*job.Job) bool) {
		for id, vars := range map[string]map[string]any{"good": {"name": "Emilia"}, "bad": {"nombre": "Emilia"}} {
			if !yield(&job.Job{V: 1, ID: id, Campaign: "c", From: "1", To: "+5491155550100", Template: job.Template{Name: "n", Language: "es", Vars: vars}}) {
				return
			}
		}
	})
	await(t, cfg.Events, "c", job.Accepted, 1)
	await(t, cfg.Events, "c", job.Rejected, 1)
	if m := <-sent; m.Template.Components[0].Parameters[0].Text != "Emilia" || m.CallbackData == "" {
		t.Errorf("sent %+v", m.Template)
	}
}

type sendFunc func(m *whatsapp.Message)

func (f sendFunc) Send(_ context.Context, _, _ string, m *whatsapp.Message) (whatsapp.Accepted, error) {
	f(m)
	return whatsapp.Accepted{MessageID: "wamid.x"}, nil
}

// BenchmarkPipeline sends through a real NATS and Redis to an API that answers at
// once; the number's limit is out of the way. CPU includes the in-process NATS.
func BenchmarkPipeline(b *testing.B) {
	a := &api{}
	cfg, js := newConfig(b, a, 1_000_000)
	cfg.MaxInFlight = 4096
	publish(b, js, cfg.Namespace, newJobs("bench", b.N))
	w := must[*worker.Worker](b)(worker.New(cfg))
	b.ReportAllocs()
	b.ResetTimer()
	w.Start()
	await(b, cfg.Events, "bench", job.Accepted, uint64(b.N))
	b.StopTimer()
	if err := w.Stop(context.Background()); err != nil {
		b.Error(err)
	}
	if got := a.sent.Load(); got != int64(b.N) {
		b.Errorf("%d requests for %d jobs", got, b.N)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
}
