package worker

import (
	"sync/atomic"
	"time"
)

// latency is how long the API takes to answer: a mean over the last hundred or so
// requests. It is safe for concurrent use.
type latency struct{ nanoseconds atomic.Int64 }

// latencyShare is the weight of one request: 1/64.
const latencyShare = 64

func (l *latency) note(took time.Duration) {
	for {
		was := l.nanoseconds.Load()
		now := was + (int64(took)-was)/latencyShare
		if was == 0 {
			now = int64(took)
		}
		if l.nanoseconds.CompareAndSwap(was, now) {
			return
		}
	}
}

// Latency is how long the API takes to answer, 0 before the first answer.
func (w *Worker) Latency() time.Duration { return time.Duration(w.latency.nanoseconds.Load()) }
