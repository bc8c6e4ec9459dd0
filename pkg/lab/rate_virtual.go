package lab

import (
	"context"
	"time"

	"github.com/wacast/wacast/pkg/ratelimit"
)

// VirtualCourse is what happens in a simulation.
type VirtualCourse string

// The courses of simulations. In each, calls and requests take unevenly long.
const (
	// CourseSmooth is without events.
	CourseSmooth VirtualCourse = "smooth"
	// CourseRough has clocks that run wrong, replicas that are killed with the slots
	// they hold, and a limit that changes.
	CourseRough VirtualCourse = "rough"
	// CourseJumps has the limiter's clock jump 10 s on and back, as in a failover.
	CourseJumps VirtualCourse = "jumps"
)

// VirtualFigures are those of a simulation in virtual time.
type VirtualFigures struct {
	Limit    int     `json:"limit"`
	Replicas int     `json:"replicas"`
	Headroom float64 `json:"headroom"`
	// Course is what happens meanwhile.
	Course  VirtualCourse `json:"course"`
	Seconds float64       `json:"seconds"`
	Slots   int           `json:"slots"`
	// Peak is how many slots the fullest sliding second held, Over how many slots came
	// on top of the limit.
	Peak int `json:"peak"`
	Over int `json:"over"`
	// Use is the part accepted of what was allowed, Refused the part of the requests
	// that was refused, Least what the replica served worst got of an equal share.
	Use     float64 `json:"use"`
	Refused float64 `json:"refused"`
	Least   float64 `json:"least"`
}

func (r *RateReport) measureVirtual(ctx context.Context, opts RateOptions) error {
	for _, limit := range opts.Limits {
		for _, headroom := range opts.Headrooms {
			for _, course := range []VirtualCourse{CourseSmooth, CourseRough, CourseJumps} {
				for _, replicas := range opts.VirtualReplicas {
					if err := ctx.Err(); err != nil {
						return err
					}
					opts.say("virtual: %v of %d a second, headroom %g, %s, replicas %d", opts.Virtual, limit, headroom, course, replicas)
					r.Virtual = append(r.Virtual, simulate(opts, limit, replicas, headroom, course))
				}
			}
		}
	}
	return nil
}

func simulate(opts RateOptions, limit, replicas int, headroom float64, course VirtualCourse) VirtualFigures {
	cfg := virtual(opts, limit, replicas, headroom)
	switch course {
	case CourseRough:
		roughen(&cfg)
	case CourseJumps:
		third := cfg.Duration / 3
		cfg.Jumps = []ratelimit.SimJump{{At: third, By: jump}, {At: 2 * third, By: -jump}}
	}
	s := ratelimit.Simulate(cfg)
	return VirtualFigures{
		Limit: limit, Replicas: replicas, Headroom: headroom, Course: course, Seconds: opts.Virtual.Seconds(),
		Slots: s.Slots, Peak: s.Peak, Over: s.Over, Use: s.Use, Refused: s.RefusedPart(), Least: s.Least,
	}
}

func virtual(opts RateOptions, limit, replicas int, headroom float64) ratelimit.SimConfig {
	return ratelimit.SimConfig{
		Rate:     ratelimit.Rate{PerSecond: float64(limit), Headroom: headroom},
		Replicas: replicas, Duration: opts.Virtual, Latency: opts.Latency, Jitter: opts.Jitter, Seed: 1,
		Stagger: stagger,
	}
}

// stagger is a worker's.
const stagger = 15 * time.Millisecond

// jump is how far the limiter's clock jumps.
const jump = 10 * time.Second

// roughen has each replica killed about every minute, and the limit set to a half for
// a quarter of the time.
func roughen(cfg *ratelimit.SimConfig) {
	cfg.Drift, cfg.Life, cfg.Down, cfg.Notice = 0.01, time.Minute, 2*time.Second, 500*time.Millisecond
	half, part := cfg.Rate.PerSecond/2, cfg.Duration/4
	cfg.Limits = []ratelimit.SimChange{{At: 2 * part, PerSecond: half}, {At: 3 * part, PerSecond: cfg.Rate.PerSecond}}
}
