package app_test

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/report"
	"github.com/wacast/wacast/pkg/simulator"
)

// The metrics say what happened, in numbers.
func TestMetricValues(t *testing.T) {
	r := newRig(t, simulator.Config{MPS: 500, Faults: []simulator.Rule{
		{Kind: simulator.Error, Code: 131026, Suffix: "0000007"},
		{Kind: simulator.LostAfter, Suffix: "0000008"},
	}}, "WACAST_RATE_HEADROOM=0")
	a := r.ready("one")
	v := r.view()
	jobs := newJobs(numberA, "measured", 1, 10)
	r.publish(jobs...)
	r.await(v, "measured", ended(10))
	data, err := job.Encode(jobs[0])
	if err != nil {
		t.Fatal(err)
	}
	r.publishRaw(r.jobSubject(numberA, "measured"), string(data))
	r.await(v, "measured", ended(11))

	err = testutil.GatherAndCompare(a.Registry(), strings.NewReader(`
# HELP wacast_dedup_hits_total Publications whose job already had an outcome, and that were not sent.
# TYPE wacast_dedup_hits_total counter
wacast_dedup_hits_total 1
# HELP wacast_in_flight Requests to the Cloud API under way.
# TYPE wacast_in_flight gauge
wacast_in_flight 0
# HELP wacast_rate_effective Messages a second that slots are given out for, over all replicas.
# TYPE wacast_rate_effective gauge
wacast_rate_effective{sender="106540352242922"} 500
# HELP wacast_rate_limit Messages a second the number may send.
# TYPE wacast_rate_limit gauge
wacast_rate_limit{sender="106540352242922"} 500
# HELP wacast_sends_total Requests to the Cloud API, by what happened and the API's error code.
# TYPE wacast_sends_total counter
wacast_sends_total{class="accepted",code="0",sender="106540352242922"} 8
wacast_sends_total{class="ambiguous",code="0",sender="106540352242922"} 1
wacast_sends_total{class="not_sent",code="0",sender="106540352242922"} 0
wacast_sends_total{class="refused_number",code="131048",sender="106540352242922"} 0
wacast_sends_total{class="refused_recipient",code="131026",sender="106540352242922"} 1
wacast_sends_total{class="refused_template",code="132015",sender="106540352242922"} 0
wacast_sends_total{class="throttled_number",code="130429",sender="106540352242922"} 0
wacast_sends_total{class="transient",code="131000",sender="106540352242922"} 0
# HELP wacast_unknown_jobs Jobs whose outcome nobody knows.
# TYPE wacast_unknown_jobs gauge
wacast_unknown_jobs 1
`), "wacast_dedup_hits_total", "wacast_in_flight", "wacast_rate_effective", "wacast_rate_limit", "wacast_sends_total", "wacast_unknown_jobs")
	if err != nil {
		t.Error(err)
	}
	_, metrics := get(t, a, "/metrics")
	for _, want := range []string{
		`wacast_jobs_total{lane="bulk",outcome="accepted",sender="106540352242922"} 8`,
		`wacast_jobs_total{lane="bulk",outcome="duplicate",sender="106540352242922"} 1`,
		`wacast_jobs_total{lane="bulk",outcome="rejected",sender="106540352242922"} 1`,
		`wacast_jobs_total{lane="bulk",outcome="unknown",sender="106540352242922"} 1`,
		`wacast_jobs_total{lane="transactional",outcome="accepted",sender="106540352242922"} 0`,
		`wacast_send_duration_seconds_count{sender="106540352242922"} 10`,
		`wacast_slot_wait_seconds_count{sender="106540352242922"} 10`,
		`wacast_build_info{`,
	} {
		if !strings.Contains(metrics, want+"\n") && !strings.Contains(metrics, "\n"+want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	if problems, err := testutil.GatherAndLint(a.Registry()); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
}

// What waits and what is stopped shows while it does.
func TestBacklogMetrics(t *testing.T) {
	r := newRig(t, simulator.Config{})
	r.sim.ExpireToken("token-a")
	a := r.ready("one")
	r.publish(newJobs(numberA, "waiting", 0, 25)...)
	r.eventually(func() (bool, string) {
		_, metrics := get(t, a, "/metrics")
		return strings.Contains(metrics, `wacast_stopped{reason="account_refused",scope="account"} 1`) &&
			strings.Contains(metrics, `wacast_queue_jobs{lane="bulk",sender="106540352242922"} 25`) &&
			regexp.MustCompile(`wacast_queue_oldest_seconds\{lane="bulk",sender="106540352242922"\} [0-9.]*[1-9]`).MatchString(metrics), metrics
	})
}

// What a stranger publishes does not become series without end.
func TestMetricLabelsAreBounded(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "token", "token-a")
	write(t, dir, "accounts/a.yaml", "waba_id: 111\nnumbers: ["+numberA+"]\naccess_token_file: "+dir+"/token\n")
	r := newRig(t, simulator.Config{}, "WACAST_ACCOUNTS_DIR="+dir+"/accounts")
	a := r.ready("one")
	for _, subject := range []string{"777.bulk.x", "778.bulk.x", "779.express.x"} {
		r.publishRaw(strings.TrimSuffix(r.jobSubject("1", "x"), "1.bulk.x")+subject, "{}")
	}
	r.eventually(func() (bool, string) {
		_, metrics := get(t, a, "/metrics")
		return strings.Contains(metrics, `wacast_jobs_total{lane="bulk",outcome="rejected",sender="other"} 2`) &&
			strings.Contains(metrics, `wacast_jobs_total{lane="other",outcome="rejected",sender="other"} 1`), metrics
	})
	if _, metrics := get(t, a, "/metrics"); strings.Contains(metrics, `"777"`) || strings.Contains(metrics, "express") {
		t.Error("a stranger's subject is a label")
	}
}

// No phone number, message id or secret in anything a run with every kind of
// trouble logs or measures.
func TestNothingPersonalIsLogged(t *testing.T) {
	r := newRig(t, simulator.Config{Seed: 5, MPS: 50, Faults: []simulator.Rule{
		{Kind: simulator.LostAfter, Share: 0.1}, {Kind: simulator.HTML502, Share: 0.1}, {Kind: simulator.Error, Code: 131026, Share: 0.1},
		{Kind: simulator.Error, Code: 131016, Share: 0.2, Times: 5},
	}})
	a := r.ready("one")
	v := r.view()
	bad := newJob(numberA, "private", 900)
	bad.Template.Params.Body = job.Positional("line\nbreak "+string(bad.To), "x")
	r.publish(append(newJobs(numberA, "private", 0, 60), bad)...)
	r.publishRaw(r.jobSubject(numberA, "private"), `{"v":1,"id":"`+string(newJob(numberA, "x", 3).To)+`","to":5491100000003}`)
	r.await(v, "private", ended(62))
	if err := r.sim.SetFaults(nil); err != nil {
		t.Fatal(err)
	}
	r.sim.ExpireToken("token-a")
	r.publish(newJob(numberA, "private", 901))
	r.eventually(func() (bool, string) { return strings.Contains(r.log.String(), "msg=stopped"), "no stop" })
	if err := a.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	metrics, err := a.Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	shown := r.log.String()
	for _, m := range metrics {
		shown += m.String() + "\n"
	}
	for _, secret := range []string{`54911000\d+`, `wamid\.`, `token-a`, `Emilia`} {
		if found := regexp.MustCompile(secret).FindString(shown); found != "" {
			t.Errorf("%q is shown", found)
		}
	}
}

// A million messages that go their way write no line at info, and one for what became of
// each, and of each status, at debug.
func TestNoLineAMessage(t *testing.T) {
	const jobs, told = 200, 20
	for level, want := range map[string][2]int{"info": {0, 0}, "debug": {jobs, told}} {
		t.Run(level, func(t *testing.T) {
			r := newRig(t, simulator.Config{}, hooked("WACAST_LOG_LEVEL="+level, "WACAST_LOG_FORMAT=json")...)
			cfg := r.config()
			a, err := app.New(app.Options{Config: cfg, Log: app.NewLogger(r.log, cfg), Roles: app.RoleAll, WorkerID: "one"})
			must(t, err)
			a.Start()
			t.Cleanup(func() { _ = a.Stop(context.Background()) })
			must(t, a.AwaitReady(t.Context(), patience))
			all, v := newJobs(numberA, "c", 0, jobs), r.view()
			r.publish(all...)
			r.await(v, "c", accepted(jobs))
			for _, j := range all[:told] {
				r.tell(a, j.Key(), 1)
			}
			r.await(v, "c", func(p *report.Progress) bool { return p.Sent == told })
			must(t, a.Stop(context.Background()))
			text := r.log.String()
			checkLines(t, text)
			if got := [2]int{strings.Count(text, `"job":{`), strings.Count(text, `"event":{`)}; got != want {
				t.Errorf("%d lines of jobs and %d of statuses, want %d", got[0], got[1], want)
			}
			if rest := strings.Count(text, "\n") - want[0] - want[1]; rest > 40 {
				t.Errorf("%d other lines: %s", rest, text)
			}
		})
	}
}
