package worker_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/ratelimit"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/worker"
)

// The time in which a number has jobs and sends none is counted for what they wait for,
// and for nothing else.
func TestLostTimeHasItsCause(t *testing.T) {
	for name, set := range map[string]func(cfg *worker.Config) error{
		"stopped number": func(cfg *worker.Config) error {
			return cfg.Stops.Pause(t.Context(), sender.Target{Scope: sender.ScopeNumber, Name: "100"}, "", "")
		},
		// Fewer jobs than a queue is left alone for.
		"stopped template": func(cfg *worker.Config) error {
			return cfg.Stops.Pause(t.Context(), sender.TemplateTarget("1", "appointment", ""), "", "")
		},
		"paused": func(cfg *worker.Config) error {
			cfg.Campaigns = someCampaigns{paused: "c"}
			return nil
		},
		"": func(*worker.Config) error { return nil },
	} {
		cause, _, _ := strings.Cut(name, " ")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, js := newConfig(t, &api{}, 50)
			reg := prometheus.NewRegistry()
			cfg.Registerer = reg
			if err := set(&cfg); err != nil {
				t.Fatal(err)
			}
			publish(t, js, cfg.Namespace, jobsOf("100", "c", job.Bulk, 150))
			start(t, cfg)
			if cause == "" {
				await(t, cfg.Events, "c", job.Accepted, 150)
			} else {
				for deadline := time.Now().Add(20 * time.Second); lost(t, reg)[cause] < 2 && time.Now().Before(deadline); {
					time.Sleep(20 * time.Millisecond)
				}
			}
			for name, seconds := range lost(t, reg) {
				if name == cause && seconds < 1.5 || name != cause && seconds > 1.5 {
					t.Errorf("%v s are lost for %s", seconds, name)
				}
			}
			if n := len(lost(t, reg)); n != 9 {
				t.Errorf("%d series, want 9", n)
			}
		})
	}
}

// lost is the time lost by cause.
func lost(t *testing.T, reg *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	by := make(map[string]float64)
	for _, f := range families {
		if f.GetName() != "wacast_slots_lost_seconds_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, label := range m.GetLabel() {
				if label.GetName() == "cause" {
					by[label.GetValue()] += m.GetCounter().GetValue()
				}
			}
		}
	}
	return by
}

// sharedSlots give out a share of all limits, as far as they tell.
type sharedSlots struct {
	worker.Slots
	share float64
}

func (s *sharedSlots) States(_ context.Context, numbers []string) ([]ratelimit.State, error) {
	return slices.Repeat([]ratelimit.State{{Share: s.share}}, len(numbers)), nil
}

// A number that an account lists has its rates before it ever sends, and as they are:
// the limit that holds and what the headroom leaves of it, of a high limit more. One that
// is listed nowhere has them until it has had no job for an hour.
func TestRatesOfIdleNumbers(t *testing.T) {
	api := &stopwatch{came: make(map[string][]time.Time)}
	virtually(t, api, 80, func(t *testing.T, cfg worker.Config, js jetstream.JetStream) {
		reg := prometheus.NewRegistry()
		cfg.Registerer, cfg.Headroom = reg, 0.2
		slots := &sharedSlots{Slots: cfg.Slots, share: 1}
		cfg.Slots = slots
		cfg.Directory = must[*sender.Directory](t)(sender.NewDirectory([]*sender.Account{
			{WABA: "1", Numbers: []string{"100"}, Token: sender.Literal("t")}, {WABA: "2", Token: sender.Literal("t")},
		}, 80))
		start(t, cfg)
		rates := func() map[string]float64 {
			found := make(map[string]float64)
			families, err := reg.Gather()
			if err != nil {
				t.Fatal(err)
			}
			for _, family := range families {
				for _, m := range family.GetMetric() {
					if name, ok := strings.CutPrefix(family.GetName(), "wacast_rate_"); ok {
						found[name+" "+m.GetLabel()[0].GetValue()] = math.Round(m.GetGauge().GetValue())
					}
				}
			}
			return found
		}
		expect := func(when string, want map[string]float64) {
			if diff := cmp.Diff(want, rates()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", when, diff)
			}
		}
		expect("before anything is sent", map[string]float64{"limit 100": 80, "effective 100": 64})
		publish(t, js, cfg.Namespace, jobsOf("200", "c", job.Bulk, 1))
		if err := cfg.Stops.SetLimit(t.Context(), "100", sender.Limit{MPS: 1000, Source: sender.SourceOperator}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		expect("with another one and another limit", map[string]float64{"limit 100": 1000, "effective 100": 847, "limit 200": 80, "effective 200": 64})
		slots.share = 0.5 // as another replica has brought about
		expect("slowed down", map[string]float64{"limit 100": 1000, "effective 100": 424, "limit 200": 80, "effective 200": 32})
		slots.share = 1
		time.Sleep(62 * time.Minute)
		expect("an hour later", map[string]float64{"limit 100": 1000, "effective 100": 847})
	})
}
