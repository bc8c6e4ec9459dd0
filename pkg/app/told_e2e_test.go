package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/simulator"
)

// heardRig is an app with every role, which the platform tells of what happens.
func heardRig(t *testing.T, mps int, templates ...string) (*rig, *app.Operator) {
	t.Helper()
	sim := simulator.Config{MPS: mps, Webhook: simulator.Webhook{Secret: hookSecret, RetrySpeed: 50}}
	account := simulator.Account{WABA: simulator.DefaultWABA, Tokens: []string{"token-a"}, Numbers: []simulator.Number{{ID: numberA}}}
	for i, name := range templates {
		account.Templates = append(account.Templates, fmt.Appendf(nil,
			`{"id":"%d","name":%q,"language":"es_AR","status":"APPROVED","category":"UTILITY","components":[{"type":"BODY","text":"{{1}}, {{2}}"}]}`, i+1, name))
	}
	sim.Accounts = []simulator.Account{account}
	r := newRig(t, sim, "WACAST_WABA_ID="+simulator.DefaultWABA, "WACAST_APP_SECRET="+hookSecret, "WACAST_VERIFY_TOKEN=word", "WACAST_WEBHOOK_ADDR=127.0.0.1:0")
	url := "http://" + r.both().WebhookAddr() + "/webhook"
	if err := r.sim.SetWebhooks(simulator.WebhookChange{URL: &url}); err != nil {
		t.Fatal(err)
	}
	r.sim.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // what is still to be told is not waited for
		_ = r.sim.Stop(ctx)
	})
	return r, r.operator()
}

// taken is how much the platform took of a campaign.
func (r *rig) taken(o *app.Operator, campaign string) uint64 {
	r.t.Helper()
	p, err := o.Progress(r.t.Context(), campaign)
	if err != nil {
		r.t.Fatal(err)
	}
	return p.Accepted
}

// A template that the platform pauses in the middle of a campaign: its queue stops at
// the webhook and says why, another campaign of the number goes on, and the webhook
// that unpauses it lets it go on. Nothing is lost, nothing comes twice.
func TestTemplatePausedInTheMiddle(t *testing.T) {
	const n, mps = 600, 100
	r, o := heardRig(t, mps, "appointment", "reminder")
	jobs := newJobs(numberA, "paused", 0, n)
	others := newJobs(numberA, "others", 0, n)
	for _, j := range others {
		j.Template.Name = "reminder"
	}
	r.publish(append(jobs, others...)...)
	r.eventually(func() (bool, string) { return r.taken(o, "paused") > n/10 && r.taken(o, "others") > n/10, "not begun" })

	// The platform tells of it a while before it refuses, so that the webhook alone can
	// have stopped the queue.
	value := func(event, title string) json.RawMessage {
		return fmt.Appendf(nil, `{"event":%q,"message_template_id":1,"message_template_name":"appointment","message_template_language":"es_AR","reason":"NONE","other_info":{"title":%q}}`, event, title)
	}
	r.tells("message_template_status_update", value("PAUSED", "FIRST_PAUSE"))
	told := time.Now()
	var stop app.Status
	r.eventually(func() (bool, string) {
		s, err := o.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		stop = *s
		return len(s.Stopped) == 1, fmt.Sprintf("%+v", s.Stopped)
	})
	if s := stop.Stopped[0]; s.Scope != "template" || s.Reason != job.ReasonTemplateStatus || s.By != "platform" || s.Until.Before(told.Add(2*time.Hour)) {
		t.Errorf("stopped as %+v", s)
	}
	time.Sleep(time.Until(told.Add(time.Second))) // which the queue has to stop
	before, other := r.taken(o, "paused"), r.taken(o, "others")
	r.eventually(func() (bool, string) { return r.taken(o, "others") > other+mps/2, "the other campaign has stopped too" })
	if got := r.taken(o, "paused"); got > before+mps/20 {
		t.Errorf("%d messages after the queue should have stopped", got-before)
	}

	r.tells("message_template_status_update", value("APPROVED", "UNPAUSE"))
	resumed := time.Now()
	before = r.taken(o, "paused")
	r.eventually(func() (bool, string) { return r.taken(o, "paused") > before, "it does not go on" })
	if took := time.Since(resumed); took > 2*time.Second {
		t.Errorf("it went on %s after the webhook", took)
	}
	for _, id := range []string{"paused", "others"} {
		if p := r.await(o.View, id, ended(n)); p.Accepted != n {
			t.Errorf("%s: %+v, want %d accepted", id, p, n)
		}
		r.balanced(o, id, n)
	}
	if got := r.sim.Stats().Duplicates; got != 0 {
		t.Errorf("%d messages were sent twice", got)
	}
}

// tells posts a value as the platform does.
func (r *rig) tells(field string, value json.RawMessage) {
	r.t.Helper()
	if _, err := r.sim.Post(simulator.Inbound{WABA: simulator.DefaultWABA, Field: field, Value: value}); err != nil {
		r.t.Fatal(err)
	}
}

// Somebody writes STOP in the middle of a campaign: what is sent from a second later on
// is not for that person.
func TestStopCountsWithinASecond(t *testing.T) {
	const n, mps = 480, 80
	r, o := heardRig(t, mps, "appointment")
	jobs := newJobs(numberA, "stopped", 0, n)
	for i, j := range jobs {
		if i%4 == 0 { // 20 messages a second to the one
			j.To = jobs[0].To
		}
	}
	r.publish(jobs...)
	r.eventually(func() (bool, string) { return r.taken(o, "stopped") > mps, "not begun" })
	if _, err := r.sim.Post(simulator.Inbound{Number: numberA, From: string(jobs[0].To), Answer: simulator.Answer{Text: "STOP"}}); err != nil {
		t.Fatal(err)
	}
	said := time.Now()
	p := r.await(o.View, "stopped", ended(n))
	late, to := 0, 0
	for _, m := range r.sim.Messages(n) {
		if m.To != string(jobs[0].To) {
			continue
		}
		if to++; m.At.After(said.Add(time.Second)) {
			late++
		}
	}
	if late > 0 || p.Suppressed == 0 || p.Accepted+p.Suppressed != n || uint64(to) != n/4-p.Suppressed {
		t.Errorf("%d messages later than a second after STOP, %d in all; %+v", late, to, p)
	}
	r.balanced(o, "stopped", n)
}
