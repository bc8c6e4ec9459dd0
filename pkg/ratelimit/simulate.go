package ratelimit

import (
	"cmp"
	"slices"
	"time"
)

// SimConfig is a simulation: replicas with more to send than the limit share one
// number through a limiter, and an API judges every message by a strict sliding
// second. All times are virtual, so hours take seconds.
type SimConfig struct {
	// Rate is what the replicas ask with.
	Rate Rate
	// Replicas is how many there are; 1 when 0.
	Replicas int
	// Duration is how long they send; a minute when 0.
	Duration time.Duration
	// Want is how many slots a replica asks for at once; 64 when 0.
	Want int
	// Horizon is the limiter's; [DefaultHorizon] when 0.
	Horizon time.Duration
	// RoundTrip is the mean time of a call to the limiter, and Latency that of a
	// request to the API; 1 ms and 40 ms when 0. Each is even between 1 - Jitter and
	// 1 + Jitter times its mean.
	RoundTrip, Latency time.Duration
	// Jitter is 0 to 1.
	Jitter float64
	// Stagger is how much later than it might a replica asks again that found no slot, at
	// random up to this. Without any, all of them ask at once for the next slot there is,
	// and replicas whose turns fell unevenly keep them for as long as the number is busy.
	Stagger time.Duration
	// Hold is what a replica asks for when it is refused.
	Hold time.Duration
	// Drift is how far off a replica's clock runs at most: 0.01 gains or loses up to
	// 10 ms a second.
	Drift float64
	// Life is a replica's mean time until it is killed with the slots it holds; it
	// comes back after Down. They live forever when 0.
	Life, Down time.Duration
	// Jumps are of the limiter's clock.
	Jumps []SimJump
	// Limits are changes of Rate.PerSecond, which each replica notices within Notice.
	Limits []SimChange
	Notice time.Duration
	// Allowed are changes of what the API allows; at first, Rate.PerSecond.
	Allowed []SimChange
	// Pauses are of each replica by itself, Stalls of the way to the API: what would be
	// meanwhile is at their end, but sends that are later than Late, which are not made.
	Pauses, Stalls SimPauses
	// Late is 30 ms when 0.
	Late time.Duration
	// Urgent is the mean time between two jobs that come to a replica at random and must
	// not wait; there are none when 0.
	Urgent time.Duration
	// Seed makes a run repeatable.
	Seed uint64
}

// SimPauses come at random, on average every Every, and are up to Most long. There are
// none when Every is 0.
type SimPauses struct{ Every, Most time.Duration }

// SimJump moves the limiter's clock on or back.
type SimJump struct{ At, By time.Duration }

// SimChange sets a rate.
type SimChange struct {
	At        time.Duration
	PerSecond float64
}

// SimResult is what came of a simulation.
type SimResult struct {
	// Asks are the calls to the limiter, Slots what it gave out, Lost those of them
	// that killed replicas held, Late those that replicas paused over.
	Asks, Slots, Lost, Late int
	// Accepted and Refused are the API's answers.
	Accepted, Refused int
	// Peak is how many slots the fullest sliding second held. Over counts the slots
	// that came on top of the highest limit that a replica asked with of late.
	Peak, Over int
	// Use is the part accepted of what the API and the limit allowed.
	Use float64
	// Least is what the replica served worst got, as a part of an equal share.
	Least float64
	// Urgent is the p99 of the time from an urgent job to its slot, UrgentMost the longest.
	Urgent, UrgentMost time.Duration
	// Seconds are the answers by the second in which the request came.
	Seconds []SimSecond
}

// SimSecond is one second of a simulation.
type SimSecond struct {
	// Allowed is what the API and the limit allowed.
	Allowed float64
	// Accepted and Refused are the answers.
	Accepted, Refused int
}

// simWindow is how many seconds Settled and Recovered look at together.
const simWindow = 5

// RefusedPart is the part of the requests that was refused.
func (r SimResult) RefusedPart() float64 { return refusedPart(r.Accepted, r.Refused) }

func refusedPart(accepted, refused int) float64 {
	return float64(refused) / float64(max(1, accepted+refused))
}

// Between sums up the seconds from a time to another: the part of the requests
// that was refused, and the part accepted of what was allowed.
func (r SimResult) Between(from, to time.Duration) (refused, use float64) {
	var sum SimSecond
	last := min(int(to/time.Second), len(r.Seconds))
	for _, s := range r.Seconds[min(int(from/time.Second), last):last] {
		sum.Allowed += s.Allowed
		sum.Accepted += s.Accepted
		sum.Refused += s.Refused
	}
	return refusedPart(sum.Accepted, sum.Refused), float64(sum.Accepted) / max(1, sum.Allowed)
}

// Settled is how long after a time the API refused more than 2 % in five seconds.
func (r SimResult) Settled(from time.Duration) time.Duration {
	return r.first(from, func(refused, _ float64) bool { return refused <= 0.02 })
}

// Recovered is how long after a time less than a part of what was allowed was
// accepted in five seconds.
func (r SimResult) Recovered(from time.Duration, part float64) time.Duration {
	return r.first(from, func(_, use float64) bool { return use >= part })
}

// first is the first whole second after from of five of which good holds.
func (r SimResult) first(from time.Duration, good func(refused, use float64) bool) time.Duration {
	for at := from; at < time.Duration(len(r.Seconds))*time.Second; at += time.Second {
		if good(r.Between(at, at+simWindow*time.Second)) {
			return at - from
		}
	}
	return time.Duration(len(r.Seconds))*time.Second - from
}

// Simulate runs a simulation.
func Simulate(cfg SimConfig) SimResult {
	cfg.Replicas = max(cfg.Replicas, 1)
	cfg.Duration = cmp.Or(cfg.Duration, time.Minute)
	cfg.Want = cmp.Or(cfg.Want, 64)
	cfg.Horizon = cmp.Or(cfg.Horizon, DefaultHorizon)
	cfg.RoundTrip = cmp.Or(cfg.RoundTrip, time.Millisecond)
	cfg.Latency = cmp.Or(cfg.Latency, 40*time.Millisecond)
	cfg.Late = cmp.Or(cfg.Late, 30*time.Millisecond)
	byTime := func(a, b SimChange) int { return cmp.Compare(a.At, b.At) }
	cfg.Limits = slices.SortedFunc(slices.Values(cfg.Limits), byTime)
	cfg.Allowed = slices.SortedFunc(slices.Values(cfg.Allowed), byTime)
	s := newSimulation(cfg)
	s.run()
	return s.sum()
}
