package webhook_test

import (
	"bytes"
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/webhook"
)

// What is told too late is on record, once, and stops nothing; a restriction whose end
// is to come still does.
func TestToldTooLate(t *testing.T) {
	r := newRig(t)
	for _, id := range []string{"a", "b", "c", "d"} {
		r.accepted(id)
	}
	r.start(func(c *webhook.ProcessorConfig) { c.Now = func() time.Time { return begun.Add(2 * time.Hour) } })
	late := func(id, code string) []byte {
		return webhookOf(strings.Replace(r.status(id, "failed", 1), "131026", code, 1))
	}
	r.post(late("a", "131042"), late("b", "131042"), late("c", "132015"), late("d", "99"), fixture(t, "account_update_disabled"))
	r.processed()
	if stops := r.stops.List(); len(stops) != 0 {
		t.Errorf("stopped: %+v", stops)
	}
	for kind, want := range map[job.Kind]int{job.AccountChanged: 2, job.TemplateChanged: 1} { // a and b say the same
		got := r.heard("", kind)
		if len(got) != want || !strings.Contains(strings.Join(got, ""), "told too late") {
			t.Errorf("%s: %q, want %d", kind, got, want)
		}
	}
	if got := r.story("b"); got != "accepted failed@1" {
		t.Error(got)
	}
	for kind, want := range map[string]float64{"stop": 0, "note": 3} {
		if got := value(t, r.registry, "wacast_signals_total", kind); got != want {
			t.Errorf("%v signals %s, want %v", got, kind, want)
		}
	}
	ends := inField("account_update", `{"event":"ACCOUNT_RESTRICTION","restriction_info":[{"restriction_type":"RESTRICTED_BIZ_INITIATED_MESSAGING","expiration":1790086400}]}`)
	r.post([]byte(ends))
	r.processed()
	eventually(t, "the account is restricted", func() bool { return len(r.stops.List()) == 1 })
}

// Failures are counted by their codes, each once, in series that are there from the
// start.
func TestFailuresAreCounted(t *testing.T) {
	r := newRig(t)
	r.metrics.Add(number)
	failures := r.failures
	for _, code := range []string{"131026", "131049", "132015"} {
		if got := failures(code); got != 0 {
			t.Errorf("%s: %v at the start", code, got)
		}
	}
	for _, id := range []string{"a", "b", "c", "d"} {
		r.accepted(id)
	}
	r.start(nil)
	unknown := []byte(strings.Replace(string(webhookOf(r.status("c", "failed", 1))), "131026", "77", 1))
	none := bytes.Replace(webhookOf(r.status("d", "failed", 1)), []byte(`"errors":[{"code":131026,"title":"Message undeliverable","error_data":{"details":"Message Undeliverable."}}]`), []byte(`"errors":[]`), 1)
	twice := webhookOf(r.status("a", "failed", 1))
	r.post(twice, twice, webhookOf(r.status("b", "failed", 2)), unknown, none)
	r.processed()
	for code, want := range map[string]float64{"131026": 2, "other": 2, "131049": 0} {
		eventually(t, code, func() bool { return failures(code) == want })
	}
}

// A template's new category is known everywhere at once; of one that is about to change
// it is the one that it has.
func TestTemplateCategory(t *testing.T) {
	r := newRig(t)
	r.start(nil)
	other := sender.NewStops(r.senders, "another", r.logger())
	go func() { _ = other.Run(t.Context()) }()
	at := func(second string, rest string) []byte {
		told := inField("template_category_update", `{"message_template_name":"sale_open","message_template_language":"en_US",`+rest+`}`)
		return bytes.Replace([]byte(told), []byte("1790000000"), []byte("17900000"+second), 1)
	}
	category := func(want string) {
		t.Helper()
		eventually(t, want, func() bool { return other.Category(waba, "sale_open", "en_US") == want })
	}
	impending := at("10", `"new_category":"UTILITY","correct_category":"MARKETING","category_update_timestamp":1790086400`)
	r.post(impending)
	r.processed()
	category("UTILITY")
	r.post(at("20", `"previous_category":"UTILITY","new_category":"MARKETING"`))
	r.processed()
	category("MARKETING")
	r.post(append(impending, ' ', ' '), at("15", `"new_category":"UTILITY"`)) // what is older changes nothing
	r.processed()
	category("MARKETING")
	if got := other.Category(waba, "sale_open", "es"); got != "" {
		t.Errorf("another language is %s", got)
	}
}

// failures is how many failures of the number have a code; -1 without such a series.
func (r *rig) failures(code string) float64 {
	r.tb.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		r.tb.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			l := m.GetLabel() // code, sender
			if family.GetName() == "wacast_webhook_failures_total" && l[0].GetValue() == code && l[1].GetValue() == number {
				return m.GetCounter().GetValue()
			}
		}
	}
	return -1
}

// taker counts the slots that are asked for.
type taker struct{ asked atomic.Int64 }

func (t *taker) Take(_ context.Context, want map[string]int) (map[string]int, error) {
	t.asked.Add(int64(want[number]))
	return want, nil
}

// Each message that comes in asks for a slot of its number once; statuses, and what is
// another number's, do not.
func TestMessagesAskForRoom(t *testing.T) {
	r, room := newRig(t), new(taker)
	r.accepted("a")
	r.start(func(c *webhook.ProcessorConfig) { c.Room = room })
	foreign := bytes.Replace(written(said("9", 5, text("hi"))), []byte(number), []byte("999"), 1)
	r.post(written(said("1", 5, text("hi")), said("2", 6, text("hi")), said("2", 6, text("hi"))), foreign, webhookOf(r.status("a", "sent", 1)))
	r.processed()
	eventually(t, "two slots are asked for", func() bool { return room.asked.Load() == 2 })
}
