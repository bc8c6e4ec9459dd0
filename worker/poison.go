package worker

import (
	"context"
	"time"
)

// badSpacing is how far apart bad jobs are taken that are of no number.
const badSpacing = time.Millisecond

// refuse rejects an item that no slot is asked for.
func (w *Worker) refuse(it *item, e ending) {
	it.intake.bad.Add(1)
	w.end(it, e)
}

// atone waits for as long as the queue's bad jobs would have had slots: each costs more
// than a good one, and a queue full of them must take nothing from the others.
func (in *intake) atone(ctx context.Context) {
	spacing := badSpacing
	if in.line != nil {
		spacing = in.line.limit().spacing
	}
	if n := in.bad.Swap(0); n > 0 {
		sleep(ctx, time.Duration(n)*spacing)
	}
}
