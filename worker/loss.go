package worker

import "time"

// loss is why a number that had jobs sent nothing.
type loss int32

// The causes, in no order.
const (
	lossNone loss = iota
	lossRate
	lossThrottled
	lossInFlight
	lossLedger
	lossNATS
	lossStopped
	lossPaused
	lossQuota
	lossSpread
)

// lossNames are the causes as metrics have them.
func lossNames() map[loss]string {
	return map[loss]string{
		lossRate: "rate", lossThrottled: "throttled", lossInFlight: "in_flight", lossLedger: "ledger", lossNATS: "nats",
		lossStopped: "stopped", lossPaused: "paused", lossQuota: "quota", lossSpread: "spread",
	}
}

// foundFor is how long a look at the queues is good for: there is one a second.
const foundFor = 3 * time.Second

// lose counts the time since it was called last for the numbers that had jobs and sent
// none of them, by what they wait for: the line, if it has any, else a queue.
func (w *Worker) lose(now time.Time) {
	took := now.Sub(w.lostSince)
	w.lostSince = now
	queues := make(map[*line]loss)
	for _, in := range w.allIntakes() {
		if why := in.waitsFor(); why != lossNone && in.line != nil && now.Sub(time.UnixMilli(in.found.Load())) < foundFor {
			queues[in.line] = why
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.lines {
		served := l.served.Load()
		idle := served == l.servedThen
		l.servedThen = served
		if !idle {
			continue
		}
		why := queues[l]
		if l.ready.len() > 0 {
			why = loss(l.waits.Load())
		}
		if why != lossNone {
			w.metrics.lost.WithLabelValues(l.number.ID, w.metrics.losses[why]).Add(took.Seconds())
		}
	}
}

// waitsFor is why a queue that has jobs gives none. Few jobs of a stopped template are
// put aside, and the queue is then looked at as if it were empty.
func (in *intake) waitsFor() loss {
	if why := loss(in.why.Load()); why != lossNone || !in.aside.any() {
		return why
	}
	return lossStopped
}

// slowed is why a line waits for slots.
func (l *line) slowed() loss {
	if l.part() < 1 {
		return lossThrottled
	}
	return lossRate
}

// wait notes what the line waits for.
func (l *line) wait(why loss) { l.waits.Store(int32(why)) }
