package queue_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/embed"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// serveEnv makes the test binary a nats-server on a directory.
const serveEnv = "WACAST_TEST_NATS_DIR"

// serve runs a server until its standard input ends.
func serve(dir string) {
	n, err := embed.StartNATS(embed.NATSOptions{Dir: dir, Port: -1})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer n.Close()
	fmt.Println(n.ClientURL())
	_, _ = io.Copy(io.Discard, os.Stdin) // ends with the process that started this one
}

// apart starts a server in a process of its own, as NATS usually runs: inside this
// one its caches fall to our garbage collector, and its work counts as ours.
func apart(b *testing.B) *rig {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serveEnv+"="+b.TempDir())
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { stdin.Close(); _ = cmd.Wait() })
	var url string
	if _, err := fmt.Fscanln(stdout, &url); err != nil {
		b.Fatal(err)
	}
	nc, err := nats.Connect(url)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		b.Fatal(err)
	}
	settings := queue.Settings{Names: names, JobsMaxBytes: 8 << 30}
	if _, err := queue.Ensure(b.Context(), js, settings.Topology()); err != nil {
		b.Fatal(err)
	}
	return &rig{nc: nc, js: js, names: names}
}

// measure starts the clocks; what it returns reports the processor time of this
// process for each of b.N.
func measure(b *testing.B) func() {
	b.Helper()
	b.ReportAllocs()
	begin := cpu(b)
	b.ResetTimer()
	return func() { b.ReportMetric(float64(cpu(b)-begin)/float64(b.N), "cpu-ns/op") }
}

func cpu(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// body is as long as a usual job.
var body = make([]byte, 350)

func publishN(b *testing.B, p *queue.Publisher, id queue.ID, from, n int) {
	b.Helper()
	var all sync.WaitGroup
	all.Add(n)
	done := func(a queue.Ack) {
		if a.Err != nil {
			b.Error(a.Err)
		}
		all.Done()
	}
	for i := range n {
		if err := p.PublishAsync(context.Background(), id, key(id, from+i), body, done); err != nil {
			b.Fatal(err)
		}
	}
	all.Wait()
}

func BenchmarkPublish(b *testing.B) {
	r := apart(b)
	p := r.publisher(b, queue.PublisherConfig{})
	defer measure(b)()
	publishN(b, p, bulk, 0, b.N)
}

// Fetch and ack, by how many jobs a fetch takes and over how many queues. Time is of
// client and server together.
func BenchmarkFetchAck(b *testing.B) {
	for _, queues := range []int{1, 20} {
		for _, most := range []int{1, 80, 512} {
			b.Run(fmt.Sprintf("queues=%d/most=%d", queues, most), func(b *testing.B) { benchmarkFetch(b, queues, most) })
		}
	}
}

func benchmarkFetch(b *testing.B, queues, most int) {
	r := apart(b)
	p := r.publisher(b, queue.PublisherConfig{})
	qs := r.queues(b)
	share := (b.N + queues - 1) / queues
	var open []*queue.Queue
	for i := range queues {
		id := queue.ID{Sender: fmt.Sprint(i), Lane: job.Bulk, Campaign: "c1"}
		q, err := qs.Open(context.Background(), id)
		if err != nil {
			b.Fatal(err)
		}
		publishN(b, p, id, i*share, share)
		open = append(open, q)
	}
	defer measure(b)()
	var all sync.WaitGroup
	for _, q := range open {
		all.Go(func() {
			for got := 0; got < share; {
				ds, err := q.Fetch(context.Background(), most, time.Second)
				if err != nil {
					b.Error(err)
					return
				}
				for _, d := range ds {
					if err := d.Ack(); err != nil {
						b.Error(err)
					}
				}
				got += len(ds)
			}
		})
	}
	all.Wait()
	if err := r.nc.Flush(); err != nil {
		b.Fatal(err)
	}
}

// Record, by how many events a batch has, one after the other.
func BenchmarkRecord(b *testing.B) {
	for _, size := range []int{1, 64, 512} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			r := apart(b)
			e := r.events(b)
			batch := make([]job.Event, size)
			defer measure(b)()
			for n := 0; n < b.N; {
				part := batch[:min(size, b.N-n)]
				for i := range part {
					part[i] = event(job.Accepted, "c1", "111", n)
					n++
				}
				record(b, e, part...)
			}
		})
	}
}

// fill records b.N events of a campaign and returns where they are.
func fill(b *testing.B, e *queue.Events) []uint64 {
	b.Helper()
	var places []uint64
	for n := 0; n < b.N; {
		var part []job.Event
		for range min(1000, b.N-n) {
			part = append(part, event(job.Accepted, "c1", "111", n))
			n++
		}
		got, err := e.Record(context.Background(), part)
		if err != nil {
			b.Fatal(err)
		}
		places = append(places, got...)
	}
	return places
}

func BenchmarkReadEvents(b *testing.B) {
	e := apart(b).events(b)
	fill(b, e)
	defer measure(b)()
	n := 0
	if err := e.Read(context.Background(), queue.Filter{Campaign: "c1"}, func(*queue.Recorded) error { n++; return nil }); err != nil || n != b.N {
		b.Fatalf("read %d of %d: %v", n, b.N, err)
	}
}

func BenchmarkScanEvents(b *testing.B) {
	e := apart(b).events(b)
	fill(b, e)
	defer measure(b)()
	n := 0
	if err := e.Scan(context.Background(), queue.Filter{}, func(*queue.Raw) error { n++; return nil }); err != nil || n != b.N {
		b.Fatalf("read %d of %d: %v", n, b.N, err)
	}
}

func BenchmarkEventsAt(b *testing.B) {
	e := apart(b).events(b)
	places := fill(b, e)
	defer measure(b)()
	for len(places) > 0 {
		part := places[:min(256, len(places))]
		if _, err := e.At(context.Background(), part); err != nil {
			b.Fatal(err)
		}
		places = places[len(part):]
	}
}

// Claims are recorded in messages of 20, by as many goroutines as a worker has.
func BenchmarkClaims(b *testing.B) {
	r := apart(b)
	c := r.claims(b, "w1")
	defer measure(b)()
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for n := worker * 20; n < b.N; n += 80 {
				if err := c.Record(context.Background(), time.Minute, notes(n, 20)); err != nil {
					b.Error(err)
				}
			}
		})
	}
	group.Wait()
}

func BenchmarkReadClaims(b *testing.B) {
	r := apart(b)
	c := r.claims(b, "w1")
	for n := 0; n < b.N; n += 20 {
		if err := c.Record(context.Background(), time.Minute, notes(n, 20)); err != nil {
			b.Fatal(err)
		}
	}
	defer measure(b)()
	n := 0
	err := c.Read(context.Background(), 0, 0, time.Time{}, func(batch *queue.ClaimBatch) error { n += len(batch.Notes); return nil })
	if err != nil || n < b.N {
		b.Fatalf("read %d of %d: %v", n, b.N, err)
	}
}

func BenchmarkPresent(b *testing.B) {
	r := apart(b)
	publish(b, r.publisher(b, queue.PublisherConfig{}), bulk, b.N)
	qs := r.queues(b)
	defer measure(b)()
	n := 0
	err := qs.Present(context.Background(), bulk.Campaign, func(string, uint64, time.Time) error { n++; return nil })
	if err != nil || n != b.N {
		b.Fatalf("%d of %d present: %v", n, b.N, err)
	}
}
