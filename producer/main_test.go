package producer_test

import (
	"context"
	"fmt"
	"iter"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/wacast/wacast/pkg/embed"
	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/producer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// settings are wacast's, with a stream of jobs that a test can fill.
func settings(maxBytes int64) queue.Settings {
	return queue.Settings{Names: queue.Names{Namespace: "wacast"}, JobsMaxBytes: maxBytes}
}

// rig is a producer and the server it publishes to.
type rig struct {
	*producer.Producer
	nc *nats.Conn
	js jetstream.JetStream
}

// bare starts a server without streams.
func bare(tb testing.TB, cfg producer.Config) *rig {
	tb.Helper()
	nc := embedtest.Connect(tb)
	js, err := jetstream.New(nc)
	if err != nil {
		tb.Fatal(err)
	}
	p, err := producer.New(nc, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(p.Close)
	return &rig{Producer: p, nc: nc, js: js}
}

// start starts a server with wacast's streams.
func start(tb testing.TB, cfg producer.Config, maxBytes int64) *rig {
	tb.Helper()
	r := bare(tb, cfg)
	if _, err := queue.Ensure(context.Background(), r.js, settings(maxBytes).Topology()); err != nil {
		tb.Fatal(err)
	}
	return r
}

// stored is how many jobs the stream holds.
func (r *rig) stored(tb testing.TB) int {
	tb.Helper()
	s, err := r.js.Stream(context.Background(), "WACAST_JOBS")
	if err != nil {
		tb.Fatal(err)
	}
	return int(s.CachedInfo().State.Msgs)
}

// numbered is a good job.
func numbered(n int) *job.Job {
	return &job.Job{
		V: job.Version, ID: fmt.Sprintf("appt-%d", n), Campaign: "reminders", From: "106540352242922", To: "+5491155550100",
		Template: job.Template{Name: "appointment_confirmation", Language: "es_AR"},
	}
}

// count yields the jobs 1 to n.
func count(n int) iter.Seq2[*job.Job, error] {
	return func(yield func(*job.Job, error) bool) {
		for i := 1; i <= n; i++ {
			if !yield(numbered(i), nil) {
				return
			}
		}
	}
}

// exampleServer is a NATS with wacast's streams, as a worker makes them.
func exampleServer() (nc *nats.Conn, stop func()) {
	server, err := embed.StartNATS(embed.NATSOptions{})
	if err != nil {
		panic(err)
	}
	if nc, err = server.Connect(); err != nil {
		panic(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		panic(err)
	}
	if _, err := queue.Ensure(context.Background(), js, settings(1<<20).Topology()); err != nil {
		panic(err)
	}
	return nc, func() { nc.Close(); server.Close() }
}
