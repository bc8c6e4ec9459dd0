package recipient_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/wacast/wacast/pkg/recipient"
)

// many fills a bucket with people who opted out.
func many(b *testing.B, n int) buckets {
	b.Helper()
	all := inMemory()
	consent := all[0].(*memory)
	value := []byte(`{"masked":"+549********00","optouts":[{"scope":"all","source":"import","since":"2026-11-22T10:00:00Z"}]}`)
	for i := range n {
		consent.set(string(secret.Number(fmt.Sprintf("+54911%08d", i))), value)
	}
	return all
}

func BenchmarkCheck(b *testing.B) {
	book := many(b, 100_000).open(b)
	for name, p := range map[string]recipient.Person{
		"refused": {Number: "+5491100000007"}, "free": {Number: "+5491199999999"}, "user": {UserID: "AR.13491208655302741918"},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				book.Check(p, ours, true)
			}
		})
	}
	b.Run("learn_known", func(b *testing.B) {
		b.ReportAllocs()
		p := recipient.Person{Number: "+5491100000007", WaID: "5491100000007"}
		for b.Loop() {
			book.Learn(p)
		}
	})
}

func BenchmarkMemory(b *testing.B) {
	const n = 1_000_000
	for b.Loop() {
		all := many(b, n)
		before := heap()
		book := all.open(b)
		b.ReportMetric(float64(heap()-before)/n, "B/person")
		runtime.KeepAlive(book)
		runtime.KeepAlive(all)
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC() // what the first one has only found
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
