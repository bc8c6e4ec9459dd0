package simulator

import "time"

// window counts what happened in the last second, exactly: a ring of times.
type window struct {
	times   []int64 // nanoseconds; a ring of n entries from head on
	head, n int
}

// count is how many times lie within the second before now.
func (w *window) count(now int64) int {
	for w.n > 0 && now-w.times[w.head] >= int64(time.Second) {
		w.head = (w.head + 1) % len(w.times)
		w.n--
	}
	return w.n
}

func (w *window) add(now int64) {
	if w.n == len(w.times) {
		grown := make([]int64, max(16, 2*len(w.times)))
		copied := copy(grown, w.times[w.head:])
		copy(grown[copied:], w.times[:w.head])
		w.times, w.head = grown, 0
	}
	w.times[(w.head+w.n)%len(w.times)] = now
	w.n++
}

// Pair limit, fact sheet 3.2: a message in 6 seconds, 45 of them in advance.
const (
	pairEvery = 6 * time.Second
	pairBurst = 45
)

// pairs holds, for each person, when the messages so far are paid for.
type pairs map[uint64]int64

// allows reports whether one more message to a person is within the limit.
func (p pairs) allows(person uint64, now int64) bool {
	return p[person]-now <= int64((pairBurst-1)*pairEvery)
}

func (p pairs) add(person uint64, now int64) {
	p[person] = max(p[person], now) + int64(pairEvery)
}
