package lab

import (
	"context"
	"errors"
	"time"

	"github.com/wacast/wacast/pkg/ratelimit"
)

// StormFigures tell what comes of a limit that is halved for a while without
// anybody's being told.
type StormFigures struct {
	// Virtual ones are simulated in virtual time.
	Virtual  bool    `json:"virtual"`
	Limit    int     `json:"limit"`
	Replicas int     `json:"replicas"`
	Headroom float64 `json:"headroom"`
	Seconds  float64 `json:"seconds"`
	// Refused is the part of the requests that was refused meanwhile, Use the part
	// accepted of what was allowed.
	Refused float64 `json:"refused"`
	Use     float64 `json:"use"`
	// Settled is when refusals fell to 2 % in five seconds, from the fall of the limit;
	// Recovered when 95 % of the limit were used in five seconds, from its rise. Both
	// are the length of what was watched if that did not happen.
	Settled   time.Duration `json:"settled_ns"`
	Recovered time.Duration `json:"recovered_ns"`
}

const (
	stormLook    = 250 * time.Millisecond
	stormWindow  = 5 * time.Second
	settledPart  = 0.02
	recoveredUse = 0.95
)

func (r *RateReport) measureStorm(ctx context.Context, opts RateOptions) error {
	replicas := opts.Replicas[len(opts.Replicas)/2]
	for _, limit := range opts.Limits {
		opts.say("storm: %d a second, replicas %d", limit, replicas)
		r.Storm = append(r.Storm, simulateStorm(opts, limit, replicas))
		f, err := measureStorm(ctx, opts, limit, replicas)
		if err != nil {
			return err
		}
		r.Storm = append(r.Storm, f)
	}
	return nil
}

func simulateStorm(opts RateOptions, limit, replicas int) StormFigures {
	cfg := virtual(opts, limit, replicas, opts.Headrooms[0])
	fall := time.Minute
	rise := fall + opts.Storm
	cfg.Duration = rise + opts.Storm + fall
	cfg.Allowed = []ratelimit.SimChange{{At: fall, PerSecond: float64(limit) / 2}, {At: rise, PerSecond: float64(limit)}}
	s := ratelimit.Simulate(cfg)
	f := StormFigures{
		Virtual: true, Limit: limit, Replicas: replicas, Headroom: opts.Headrooms[0], Seconds: opts.Storm.Seconds(),
		Settled: s.Settled(fall), Recovered: s.Recovered(rise, recoveredUse),
	}
	f.Refused, f.Use = s.Between(fall, rise)
	return f
}

func measureStorm(ctx context.Context, opts RateOptions, limit, replicas int) (f StormFigures, err error) {
	t, err := newTrack(ctx, opts, limit, opts.Headrooms[0])
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, t.close(ctx)) }()
	if err := t.fleet.start(ctx, replicas); err != nil {
		return f, err
	}
	if err := t.publish(ctx, limit*(int(2*opts.Storm.Seconds())+spareSeconds), 1); err != nil {
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
	during, err := t.watch(ctx, limit/2)
	if err != nil {
		return f, err
	}
	later, err := t.watch(ctx, limit)
	if err != nil {
		return f, err
	}
	first, last := during[0], during[len(during)-1]
	seconds := last.at.Sub(first.at).Seconds()
	return StormFigures{
		Limit: limit, Replicas: replicas, Headroom: opts.Headrooms[0], Seconds: seconds,
		Refused: refusedBetween(first, last), Use: float64(last.accepted-first.accepted) / seconds / float64(limit/2),
		Settled:   until(during, func(from, to tally) bool { return refusedBetween(from, to) <= settledPart }),
		Recovered: until(later, func(from, to tally) bool { return usedBetween(from, to) >= recoveredUse*float64(limit) }),
	}, nil
}

// watch sets the judge's limit, counts for the time of a storm, and says so all along.
func (t *track) watch(ctx context.Context, limit int) ([]tally, error) {
	if err := t.sim.SetMPS(Clinic, limit); err != nil {
		return nil, err
	}
	all := []tally{t.tally()}
	for all[len(all)-1].at.Sub(all[0].at) < t.opts.Storm {
		if err := pause(ctx, stormLook); err != nil {
			return nil, err
		}
		all = append(all, t.tally())
	}
	return all, t.fleet.alive()
}

func usedBetween(from, to tally) float64 {
	return float64(to.accepted-from.accepted) / to.at.Sub(from.at).Seconds()
}

// until is how long it took until good held of [stormWindow], or all the time.
func until(all []tally, good func(from, to tally) bool) time.Duration {
	for i, from := range all {
		for _, to := range all[i:] {
			if to.at.Sub(from.at) < stormWindow {
				continue
			}
			if good(from, to) {
				return from.at.Sub(all[0].at)
			}
			break
		}
	}
	return all[len(all)-1].at.Sub(all[0].at)
}
