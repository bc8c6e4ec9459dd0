package dedup

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
)

// BenchmarkReplay replays the claim and the acceptance of many jobs into an empty
// Redis.
func BenchmarkReplay(b *testing.B) {
	const jobs = 100_000
	j := &memory{}
	for i := range jobs {
		k := job.Key{Campaign: "reminders", ID: "appt-" + strconv.Itoa(i)}
		p := PublicationOf("WACAST_JOBS", uint64(i+1))
		j.add(Record{Key: k, Do: RecordClaim, Attempt: 1, Body: 7, Publication: p},
			Record{Key: k, Do: RecordOutcome, State: Accepted, Attempt: 1, Body: 7, Publication: p})
	}
	b.ReportAllocs()
	before := usedCPU(b, embedtest.Redis(b))
	for b.Loop() {
		l := open(embedtest.Redis(b), Options{})
		if err := keep(b, l, j).tick(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*2*jobs)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric((usedCPU(b, embedtest.Redis(b))-before)*1e6/float64(b.N*2*jobs), "redis-µs/record")
}

// usedCPU is the time Redis has computed, in seconds. It tells more than a rate on
// a machine that does other things as well.
func usedCPU(tb testing.TB, s *embedtest.Server) float64 {
	tb.Helper()
	text := s.Client.Info(context.Background(), "cpu").Val()
	total := 0.0
	for _, name := range []string{"used_cpu_sys:", "used_cpu_user:"} {
		_, rest, _ := strings.Cut(text, name)
		number, _, _ := strings.Cut(rest, "\r")
		seconds, err := strconv.ParseFloat(number, 64)
		if err != nil {
			tb.Fatal(err)
		}
		total += seconds
	}
	return total
}

// BenchmarkClaimAsked is what a claim costs Redis, and one that asks the epoch.
func BenchmarkClaimAsked(b *testing.B) {
	const size = 256
	for _, asks := range []bool{false, true} {
		b.Run(strconv.FormatBool(asks), func(b *testing.B) {
			l := open(embedtest.Redis(b), Options{})
			keep(b, l, &memory{}).wantWhole(b)
			l.asks.Store(asks)
			next := batchOf(size)
			b.ReportAllocs()
			before := usedCPU(b, embedtest.Redis(b))
			for b.Loop() {
				claimBatch(b, l, next())
			}
			perJob(b, size)
			b.ReportMetric((usedCPU(b, embedtest.Redis(b))-before)*1e6/float64(b.N*size), "redis-µs/job")
		})
	}
}
