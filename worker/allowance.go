package worker

import (
	"slices"
	"sync"
)

// allowance bounds what the queues of one lane of a number hold before it is on its
// way, all together. The queues that have jobs share it; where they are more than it
// has places, they take turns. It is safe for concurrent use.
type allowance struct {
	mu   sync.Mutex
	held int
	busy int // queues that had jobs when they were last pulled
	// turns are the intakes that wait for room, in the order in which they get it.
	turns []*intake
}

// ask returns how many more jobs the intake may hold, which has so many: up to its
// part of the most that all may hold. With 0 it must wait until it is told.
func (a *allowance) ask(in *intake, has, most int) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	others := a.busy
	if in.busy {
		others--
	}
	part := max(1, most/(others+1))
	free := part - has
	turn := slices.Index(a.turns, in)
	if free < (part+3)/4 { // too few to be worth a round trip
		a.drop(turn)
		return 0
	}
	if room := most - a.held; room <= 0 || turn != 0 && len(a.turns) > 0 {
		if turn < 0 {
			a.turns = append(a.turns, in)
		}
		return 0
	} else if room < free {
		free = room
	}
	a.drop(turn)
	return free
}

// add counts jobs that the queues hold, or fewer of them, which lets the next one in.
func (a *allowance) add(n int) {
	a.mu.Lock()
	a.held += n
	if n < 0 {
		a.wake()
	}
	a.mu.Unlock()
}

// works notes whether the intake's queue has jobs. One that has none leaves its part
// to the others.
func (a *allowance) works(in *intake, busy bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if in.busy == busy {
		return
	}
	in.busy = busy
	if busy {
		a.busy++
	} else {
		a.busy--
	}
}

// drop takes the intake at a place in turn out, if it is one.
func (a *allowance) drop(turn int) {
	if turn >= 0 {
		a.turns = slices.Delete(a.turns, turn, turn+1)
		a.wake()
	}
}

// wake has the first in turn ask again.
func (a *allowance) wake() {
	if len(a.turns) > 0 {
		a.turns[0].wake()
	}
}
