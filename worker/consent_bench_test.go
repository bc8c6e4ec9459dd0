package worker_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/recipient"
	"github.com/wacast/wacast/worker"
)

// BenchmarkPipelineWithConsent is [BenchmarkPipeline] with a book of people who opted
// out, none of whom is written to.
func BenchmarkPipelineWithConsent(b *testing.B) {
	a := &api{}
	cfg, js := newConfig(b, a, 1_000_000)
	cfg.MaxInFlight = 4096
	names := queue.Names{Namespace: cfg.Namespace}
	open := func(name string) *queue.Bucket {
		return must[*queue.Bucket](b)(queue.OpenBucket(b.Context(), js, name))
	}
	book := recipient.NewBook(recipient.Config{Consent: open(names.ConsentBucket()), People: open(names.PeopleBucket()), Windows: open(names.WindowsBucket()), Key: testKey()})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = book.Run(ctx) }()
	b.Cleanup(func() { cancel(); <-ended })
	for i := range 100 {
		must[bool](b)(book.OptOut(b.Context(), recipient.Person{Number: fmt.Sprintf("+4477%08d", i)}, recipient.OptOut{Scope: recipient.All, Source: recipient.Import, Since: time.Now()}))
	}
	<-book.Ready()
	cfg.Consent, cfg.People, cfg.PayloadKey = book, book, testKey()
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
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
}
