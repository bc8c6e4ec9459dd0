package app_test

import (
	"fmt"
	"time"
)

// rolling is an upgrade: each server and each process is asked to end, and is started
// again once it has; the next one's turn comes when all is as it was. Meanwhile the
// numbers send at their limit, and the log says how well.
func rolling(f *field) {
	f.part(0.05)
	f.phase("nothing", func() { f.part(0.15) }) // what the others are held against
	f.phase("workers", func() {
		for _, w := range f.workers {
			f.turn(w, f.awaitReady)
		}
	})
	f.phase("the receiver", func() { f.turn(f.receiver, f.awaitReady) })
	f.phase("NATS servers", func() {
		for _, node := range f.nats {
			f.turn(node.process, func() { f.awaitNATS(node); f.awaitCopies() })
		}
	})
	f.phase("Redis servers", func() {
		for _, node := range f.redis {
			f.turn(node.process, func() { f.awaitRedis(node); f.awaitReady() })
		}
	})
}

// phase logs how well the numbers' limits were used while something went on.
func (f *field) phase(what string, do func()) {
	f.t.Helper()
	before, began := f.stats(), time.Now()
	do()
	now, took := f.stats(), time.Since(began)
	limit, accepted := float64(2*f.layout.mps), float64(now.Accepted-before.Accepted)
	f.t.Logf("%s restarted: %.1f s, %.1f messages a second, %.1f %% of the limit, %.2f s of sending missed; %d of %d requests refused for the rate",
		what, took.Seconds(), accepted/took.Seconds(), 100*accepted/limit/took.Seconds(), took.Seconds()-accepted/limit,
		now.Refused[130429]-before.Refused[130429], now.Requests-before.Requests)
}

// turn restarts one process and waits until it takes part again.
func (f *field) turn(p *process, until func()) {
	f.t.Helper()
	p.end()
	f.kills++
	p.start()
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
