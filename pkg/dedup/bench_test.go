package dedup

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/wacast/wacast/pkg/embed/embedtest"
)

var batches = []int{64, 256}

// batchOf makes claims of jobs nobody has seen.
func batchOf(size int) func() []ClaimRequest {
	n := 0
	return func() []ClaimRequest {
		requests := make([]ClaimRequest, size)
		for i := range requests {
			n++
			requests[i] = ClaimRequest{subject("appt-" + strconv.Itoa(n) + "-reminder"), mine}
		}
		return requests
	}
}

func claimBatch(tb testing.TB, l *Ledger, requests []ClaimRequest) {
	claims, err := l.Claim(context.Background(), requests)
	if err != nil {
		tb.Fatal(err)
	}
	if claims[0].Verdict != Yours {
		tb.Fatal(claims[0].Verdict)
	}
}

func settleBatch(tb testing.TB, l *Ledger, requests []ClaimRequest) {
	settlements := make([]Settlement, len(requests))
	for i, r := range requests {
		settlements[i] = Settlement{Subject: r.Subject, Nonce: r.Nonce, Attempt: 1, State: Accepted}
	}
	changes, err := l.Settle(context.Background(), settlements)
	if err != nil {
		tb.Fatal(err)
	}
	if !changes[0].Done {
		tb.Fatal(changes[0])
	}
}

func perJob(b *testing.B, batch int) {
	b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "jobs/s")
}

func BenchmarkClaim(b *testing.B) {
	for _, size := range batches {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			l, next := open(embedtest.Redis(b), Options{}), batchOf(size)
			b.ReportAllocs()
			for b.Loop() {
				claimBatch(b, l, next())
			}
			perJob(b, size)
		})
	}
}

// BenchmarkClaimParallel has as many batches under way as a busy worker.
func BenchmarkClaimParallel(b *testing.B) {
	for _, size := range batches {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			l := open(embedtest.Redis(b), Options{})
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				next := batchOf(size)
				for pb.Next() {
					requests := next()
					for i := range requests {
						requests[i].Key.Campaign = fmt.Sprintf("%p", &next)
					}
					claimBatch(b, l, requests)
				}
			})
			perJob(b, size)
		})
	}
}

func BenchmarkClaimAndSettle(b *testing.B) {
	for _, size := range batches {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			l, next := open(embedtest.Redis(b), Options{}), batchOf(size)
			b.ReportAllocs()
			for b.Loop() {
				requests := next()
				claimBatch(b, l, requests)
				settleBatch(b, l, requests)
			}
			perJob(b, size)
		})
	}
}

func BenchmarkLookup(b *testing.B) {
	for _, size := range batches {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			l := open(embedtest.Redis(b), Options{})
			subjects := make([]Subject, size)
			for i, r := range batchOf(size)() {
				subjects[i] = r.Subject
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := l.Lookup(context.Background(), subjects); err != nil {
					b.Fatal(err)
				}
			}
			perJob(b, size)
		})
	}
}

// jobsPerBucket is what a million jobs make of the default's 65,536 buckets.
const jobsPerBucket = 15

// memoryOf settles jobs and returns the bytes of Redis each has cost: of its keys, and
// not of what the server takes for clients, or gives back, meanwhile.
func memoryOf(tb testing.TB, s *embedtest.Server, jobs, buckets int) float64 {
	tb.Helper()
	l, next := open(s, Options{Buckets: buckets}), batchOf(500)
	l.lookupOne(tb, subject("before")) // what is there once is not to be counted
	before := memoryOfKeys(tb, s)
	for range jobs / 500 {
		requests := next()
		claimBatch(tb, l, requests)
		settleBatch(tb, l, requests)
	}
	return float64(memoryOfKeys(tb, s)-before) / float64(jobs)
}

// perKey is what a key takes that MEMORY USAGE does not tell: its places in the tables
// of keys and of ends.
const perKey = 48

// memoryOfKeys adds up what the ledger's keys take.
func memoryOfKeys(tb testing.TB, s *embedtest.Server) (sum int64) {
	tb.Helper()
	ctx := context.Background()
	for cursor, done := uint64(0), false; !done; done = cursor == 0 {
		var keys []string
		var err error
		if keys, cursor, err = s.Client.Scan(ctx, cursor, s.Namespace+":*", 1000).Result(); err != nil {
			tb.Fatal(err)
		}
		pipe := s.Client.Pipeline()
		sizes := make([]*redis.IntCmd, len(keys))
		for i, key := range keys {
			sizes[i] = pipe.MemoryUsage(ctx, key, 0)
		}
		if _, err := pipe.Exec(ctx); err != nil && len(keys) > 0 {
			tb.Fatal(err)
		}
		for _, size := range sizes {
			sum += size.Val() + perKey
		}
	}
	return sum
}

// BenchmarkMemory reports bytes of Redis a job.
func BenchmarkMemory(b *testing.B) {
	for name, c := range map[string]struct{ jobs, buckets int }{
		"million_in_65536": {1_000_000, 65536},
		"200k_in_13312":    {200_000, 13312}, // as a million in 65,536
		"200k_in_3328":     {200_000, 3328},  // as a million in 16,384
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(memoryOf(b, embedtest.Redis(b), c.jobs, c.buckets), "B/job")
			}
		})
	}
}

func TestMemory(t *testing.T) {
	const jobs = 60_000
	s := embedtest.Redis(t)
	if s.Mini {
		return // nothing to measure
	}
	if got := memoryOf(t, s, jobs, jobs/jobsPerBucket); got > 48 || got < 20 {
		t.Errorf("a job takes %.1f bytes of Redis, want 20 to 48", got)
	}
}
