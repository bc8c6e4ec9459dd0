package fault_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/simulator"
)

var (
	faultDuration = flag.Duration("fault.duration", 0, "break things at random for so long, in TestFaultLong")
	faultSeed     = flag.Uint64("fault.seed", 1, "what is broken when, and which requests meet faults")
)

// scenario breaks something while jobs are sent.
type scenario struct {
	name   string
	layout layout
	jobs   int // 2,000 by default
	bulk   int // one of so many jobs is a bulk job; 0 is none
	// breaking runs after the jobs are published; what it broke, it has mended at its
	// end.
	breaking func(f *field)
}

// faultLanes is how many scenarios run at once: they mostly wait.
const faultLanes = 4

// Whatever breaks: nobody gets a message twice, no job is lost, what the API has
// accepted is known to be, and the accounts close. It fills the machine.
func TestFault(t *testing.T) {
	p := embedtest.BuildPrograms(t)
	next := make(chan scenario)
	var running sync.WaitGroup
	for range faultLanes {
		running.Go(func() {
			for s := range next {
				t.Run(s.name, func(t *testing.T) { t.Log(s.run(t, p, *faultSeed)) })
			}
		})
	}
	for _, s := range scenarios() {
		if late(t) {
			t.Logf("left out, for go test has a -timeout: %s", s.name)
			continue
		}
		next <- s
	}
	close(next)
	running.Wait()
}

// longest is what the slowest scenario takes on a small machine that tests another
// package beside it.
const longest = 3 * time.Minute

// late reports whether another scenario might end with go test's -timeout, which is ten
// minutes by itself. CI has forty, and leaves nothing out.
func late(t *testing.T) bool {
	deadline, ok := t.Deadline()
	return ok && time.Until(deadline) < longest && os.Getenv("WACAST_REQUIRE_REDIS") != "1"
}

// The same by chance, for as long as -fault.duration says (give go test a longer
// -timeout): go test ./pkg/app/fault -run FaultLong -fault.duration=20m -timeout 30m -v
func TestFaultLong(t *testing.T) {
	if *faultDuration == 0 {
		return // the short one is for every day
	}
	p := embedtest.BuildPrograms(t)
	choose := rand.New(rand.NewPCG(*faultSeed, 1))
	all := scenarios()
	var sum verdict
	for begin := time.Now(); time.Since(begin) < *faultDuration && !t.Failed(); {
		s := all[choose.IntN(len(all))]
		if choose.IntN(2) == 0 {
			s = all[0] // the worst
		}
		s.bulk = choose.IntN(3) * 5
		seed := choose.Uint64()
		t.Run(fmt.Sprintf("%s, seed %d", s.name, seed), func(t *testing.T) {
			v := s.run(t, p, seed)
			t.Log(v)
			sum.add(v)
		})
	}
	t.Logf("in all %s", &sum)
}

func (s *scenario) run(t *testing.T, p embedtest.Programs, seed uint64) *verdict {
	t.Helper()
	begin := time.Now()
	f := newField(t, p, seed, s.layout)
	if f.jobs = s.jobs; f.jobs == 0 {
		f.jobs = 2000
	}
	jobs := fieldJobs("faults", f.jobs, s.bulk)
	f.publish(jobs)
	if s.breaking != nil {
		s.breaking(f)
	}
	v := f.check(append(jobs, f.extra...))
	v.took = time.Since(begin)
	return v
}

// scenarios are what is broken, the worst first: it takes longest.
func scenarios() []scenario {
	snapshots := func(f *field) string {
		return f.startRedis("redis", "--save", "3600 1 300 100 60 10000", "--appendonly", "no").url()
	}
	slow := []simulator.Rule{{Kind: simulator.Slow, Delay: simulator.Duration(500 * time.Millisecond)}}
	return []scenario{
		{name: "everything at once", jobs: 4000, breaking: badNight},
		{name: "answers lost and webhooks astray"},
		{name: "workers killed", breaking: brawl(time.Second)},
		{name: "all workers killed with all they have in flight", jobs: 6000, layout: layout{mps: 1500, faults: slow}, breaking: crowd},
		{name: "workers killed between record and settle", breaking: recorded, layout: layout{redis: startSwitched}},
		{name: "workers asleep beyond their leases", breaking: sleepers},
		{name: "redis flushed", breaking: flush},
		{name: "redis flushed while it is restored", breaking: flushTwice},
		{name: "redis back with an old snapshot", jobs: 3000, layout: layout{redis: snapshots}, breaking: oldSnapshot},
		{name: "redis fails over to a lagging replica", jobs: 3000, layout: layout{redis: startReplicated}, breaking: laggingReplica},
		{name: "redis cluster loses shards", layout: layout{redis: startRedisCluster}, breaking: emptyShard},
		{name: "redis and workers killed together", breaking: together},
		{name: "redis evicts", jobs: 4000, breaking: evict},
		{name: "nats killed", breaking: natsKilled},
		{name: "nats cluster loses leaders", layout: layout{nats: 3}, breaking: leadersLost},
		{name: "receiver down", breaking: deafReceiver},
		{name: "clocks of workers apart", breaking: apart, layout: layout{redis: startSwitched, clocks: map[string]time.Duration{
			"worker-0": 5 * time.Minute, "worker-1": -4 * time.Minute, "receiver": 3 * time.Minute,
		}}},
		{name: "clock of nats behind", breaking: apart, layout: layout{redis: startSwitched, clocks: map[string]time.Duration{"nats": -5 * time.Minute}}},
		{name: "clock of nats ahead", breaking: apart, layout: layout{redis: startSwitched, clocks: map[string]time.Duration{"nats": 5 * time.Minute}}},
	}
}
