package webhook_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/webhook"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// serve starts a receiver over the rig's NATS and returns what posts to it.
func serve(b testing.TB, r *rig) (post func(body []byte) error) {
	b.Helper()
	all := secrets{appSecret}
	receiver := must[*webhook.Receiver](b)(webhook.NewReceiver(webhook.ReceiverConfig{
		Store: r.hooks, Secrets: &all, Metrics: r.metrics, Log: r.logger()}))
	server := must[*webhook.Server](b)(webhook.NewServer("127.0.0.1:0", receiver, r.logger()))
	server.Start()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}
	b.Cleanup(func() { client.CloseIdleConnections(); _ = server.Stop(context.Background()) })
	return func(body []byte) error {
		req, err := http.NewRequest(http.MethodPost, "http://"+server.Addr()+webhook.Path, bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set(whatsapp.SignatureHeader, whatsapp.Sign(body, appSecret))
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 200 {
			return fmt.Errorf("HTTP %d", resp.StatusCode)
		}
		return nil
	}
}

// BenchmarkReceiver posts as fast as it gets answers, over HTTP and into a real NATS,
// one update a request. Client and servers share the CPU.
func BenchmarkReceiver(b *testing.B) {
	r := newRig(b)
	post := serve(b, r)
	b.SetParallelism(16)
	b.ReportAllocs()
	var n counter
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := post(webhookOf(r.status(fmt.Sprint("j", n.next()), "sent", 1))); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}

// BenchmarkReceiverAt posts 3,000 updates a second, whatever the answers take, with
// one, ten and a thousand updates in a request, and reports how long they took.
func BenchmarkReceiverAt(b *testing.B) {
	for _, updates := range []int{1, 10, 1000} {
		b.Run(fmt.Sprintf("3000/s/by=%d", updates), func(b *testing.B) {
			r := newRig(b)
			post := serve(b, r)
			var mu sync.Mutex
			var took []time.Duration
			refused := 0
			var posting sync.WaitGroup
			every := time.Second * time.Duration(updates) / 3000
			b.ResetTimer()
			began := time.Now()
			for i := range b.N {
				due := began.Add(time.Duration(i) * every)
				body := webhookOf(r.many(i, updates)...)
				time.Sleep(time.Until(due))
				posting.Go(func() {
					err := post(body)
					mu.Lock()
					defer mu.Unlock()
					if err != nil {
						refused++
					}
					took = append(took, time.Since(due)) // a late start counts too
				})
			}
			posting.Wait()
			b.StopTimer()
			slices.Sort(took)
			b.ReportMetric(float64(b.N*updates)/b.Elapsed().Seconds(), "updates/s")
			b.ReportMetric(float64(refused), "refused")
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}

func (r *rig) many(n, updates int) []string {
	statuses := make([]string, updates)
	for i := range statuses {
		statuses[i] = r.status(fmt.Sprintf("j%d-%d", n, i), "sent", 1)
	}
	return statuses
}

type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) next() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return c.n
}

// BenchmarkProcessor takes stored statuses to events: parse, ledger, outcome, event,
// mark, ack. NATS is in the process, Redis beside it.
func BenchmarkProcessor(b *testing.B) {
	for _, updates := range []int{1, 100} {
		b.Run(fmt.Sprintf("by=%d", updates), func(b *testing.B) {
			r := newRig(b)
			r.acceptMany(b.N)
			var bodies [][]byte
			for i := 0; i < b.N; i += updates {
				var statuses []string
				for j := i; j < min(i+updates, b.N); j++ {
					statuses = append(statuses, r.status(fmt.Sprint("j", j), "sent", 1))
				}
				bodies = append(bodies, webhookOf(statuses...))
			}
			var posting sync.WaitGroup
			for part := range slices.Chunk(bodies, len(bodies)/64+1) {
				posting.Go(func() {
					for _, body := range part {
						if err := r.hooks.Store(context.Background(), queue.Hook{Body: body}); err != nil {
							b.Error(err)
						}
					}
				})
			}
			posting.Wait()
			p := must[*webhook.Processor](b)(webhook.NewProcessor(r.config()))
			b.ReportAllocs()
			b.ResetTimer()
			p.Start()
			r.processed()
			b.StopTimer()
			r.stop(p)
			if got := value(b, r.registry, "wacast_statuses_total", "sent"); got != float64(b.N) {
				b.Errorf("%v of %d are on record", got, b.N)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "updates/s")
		})
	}
}

// acceptMany puts the outcomes of many jobs on record.
func (r *rig) acceptMany(n int) {
	r.tb.Helper()
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	for part := range slices.Chunk(all, 1000) {
		events := make([]job.Event, len(part))
		settlements := make([]dedup.Settlement, len(part))
		for i, j := range part {
			id := fmt.Sprint("j", j)
			events[i] = job.NewEvent("worker", begun, job.EventData{Kind: job.Accepted, Campaign: "c", ID: id, From: number, To: "+447700900456",
				Lane: job.Bulk, Template: "hello", Language: "en", Attempt: 1, Stream: r.names.JobsStream(), Sequence: uint64(j + 1)})
			settlements[i] = dedup.Settlement{Subject: dedup.Subject{Key: key(id), Publication: dedup.PublicationOf(r.names.JobsStream(), uint64(j+1))},
				Attempt: 1, State: dedup.Accepted}
		}
		sequences := must[[]uint64](r.tb)(r.events.Record(r.tb.Context(), events))
		for i := range settlements {
			settlements[i].Event = sequences[i]
		}
		must[[]dedup.Change](r.tb)(r.ledger.Settle(r.tb.Context(), settlements))
	}
}
