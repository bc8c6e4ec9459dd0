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
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			for _, in := range w.allIntakes() {
				in.touch(now)
			}
		}
	}
}
