package app_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"

	"github.com/nats-io/nats.go/jetstream"
)

// benchJobs is how large the campaign of the benchmarks is: a few thousand jobs, or
// what WACAST_TEST_JOBS says.
func benchJobs(b *testing.B) int {
	b.Helper()
	text := os.Getenv("WACAST_TEST_JOBS")
	if text == "" {
		return 5000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		b.Fatal("WACAST_TEST_JOBS:", err)
	}
	return n
}

// yard is servers with streams and a ledger, and an operator.
type yard struct {
	b      testing.TB
	js     jetstream.JetStream
	o      *app.Operator
	ledger *dedup.Ledger
}

func newYard(b testing.TB, redis *embedtest.Server) *yard {
	b.Helper()
	server := embedtest.NATS(b)
	cfg, _, err := app.Load(app.Sources{Environ: []string{"WACAST_NATS_URL=" + server.ClientURL(), "WACAST_REDIS_URL=" + redis.URL}})
	if err != nil {
		b.Fatal(err)
	}
	js, err := jetstream.New(embedtest.Dial(b, server))
	if err != nil {
		b.Fatal(err)
	}
	topology := cfg.Topology()
	if _, err := queue.Ensure(b.Context(), js, topology); err != nil {
		b.Fatal(err)
	}
	o, err := app.OpenOperator(b.Context(), cfg, "bench")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(o.Close)
	return &yard{b: b, js: js, o: o, ledger: dedup.New(redis.Client, dedup.Options{Namespace: cfg.Namespace})}
}

// vouch makes the ledger whole.
func (f *yard) vouch() {
	f.b.Helper()
	ctx, cancel := context.WithCancel(f.b.Context())
	whole, ended := make(chan struct{}), make(chan error)
	k := dedup.NewKeeper(f.ledger, nothing{}, dedup.KeeperOptions{Alone: true, Progress: func(s dedup.Status) {
		if s.Whole == s.Tags {
			close(whole)
		}
	}})
	go func() { ended <- k.Run(ctx) }()
	<-whole
	cancel()
	<-ended
}

// nothing is a journal of streams in which there was never anything.
type nothing struct{}

func (nothing) Ends(context.Context) (events, claims uint64, err error) { return 0, 0, nil }

func (nothing) Events(context.Context, uint64, uint64, time.Time, func(dedup.Record) error) error {
	return nil
}

func (nothing) Claims(context.Context, uint64, uint64, time.Time, func(dedup.Record) error) error {
	return nil
}

// settle has the ledger know of a job that the event says it was accepted.
func (f *yard) settle(key job.Key, event uint64, seen dedup.Seen) {
	f.b.Helper()
	ctx := f.b.Context()
	s := dedup.Subject{Key: key}
	if _, err := f.ledger.Claim(ctx, []dedup.ClaimRequest{{Subject: s, Nonce: 1}}); err != nil {
		f.b.Fatal(err)
	}
	if _, err := f.ledger.Settle(ctx, []dedup.Settlement{{Subject: s, Nonce: 1, State: dedup.Accepted, Attempt: 1, Event: event}}); err != nil {
		f.b.Fatal(err)
	}
	if seen == 0 {
		return
	}
	if _, err := f.ledger.Mark(ctx, []dedup.Evidence{{Key: key, Attempt: 1, Seen: seen}}); err != nil {
		f.b.Fatal(err)
	}
}

// publish queues n jobs of a campaign.
func (f *yard) publish(campaign string, n int) {
	f.b.Helper()
	p, err := queue.NewPublisher(f.js.Conn(), queue.PublisherConfig{Names: queue.Names{Namespace: "wacast"}})
	if err != nil {
		f.b.Fatal(err)
	}
	defer p.Close()
	left := make(chan error, n)
	for i := range n {
		j := newJob(numberA, campaign, i)
		data, err := job.Encode(j)
		if err == nil {
			err = p.PublishAsync(f.b.Context(), queue.IDOf(j), j.Key(), data, func(a queue.Ack) { left <- a.Err })
		}
		if err != nil {
			f.b.Fatal(err)
		}
	}
	for range n {
		if err := <-left; err != nil {
			f.b.Fatal(err)
		}
	}
}

// end records n jobs of a campaign as accepted.
func (f *yard) end(campaign string, n int) {
	f.b.Helper()
	events, err := queue.NewEvents(f.js, queue.Names{Namespace: "wacast"})
	if err != nil {
		f.b.Fatal(err)
	}
	defer events.Close()
	const most = 1000
	for first := 0; first < n; first += most {
		var batch []job.Event
		for i := first; i < min(first+most, n); i++ {
			j := newJob(numberA, campaign, i)
			batch = append(batch, job.NewEvent("wacast/bench", time.Now(), job.EventData{
				Kind: job.Accepted, Campaign: campaign, ID: j.ID, From: numberA, To: j.To, Lane: job.Bulk, Template: "appointment", Language: "es_AR",
				Attempt: 1, Wamid: job.Wamid(fmt.Sprintf("wamid.HBgNNTQ5MTE1NTU1%08dFQIAERgSMEE0", i)), Stream: "WACAST_JOBS", Sequence: uint64(i + 1),
			}))
		}
		batch = append(batch, job.NewEvent("wacast/bench", time.Now(), job.EventData{
			Kind: job.Published, Campaign: campaign, From: numberA, Lane: job.Bulk, Count: len(batch), Stream: "WACAST_JOBS",
			Sequences: fmt.Sprintf("%d-%d", first+1, first+len(batch)),
		}))
		if _, err := events.Record(f.b.Context(), batch); err != nil {
			f.b.Fatal(err)
		}
	}
}

func BenchmarkCancelCampaign(b *testing.B) {
	n := benchJobs(b)
	f := newYard(b, embedtest.Redis(b))
	for i := range b.N {
		campaign := fmt.Sprintf("c%d", i)
		b.StopTimer()
		f.publish(campaign, n)
		b.StartTimer()
		c, err := f.o.CancelCampaign(b.Context(), campaign, "bench", time.Minute)
		if err != nil || c.Purged != uint64(n) {
			b.Fatal(err, c)
		}
	}
}

// BenchmarkExplain is of a job that ended, of one that the ledger does not know, and of
// one at the end of a long queue.
func BenchmarkExplain(b *testing.B) {
	n := benchJobs(b)
	f := newYard(b, embedtest.Redis(b))
	f.vouch()
	f.end("ended", n)
	f.publish("queued", n)
	f.settle(newJob(numberA, "ended", 0).Key(), 1, 0)
	for _, bench := range []struct {
		name, campaign string
		number         int
	}{{"ended", "ended", 0}, {"forgotten", "ended", n - 1}, {"queued", "queued", n - 1}} {
		b.Run(bench.name, func(b *testing.B) {
			key := newJob(numberA, bench.campaign, bench.number).Key()
			before := computed(b)
			for b.Loop() {
				if _, err := f.o.Explain(b.Context(), key); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric((computed(b)-before).Seconds()/float64(b.N), "cpu-s/op")
		})
	}
}

// computed is the time this process, with the server in it, has computed. It tells
// more than a clock on a machine that does other things as well.
func computed(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkVerify(b *testing.B) {
	n := benchJobs(b)
	f := newYard(b, embedtest.Redis(b))
	f.end("ended", n)
	f.publish("queued", n)
	for _, campaign := range []string{"ended", "queued"} {
		b.Run(campaign, func(b *testing.B) {
			before := computed(b)
			for b.Loop() {
				if a, err := f.o.Verify(b.Context(), campaign, 0); err != nil || !a.OK {
					b.Fatal(err, a)
				}
			}
			b.ReportMetric((computed(b)-before).Seconds()/float64(b.N), "cpu-s/op")
		})
	}
}
