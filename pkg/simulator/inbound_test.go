package simulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/simulator"
)

// Anything can be posted, by the control API too, one thing or many.
func TestInbound(t *testing.T) {
	in := newInbox(t)
	s := hooked(t, in.URL, nil)
	var got struct{ IDs []string }
	ask := func(body string) []string {
		t.Helper()
		if status := control(t, s, http.MethodPost, "/_sim/inbound", body, &got); status != 200 {
			t.Fatalf("%s: %d", body, status)
		}
		return got.IDs
	}
	first := ask(`{"number":"` + number + `","from":"+44 7700 900456","text":"STOP"}`)
	ids := ask(`[{"number":"` + number + `","from":"` + person + `","button":"Yes","payload":"p","about":"wamid.x","id":"wamid.y"},
		{"number":"` + number + `","user_id":"GB.1","preference":"stop"},
		{"number":"` + number + `","from":"` + person + `","message":{"type":"button","from":"other","button":{"text":"t","payload":"ü"}}},
		{"waba":"100000000000001","field":"account_update","value":{"event":"ACCOUNT_DELETED","note":"ä\/\\/\u00e4"}}]`)
	settle(t, s)
	if len(first) != 1 || !strings.HasPrefix(first[0], "wamid.") || len(ids) != 4 || ids[0] != "wamid.y" || ids[1] != "" || ids[3] != "" {
		t.Errorf("ids %q, %q", first, ids)
	}
	want := []string{person + " writes STOP", person + " taps Yes (p)", "other taps t (ü)"}
	if diff := cmp.Diff(want, says(in.heard(t))); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	fields := make(map[string]int)
	for _, c := range in.changes(t) {
		fields[c.Field]++
	}
	if diff := cmp.Diff(map[string]int{"messages": 3, "user_preferences": 1, "account_update": 1}, fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	last := in.received()[len(in.received())-1].body
	if !strings.Contains(string(last), `{"event":"ACCOUNT_DELETED","note":"\u00e4\/\\\/\u00e4"}`) || !strings.Contains(string(last), `"time":`) {
		t.Errorf("%s", last)
	}
	if st := s.Webhooks(); st.Values["messages"] != 3 || st.Acknowledged != 5 {
		t.Errorf("stats %+v", st)
	}
}

func TestInboundRefuses(t *testing.T) {
	s := hooked(t, "", nil)
	for _, wrong := range []string{
		`{}`, `{"x":1}`, `[{"text":"a"}]`, `{"number":"1","from":"447700900456","text":"a"}`,
		`{"number":"` + number + `","text":"a"}`, `{"number":"` + number + `","from":"x","text":"a"}`,
		`{"number":"` + number + `","from":"1234567","text":"a","button":"b"}`, `{"number":"` + number + `","from":"1234567","preference":"maybe"}`,
		`{"number":"` + number + `","from":"1234567","moves_to":"home"}`, `{"number":"` + number + `","from":"1234567","message":[]}`,
		`{"number":"` + number + `","from":"1234567","text":"a","payload":"p"}`, `{"number":"` + number + `","from":"1234567","text":"a","delay":"-1s"}`,
		`{"field":"account_update"}`, `{"value":{}}`, `{"field":"x","value":{},"waba":"7"}`, `{"field":"x","value":{},"number":"7"}`,
	} {
		var answer map[string]string
		if got := control(t, s, http.MethodPost, "/_sim/inbound", wrong, &answer); got != http.StatusBadRequest || answer["error"] == "" {
			t.Errorf("%s: %d %v", wrong, got, answer)
		}
	}
	for _, wrong := range []string{`[{"share":2}]`, `[{"times":-1}]`, `[{"answers":[{}]}]`, `{}`} {
		if got := control(t, s, http.MethodPost, "/_sim/answers", wrong, nil); got != http.StatusBadRequest {
			t.Errorf("%s: %d", wrong, got)
		}
	}
	if st := s.Webhooks(); st.Updates != 0 {
		t.Errorf("stats %+v", st)
	}
	off := newServer(t, simulator.Config{})
	if _, err := off.Post(simulator.Inbound{}); err == nil || off.SetAnswers(nil) == nil || len(off.Answers()) != 0 {
		t.Error("without webhooks something is posted")
	}
	if _, err := simulator.New(simulator.Config{Webhook: simulator.Webhook{Secret: "s", Answers: []simulator.AnswerRule{{Share: -1}}}}); err == nil {
		t.Error("a wrong rule is accepted")
	}
}

// The rules are there to read, and change at run time.
func TestAnswersControl(t *testing.T) {
	in := newInbox(t)
	s := hooked(t, in.URL, answers(does(simulator.Answer{Text: "old"})))
	var rules []simulator.AnswerRule
	control(t, s, http.MethodPost, "/_sim/answers", `[{"share":0.99999,"answers":[{"button":"0","delay":"1ms","spread":"1ms","no_context":true}]}]`, nil)
	control(t, s, http.MethodGet, "/_sim/answers", "", &rules)
	want := []simulator.AnswerRule{{Share: 0.99999, Answers: []simulator.Answer{{
		Button: "0", NoContext: true, Delay: simulator.Duration(time.Millisecond), Spread: simulator.Duration(time.Millisecond),
	}}}}
	if diff := cmp.Diff(want, rules); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	post(t, s, path, visit(person, "c"))
	settle(t, s)
	got := in.heard(t)
	if len(got) != 1 || got[0].Button["payload"] != "p/ü" || got[0].Context != nil {
		t.Errorf("%+v", got)
	}
}

// A thousand people's messages fit one POST, signed and escaped; a receiver that
// was away gets them again, the same ones.
func TestInboundBatch(t *testing.T) {
	in := newInbox(t)
	in.answer = func(n int) int { return []int{503, 0, 200}[min(n, 2)] }
	s := hooked(t, in.URL, nil)
	paused := true
	if err := s.SetWebhooks(simulator.WebhookChange{Paused: &paused}); err != nil {
		t.Fatal(err)
	}
	all := make([]simulator.Inbound, 1000)
	for i := range all {
		all[i] = simulator.Inbound{Answer: simulator.Answer{Text: "¿Señor?"}, Number: number, From: fmt.Sprint(447700900000 + i)}
	}
	ids, err := s.Post(all...)
	if err != nil {
		t.Fatal(err)
	}
	paused = false
	if err := s.SetWebhooks(simulator.WebhookChange{Paused: &paused}); err != nil {
		t.Fatal(err)
	}
	settle(t, s)
	posts := in.received()
	if len(posts) != 3 || string(posts[0].body) != string(posts[2].body) || !strings.Contains(string(posts[0].body), `\u00bfSe\u00f1or?`) {
		t.Fatalf("%d POSTs, want three times the same", len(posts))
	}
	got := in.heard(t)
	for i, m := range got[2000:] {
		if m.ID != ids[i] || m.From != all[i].From {
			t.Fatalf("message %d is %+v", i, m)
		}
	}
}

// Statuses and messages share a POST.
func TestInboundAmongStatuses(t *testing.T) {
	in := newInbox(t)
	s := hooked(t, in.URL, answers(does(simulator.Answer{Button: "Yes"})))
	paused := true
	_ = s.SetWebhooks(simulator.WebhookChange{Paused: &paused})
	for i := range 3 {
		post(t, s, path, visit(person, fmt.Sprint(i)))
	}
	if err := s.SetTemplate("visit_confirm", simulator.TemplateChange{Status: "PAUSED"}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond) // all of them are due
	paused = false
	_ = s.SetWebhooks(simulator.WebhookChange{Paused: &paused})
	settle(t, s)
	if n := len(in.received()); n != 1 || len(in.statuses()) != 9 || len(in.heard(t)) != 3 || len(in.changes(t)) != 4 {
		t.Errorf("%d POSTs: %q, %q", n, in.statuses(), says(in.heard(t)))
	}
	var p struct {
		Entry []struct{ ID string }
	}
	if err := json.Unmarshal(in.received()[0].body, &p); err != nil || len(p.Entry) != 5 {
		t.Errorf("%v, %d entries", err, len(p.Entry))
	}
}
