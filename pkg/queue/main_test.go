package queue_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/wacast/wacast/pkg/embed"
	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(serveEnv); dir != "" {
		serve(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// rig is a server with wacast's streams.
type rig struct {
	server *embed.NATS
	nc     *nats.Conn
	js     jetstream.JetStream
	names  queue.Names
}

var names = queue.Names{Namespace: "wacast"}

// bare starts a server without streams.
func bare(tb testing.TB) *rig {
	tb.Helper()
	server := embedtest.NATS(tb)
	nc := embedtest.Dial(tb, server)
	js, err := jetstream.New(nc)
	if err != nil {
		tb.Fatal(err)
	}
	return &rig{server: server, nc: nc, js: js, names: names}
}

// start starts a server with the streams of the settings.
func start(tb testing.TB, settings queue.Settings) *rig {
	tb.Helper()
	r := bare(tb)
	settings.Names = r.names
	if settings.JobsMaxBytes == 0 {
		settings.JobsMaxBytes = 64 << 20 // the server reserves it
	}
	diffs, err := queue.Ensure(context.Background(), r.js, settings.Topology())
	if err != nil || len(diffs) > 0 {
		tb.Fatal("ensure streams:", diffs, err)
	}
	return r
}

func (r *rig) publisher(tb testing.TB, cfg queue.PublisherConfig) *queue.Publisher {
	tb.Helper()
	cfg.Names = r.names
	p, err := queue.NewPublisher(r.nc, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(p.Close)
	return p
}

func (r *rig) queues(tb testing.TB) *queue.Queues {
	tb.Helper()
	qs, err := queue.NewQueues(r.js, queue.QueuesConfig{Names: r.names, Every: 50 * time.Millisecond})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(qs.Close)
	return qs
}

func (r *rig) open(tb testing.TB, id queue.ID) *queue.Queue {
	tb.Helper()
	q, err := r.queues(tb).Open(context.Background(), id)
	if err != nil {
		tb.Fatal(err)
	}
	return q
}

// messages is how many messages a stream has.
func (r *rig) messages(tb testing.TB, stream string) uint64 {
	tb.Helper()
	s, err := r.js.Stream(context.Background(), stream)
	if err != nil {
		tb.Fatal(err)
	}
	return s.CachedInfo().State.Msgs
}

// restart stops the server and starts it anew on its files, and waits for the
// connection.
func (r *rig) restart(tb testing.TB) {
	tb.Helper()
	back := r.nc.StatusChanged(nats.CONNECTED)
	defer r.nc.RemoveStatusListener(back)
	if err := r.server.Restart(); err != nil {
		tb.Fatal(err)
	}
	select {
	case <-back:
	case <-time.After(20 * time.Second):
		tb.Fatal("the connection did not come back")
	}
}

// eventually waits for what no signal tells of.
func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(15 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatal("not in time:", what)
		}
	}
}

var (
	bulk = queue.ID{Sender: "106540352242922", Lane: job.Bulk, Campaign: "c1"}
	now  = queue.ID{Sender: "106540352242922", Lane: job.Transactional, Campaign: job.NoCampaign}
)

func key(id queue.ID, n int) job.Key {
	k := job.Key{Campaign: id.Campaign, ID: fmt.Sprintf("j%d", n)}
	if k.Campaign == job.NoCampaign {
		k.Campaign = ""
	}
	return k
}

// publish puts jobs 1 to n, whose bodies are their ids, into a queue.
func publish(tb testing.TB, p *queue.Publisher, id queue.ID, n int) {
	tb.Helper()
	acks := make(chan queue.Ack, n)
	for i := 1; i <= n; i++ {
		if err := p.PublishAsync(context.Background(), id, key(id, i), []byte(key(id, i).ID), func(a queue.Ack) { acks <- a }); err != nil {
			tb.Fatal(err)
		}
	}
	for range n {
		if a := <-acks; a.Err != nil {
			tb.Fatal(a.Err)
		}
	}
}

// bodies are what deliveries hold.
func bodies(ds []*queue.Delivery) []string {
	var all []string
	for _, d := range ds {
		all = append(all, string(d.Data))
	}
	return all
}

// fetch fetches and fails the test on an error.
func fetch(tb testing.TB, q *queue.Queue, most int, wait time.Duration) []*queue.Delivery {
	tb.Helper()
	ds, err := q.Fetch(context.Background(), most, wait)
	if err != nil {
		tb.Fatal("fetch:", err)
	}
	return ds
}
