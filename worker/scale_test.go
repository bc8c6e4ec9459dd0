package worker_test

import (
	"context"
	"fmt"
	"regexp"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/worker"
)

// A thousand numbers with a queue each on one worker: how long until each has sent its
// first job, and what it costs while none has any. The process holds the NATS server
// too. Run it with
//
//	go test ./worker -run '^$' -bench ThousandNumbers -benchtime 1x
func BenchmarkThousandNumbers(b *testing.B) {
	const numbers, each = 1000, 5
	api := &stopwatch{came: make(map[string][]time.Time)}
	cfg, js := newConfig(b, api, 80)
	server := embedtest.Redis(b).Client
	for b.Loop() {
		before := runtime.NumGoroutine()
		api.came = make(map[string][]time.Time)
		cfg.Registerer = prometheus.NewRegistry()
		w := must[*worker.Worker](b)(worker.New(cfg))
		w.Start()
		cpu, commands, began := cpuTime(b), commandsOf(b, server), time.Now()
		publish(b, js, cfg.Namespace, func(yield func(*job.Job) bool) {
			for i := range numbers {
				for j := range jobsOf(fmt.Sprint(1000+i), "c", job.Bulk, each) {
					if !yield(j) {
						return
					}
				}
			}
		})
		for came := 0; came < numbers*each; came, _ = api.span("c") {
			time.Sleep(20 * time.Millisecond) // to ask the server more often would be measured too
		}
		b.ReportMetric(time.Since(began).Seconds(), "s/all")
		b.ReportMetric((cpuTime(b) - cpu).Seconds(), "cpu-s/all")
		b.ReportMetric((commandsOf(b, server)-commands)/numbers/each, "redis-commands/job")
		time.Sleep(6 * time.Second) // until each queue has been asked for once in vain
		cpu, commands, began = cpuTime(b), commandsOf(b, server), time.Now()
		time.Sleep(10 * time.Second) // what is measured is that nothing happens
		idle := time.Since(began).Seconds()
		b.ReportMetric(float64(runtime.NumGoroutine()-before)/numbers, "goroutines/number")
		b.ReportMetric(100*(cpuTime(b)-cpu).Seconds()/idle, "idle-%cpu")
		b.ReportMetric((commandsOf(b, server)-commands)/idle, "idle-redis-commands/s")
		if err := w.Stop(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// commandsOf is how many commands a Redis has processed.
func commandsOf(b *testing.B, rdb redis.UniversalClient) float64 {
	info := must[string](b)(rdb.Info(b.Context(), "stats").Result())
	found := regexp.MustCompile(`total_commands_processed:(\d+)`).FindStringSubmatch(info)
	return must[float64](b)(strconv.ParseFloat(found[1], 64))
}
