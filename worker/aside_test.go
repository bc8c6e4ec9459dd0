package worker_test

import (
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/worker"
)

// returnedFor is how many jobs were given back for a cause.
func returnedFor(t *testing.T, reg *prometheus.Registry, cause string) (n int) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "wacast_jobs_returned_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			if m.GetLabel()[0].GetValue() == cause {
				n += int(m.GetCounter().GetValue())
			}
		}
	}
	return n
}

// A template that is stopped in the middle of a campaign, without an end, stops its queue
// alone. The queue costs next to nothing meanwhile, jobs of other templates in it go on,
// and all of it does as soon as the stop is over, also what was given back.
func TestQueueOfAStoppedTemplate(t *testing.T) {
	const mps = 50
	api := &stopwatch{came: make(map[string][]time.Time)}
	virtually(t, api, mps, func(t *testing.T, cfg worker.Config, js jetstream.JetStream) {
		reg := prometheus.NewRegistry()
		cfg.Registerer = reg
		target := sender.TemplateTarget("1", "appointment", "es_AR")
		start(t, cfg)
		publish(t, js, cfg.Namespace, jobsOf("100", "long", job.Bulk, 2000))
		publish(t, js, cfg.Namespace, jobsOf("200", "short", job.Bulk, 100+10))
		time.Sleep(2 * time.Second)
		if _, err := cfg.Stops.PlatformStop(t.Context(), sender.Stop{Scope: target.Scope, Name: target.Name, Reason: job.ReasonTemplateStatus, WayBack: sender.BackWebhook}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		long, _ := api.span("long")
		short, _ := api.span("short")
		others := slices.Collect(jobsOf("100", "long", job.Bulk, 3))
		for i, j := range others {
			j.ID, j.Template.Name = string(rune('x'+i)), "reminder"
		}
		publish(t, js, cfg.Namespace, jobsOf("100", "other", job.Bulk, 1)) // of the stopped one
		publish(t, js, cfg.Namespace, slices.Values(others))
		time.Sleep(time.Minute)
		if n, _ := api.span("long"); n != long+len(others) {
			t.Errorf("%d of the stopped queue were sent, want the %d of another template", n-long, len(others))
		}
		if n := returnedFor(t, reg, "stop"); n < 2000 || n > 4500 {
			t.Errorf("%d jobs were given back in a minute, want those of a look a second", n)
		}
		if _, err := cfg.Stops.PlatformResume(t.Context(), target, job.ReasonTemplateStatus, time.Now()); err != nil {
			t.Fatal(err)
		}
		resumed := time.Now()
		time.Sleep(4 * time.Second)
		if n, _ := api.span("short"); n != 110 {
			t.Errorf("%d of the short queue were sent in 4 s, want all 110; %d before the stop", n, short)
		}
		for _, campaign := range []string{"long", "short"} {
			times := api.times(campaign)
			i := slices.IndexFunc(times, resumed.Before)
			if i < 0 || times[i].Sub(resumed) > 1500*time.Millisecond {
				t.Errorf("%s: it did not go on within 1.5 s", campaign)
			}
		}
		time.Sleep(90 * time.Second)
		if n, _ := api.span("long"); n != 2003 {
			t.Errorf("%d of the long queue were sent in the end, want 2003", n)
		}
	})
}
