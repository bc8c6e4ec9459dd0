package fault_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/simulator"
)

// Servers, workers and the receiver are restarted one after the other, and nothing is lost
// or sent twice, while the numbers go on sending at their limits. Nothing runs beside it,
// for it measures how well they do.
func TestRollingRestart(t *testing.T) {
	if late(t) {
		t.Skip("go test has a -timeout that leaves no time for it")
	}
	s := scenario{jobs: 9800, breaking: rolling, layout: layout{
		nats: 3, redis: startReplicatedCluster, mps: 60, faults: []simulator.Rule{}, hooks: []simulator.WebhookRule{},
	}}
	t.Log(s.run(t, embedtest.BuildPrograms(t), *faultSeed))
}

// rolling is an upgrade: each server and each process is asked to end, and is started
// again once it has; the next one's turn comes when all is as it was.
func rolling(f *field) {
	f.part(0.05)
	usual := f.phase("nothing", 0, func() { f.part(0.1) })
	f.phase("workers", usual, func() {
		for _, w := range f.workers {
			f.turn(w, f.awaitReady)
		}
	})
	f.phase("the receiver", usual, func() { f.turn(f.receiver, f.awaitReady) })
	f.phase("NATS servers", usual, func() {
		for _, node := range f.nats {
			f.turn(node.Process, func() { f.awaitNATS(node); f.awaitCopies() })
		}
	})
	f.phase("Redis servers", usual, func() {
		for _, node := range slices.Backward(f.redis) { // replicas, then masters
			f.handOver(node)
			f.turn(node.Process, func() { f.awaitShard(node); f.awaitWhole() })
		}
	})
}

const (
	// mostMissed is how long sending may stand still for each process that is restarted. It
	// is a tenth of that on a machine that has nothing else to do.
	mostMissed = time.Second
	// disturbed is from which part of the time on that numbers are short of their limits
	// though nothing is restarted the machine has something else to do.
	disturbed = 0.05
)

// phase logs how well the numbers' limits were used while something went on, and returns
// which part of the time they were short of them; usual is how short they are anyway.
// It is judged in CI, where no other package is tested beside this one.
func (f *field) phase(what string, usual float64, do func()) (short float64) {
	f.t.Helper()
	before, began, kills := f.stats(), time.Now(), f.kills
	do()
	now, took := f.stats(), time.Since(began)
	limit, accepted := float64(2*f.layout.mps), float64(now.Accepted-before.Accepted)
	missed := took.Seconds() - accepted/limit
	f.t.Logf("%s restarted: %.1f s, %.1f messages a second, %.1f %% of the limit, %.2f s of sending missed; %d of %d requests refused for the rate",
		what, took.Seconds(), accepted/took.Seconds(), 100*accepted/limit/took.Seconds(), missed,
		now.Refused[130429]-before.Refused[130429], now.Requests-before.Requests)
	most := float64(f.kills-kills)*mostMissed.Seconds() + 2*usual*took.Seconds()
	if f.kills > kills && missed > most && usual < disturbed && os.Getenv("WACAST_REQUIRE_REDIS") == "1" {
		f.t.Errorf("%.2f s of sending missed, want %.2f s at most", missed, most)
	}
	return max(0, missed/took.Seconds())
}

// turn restarts one process and waits until it takes part again.
func (f *field) turn(p *embedtest.Process, until func()) {
	f.t.Helper()
	p.End()
	f.kills++
	p.Start()
	until()
}

// awaitCopies waits until each copy of each stream is as the others are: only then may
// the next server end.
func (f *field) awaitCopies() {
	f.t.Helper()
	f.eventually("the copies of the streams are current", func() error {
		streams := f.js.ListStreams(f.t.Context())
		for info := range streams.Info() {
			if info.Cluster == nil || info.Cluster.Leader == "" {
				return fmt.Errorf("%s has no leader", info.Config.Name)
			}
			for _, r := range info.Cluster.Replicas {
				if !r.Current || r.Offline {
					return fmt.Errorf("%s on %s is %d behind", info.Config.Name, r.Name, r.Lag)
				}
			}
		}
		return streams.Err()
	})
}

// awaitWhole waits until the ledger vouches for all there is. What processes say of
// it is as old as their last look.
func (f *field) awaitWhole() {
	f.t.Helper()
	var addrs []string
	for _, n := range f.redis {
		addrs = append(addrs, n.addr())
	}
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs})
	defer rdb.Close()
	ledger := dedup.New(rdb, dedup.Options{Namespace: fieldNamespace})
	f.eventually("the ledger is whole", func() error {
		for i := range 300 { // which are in all shards
			whole, err := ledger.Whole(f.t.Context(), job.Key{Campaign: "faults", ID: fmt.Sprint(i)})
			if err != nil {
				return err
			}
			if !whole {
				return errors.New("a part of it is not")
			}
		}
		return nil
	})
	f.awaitReady()
}
