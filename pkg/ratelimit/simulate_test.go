package ratelimit

import (
	"fmt"
	"testing"
	"time"
)

func ExampleSimulate() {
	minute := Simulate(SimConfig{Rate: Rate{PerSecond: 80, Headroom: 0.02}, Replicas: 4, Jitter: 0.5})
	fmt.Printf("at most %d a second, %.0f %% used, %.1f %% refused\n", minute.Peak, 100*minute.Use, 100*minute.RefusedPart())
	// Output: at most 79 a second, 98 % used, 0.0 % refused
}

// TestSimulatedReplicas is the limit by any number of replicas over an hour, with
// jitter, clocks that run wrong and replicas that die with slots.
func TestSimulatedReplicas(t *testing.T) {
	for _, c := range []struct {
		name   string
		cfg    SimConfig
		use    float64 // at least
		least  float64
		peak   int
		refuse float64 // at most
	}{
		{"1 for an hour", SimConfig{Replicas: 1, Duration: time.Hour}, .979, 1, 79, 0},
		{"4 for an hour", SimConfig{Replicas: 4, Duration: time.Hour}, .979, .9, 79, 0},
		{"20 for ten minutes", SimConfig{Replicas: 20, Duration: 10 * time.Minute}, .979, .85, 79, 0},
		{"100 for two minutes", SimConfig{Replicas: 100, Duration: 2 * time.Minute}, .978, .5, 79, 0},
		{"clocks that run wrong", SimConfig{Replicas: 4, Duration: 10 * time.Minute, Drift: .01}, .979, .85, 79, .001},
		{"replicas that die", SimConfig{Replicas: 20, Duration: 10 * time.Minute, Life: 20 * time.Second, Down: 5 * time.Second}, .97, .6, 79, 0},
		{"a slow limiter", SimConfig{Replicas: 20, Duration: 10 * time.Minute, RoundTrip: 20 * time.Millisecond}, .95, .85, 79, .003},
	} {
		c.cfg.Rate, c.cfg.Jitter, c.cfg.Hold, c.cfg.Stagger = Rate{PerSecond: 80, Headroom: .02}, .5, DefaultHorizon, 20*time.Millisecond
		r := Simulate(c.cfg)
		if r.Peak > c.peak || r.Over > 0 || r.Use < c.use || r.Least < c.least || r.RefusedPart() > c.refuse {
			t.Errorf("%s: peak %d, over %d, use %.4f, least %.2f, refused %.4f; want %+v", c.name, r.Peak, r.Over, r.Use, r.Least, r.RefusedPart(), c)
		}
	}
}

// The limit changes while replicas notice at times of their own: nothing is over the
// higher of the two while they do, and over none before and after.
func TestSimulatedLimitChanges(t *testing.T) {
	changes := []SimChange{{time.Minute, 1000}, {2 * time.Minute, 20}, {3 * time.Minute, 80}}
	r := Simulate(SimConfig{
		Rate: Rate{PerSecond: 80, Headroom: .02}, Replicas: 4, Duration: 4 * time.Minute, Jitter: .5,
		Limits: changes, Notice: 500 * time.Millisecond, Allowed: []SimChange{{0, 1000}},
	})
	if r.Over > 0 || r.Use < .97 || r.Refused > 0 {
		t.Errorf("over %d, use %.4f, refused %d; want nothing over or refused, and the limits used", r.Over, r.Use, r.Refused)
	}
}

// The limiter's clock jumps, as in a failover. Back costs no slots that are too
// many; ahead, what was given out up to the horizon comes on top once.
func TestSimulatedClockJumps(t *testing.T) {
	cfg := SimConfig{Rate: Rate{PerSecond: 80}, Replicas: 4, Duration: 5 * time.Minute, Jitter: .5}
	for _, back := range []time.Duration{10 * time.Millisecond, time.Second, 24 * time.Hour} {
		cfg.Jumps = []SimJump{{time.Minute, -back}, {2 * time.Minute, -back}, {2*time.Minute + time.Millisecond, -back}}
		if r := Simulate(cfg); r.Over > 0 || r.Peak > 80 || r.Use < .96 {
			t.Errorf("back by %v: over %d, peak %d, use %.3f", back, r.Over, r.Peak, r.Use)
		}
		cfg.Jumps = []SimJump{{time.Minute, back}, {2 * time.Minute, back}}
		if r := Simulate(cfg); r.Peak > 80+9 || r.Over > 2*(80+9) {
			t.Errorf("ahead by %v: over %d, peak %d, want at most a horizon's worth too many", back, r.Over, r.Peak)
		}
	}
}

// An urgent job finds a slot soon, however many replicas are after slots for others, and
// these lose nothing by it.
func TestSimulatedUrgent(t *testing.T) {
	for _, perSecond := range []float64{80, 1000} {
		for _, replicas := range []int{1, 20, 100} {
			r := Simulate(SimConfig{
				Rate: Rate{PerSecond: perSecond, Headroom: .02}, Replicas: replicas, Duration: 5 * time.Minute, Jitter: .5,
				Stagger: 15 * time.Millisecond, Urgent: 200 * time.Millisecond,
			})
			if r.Urgent > 80*time.Millisecond || r.UrgentMost > 150*time.Millisecond || r.Use < .975 || r.Over > 0 {
				t.Errorf("%v a second by %d: p99 %v, most %v, use %.4f, over %d", perSecond, replicas, r.Urgent, r.UrgentMost, r.Use, r.Over)
			}
		}
	}
}

// What short pauses of replicas and stalls of the way cost is little more than what
// they delay.
func TestSimulatedStalls(t *testing.T) {
	often := SimPauses{Every: 2 * time.Second, Most: 30 * time.Millisecond}
	for name, cfg := range map[string]SimConfig{"pauses": {Pauses: often}, "stalls": {Stalls: often}} {
		for _, perSecond := range []float64{80, 1000} {
			cfg.Rate, cfg.Replicas, cfg.Duration = Rate{PerSecond: perSecond, Headroom: .019}, 4, 5*time.Minute
			cfg.Jitter, cfg.Stagger = .5, 15*time.Millisecond
			if r := Simulate(cfg); r.Use < .976 || r.RefusedPart() > .002 {
				t.Errorf("%s at %v a second: use %.4f, refused %.4f", name, perSecond, r.Use, r.RefusedPart())
			}
		}
	}
	long := Simulate(SimConfig{
		Rate: Rate{PerSecond: 80, Headroom: .019}, Replicas: 4, Duration: 5 * time.Minute, Jitter: .5,
		Pauses: SimPauses{Every: 5 * time.Second, Most: 200 * time.Millisecond},
	})
	if long.Late == 0 || long.RefusedPart() > .005 {
		t.Errorf("long pauses: %d are too late, %.4f refused; want some, and few", long.Late, long.RefusedPart())
	}
}

// TestSimulatedStorm is an API that allows the half for a minute.
func TestSimulatedStorm(t *testing.T) {
	for _, c := range []struct {
		perSecond float64
		replicas  int
		refused   float64
	}{{80, 1, .03}, {80, 20, .03}, {1000, 4, .015}} {
		for seed := range uint64(3) {
			r := Simulate(SimConfig{
				Rate: Rate{PerSecond: c.perSecond, Headroom: .02}, Replicas: c.replicas, Duration: 200 * time.Second, Seed: seed,
				Jitter: .5, Hold: DefaultHorizon, Allowed: []SimChange{{30 * time.Second, c.perSecond / 2}, {90 * time.Second, c.perSecond}},
			})
			refused, use := r.Between(30*time.Second, 90*time.Second)
			settled, recovered := r.Settled(30*time.Second), r.Recovered(90*time.Second, .975)
			if refused > c.refused || use < .88 || settled > 12*time.Second || recovered > time.Minute || r.Over > 0 {
				t.Errorf("%v a second by %d: refused %.4f, use %.3f, settled in %v, recovered in %v, over %d", c.perSecond, c.replicas, refused, use, settled, recovered, r.Over)
			}
			if refused, _ := r.Between(150*time.Second, 200*time.Second); refused > 0 {
				t.Errorf("%v a second by %d: refused %.4f when all was over", c.perSecond, c.replicas, refused)
			}
		}
	}
}

// The simulation has to see what it judges: without a shared limiter's spacing the
// API refuses, and with none of it lost a run is the same each time.
func TestSimulationJudges(t *testing.T) {
	over := Simulate(SimConfig{Rate: Rate{PerSecond: 80}, Allowed: []SimChange{{0, 8}}, Duration: 10 * time.Second})
	if over.Refused == 0 || over.Accepted > 8*10+8 {
		t.Errorf("accepted %d, refused %d of 80 a second, though 8 are allowed", over.Accepted, over.Refused)
	}
	cfg := SimConfig{Rate: Rate{PerSecond: 80}, Replicas: 5, Jitter: .5, Life: time.Second, Seed: 3}
	a, b := Simulate(cfg), Simulate(cfg)
	if a.Lost == 0 || a.Accepted != b.Accepted || a.Asks != b.Asks {
		t.Errorf("two runs of a seed: %d and %d accepted, %d lost", a.Accepted, b.Accepted, a.Lost)
	}
}
