package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/report"
	"github.com/wacast/wacast/pkg/simulator"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// Nobody's number, message or secret is in anything that a run shows: logs at their most
// talkative, metrics, spans, and what operators are answered. Not parallel, for the
// library reads the environment.
func TestARunShowsNobody(t *testing.T) {
	c := newOTLPReceiver(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.url)
	r := makeRig(t, simulator.Config{Seed: 7, MPS: 100, AppSecrets: []string{hookSecret}, Faults: []simulator.Rule{
		{Kind: simulator.LostAfter, Share: 0.1}, {Kind: simulator.HTML502, Share: 0.1}, {Kind: simulator.Error, Code: 131026, Share: 0.1},
		{Kind: simulator.Error, Code: 131016, Share: 0.2, Times: 5}, {Kind: simulator.Error, Code: 131050, Share: 0.1, Times: 3},
	}}, append(hooked(), "WACAST_APP_SECRET_PROOF=on")...)
	log := slog.New(slog.NewJSONHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	a, err := app.New(app.Options{Config: r.config(), Log: log, Roles: app.RoleAll, WorkerID: "one"})
	must(t, err)
	a.Start()
	t.Cleanup(func() { _ = a.Stop(context.Background()) })
	must(t, a.AwaitReady(t.Context(), patience))
	v := r.view()
	jobs := newJobs(numberA, "private", 0, 60)
	r.publish(jobs...)
	r.publishTraced(newJob(numberA, "private", 901))
	r.publishRaw(r.jobSubject(numberA, "private"), `{"v":1,"id":"bad","to":5491100000003}`)
	r.await(v, "private", ended(62))
	for i := range 10 {
		r.tell(a, jobs[i].Key(), 1)
	}
	r.await(v, "private", func(p *report.Progress) bool { return p.Sent > 0 })
	must(t, r.sim.SetFaults(nil))
	r.sim.ExpireToken("token-a")
	r.publish(newJob(numberA, "private", 902))
	r.eventually(func() (bool, string) { return strings.Contains(r.log.String(), `"msg":"stopped"`), "no stop" })
	shown := map[string]string{}
	_, shown["metrics"] = get(t, a, "/metrics")
	_, shown["health"] = get(t, a, "/readyz")
	reasons, err := v.Reasons(t.Context(), "private")
	must(t, err)
	progress, err := json.Marshal(r.await(v, "private", func(*report.Progress) bool { return true }))
	must(t, err)
	shown["answers"] = fmt.Sprint(reasons) + string(progress)
	must(t, a.Stop(context.Background()))
	shown["logs"] = r.log.String()
	c.mu.Lock()
	shown["spans"] = c.all.String()
	c.mu.Unlock()

	checkLines(t, shown["logs"])
	secrets := regexp.MustCompile(`54911\d{4,}|wamid\.|token-a|Emilia|` + regexp.QuoteMeta(hookSecret) + `|appsecret_proof=|` + whatsapp.AppSecretProof(hookSecret, "token-a"))
	for where, text := range shown {
		if text == "" {
			t.Errorf("%s: nothing is shown, so nothing is proved", where)
		}
		if found := secrets.FindString(text); found != "" {
			t.Errorf("%s show %q", where, found)
		}
	}
	if !strings.Contains(shown["logs"], `"trace_id":"`+traceID+`"`) {
		t.Error("no line has the trace of the job that has one")
	}
	if !strings.Contains(shown["spans"], "wacast send") || !strings.Contains(shown["spans"], "wacast status") {
		t.Errorf("spans are missing: %.300s", shown["spans"])
	}
}
