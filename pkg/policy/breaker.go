package policy

import (
	"time"

	"github.com/wacast/wacast/pkg/whatsapp"
)

const (
	// breakerRow is how many unclear answers in a row are too many, and how many
	// answers a share is worth speaking of.
	breakerRow = 10
	// breakerWindow is over how long the share is looked at, in steps of a second.
	breakerWindow = 10
)

// Breaker says when a number's answers have become so unclear that it must not
// send on: after 10 ambiguous or transient answers in a row, or once more than half
// of at least 10 within 10 seconds are. Every one of them may be a message that
// nobody can account for, so what counts is to stop early. How the number comes back
// is not for the breaker to say: see [ProbeWait].
//
// The zero Breaker is ready to use. It is not safe for concurrent use.
type Breaker struct {
	// since is when it tripped last: what was sent before says nothing new.
	since   time.Time
	row     int
	seconds [breakerWindow]tally
}

// tally counts the answers of one second.
type tally struct {
	second         int64
	unclear, clear int
}

// Answer takes the class of one answer: of a request that began at a time, heard now.
// It reports whether the breaker trips. Then it has forgotten all it knew, and
// answers to what was sent before change nothing. What never left this machine is
// no answer.
func (b *Breaker) Answer(class whatsapp.Class, began, now time.Time) (trips bool) {
	if class == whatsapp.ClassNotSent || began.Before(b.since) {
		return false
	}
	t := b.at(now.Unix())
	if Conclusive(class) {
		b.row = 0
		t.clear++
		return false // a clear answer trips nothing, whatever came before
	}
	b.row++
	t.unclear++
	if b.row < breakerRow && !b.mostly(now.Unix()) {
		return false
	}
	*b = Breaker{since: now}
	return true
}

// at is the tally of a second, which takes the place of one that is out of the window.
func (b *Breaker) at(second int64) *tally {
	t := &b.seconds[uint64(second)%breakerWindow]
	if t.second != second {
		*t = tally{second: second}
	}
	return t
}

// mostly reports whether more than half of the window's answers are unclear, and
// these are enough to say so.
func (b *Breaker) mostly(second int64) bool {
	unclear, all := 0, 0
	for _, t := range b.seconds {
		if age := second - t.second; age >= 0 && age < breakerWindow {
			unclear += t.unclear
			all += t.unclear + t.clear
		}
	}
	return all >= breakerRow && 2*unclear > all
}

// ProbeWait is how long a number that the breaker stopped waits for its n-th probe,
// counted from 1 and from the beginning of the one before. It is never longer than
// 10 seconds: the end of an outage must not go unnoticed for long.
func ProbeWait(n int) time.Duration {
	return Backoff{First: 2 * time.Second, Factor: 2, Limit: 10 * time.Second}.Wait(n)
}
