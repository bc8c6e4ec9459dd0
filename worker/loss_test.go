package worker_test

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/worker"
)

// The time in which a number has jobs and sends none is counted for what they wait for,
// and for nothing else.
func TestLostTimeHasItsCause(t *testing.T) {
	for cause, set := range map[string]func(cfg *worker.Config) error{
		"stopped": func(cfg *worker.Config) error {
			return cfg.Stops.Pause(t.Context(), sender.Target{Scope: sender.ScopeNumber, Name: "100"}, "", "")
		},
		"paused": func(cfg *worker.Config) error {
			cfg.Campaigns = someCampaigns{paused: "c"}
			return nil
		},
		"": func(*worker.Config) error { return nil },
	} {
		t.Run(cause, func(t *testing.T) {
			t.Parallel()
			cfg, js := newConfig(t, &api{}, 50)
			reg := prometheus.NewRegistry()
			cfg.Registerer = reg
			if err := set(&cfg); err != nil {
				t.Fatal(err)
			}
			publish(t, js, cfg.Namespace, jobsOf("100", "c", job.Bulk, 200))
			start(t, cfg)
			if cause == "" {
				await(t, cfg.Events, "c", job.Accepted, 200)
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
