package simulator_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/simulator"
)

// A template that the platform stops is refused from then on, and a webhook tells.
func TestTemplateChange(t *testing.T) {
	for name, tc := range map[string]struct {
		changes []string
		code    int
		posts   []string // field, event and title
		fixture string
	}{
		"paused":       {[]string{`{"status":"paused"}`}, 132015, []string{"message_template_status_update PAUSED FIRST_PAUSE"}, "template_status_unpaused"},
		"paused again": {[]string{`{"status":"PAUSED","title":"SECOND_PAUSE"}`}, 132015, []string{"message_template_status_update PAUSED SECOND_PAUSE"}, ""},
		"unpaused": {[]string{`{"status":"PAUSED","silent":true}`, `{"status":"APPROVED","language":"en"}`}, 0,
			[]string{"message_template_status_update APPROVED UNPAUSE"}, "template_status_unpaused"},
		"disabled":    {[]string{`{"status":"DISABLED"}`}, 132016, []string{"message_template_status_update DISABLED DISABLED"}, "template_status_disabled"},
		"rejected":    {[]string{`{"status":"REJECTED"}`}, 132001, []string{"message_template_status_update REJECTED "}, ""},
		"low quality": {[]string{`{"quality":"RED"}`}, 0, []string{"message_template_quality_update  "}, "template_quality_update"},
		"category":    {[]string{`{"category":"MARKETING","waba":"100000000000001"}`}, 0, []string{"template_category_update  "}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			in := newInbox(t)
			s := hooked(t, in.URL, func(c *simulator.Config) { c.Webhook.Faults = []simulator.WebhookRule{{Kind: simulator.Missing}} })
			for _, c := range tc.changes {
				if got := control(t, s, http.MethodPost, "/_sim/templates/visit_confirm", c, nil); got != 200 {
					t.Fatalf("%s: %d", c, got)
				}
			}
			if got := post(t, s, path, visit(person, "c")).Error.Code; got != tc.code {
				t.Errorf("a send gets %d, want %d", got, tc.code)
			}
			if got := post(t, s, path, hello(person, "c")); got.status != 200 {
				t.Errorf("another template gets %+v", got.Error)
			}
			settle(t, s)
			var got []string
			for _, c := range in.changes(t) {
				got = append(got, strings.Join([]string{c.Field, c.Value.Event, c.Value.Other.Title}, " "))
				if c.Value.Name != "visit_confirm" || len(c.Value.Template) < 15 || c.Value.Template[0] == '"' {
					t.Errorf("%+v", c)
				}
			}
			if diff := cmp.Diff(tc.posts, got); diff != "" {
				t.Errorf("webhooks (-want +got):\n%s", diff)
			}
			if tc.fixture != "" {
				sameShape(t, in.received()[0].body, tc.fixture)
			}
		})
	}
}

func TestTemplateChangeIsListed(t *testing.T) {
	s := newServer(t, strict(t)) // without webhooks
	if err := s.SetTemplate("visit_confirm", simulator.TemplateChange{Status: "PAUSED", Quality: "red"}); err != nil {
		t.Fatal(err)
	}
	status, got := ask(t, s, http.MethodGet, "/v25.0/100000000000001/message_templates?name=visit_confirm&status=paused&fields=status,quality_score", token)
	want := map[string]any{"id": "", "status": "PAUSED", "quality_score": map[string]any{"score": "RED"}}
	list := got["data"].([]any)
	list[0].(map[string]any)["id"] = ""
	if diff := cmp.Diff([]any{want}, list); diff != "" || status != 200 {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	for _, wrong := range []simulator.TemplateChange{{}, {Status: "PAUSED", Language: "xx"}, {Status: "PAUSED", WABA: "1"}} {
		if err := s.SetTemplate("visit_confirm", wrong); err == nil {
			t.Errorf("%+v is accepted", wrong)
		}
	}
}

// An upgrade refuses messages for a while; then the number has its new throughput,
// and a webhook tells.
func TestUpgrade(t *testing.T) {
	in, clock := newInbox(t), newManual()
	s := hooked(t, in.URL, func(c *simulator.Config) {
		c.Clock, c.MPS = clock.Now, 1
		c.Webhook.Faults = []simulator.WebhookRule{{Kind: simulator.Missing}}
	})
	if got := control(t, s, http.MethodPost, "/_sim/numbers/"+number+"/upgrade", `{"mps":1000,"maintenance":"20ms"}`, nil); got != 200 {
		t.Fatal(got)
	}
	if got := post(t, s, path, hello(person, "a")).Error.Code; got != 131057 {
		t.Errorf("meanwhile %d, want 131057", got)
	}
	settle(t, s)
	clock.now = clock.now.Add(20 * time.Millisecond)
	for range 1000 {
		if got := post(t, s, path, hello(person, "")); got.status != 200 {
			t.Fatalf("then %+v", got.Error)
		}
	}
	if got := post(t, s, path, hello(person, "")).Error.Code; got != 130429 {
		t.Errorf("message 1,001 gets %d, want 130429", got)
	}
	if _, node := ask(t, s, http.MethodGet, "/v25.0/"+number+"?fields=throughput", token); node["throughput"].(map[string]any)["level"] != "HIGH" {
		t.Errorf("%v", node)
	}
	c := in.changes(t)
	if len(c) != 1 || c[0].Field != "phone_number_quality_update" || c[0].Value.Event != "THROUGHPUT_UPGRADE" {
		t.Errorf("webhooks %+v", c)
	}
	for _, wrong := range [][2]string{{"7", `{"mps":80}`}, {number, `{}`}, {number, `{"mps":80,"maintenance":"-1s"}`}, {number, `{"to":80}`}} {
		if got := control(t, s, http.MethodPost, "/_sim/numbers/"+wrong[0]+"/upgrade", wrong[1], nil); got != http.StatusBadRequest {
			t.Errorf("%v: %d", wrong, got)
		}
	}
}

// What is held goes on after a while, or is dropped; nobody answers before.
func TestHeldMessages(t *testing.T) {
	for name, tc := range map[string]struct {
		code int
		want []string
		says []string
	}{
		"released": {0, []string{"c sent", "c delivered", "c read"}, []string{person + " writes ok"}},
		"dropped":  {132015, []string{"c failed"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			in := newInbox(t)
			s := hooked(t, in.URL, func(c *simulator.Config) {
				c.Faults = []simulator.Rule{{Kind: simulator.Held, Delay: simulator.Duration(50 * time.Millisecond), Code: tc.code}}
				c.Webhook.Answers = []simulator.AnswerRule{does(simulator.Answer{Text: "ok"})}
			})
			began := time.Now()
			post(t, s, path, visit(person, "c"))
			settle(t, s)
			if took := time.Since(began); took < 50*time.Millisecond {
				t.Errorf("the first webhook came after %v", took)
			}
			if diff := cmp.Diff(tc.want, in.statuses()); diff != "" {
				t.Errorf("statuses (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.says, says(in.heard(t))); diff != "" {
				t.Errorf("answers (-want +got):\n%s", diff)
			}
			for _, p := range in.received() {
				for _, u := range p.updates {
					if tc.code != 0 && (len(u.Errors) != 1 || u.Errors[0].Code != tc.code) {
						t.Errorf("%s", p.body)
					}
				}
			}
		})
	}
}

// Some codes befall marketing only, and marketing to the United States always fails.
func TestMarketingOnly(t *testing.T) {
	sale := func(to string) string {
		return strings.Replace(body("sale_open", "en", texts("body", "Amina", "it")), `"to":"+`+person+`"`, `"to":"`+to+`"`, 1)
	}
	failed := func(code int) []simulator.WebhookRule {
		return []simulator.WebhookRule{{Kind: simulator.Failed, Code: code}}
	}
	for name, tc := range map[string]struct {
		rules []simulator.WebhookRule
		body  string
		code  int // 0: read
	}{
		"too much, utility":        {failed(131049), hello(person, ""), 0},
		"too much, marketing":      {failed(131049), sale(person), 131049},
		"stopped, utility":         {failed(131050), hello(person, ""), 0},
		"stopped, marketing":       {failed(131050), sale(person), 131050},
		"undeliverable, utility":   {failed(131026), hello(person, ""), 131026},
		"undeliverable, marketing": {failed(131026), sale(person), 131026},
		"marketing":                {nil, sale(person), 0},
		"marketing in the US":      {nil, sale("12025550100"), 131049},
		"marketing in Canada":      {nil, sale("14165550100"), 0},
		"marketing in Jamaica":     {nil, sale("18765550100"), 0},
		"utility in the US":        {nil, hello("12025550100", ""), 0},
		"another code in the US":   {failed(131026), sale("12025550100"), 131026},
	} {
		t.Run(name, func(t *testing.T) {
			in := newInbox(t)
			s := hooked(t, in.URL, rules(tc.rules...))
			if got := post(t, s, path, tc.body); got.status != 200 {
				t.Fatalf("%+v", got.Error)
			}
			settle(t, s)
			posts := in.received()
			updates := posts[len(posts)-1].updates
			last := updates[len(updates)-1]
			switch {
			case tc.code == 0 && last.Status != "read":
				t.Errorf("%+v, want read", last)
			case tc.code != 0 && (last.Status != "failed" || last.Errors[0].Code != tc.code):
				t.Errorf("%+v, want failed with %d", last, tc.code)
			}
		})
	}
}

// Statuses may tell no number, or nothing that is optional.
func TestWebhookOmissions(t *testing.T) {
	for name, tc := range map[string]struct {
		rules   []simulator.WebhookRule
		lacks   []string
		has     []string
		fixture string
	}{
		"numberless": {rules: []simulator.WebhookRule{{Kind: simulator.Numberless}},
			lacks: []string{"wa_id", `"recipient_id`}, has: []string{`"recipient_user_id":"ZZ.`, `"user_id":"ZZ.`, "pricing"}},
		"sparse": {rules: []simulator.WebhookRule{{Kind: simulator.Sparse}},
			lacks: []string{"contacts", "recipient_user_id", "pricing"}, has: []string{`"recipient_id":"` + person + `"`}},
		"sparse, failed": {rules: []simulator.WebhookRule{{Kind: simulator.Sparse}, {Kind: simulator.Failed, Code: 131026, Statuses: []string{"sent"}}},
			lacks: []string{"href"}, fixture: "status_failed_minimal"},
	} {
		t.Run(name, func(t *testing.T) {
			in := newInbox(t)
			s := hooked(t, in.URL, rules(tc.rules...))
			post(t, s, path, hello(person, ""))
			settle(t, s)
			text := string(in.received()[0].body)
			if !json.Valid([]byte(text)) {
				t.Fatal(text)
			}
			for _, word := range tc.lacks {
				if strings.Contains(text, word) {
					t.Errorf("%q is in %s", word, text)
				}
			}
			for _, word := range tc.has {
				if !strings.Contains(text, word) {
					t.Errorf("%q is not in %s", word, text)
				}
			}
			if tc.fixture != "" {
				sameShape(t, []byte(text), tc.fixture)
			}
		})
	}
}
