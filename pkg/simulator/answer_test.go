package simulator_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/simulator"
)

const person = "447700900456"

// change is a change as a receiver reads it.
type change struct {
	Field string `json:"field"`
	Value struct {
		Contacts    []map[string]any `json:"contacts"`
		Messages    []heard          `json:"messages"`
		Preferences []map[string]any `json:"user_preferences"`

		Event    string          `json:"event"`
		Template json.RawMessage `json:"message_template_id"`
		Name     string          `json:"message_template_name"`
		Other    struct {
			Title string `json:"title"`
		} `json:"other_info"`
	} `json:"value"`
}

// heard is an inbound message as a receiver reads it.
type heard struct {
	From    string            `json:"from"`
	UserID  string            `json:"from_user_id"`
	ID      string            `json:"id"`
	Type    string            `json:"type"`
	Text    map[string]string `json:"text"`
	Button  map[string]string `json:"button"`
	Context map[string]string `json:"context"`
	System  map[string]string `json:"system"`
}

// says is a message in short.
func (h heard) says() string {
	switch h.Type {
	case "button":
		return fmt.Sprintf("%s taps %s (%s)", h.From, h.Button["text"], h.Button["payload"])
	case "text":
		return fmt.Sprintf("%s writes %s", h.From, h.Text["body"])
	case "system":
		return fmt.Sprintf("%s moves to %s", h.From, h.System["wa_id"])
	}
	return h.Type
}

// changes are those of all POSTs that are no statuses, as they came.
func (in *inbox) changes(t *testing.T) []change {
	t.Helper()
	var out []change
	for _, p := range in.received() {
		var envelope struct {
			Entry []struct {
				Changes []change `json:"changes"`
			} `json:"entry"`
		}
		if err := json.Unmarshal(p.body, &envelope); err != nil {
			t.Fatalf("%s: %v", p.body, err)
		}
		for _, e := range envelope.Entry {
			for _, c := range e.Changes {
				if c.Field != "messages" || len(c.Value.Messages) > 0 {
					out = append(out, c)
				}
			}
		}
	}
	return out
}

// heard are the inbound messages, as they came.
func (in *inbox) heard(t *testing.T) []heard {
	t.Helper()
	var out []heard
	for _, c := range in.changes(t) {
		out = append(out, c.Value.Messages...)
	}
	return out
}

func says(messages []heard) []string {
	var out []string
	for _, m := range messages {
		out = append(out, m.says())
	}
	return out
}

// visit is a send with two quick replies, the first with a payload.
func visit(to, callback string) string {
	out := body("visit_confirm", "en", texts("body", "Amina", "10:30")+","+button("quick_reply", `"0"`, `{"type":"payload","payload":"p/ü"}`))
	out = strings.Replace(out, `"to":"+`+person+`"`, `"to":"`+to+`"`, 1)
	return strings.TrimSuffix(out, "}") + `,"biz_opaque_callback_data":"` + callback + `"}`
}

// answers is a configuration with rules.
func answers(rules ...simulator.AnswerRule) func(*simulator.Config) {
	return func(c *simulator.Config) { c.Webhook.Answers = rules }
}

func does(all ...simulator.Answer) simulator.AnswerRule { return simulator.AnswerRule{Answers: all} }

func TestAnswers(t *testing.T) {
	ms := simulator.Duration(time.Millisecond)
	only := func(r simulator.AnswerRule, change func(*simulator.AnswerRule)) simulator.AnswerRule {
		change(&r)
		return r
	}
	yes, no, stop := simulator.Answer{Button: "Yes"}, simulator.Answer{Button: "1"}, simulator.Answer{Text: "STOP"}
	for name, tc := range map[string]struct {
		rules []simulator.AnswerRule
		want  []string
		kinds map[simulator.AnswerKind]int64
	}{
		"nobody":               {nil, nil, nil},
		"a payload":            {[]simulator.AnswerRule{does(yes)}, []string{person + " taps Yes (p/ü)"}, map[simulator.AnswerKind]int64{simulator.Tap: 1}},
		"no payload, by place": {[]simulator.AnswerRule{does(no)}, []string{person + " taps No (No)"}, map[simulator.AnswerKind]int64{simulator.Tap: 1}},
		"no such button":       {[]simulator.AnswerRule{does(simulator.Answer{Button: "Maybe"})}, nil, map[simulator.AnswerKind]int64{simulator.Unable: 1}},
		"another's payload": {[]simulator.AnswerRule{does(simulator.Answer{Button: "Maybe", Payload: "forged"})},
			[]string{person + " taps Maybe (forged)"}, map[simulator.AnswerKind]int64{simulator.Tap: 1}},
		"one after the other": {[]simulator.AnswerRule{does(simulator.Answer{Text: "Ж🙂/", Delay: 40 * ms}, yes)},
			[]string{person + " taps Yes (p/ü)", person + " writes Ж🙂/"}, map[simulator.AnswerKind]int64{simulator.Tap: 1, simulator.Text: 1}},
		"twice": {[]simulator.AnswerRule{does(simulator.Answer{Text: "STOP", Twice: true})},
			[]string{person + " writes STOP", person + " writes STOP"}, map[simulator.AnswerKind]int64{simulator.Text: 1}},
		"silence comes first": {[]simulator.AnswerRule{{}, does(yes)}, nil, map[simulator.AnswerKind]int64{simulator.Silent: 1}},
		"others": {[]simulator.AnswerRule{
			only(does(yes), func(r *simulator.AnswerRule) { r.Recipients = []string{"+1 202 555 0100"} }),
			only(does(yes), func(r *simulator.AnswerRule) { r.Template = "hello_world" }),
			only(does(yes), func(r *simulator.AnswerRule) { r.Number = "1" }),
			only(does(stop), func(r *simulator.AnswerRule) { r.Suffix = person[8:] }),
		}, []string{person + " writes STOP"}, map[simulator.AnswerKind]int64{simulator.Text: 1}},
		"a new number": {[]simulator.AnswerRule{does(simulator.Answer{MovesTo: "+44 7700 900789"})},
			[]string{person + " moves to 447700900789"}, map[simulator.AnswerKind]int64{simulator.NumberChange: 1}},
		"another message": {[]simulator.AnswerRule{does(simulator.Answer{Message: json.RawMessage(`{"type":"unsupported","errors":[{"code":131051}]}`)})},
			[]string{"unsupported"}, map[simulator.AnswerKind]int64{simulator.AnyMessage: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			in := newInbox(t)
			s := hooked(t, in.URL, answers(tc.rules...))
			sent := post(t, s, path, visit(person, "c"))
			if sent.status != 200 {
				t.Fatalf("%+v", sent.Error)
			}
			settle(t, s)
			got := in.heard(t)
			if diff := cmp.Diff(tc.want, says(got)); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
			for _, m := range got {
				if m.Type != "system" && m.Context["id"] != sent.Messages[0].ID || !strings.HasPrefix(m.ID, "wamid.") || m.ID == sent.Messages[0].ID {
					t.Errorf("%+v, want an answer to %s", m, sent.Messages[0].ID)
				}
			}
			st := s.Webhooks()
			if len(st.Answers) == 0 {
				st.Answers = nil
			}
			if diff := cmp.Diff(tc.kinds, st.Answers); diff != "" || st.Values["messages"] != int64(len(tc.want)) || st.Pending != 0 {
				t.Errorf("stats %+v (-want +got):\n%s", st, diff)
			}
		})
	}
}

// What people do has the shapes of the documented examples, field by field.
func TestAnswerEnvelope(t *testing.T) {
	for fixture, tc := range map[string]struct {
		answer        simulator.Answer
		without, with []string
	}{
		"message_button_stop_promotions": {answer: simulator.Answer{Button: "Yes"}},
		"message_text_stop":              {answer: simulator.Answer{Text: "STOP", NoContext: true}},
		"message_system_number_change":   {answer: simulator.Answer{MovesTo: "447700900789", Sparse: true}},
		"user_preferences_resume":        {answer: simulator.Answer{Preference: "resume"}},
	} {
		t.Run(fixture, func(t *testing.T) {
			in := newInbox(t)
			s := hooked(t, in.URL, func(c *simulator.Config) {
				c.Webhook.Answers = []simulator.AnswerRule{does(tc.answer)}
				c.Webhook.Faults = []simulator.WebhookRule{{Kind: simulator.Missing}}
			})
			post(t, s, path, visit(person, "c"))
			settle(t, s)
			sameShape(t, in.received()[0].body, fixture)
		})
	}
}

// sameShape compares a POST with a documented one.
func sameShape(t *testing.T, body []byte, fixture string) {
	t.Helper()
	var got, want any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	if err := json.Unmarshal(readFile(t, "webhook/"+fixture+".json"), &want); err != nil {
		t.Fatal(err)
	}
	has, should := make(map[string]bool), make(map[string]bool)
	leaves(got, "", has)
	leaves(want, "", should)
	if diff := cmp.Diff(should, has); diff != "" {
		t.Errorf("paths (-want +got):\n%s\n%s", diff, body)
	}
	if i := slices.IndexFunc(body, func(b byte) bool { return b > 126 }); i >= 0 {
		t.Errorf("byte %d is not ASCII: %s", i, body)
	}
}

// Shares add up, and pick the same messages in every run.
func TestAnswerShares(t *testing.T) {
	const sends = 4000
	rules := answers(
		simulator.AnswerRule{Share: 0.6, Answers: []simulator.Answer{{Button: "Yes"}}},
		simulator.AnswerRule{Share: 0.2, Answers: []simulator.Answer{{Button: "No"}}},
		simulator.AnswerRule{Share: 0.05, Times: 20, Answers: []simulator.Answer{{Text: "STOP"}}},
		simulator.AnswerRule{Template: "visit_confirm", Suffix: "9", Answers: []simulator.Answer{{Text: "?"}}},
	)
	run := func() map[simulator.AnswerKind]int64 {
		in := newInbox(t)
		s := hooked(t, in.URL, rules)
		for i := range sends {
			post(t, s, path, visit("44770090"+strconv.Itoa(1000+i), "c"+strconv.Itoa(i)))
		}
		settle(t, s)
		got := make(map[string]int)
		for _, m := range in.heard(t) {
			_, what, _ := strings.Cut(m.says(), " ")
			got[what]++
		}
		for what, share := range map[string]float64{"taps Yes (p/ü)": 0.6, "taps No (No)": 0.2} {
			if is := float64(got[what]) / sends; math.Abs(is-share) > 0.03 {
				t.Errorf("%.3f %s, want %.2f", is, what, share)
			}
		}
		if got["writes STOP"] != 20 {
			t.Errorf("%d STOPs, want 20", got["writes STOP"])
		}
		if is := float64(got["writes ?"]) / sends; is < 0.01 || is > 0.04 { // a tenth of the 0.15 to 0.2 that are left
			t.Errorf("%.3f others", is)
		}
		return s.Webhooks().Answers
	}
	if diff := cmp.Diff(run(), run()); diff != "" {
		t.Errorf("two runs differ:\n%s", diff)
	}
}

// Who goes by a user name has no number, and what is optional may be missing.
func TestAnswersOfPeople(t *testing.T) {
	const bsuid = "GB.13491208655302741918"
	byID := strings.Replace(visit(person, "c"), `"to":"`+person+`"`, `"recipient":"`+bsuid+`"`, 1)
	for name, tc := range map[string]struct {
		body     string
		answer   simulator.Answer
		from     string
		userID   string // a prefix
		contacts []string
	}{
		"number":         {visit(person, "c"), simulator.Answer{Text: "x"}, person, "ZZ.", []string{"profile", "user_id", "wa_id"}},
		"user id only":   {visit(person, "c"), simulator.Answer{Text: "x", UserIDOnly: true}, "", "ZZ.", []string{"profile", "user_id"}},
		"by user id":     {byID, simulator.Answer{Text: "x"}, "", bsuid, []string{"profile", "user_id"}},
		"sparse":         {visit(person, "c"), simulator.Answer{Text: "x", Sparse: true}, person, "", nil},
		"Brazil":         {visit("5531987654321", "c"), simulator.Answer{Text: "x"}, "553187654321", "ZZ.", []string{"profile", "user_id", "wa_id"}},
		"Mexico":         {visit("525512345678", "c"), simulator.Answer{Text: "x"}, "5215512345678", "ZZ.", []string{"profile", "user_id", "wa_id"}},
		"Argentina":      {visit("541155550100", "c"), simulator.Answer{Text: "x"}, "5491155550100", "ZZ.", []string{"profile", "user_id", "wa_id"}},
		"user id, tight": {byID, simulator.Answer{Text: "x", Sparse: true}, "", bsuid, nil},
	} {
		t.Run(name, func(t *testing.T) {
			in := newInbox(t)
			s := hooked(t, in.URL, answers(does(tc.answer)))
			post(t, s, path, tc.body)
			settle(t, s)
			c := in.changes(t)
			if len(c) != 1 || len(c[0].Value.Messages) != 1 {
				t.Fatalf("%+v", c)
			}
			m := c[0].Value.Messages[0]
			if m.From != tc.from || !strings.HasPrefix(m.UserID, tc.userID) || (m.UserID == "") != (tc.userID == "") {
				t.Errorf("from %q and %q, want %q and %q", m.From, m.UserID, tc.from, tc.userID)
			}
			var keys []string
			for _, one := range c[0].Value.Contacts {
				for key := range one {
					keys = append(keys, key)
				}
			}
			slices.Sort(keys)
			if diff := cmp.Diff(tc.contacts, keys); diff != "" {
				t.Errorf("contacts (-want +got):\n%s", diff)
			}
		})
	}
}
