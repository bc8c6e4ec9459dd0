package app_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/app"
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

// yard is a server with streams, and an operator.
type yard struct {
	b  *testing.B
	js jetstream.JetStream
	o  *app.Operator
}

func newYard(b *testing.B) *yard {
	b.Helper()
	server, redis := embedtest.NATS(b), embedtest.Redis(b)
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
	return &yard{b: b, js: js, o: o}
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
	f := newYard(b)
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

// BenchmarkExplain is of a job that ended, and of one at the end of a long queue.
func BenchmarkExplain(b *testing.B) {
	n := benchJobs(b)
	f := newYard(b)
	f.end("ended", n)
	f.publish("queued", n)
	for _, campaign := range []string{"ended", "queued"} {
		b.Run(campaign, func(b *testing.B) {
			key := newJob(numberA, campaign, n-1).Key()
			for b.Loop() {
				if _, err := f.o.Explain(b.Context(), key); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	n := benchJobs(b)
	f := newYard(b)
	f.end("ended", n)
	f.publish("queued", n)
	for _, campaign := range []string{"ended", "queued"} {
		b.Run(campaign, func(b *testing.B) {
			for b.Loop() {
				if a, err := f.o.Verify(b.Context(), campaign, 0); err != nil || !a.OK {
					b.Fatal(err, a)
				}
			}
		})
	}
}
