package worker_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/worker"
)

// stalledClaims stores nothing from a time on until another.
type stalledClaims struct {
	to         worker.Claims
	from, till time.Time
	// delay is how long it takes otherwise.
	delay time.Duration
}

func (s *stalledClaims) Record(ctx context.Context, lease time.Duration, notes []queue.ClaimNote) error {
	if now := time.Now(); now.After(s.from) && now.Before(s.till) {
		time.Sleep(s.till.Sub(now))
	}
	time.Sleep(s.delay)
	return s.to.Record(ctx, lease, notes)
}

// busiest is the most of the times that lie within a second.
func busiest(times []time.Time) (most int) {
	first := 0
	for i, at := range times {
		for at.Sub(times[first]) >= time.Second {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// What a standstill of the stream of claims has held up takes new slots instead of going
// out at once on top of what is due by then, which the API would refuse.
func TestHeldUpJobsTakeOtherSlots(t *testing.T) {
	const mps = 80
	for name, stall := range map[string]time.Duration{"a hand-over": 250 * time.Millisecond, "longer": 3 * time.Second} {
		t.Run(name, func(t *testing.T) {
			api := &stopwatch{came: make(map[string][]time.Time)}
			virtually(t, api, mps, func(t *testing.T, cfg worker.Config, js jetstream.JetStream) {
				publish(t, js, cfg.Namespace, jobsOf("100", "c", job.Bulk, 20*mps))
				from := time.Now().Add(5 * time.Second)
				cfg.Claims = &stalledClaims{to: cfg.Claims, from: from, till: from.Add(stall)}
				start(t, cfg)
				time.Sleep(15 * time.Second)
				came := api.times("c")
				if n := busiest(came); n > mps {
					t.Errorf("%d messages in a second, want %d at most", n, mps)
				}
				var after int
				for _, at := range came {
					if since := at.Sub(from.Add(stall)); since >= 100*time.Millisecond && since < 2100*time.Millisecond {
						after++
					}
				}
				if after < 2*mps-4 {
					t.Errorf("%d messages in the two seconds after, want %d", after, 2*mps)
				}
			})
		})
	}
}

// A stream that always takes its time costs no slots: what is late by as much as always
// keeps the rate.
func TestSlowClaimsKeepTheRate(t *testing.T) {
	const mps = 80
	api := &stopwatch{came: make(map[string][]time.Time)}
	virtually(t, api, mps, func(t *testing.T, cfg worker.Config, js jetstream.JetStream) {
		publish(t, js, cfg.Namespace, jobsOf("100", "c", job.Bulk, 20*mps))
		cfg.Claims = &stalledClaims{to: cfg.Claims, delay: 120 * time.Millisecond}
		start(t, cfg)
		time.Sleep(5 * time.Second)
		before := len(api.times("c"))
		time.Sleep(10 * time.Second)
		if n := len(api.times("c")) - before; n < 10*mps-8 {
			t.Errorf("%d messages in 10 s, want %d", n, 10*mps)
		}
	})
}
