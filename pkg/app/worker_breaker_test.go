package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/report"
	"github.com/wacast/wacast/pkg/simulator"
)

// An API that answers every message with a gateway's error page, or with a fault of
// its own, for some seconds: the number stops, hardly anything becomes unknown,
// nothing is rejected, and then all goes on. The same over 20 minutes of virtual time
// is tested beside the worker.
func TestOutageOfSeconds(t *testing.T) {
	const n, mps = 2000, 300
	for name, fault := range map[string]simulator.Rule{
		"html": {Kind: simulator.HTML502}, "json": {Kind: simulator.Error, Code: 131016, Status: 500},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, simulator.Config{MPS: mps}, "WACAST_UNKNOWN_DEADLINE=1h")
			r.ready("one")
			v := r.view()
			r.publish(newJobs(numberA, "outage", 0, n)...)
			r.eventually(func() (bool, string) { return r.sim.Stats().Accepted > mps, "not begun" })
			if err := r.sim.SetFaults([]simulator.Rule{fault}); err != nil {
				t.Fatal(err)
			}
			r.eventually(func() (bool, string) {
				s, err := v.Status(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				return len(s.Stopped) == 1 && s.Stopped[0].Name == numberA && s.Stopped[0].Reason == job.ReasonAPIFailing, "no stop because the API fails"
			})
			before := r.sim.Stats()
			time.Sleep(5 * time.Second) // the outage
			if got := r.sim.Stats().Requests - before.Requests; got > 10+mps/10 {
				t.Errorf("%d requests in 5 s of an outage: the number is not stopped", got)
			}
			if err := r.sim.SetFaults(nil); err != nil {
				t.Fatal(err)
			}
			p := r.await(v, "outage", ended(n))
			if p.Accepted+p.Unknown != n || p.Unknown > 10+mps/5 || r.sim.Stats().Duplicates != 0 || r.deadLetters("outage") != 0 {
				t.Errorf("%+v, %d duplicates, %d dead letters", p, r.sim.Stats().Duplicates, r.deadLetters("outage"))
			}
			if name == "json" && p.Unknown != 0 {
				t.Errorf("%d unknown outcomes of clear answers", p.Unknown)
			}
			r.eventually(func() (bool, string) {
				s, err := v.Status(t.Context())
				return err == nil && len(s.Stopped) == 0, "still stopped"
			})
			if got := strings.Count(r.log.String(), "level=WARN msg=stopped"); got != 1 {
				t.Errorf("%d lines say that the number is stopped, want 1", got)
			}
		})
	}
}

// Lost answers with policy resend and no receiver stay unknown: silence is no
// evidence, however long it lasts.
func TestWithoutAReceiverNothingIsResent(t *testing.T) {
	const n = 40
	r := newRig(t, simulator.Config{MPS: 100, Faults: []simulator.Rule{{Kind: simulator.LostAfter, Suffix: "7"}}}, "WACAST_UNKNOWN_DEADLINE=1s")
	r.ready("one")
	v := r.view()
	jobs := newJobs(numberA, "silent", 0, n)
	for _, j := range jobs {
		j.OnUnknown = job.Resend
	}
	r.publish(jobs...)
	p := r.await(v, "silent", func(p *report.Progress) bool { return p.Accepted == n-4 && p.Unknown == 4 })
	time.Sleep(4 * time.Second) // several deadlines
	after, err := v.Progress(t.Context(), "silent")
	if err != nil || after.Unknown != p.Unknown || r.sim.Stats().Duplicates != 0 || r.deadLetters("silent") != 0 {
		t.Errorf("%+v, %v, %d duplicates", after, err, r.sim.Stats().Duplicates)
	}
}
