package policy

import (
	"math"
	"time"
)

// Backoff is a wait that grows by a factor each time, up to a limit.
type Backoff struct {
	// First is the wait after the first time.
	First time.Duration
	// Factor is what each further wait is multiplied by; below 2 the wait is constant.
	Factor int
	// Limit is the longest wait.
	Limit time.Duration
}

// Wait is First·Factor^(n-1), at most Limit. n counts from 1; less counts as 1.
func (b Backoff) Wait(n int) time.Duration {
	d := min(b.First, b.Limit)
	if b.Factor < 2 || d <= 0 {
		return d
	}
	for ; n > 1 && d < b.Limit; n-- {
		if d > b.Limit/time.Duration(b.Factor) {
			return b.Limit
		}
		d *= time.Duration(b.Factor)
	}
	return d
}

// Jitter spreads d over d to 1.5·d, by r between 0 and 1. It only ever lengthens,
// because a wait may be one that the API asked for.
func Jitter(d time.Duration, r float64) time.Duration {
	if d <= 0 || !(r > 0) {
		return d
	}
	more := time.Duration(float64(d) / 2 * min(r, 1))
	if more > math.MaxInt64-d {
		return math.MaxInt64
	}
	return d + more
}
