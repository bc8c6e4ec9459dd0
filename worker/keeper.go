package worker

import (
	"context"
	"time"
)

// keepEvery is how often held jobs are looked at; a third of the shortest ack
// wait is longer.
const keepEvery = time.Second

// keep holds on to the jobs that wait longer than the server's ack wait: for a
// slot, for a Redis that is away, for an answer.
func (w *Worker) keep(ctx context.Context) {
	w.lostSince = time.Now()
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			for _, in := range w.allIntakes() {
				in.touch(now)
				in.callBack(now)
			}
			w.rebuilt(now)
			w.followPaces(ctx)
			w.lose(now)
		}
	}
}

// rebuiltAfter is how long the ledger must have answered for every job that was
// asked for, to be called whole.
const rebuiltAfter = 2 * time.Second

// rebuilt notices that the ledger is whole again. Jobs that wait for it are asked
// for more often.
func (w *Worker) rebuilt(now time.Time) {
	if w.trouble.rebuild.err() != nil && now.UnixMilli()-w.lostAt.Load() > rebuiltAfter.Milliseconds() {
		_ = w.trouble.rebuild.note(nil)
	}
}
