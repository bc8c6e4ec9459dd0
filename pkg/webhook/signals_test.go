package webhook_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/recipient"
	"github.com/wacast/wacast/pkg/sender"
)

// What the platform tells stops just what it is about, and its end ends it; each is an
// event, and to be told again stops nothing again.
func TestSignals(t *testing.T) {
	r := newRig(t)
	r.start(nil)
	template := sender.TemplateTarget(waba, "sale_open", "en_US")
	paused := bytes.Replace(fixture(t, "template_status_unpaused"), []byte(`"APPROVED"`), []byte(`"PAUSED"`), 1)
	paused = bytes.Replace(paused, []byte(`"UNPAUSE"`), []byte(`"FIRST_PAUSE"`), 1)
	unpaused := bytes.Replace(fixture(t, "template_status_unpaused"), []byte("1790000000"), []byte("1790000100"), 1)
	r.post(paused)
	r.processed()
	eventually(t, "the template is stopped", func() bool { return !r.stops.Peek(template).OK || r.stops.Peek(template).Probe })
	if !r.stops.Peek(sender.TemplateTarget(waba, "other", "en_US")).OK || !r.stops.Peek(sender.Target{Scope: sender.ScopeAccount, Name: waba}).OK {
		t.Error("more is stopped than the template")
	}
	stop := r.stops.List()[0]
	if stop.Reason != job.ReasonTemplateStatus || stop.By != sender.ByPlatform || stop.WayBack != sender.BackTime || !stop.Until.Equal(begun.Add(3*time.Hour)) {
		t.Errorf("stopped as %+v", stop)
	}
	r.post(unpaused)
	r.processed()
	eventually(t, "the template goes on", func() bool { return r.stops.Peek(template).OK && !r.stops.Peek(template).Probe })
	r.post(append(paused, ' '))
	r.processed()
	if v := r.stops.Peek(template); !v.OK || v.Probe {
		t.Error("an old signal that was repeated has stopped the template again")
	}
	if got := len(r.heard("", job.TemplateChanged)); got != 2 {
		t.Errorf("%d events, want 2", got)
	}
	for kind, want := range map[string]float64{"stop": 1, "resume": 1, "note": 0} {
		if got := value(t, r.registry, "wacast_signals_total", kind); got != want {
			t.Errorf("%v signals %s, want %v", got, kind, want)
		}
	}
}

// A limit of the portfolio is taken over, and a number whose throughput was upgraded is
// asked about again.
func TestLimitSignals(t *testing.T) {
	r := newRig(t)
	if err := r.stops.SetLimit(t.Context(), number, sender.Limit{MPS: 80, Level: "STANDARD", Source: sender.SourceAPI}); err != nil {
		t.Fatal(err)
	}
	r.start(nil)
	upgrade := strings.Replace(string(fixture(t, "business_capability_update")), "business_capability_update", "phone_number_quality_update", 1)
	upgrade = strings.Replace(upgrade, `"value": {`, `"value": {"event":"THROUGHPUT_UPGRADE","display_phone_number":"447700900123",`, 1)
	r.post(fixture(t, "business_capability_update"), []byte(upgrade))
	r.processed()
	eventually(t, "the limit is known", func() bool { l, ok := r.stops.ToldPortfolio(waba); return ok && l.Recipients == 10_000 })
	eventually(t, "the number is asked about again", func() bool { l, _ := r.stops.Told(number); return l.MPS == 80 && time.Since(l.Since) > time.Hour })
}

// What failures say of recipients and of more is heeded; what arrived is no failure.
func TestFailures(t *testing.T) {
	failed := func(r *rig, id, code string) string {
		return strings.Replace(r.status(id, "failed", 1), "131026", code, 1)
	}
	who := recipient.Person{Number: "+" + person}
	r := newRig(t)
	for _, id := range []string{"a", "b", "c"} {
		r.accepted(id)
	}
	r.start(nil)
	r.post(webhookOf(failed(r, "a", "131050")), webhookOf(failed(r, "a", "131050")))
	r.processed()
	if got := strings.Join(r.heard("a", job.OptOut), " "); got != "opt_out////api/marketing" {
		t.Errorf("events: %s", got)
	}
	eventually(t, "the opt-out is known", func() bool { v := r.book.Check(who, number, true); return v.Reason == job.ReasonOptedOut })
	if !r.book.Check(who, number, false).OK {
		t.Error("what is no marketing is refused")
	}
	r.post(webhookOf(failed(r, "b", "131042")))
	r.processed()
	eventually(t, "the account is stopped", func() bool { return !r.stops.Peek(sender.Target{Scope: sender.ScopeAccount, Name: waba}).OK })
	if got := r.story("b"); got != "accepted failed@1" {
		t.Error(got)
	}
}

// Marketing waits after the platform has refused it, and nothing else does.
func TestHeldBack(t *testing.T) {
	r := newRig(t)
	who := recipient.Person{UserID: "GB.1"}
	r.accepted("a")
	r.start(nil)
	recent := strings.Replace(r.status("a", "failed", 1), "131026", "131049", 1)
	recent = strings.Replace(recent, "1790000001", "", 1) // then it counts from when it came
	r.post(webhookOf(recent))
	r.processed()
	eventually(t, "marketing waits", func() bool { return r.book.Check(who, number, true).Reason == job.ReasonMarketingHold })
	if !r.book.Check(who, number, false).OK {
		t.Error("what is no marketing waits too")
	}
}

// A preference is taken to its end once, and is known by every name of the person.
func TestPreferences(t *testing.T) {
	r := newRig(t)
	r.start(nil)
	who := recipient.Person{Number: "+" + person}
	resume := fixture(t, "user_preferences_resume")
	stop := bytes.Replace(bytes.Replace(resume, []byte(`"resume"`), []byte(`"stop"`), 1), []byte("1790000100"), []byte("1790000050"), 1)
	r.post(stop)
	r.processed()
	eventually(t, "marketing is stopped", func() bool { return !r.book.Check(who, number, true).OK })
	r.post(resume)
	r.processed()
	eventually(t, "marketing is resumed", func() bool { return r.book.Check(who, number, true).OK })
	r.post(append(stop, ' ')) // the platform repeats itself
	r.processed()
	if !r.book.Check(who, number, true).OK {
		t.Error("an old wish that was repeated counts again")
	}
	if got := strings.Join(r.heard("", job.OptOut, job.OptIn), " "); got != "opt_out////preferences/marketing opt_in////preferences/marketing" {
		t.Errorf("events: %s", got)
	}
	if got := value(t, r.registry, "wacast_webhook_updates_total", "duplicate"); got != 1 {
		t.Errorf("%v duplicates, want 1", got)
	}
}
