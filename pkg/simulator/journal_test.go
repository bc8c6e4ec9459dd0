package simulator_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/simulator"
)

// withoutAttempt is a DedupKey for tokens like job/attempt.
func withoutAttempt(token string) string {
	job, _, _ := strings.Cut(token, "/")
	return job
}

func TestDuplicates(t *testing.T) {
	clock := newManual()
	start := clock.now
	s := newServer(t, simulator.Config{DedupKey: withoutAttempt, Keep: 2, Clock: clock.Now})
	for _, token := range []string{"a/1", "b/1", "a/2", "c/1", "a/2", ""} {
		clock.now = clock.now.Add(time.Second)
		post(t, s, path, hello("447700900456", token))
	}
	post(t, s, path, hello("nobody", "b/1")) // refused: no duplicate
	st := s.Stats()
	got := []int64{st.Accepted, st.DuplicateTokens, st.Duplicates, st.WithoutToken, int64(st.DistinctTokens), int64(st.UniqueRecipients)}
	if diff := cmp.Diff([]int64{6, 1, 2, 1, 4, 1}, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	want := []simulator.Duplicate{{Key: "a", Tokens: []string{"a/2", "a/2"}, Count: 3, First: start.Add(time.Second), Last: start.Add(5 * time.Second)}}
	if diff := cmp.Diff(want, s.Duplicates()); diff != "" {
		t.Errorf("duplicates (-want +got):\n%s", diff)
	}
	if !st.First.Equal(start.Add(time.Second)) || !st.Last.Equal(start.Add(6*time.Second)) {
		t.Errorf("first %v, last %v", st.First, st.Last)
	}
	s.Reset()
	if st := s.Stats(); st.Requests != 0 || st.DistinctTokens != 0 || len(st.Numbers) != 0 || len(s.Duplicates()) != 0 || len(s.Messages(0)) != 0 {
		t.Errorf("after a reset: %+v", st)
	}
}

func TestMessages(t *testing.T) {
	cfg := strict(t)
	clock := newManual()
	cfg.Clock, cfg.Keep = clock.Now, 3
	s := newServer(t, cfg)
	for i := range 5 {
		post(t, s, path, strings.Replace(body("statement_ready", "en", texts("body", fmt.Sprint("Amina ", i))), `"to":`, fmt.Sprintf(`"biz_opaque_callback_data":"job-%d","to":`, i), 1))
	}
	kept := s.Messages(0)
	if len(kept) != 3 || kept[0].Token != "job-2" || kept[2].Token != "job-4" {
		t.Fatalf("kept %+v, want jobs 2 to 4", kept)
	}
	want := simulator.Message{
		Token: "job-4", Number: number, To: "+447700900456", Person: "447700900456",
		Template: "statement_ready", Language: "en", Body: "Dear Amina 4, your statement is ready.", At: clock.now,
	}
	got := kept[2]
	got.ID = ""
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
	if last := s.Messages(1); len(last) != 1 || last[0].Token != "job-4" {
		t.Errorf("the last message: %+v", last)
	}
}

func TestNamedBody(t *testing.T) {
	s := newServer(t, strict(t))
	post(t, s, path, string(readFile(t, "send/template_body_named_text.json")))
	if got, want := s.Messages(1)[0].Body, "Hello Amina, parcel PX-20417 is on its way. Thank you."; got != want {
		t.Errorf("body %q, want %q", got, want)
	}
}

// Ids are laid out as the platform's, and unique also after a restart.
func TestWamid(t *testing.T) {
	seen := make(map[string]bool)
	clock := newManual()
	for range 2 {
		clock.now = clock.now.Add(time.Nanosecond)
		s := newServer(t, simulator.Config{MPS: 1000, Clock: clock.Now})
		for range 500 {
			id := post(t, s, path, hello("+447700900456", "")).Messages[0].ID
			if seen[id] {
				t.Fatalf("id %s twice", id)
			}
			seen[id] = true
			raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(id, "wamid."))
			head := "\x1c\x18\x0c447700900456\x15\x02\x00\x11\x18\x12"
			if err != nil || !strings.HasPrefix(string(raw), head) || len(raw) != len(head)+19 || raw[len(raw)-1] != 0 {
				t.Fatalf("id %q (%v)", raw, err)
			}
		}
	}
}

func TestContacts(t *testing.T) {
	for input, want := range map[string]string{
		"+44 7700 900456": "447700900456",
		"+541155550100":   "5491155550100",
		"+5491155550100":  "5491155550100",
		"+525512345678":   "5215512345678",
		"+5531987654321":  "553187654321",
		"+5511987654321":  "5511987654321",
		"+5521987654321":  "5521987654321",
	} {
		got := post(t, newServer(t, simulator.Config{}), path, hello(input, ""))
		if c := got.Contacts[0]; c.Input != input || c.WaID != want {
			t.Errorf("%s: contact %+v, want wa_id %s", input, c, want)
		}
	}
	got := post(t, newServer(t, simulator.Config{}), path, envelope(`"recipient":"GB.123",`+helloTemplate))
	if c := got.Contacts[0]; c.UserID != "GB.123" || c.WaID != "" {
		t.Errorf("a user id: contact %+v", c)
	}
}

func TestHeaders(t *testing.T) {
	s := newServer(t, strict(t))
	got := post(t, s, path, hello("447700900456", "")).header
	for name, want := range map[string]string{
		"Content-Type":              "application/json; charset=UTF-8",
		"Facebook-Api-Version":      "v25.0",
		"X-Business-Use-Case-Usage": `{"100000000000001":[{"type":"whatsapp_business_management",`,
	} {
		if !strings.HasPrefix(got.Get(name), want) {
			t.Errorf("%s: %q, want %q", name, got.Get(name), want)
		}
	}
	var usage map[string][]map[string]any
	if err := s.SetFaults([]simulator.Rule{{Kind: simulator.Error, Code: 80007}}); err != nil {
		t.Fatal(err)
	}
	text := post(t, s, path, hello("447700900456", "")).header.Get("X-Business-Use-Case-Usage")
	if err := json.Unmarshal([]byte(text), &usage); err != nil || usage["100000000000001"][0]["estimated_time_to_regain_access"] != 1.0 {
		t.Errorf("usage %s (%v)", text, err)
	}
}

// control calls the control API.
func control(t *testing.T, s *simulator.Server, method, path, body string, into any) int {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	if into != nil {
		if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
			t.Fatalf("%s %s: %q: %v", method, path, w.Body, err)
		}
	}
	return w.Code
}

func TestControl(t *testing.T) {
	s := newServer(t, strict(t))
	if got := control(t, s, "GET", "/_sim/health", "", nil); got != http.StatusOK {
		t.Errorf("health: %d", got)
	}
	var rules []simulator.Rule
	control(t, s, "POST", "/_sim/faults", `[{"kind":"slow","delay":"1ms","share":0.5,"suffix":"00"}]`, &rules)
	if diff := cmp.Diff(s.Faults(), rules); diff != "" || time.Duration(rules[0].Delay) != time.Millisecond {
		t.Errorf("faults %+v:\n%s", rules, diff)
	}
	control(t, s, "GET", "/_sim/faults", "", &rules)
	if len(rules) != 1 {
		t.Errorf("faults %+v, want one", rules)
	}
	control(t, s, "PUT", "/_sim/numbers/"+number, `{"mps":1}`, nil)
	control(t, s, "POST", "/_sim/tokens", `{"access_token":"`+token+`","expired":true}`, nil)
	codes := []int{post(t, s, path, hello("447700900456", "x")).Error.Code}
	control(t, s, "POST", "/_sim/tokens", `{"access_token":"`+token+`"}`, nil)
	for range 2 {
		codes = append(codes, post(t, s, path, hello("447700900456", "x")).Error.Code)
	}
	if diff := cmp.Diff([]int{190, 0, 130429}, codes); diff != "" {
		t.Errorf("codes (-want +got):\n%s", diff)
	}
	var st simulator.Stats
	control(t, s, "GET", "/_sim/stats", "", &st)
	if diff := cmp.Diff(s.Stats(), st); diff != "" || st.Refused[130429] != 1 {
		t.Errorf("stats (-Stats +answer):\n%s", diff)
	}
	var messages []simulator.Message
	control(t, s, "GET", "/_sim/messages?limit=5", "", &messages)
	if len(messages) != 1 || messages[0].Token != "x" {
		t.Errorf("messages %+v", messages)
	}
	control(t, s, "POST", "/_sim/reset", "", nil)
	var duplicates []simulator.Duplicate
	control(t, s, "GET", "/_sim/duplicates", "", &duplicates)
	if len(duplicates) != 0 || s.Stats().Requests != 0 || s.Stats().Numbers[number].Accepted != 0 {
		t.Errorf("after the reset: %+v", s.Stats())
	}
}

func TestControlRefuses(t *testing.T) {
	s := newServer(t, strict(t))
	for _, tc := range [][3]string{
		{"POST", "/_sim/faults", `[{"kind":"flood"}]`},
		{"POST", "/_sim/faults", `[{"sort":"slow"}]`},
		{"POST", "/_sim/faults", `[{"kind":"slow","delay":5}]`},
		{"POST", "/_sim/tokens", `{}`},
		{"PUT", "/_sim/numbers/" + number, `{"mps":0}`},
		{"PUT", "/_sim/numbers/999", `{"mps":10}`},
		{"GET", "/_sim/messages?limit=all", ""},
	} {
		var answer map[string]string
		if got := control(t, s, tc[0], tc[1], tc[2], &answer); got != http.StatusBadRequest || answer["error"] == "" {
			t.Errorf("%v: %d %v", tc, got, answer)
		}
	}
	if got := control(t, s, "GET", "/_sim/nonesuch", "", nil); got != http.StatusNotFound {
		t.Errorf("an unknown path: %d, want 404", got)
	}
}

// Everything adds up when many send at once, and nobody is counted twice.
func TestConcurrentSends(t *testing.T) {
	const senders, each = 8, 200
	s := newServer(t, simulator.Config{MPS: 500, Keep: 10, Faults: []simulator.Rule{{Kind: simulator.Error, Code: 131000, Share: 0.2}}})
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for j := range each {
				post(t, s, path, hello("447700900456", fmt.Sprint(i, "-", j)))
			}
		})
	}
	for range 50 {
		s.Stats()
		s.Messages(5)
	}
	wg.Wait()
	st := s.Stats()
	if st.Requests != senders*each || st.Requests != st.Accepted+st.Refused[131000]+st.Refused[130429] || st.Duplicates != 0 || int64(st.DistinctTokens) != st.Accepted {
		t.Errorf("stats %+v", st)
	}
}
