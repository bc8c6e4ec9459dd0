package fault_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/wacast/wacast/pkg/embed/embedtest"
)

// lease is how long a claim of these fields holds: the send timeout and the slack of
// the app.
const lease = 11 * time.Second

// part waits until that share of the jobs was accepted.
func (f *field) part(share float64) { f.awaitAccepted(int64(share * float64(f.jobs))) }

// restart ends a process without a goodbye and starts it again.
func (f *field) restart(p *embedtest.Process) {
	f.t.Helper()
	p.Kill()
	f.kills++
	p.Start()
}

// killWorker restarts one of the workers.
func (f *field) killWorker() { f.restart(f.workers[f.rand.IntN(len(f.workers))]) }

// brawl kills a worker about every while until most jobs are sent.
func brawl(every time.Duration) func(*field) {
	return func(f *field) {
		for f.stats().Accepted < int64(0.85*float64(f.jobs)) {
			time.Sleep(every/2 + time.Duration(f.rand.Int64N(int64(every)))) // the fault's own pace
			f.killWorker()
		}
	}
}

// sleepers stops two workers for longer than their claims hold.
func sleepers(f *field) {
	f.part(0.2)
	f.workers[0].Stop()
	f.part(0.3)
	f.workers[1].Stop()
	time.Sleep(lease + 2*time.Second) // the fault itself: beyond the lease
	f.workers[0].Cont()
	f.workers[1].Cont()
}

func flush(f *field) {
	for _, share := range []float64{0.2, 0.6} {
		f.part(share)
		must(f.t, f.redis[0].client.FlushAll(f.t.Context()).Err())
	}
}

// flushTwice empties Redis again while it is being restored.
func flushTwice(f *field) {
	f.part(0.4)
	must(f.t, f.redis[0].client.FlushAll(f.t.Context()).Err())
	time.Sleep(lease + time.Second) // the replay begins a lease after the loss
	f.killWorker()
	must(f.t, f.redis[0].client.FlushAll(f.t.Context()).Err())
}

// oldSnapshot brings back what Redis held a thousand claims ago.
func oldSnapshot(f *field) {
	f.part(0.2)
	r := f.redis[0]
	must(f.t, r.client.Save(f.t.Context()).Err())
	f.awaitAccepted(f.stats().Accepted + 1000)
	f.restart(r.Process)
	f.awaitRedis(r)
}

// laggingReplica moves the address of Redis to a replica that stopped following it
// a thousand claims ago.
func laggingReplica(f *field) {
	master, replica := f.redis[0], f.redis[1]
	f.eventually("the replica follows", func() error {
		info, err := replica.client.Info(f.t.Context(), "replication").Result()
		if err == nil && !strings.Contains(info, "master_link_status:up") {
			err = fmt.Errorf("%s", info)
		}
		return err
	})
	f.part(0.2)
	must(f.t, replica.client.Do(f.t.Context(), "replicaof", "no", "one").Err())
	f.awaitAccepted(f.stats().Accepted + 1000)
	f.redisAt.point(replica.addr())
	master.Kill()
}

func startReplicated(f *field) string {
	f.t.Helper()
	master := f.startRedis("redis")
	f.startRedis("replica", "--save", "", "--appendonly", "no", "--replicaof", fmt.Sprintf("127.0.0.1 %d", master.port), "--repl-diskless-sync-delay", "0")
	f.redisAt = newSwitchboard(f.t, master.addr())
	return "redis://" + f.redisAt.addr()
}

// emptyShard empties one master of a cluster, then kills another, which comes back
// with nothing but the slots it serves.
func emptyShard(f *field) {
	f.part(0.2)
	must(f.t, f.redis[1].client.FlushAll(f.t.Context()).Err())
	f.part(0.6)
	f.restart(f.redis[2].Process)
	f.awaitRedis(f.redis[2])
}

// together kills Redis, which keeps no files, and workers at one moment.
func together(f *field) {
	f.part(0.3)
	f.redis[0].Kill()
	f.killWorker()
	f.killWorker()
	f.redis[0].Start()
	f.awaitRedis(f.redis[0])
}

// evict lets Redis throw out what it likes. Sending must stop, say why, and go on
// when that is over.
func evict(f *field) {
	f.part(0.2)
	r := f.redis[0].client
	ctx := f.t.Context()
	must(f.t, r.ConfigSet(ctx, "maxmemory-policy", "allkeys-random").Err())
	must(f.t, r.ConfigSet(ctx, "maxmemory", "1mb").Err())
	for _, admin := range f.admins[:fieldWorkers] {
		f.eventually("a worker says that Redis may evict", func() error {
			if said, ok := f.get("http://" + admin + "/readyz"); ok || !strings.Contains(said, "noeviction") {
				return fmt.Errorf("%s", said)
			}
			return nil
		})
	}
	time.Sleep(2 * time.Second) // what was on its way
	before := f.stats().Requests
	time.Sleep(2 * time.Second) // nothing may happen meanwhile, which no signal can tell
	if now := f.stats().Requests; now != before {
		f.t.Errorf("%d requests while Redis may evict", now-before)
	}
	must(f.t, r.ConfigSet(ctx, "maxmemory", "0").Err())
	must(f.t, r.ConfigSet(ctx, "maxmemory-policy", "noeviction").Err())
}

// natsKilled kills NATS twice, the second time while more is published.
func natsKilled(f *field) {
	f.part(0.2)
	f.restart(f.nats[0].Process)
	f.part(0.5)
	f.restart(f.nats[0].Process)
	f.extra = fieldJobs("faults", f.jobs+500, 0)[f.jobs:]
	f.publish(f.extra)
}

// leadersLost kills the leaders of the jobs, then of the events.
func leadersLost(f *field) {
	for share, stream := range []string{f.names().JobsStream(), f.names().EventsStream()} {
		f.part(0.2 + 0.4*float64(share))
		node := f.leader(stream)
		f.restart(node.Process)
		f.awaitNATS(node)
	}
}

// deafReceiver has nobody take webhooks for a while, then somebody who hangs.
func deafReceiver(f *field) {
	f.part(0.2)
	f.receiver.Kill()
	f.kills++
	f.part(0.6)
	f.receiver.Start()
	f.part(0.8)
	f.receiver.Stop()
	time.Sleep(5 * time.Second) // the fault itself: webhooks get no answer for so long
	f.receiver.Cont()
}

// between kills all workers while outcomes are on record and not settled, since Redis
// is out of reach; no webhook settles them until their claims are stale.
func (f *field) between() {
	f.receiver.Kill()
	f.redisAt.point(nowhere)
	time.Sleep(1500 * time.Millisecond) // longer than a request takes
	for _, w := range f.workers {
		f.restart(w)
	}
	f.redisAt.point(f.redis[0].addr())
	time.Sleep(lease + 6*time.Second) // until the claims and the deliveries of the dead have ended
	f.receiver.Start()
}

func startSwitched(f *field) string {
	f.t.Helper()
	f.redisAt = newSwitchboard(f.t, f.startRedis("redis").addr())
	return "redis://" + f.redisAt.addr()
}

// recorded does so once there is enough on its way.
func recorded(f *field) {
	f.part(0.3)
	f.between()
}

// apart leaves claims to workers with other clocks, and has one of those restore
// the ledger.
func apart(f *field) {
	f.part(0.2)
	f.between()
	f.part(0.5)
	must(f.t, f.redis[0].client.FlushAll(f.t.Context()).Err())
	f.part(0.7)
	f.killWorker()
}

// crowd leaves the claims of all workers behind at once, with as many requests on
// their way as there may be.
func crowd(f *field) {
	f.part(0.2)
	for _, w := range f.workers {
		w.Kill()
		f.kills++
	}
	for _, w := range f.workers {
		w.Start()
	}
}

// badNight breaks one thing after another, most often a worker, until most jobs are
// sent.
func badNight(f *field) {
	asleep := make(map[*embedtest.Process]time.Time)
	wake := func(before time.Time) {
		for p, since := range asleep {
			if since.Before(before) {
				p.Cont()
				delete(asleep, p)
			}
		}
	}
	acts := []func(){
		func() { must(f.t, f.redis[0].client.FlushAll(f.t.Context()).Err()) },
		func() { f.restart(f.nats[0].Process) },
		func() { f.restart(f.redis[0].Process); f.awaitRedis(f.redis[0]) },
		func() { f.restart(f.receiver) },
		func() { w := f.workers[f.rand.IntN(len(f.workers))]; w.Stop(); asleep[w] = time.Now() },
	}
	f.rand.Shuffle(len(acts), func(i, j int) { acts[i], acts[j] = acts[j], acts[i] })
	f.part(0.1)
	for i := 0; f.stats().Accepted < int64(0.85*float64(f.jobs)); i++ {
		time.Sleep(300*time.Millisecond + time.Duration(f.rand.Int64N(int64(700*time.Millisecond)))) // the fault's own pace
		wake(time.Now().Add(-lease - time.Second))
		if act := i / 3; i%3 == 2 && act < len(acts) {
			acts[act]()
			continue
		}
		w := f.workers[f.rand.IntN(len(f.workers))]
		delete(asleep, w)
		f.restart(w)
	}
	wake(time.Now())
}
