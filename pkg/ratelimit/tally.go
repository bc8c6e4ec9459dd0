package ratelimit

// tally counts messages by the step of time in which they were taken. All times
// are milliseconds of one clock. A step's count is dropped when the end of the step
// after it is a window ago: so that a return may come a step after its taking, and
// still nothing is forgotten before its window is over.
type tally struct {
	window, step int64
	// total is the sum of counts; oldest and newest are steps with a count in them, or
	// further apart than those.
	total, oldest, newest int64
	counts                map[int64]int64
}

func newTally(q Quota) *tally {
	return &tally{window: q.window(), step: q.Step().Milliseconds(), counts: make(map[int64]int64)}
}

// settle drops what is over and returns the step of now. After a jump of the clock
// back, all that was counted counts as of now: for too long, and not forever.
func (t *tally) settle(now int64) int64 {
	at := now / t.step
	if t.newest > at {
		t.oldest, t.newest = at, at
		t.counts = map[int64]int64{at: t.total}
	}
	for first := (now-t.window)/t.step - 1; t.oldest < first && t.oldest <= t.newest; t.oldest++ {
		t.total -= t.counts[t.oldest]
		delete(t.counts, t.oldest)
	}
	if t.total == 0 {
		t.oldest, t.newest = at, at
	}
	return at
}

// take counts up to want messages. Again is when one more may be taken, 0 if all
// were.
func (t *tally) take(now, limit, want int64) (taken, again int64) {
	at := t.settle(now)
	if taken = min(want, max(0, limit-t.total)); taken > 0 {
		t.counts[at] += taken
		t.total += taken
		t.newest = at
	}
	if taken == want {
		return taken, 0
	}
	over, i := t.total-limit, t.oldest
	for ; i < t.newest; i++ {
		if over -= t.counts[i]; over < 0 {
			break
		}
	}
	return taken, (i+2)*t.step + t.window - now
}

// giveBack takes messages out of this step and the one before.
func (t *tally) giveBack(now, count int64) {
	at := t.settle(now)
	for _, i := range []int64{at, at - 1} {
		n := min(count, t.counts[i])
		t.counts[i] -= n
		t.total -= n
		count -= n
	}
}
