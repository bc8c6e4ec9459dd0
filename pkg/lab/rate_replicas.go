package lab

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"
)

// ReplicaFigures are those of worker processes that share a number.
type ReplicaFigures struct {
	Limit    int     `json:"limit"`
	Replicas int     `json:"replicas"`
	Headroom float64 `json:"headroom"`
	// Killed counts workers that were killed and replaced meanwhile.
	Killed  int     `json:"killed"`
	Seconds float64 `json:"seconds"`
	// PerSecond is what the judge accepted, Use its part of the limit.
	PerSecond float64 `json:"per_second"`
	Use       float64 `json:"use"`
	// Refused is the part of the requests that was refused for the rate.
	Refused float64 `json:"refused"`
	// Peak is the most that was accepted in a sliding second, Twice what was accepted
	// more than once.
	Peak  int   `json:"peak"`
	Twice int64 `json:"twice"`
	// Share is the mean part of the limit that slots were given out for: less than 1
	// after refusals; 0 if no worker told.
	Share float64 `json:"share"`
	// Late is how late this process's own timers were, at p99: what the machine adds.
	Late time.Duration `json:"late_ns"`
}

// HeadroomFigures sum up what a headroom brings at a limit: the worst of any number
// of replicas.
type HeadroomFigures struct {
	Limit    int     `json:"limit"`
	Headroom float64 `json:"headroom"`
	Killed   bool    `json:"killed"`
	Use      float64 `json:"use"`
	Refused  float64 `json:"refused"`
}

// What the limit is to be used for at least, and refused at most.
const (
	goodUse     = 0.98
	goodRefused = 0.001
)

// Good reports whether both aims are met.
func (h HeadroomFigures) Good() bool { return h.Use >= goodUse && h.Refused < goodRefused }

func (r *RateReport) measureReplicas(ctx context.Context, opts RateOptions) error {
	for _, limit := range opts.Limits {
		for _, headroom := range opts.Headrooms {
			for _, replicas := range opts.Replicas {
				for _, killing := range []bool{false, true} {
					opts.say("replicas: %d a second, headroom %g, replicas %d, killing %t", limit, headroom, replicas, killing)
					f, err := measureFleet(ctx, opts, limit, replicas, headroom, killing)
					if err != nil {
						return err
					}
					r.Replicas = append(r.Replicas, f)
					r.Headrooms = sumUp(r.Replicas)
				}
			}
		}
	}
	return nil
}

// spareSeconds is for how long there are more jobs than a measurement needs: what is
// sent before it begins.
const spareSeconds = 90

func measureFleet(ctx context.Context, opts RateOptions, limit, replicas int, headroom float64, killing bool) (f ReplicaFigures, err error) {
	t, err := newTrack(ctx, opts, limit, headroom)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, t.close(ctx)) }()
	if err := t.fleet.start(ctx, replicas); err != nil {
		return f, err
	}
	if err := t.publish(ctx, limit*(int(opts.Each.Seconds())+spareSeconds), 1); err != nil {
		return f, err
	}
	if err := t.awaitSteady(ctx); err != nil {
		return f, err
	}
	asked, err := openShares(ctx, t.cfg)
	if err != nil {
		return f, err
	}
	defer asked.close()
	if err := asked.awaitFull(ctx); err != nil {
		return f, err
	}
	share, late := asked.watch(ctx), watchTimers()
	before := t.tally()
	killed, err := t.keep(ctx, killing)
	after := t.tally()
	seconds := after.at.Sub(before.at).Seconds()
	stats := t.sim.Stats()
	f = ReplicaFigures{
		Limit: limit, Replicas: replicas, Headroom: headroom, Killed: killed, Seconds: seconds, Refused: refusedBetween(before, after),
		Peak: stats.Numbers[Clinic].Peak, Twice: stats.Duplicates, Share: share(), Late: late(),
	}
	f.PerSecond = float64(after.accepted-before.accepted) / seconds
	f.Use = f.PerSecond / float64(limit)
	return f, err
}

func refusedBetween(from, to tally) float64 {
	refused, accepted := to.refused-from.refused, to.accepted-from.accepted
	return float64(refused) / float64(max(1, refused+accepted))
}

// kills is how many workers are killed in one measurement.
const kills = 5

// keep lets the workers send for the time of a measurement, or kills one of them now
// and then.
func (t *track) keep(ctx context.Context, killing bool) (killed int, err error) {
	if !killing {
		return 0, errors.Join(pause(ctx, t.opts.Each), t.fleet.alive())
	}
	for killed < kills {
		if err := pause(ctx, t.opts.Each/(kills+1)); err != nil {
			return killed, err
		}
		if err := t.fleet.replace(rand.IntN(len(t.fleet.workers))); err != nil {
			return killed, err
		}
		killed++
	}
	return killed, errors.Join(pause(ctx, t.opts.Each/(kills+1)), t.fleet.alive())
}

// sumUp takes the worst of each limit, headroom and kind.
func sumUp(all []ReplicaFigures) []HeadroomFigures {
	worst := make(map[HeadroomFigures]HeadroomFigures)
	for _, f := range all {
		key := HeadroomFigures{Limit: f.Limit, Headroom: f.Headroom, Killed: f.Killed > 0}
		w, ok := worst[key]
		if !ok {
			w = key
			w.Use = f.Use
		}
		w.Use, w.Refused = min(w.Use, f.Use), max(w.Refused, f.Refused)
		worst[key] = w
	}
	var sum []HeadroomFigures
	for _, w := range worst {
		sum = append(sum, w)
	}
	slices.SortFunc(sum, func(a, b HeadroomFigures) int {
		rank := map[bool]int{true: 1}
		return cmp.Or(cmp.Compare(rank[a.Killed], rank[b.Killed]), cmp.Compare(a.Limit, b.Limit), cmp.Compare(a.Headroom, b.Headroom))
	})
	return sum
}

// timerLook is how long the timers of [watchTimers] are.
const timerLook = 5 * time.Millisecond

// watchTimers measures how late timers are until its result is called, which returns
// the p99.
func watchTimers() (p99 func() time.Duration) {
	stop, done := make(chan struct{}), make(chan []time.Duration)
	go func() {
		var late []time.Duration
		for {
			start := time.Now()
			select {
			case <-time.After(timerLook):
				late = append(late, time.Since(start)-timerLook)
			case <-stop:
				done <- late
				return
			}
		}
	}()
	return func() time.Duration {
		close(stop)
		return quantile(<-done, 0.99)
	}
}

// quantile is the value below which a part of the values lies; 0 of none.
func quantile(values []time.Duration, part float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)-1, int(part*float64(len(sorted))))]
}
