package worker

import "github.com/wacast/wacast/pkg/job"

// yield has items give way to the outcomes that were on record before theirs, and
// reports whether that changed any. An owner whose event took longer than its lease
// to be stored, and the worker that resolved its claim meanwhile, record one outcome
// in this way, whichever of them comes first.
func (w *Worker) yield(standing map[int]job.Event) bool {
	yielded := false
	for i, stood := range standing {
		if it := w.owners[i]; it != nil && it.yield(stood.Data.Kind) {
			yielded, it.end.since = true, stood.Time
		}
	}
	return yielded
}

// yield gives way to an outcome. What is known corrects what was unknown; nothing
// else is corrected.
func (it *item) yield(stood job.Kind) bool {
	switch {
	case stood == it.end.outcome:
		return false
	case stood == job.Unknown:
		it.was = job.Unknown
	default:
		it.end = ending{outcome: stood, settled: true, claimed: it.end.claimed, event: it.end.event}
	}
	return true
}
