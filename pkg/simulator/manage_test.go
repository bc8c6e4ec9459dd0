package simulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/simulator"
)

const waba = "100000000000001"

// ask makes a request without a body and reads the answer.
func ask(t *testing.T, s *simulator.Server, method, path, bearer string) (int, map[string]any) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	var out map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		t.Fatalf("%s: %v: %s", path, err, w.Body)
	}
	return w.Code, out
}

func TestNode(t *testing.T) {
	s := newServer(t, strict(t))
	status, got := ask(t, s, "GET", "/v26.0/"+number+"?fields=verified_name,quality_rating,status,throughput", token)
	want := map[string]any{
		"id": number, "verified_name": "Simulated number", "quality_rating": "GREEN", "status": "CONNECTED", "throughput": map[string]any{"level": "STANDARD"},
	}
	if diff := cmp.Diff(want, got); status != 200 || diff != "" {
		t.Errorf("%d (-want +got):\n%s", status, diff)
	}
	for _, level := range []struct {
		mps  int
		name string
	}{{20, "STANDARD"}, {500, "NOT_APPLICABLE"}, {1000, "HIGH"}} {
		if err := s.SetMPS(number, level.mps); err != nil {
			t.Fatal(err)
		}
		_, got := ask(t, s, "GET", "/"+number+"?fields=throughput,whatsapp_business_manager_messaging_limit", token)
		want := map[string]any{"id": number, "throughput": map[string]any{"level": level.name}, "whatsapp_business_manager_messaging_limit": "TIER_UNLIMITED"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d a second (-want +got):\n%s", level.mps, diff)
		}
	}
	if err := s.SetNumber(number, "RED", "BANNED"); err != nil {
		t.Fatal(err)
	}
	_, got = ask(t, s, "GET", "/"+number+"?fields=quality_rating,status,throughput", token)
	want = map[string]any{"id": number, "quality_rating": "RED", "status": "BANNED", "throughput": map[string]any{"level": "HIGH"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	if _, got = ask(t, s, "GET", "/"+waba+"?fields=name", token); got["name"] != "Simulated account" {
		t.Errorf("account %v", got)
	}
}

func TestManagementRefusals(t *testing.T) {
	s := newServer(t, strict(t))
	tests := []struct {
		name, method, path, token string
		code, subcode             float64
	}{
		{"no token", "GET", "/" + number, "", 104, 0},
		{"an unknown token", "GET", "/" + number, "other", 190, 0},
		{"a real token", "GET", "/debug_token?input_token=x", "EAAreal", 190, 0},
		{"an unknown id", "GET", "/999999999999999", token, 100, 33},
		{"an unknown account", "GET", "/999999999999999/message_templates", token, 100, 33},
		{"a number is no account", "GET", "/" + number + "/phone_numbers", token, 100, 33},
		{"an unknown field", "GET", "/" + number + "?fields=colour", token, 100, 0},
		{"an unknown field of a template", "GET", "/" + waba + "/message_templates?fields=colour", token, 100, 0},
		{"an unknown edge", "GET", "/" + waba + "/colours", token, 2500, 0},
		{"a change that is not simulated", "POST", "/" + number, token, 100, 33},
		{"an invalid cursor", "GET", "/" + waba + "/message_templates?after=x", token, 131059, 0},
		{"a limit of nothing", "GET", "/" + waba + "/message_templates?limit=0", token, 100, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, got := ask(t, s, tt.method, tt.path, tt.token)
			e, _ := got["error"].(map[string]any)
			subcode, _ := e["error_subcode"].(float64)
			if status/100 != 4 || e["code"] != tt.code || subcode != tt.subcode {
				t.Errorf("%d %v", status, got)
			}
		})
	}
}

// Whatever the page size, following next lists every template once, and following
// previous lists them backwards.
func TestTemplatePages(t *testing.T) {
	s := newServer(t, strict(t))
	_, whole := ask(t, s, "GET", "/"+waba+"/message_templates?limit=1000&fields=name,language", token)
	want := whole["data"].([]any)
	if len(want) < 6 || whole["paging"].(map[string]any)["next"] != nil {
		t.Fatalf("%d templates, %v", len(want), whole["paging"])
	}
	for _, limit := range []int{1, 2, 4, len(want) - 1, len(want)} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			path := fmt.Sprintf("/v26.0/%s/message_templates?fields=name,language&limit=%d", waba, limit)
			var all []any
			var page map[string]any
			for path != "" {
				_, page = ask(t, s, "GET", path, token)
				all = append(all, page["data"].([]any)...)
				path, _ = page["paging"].(map[string]any)["next"].(string)
			}
			if diff := cmp.Diff(want, all); diff != "" {
				t.Errorf("forwards (-want +got):\n%s", diff)
			}
			back := page["data"].([]any)
			for path, _ = page["paging"].(map[string]any)["previous"].(string); path != ""; {
				_, page = ask(t, s, "GET", path, token)
				back = append(page["data"].([]any), back...)
				path, _ = page["paging"].(map[string]any)["previous"].(string)
			}
			if diff := cmp.Diff(want, back); diff != "" {
				t.Errorf("backwards (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTemplateList(t *testing.T) {
	s := newServer(t, strict(t))
	_, got := ask(t, s, "GET", "/"+waba+"/message_templates?name=new_collection", token)
	one := got["data"].([]any)[0].(map[string]any)
	if one["id"] != "1304694804498707" || one["status"] != "PAUSED" || one["components"] == nil {
		t.Errorf("template %v", one)
	}
	if _, got = ask(t, s, "GET", "/"+waba+"/message_templates?status=paused", token); len(got["data"].([]any)) != 1 {
		t.Errorf("paused: %v", got)
	}
	if _, got = ask(t, s, "GET", "/"+waba+"/message_templates?name=nobody", token); len(got["data"].([]any)) != 0 || got["paging"] != nil {
		t.Errorf("nothing: %v", got)
	}
}

func TestDebugToken(t *testing.T) {
	clock := newManual()
	cfg := strict(t)
	cfg.Clock, cfg.Accounts[0].Tokens = clock.Now, []string{token, "other"}
	s := newServer(t, cfg)
	look := func() map[string]any {
		_, got := ask(t, s, "GET", "/v26.0/debug_token?input_token=other", token)
		return got["data"].(map[string]any)
	}
	if got := look(); got["is_valid"] != true || got["expires_at"] != 0.0 {
		t.Errorf("for ever: %v", got)
	}
	at := clock.now.Add(time.Hour)
	s.ExpireTokenAt("other", at)
	if got := look(); got["is_valid"] != true || got["expires_at"] != float64(at.Unix()) {
		t.Errorf("for an hour: %v", got)
	}
	clock.now = at
	if got := look(); got["is_valid"] != false || got["error"].(map[string]any)["subcode"] != 463.0 {
		t.Errorf("expired: %v", got)
	}
}

func TestSubscribedApps(t *testing.T) {
	cfg := strict(t)
	cfg.Accounts[0].Apps = []string{"Acme"}
	s := newServer(t, cfg)
	apps := func() (names []string) {
		_, got := ask(t, s, "GET", "/"+waba+"/subscribed_apps", token)
		for _, entry := range got["data"].([]any) {
			names = append(names, entry.(map[string]any)["whatsapp_business_api_data"].(map[string]any)["name"].(string))
		}
		return names
	}
	if diff := cmp.Diff([]string{"Acme"}, apps()); diff != "" {
		t.Error(diff)
	}
	for range 2 { // subscribing twice changes nothing
		if status, got := ask(t, s, "POST", "/"+waba+"/subscribed_apps", token); status != 200 || got["success"] != true {
			t.Errorf("subscribe: %d %v", status, got)
		}
	}
	if diff := cmp.Diff([]string{"Acme", "Simulated app"}, apps()); diff != "" {
		t.Error(diff)
	}
	ask(t, s, "DELETE", "/"+waba+"/subscribed_apps", token)
	if diff := cmp.Diff([]string{"Acme"}, apps()); diff != "" {
		t.Error(diff)
	}
}

// Without accounts every id is a number, and an account when it is asked as one.
func TestManagementOfAnybody(t *testing.T) {
	s := newServer(t, simulator.Config{})
	if _, got := ask(t, s, "GET", "/123?fields=name", "any"); got["name"] != "Simulated account" || got["id"] != "123" {
		t.Errorf("account %v", got)
	}
	if _, got := ask(t, s, "GET", "/123/phone_numbers", "any"); len(got["data"].([]any)) != 0 {
		t.Errorf("numbers before any was used: %v", got)
	}
	ask(t, s, "GET", "/456?fields=verified_name", "any")
	_, got := ask(t, s, "GET", "/123/phone_numbers?fields=id", "any")
	if diff := cmp.Diff([]any{map[string]any{"id": "456"}}, got["data"]); diff != "" {
		t.Errorf("numbers (-want +got):\n%s", diff)
	}
}

func TestTestNumber(t *testing.T) {
	cfg := strict(t)
	cfg.TestRecipients = []string{"+44 7700 900456"}
	s := newServer(t, cfg)
	for to, want := range map[string]int{"447700900456": 0, "+44 (7700) 900-456": 0, "+447700900455": 131030} {
		if got := post(t, s, path, hello(to, "x")); got.Error.Code != want {
			t.Errorf("to %s: code %d, want %d", to, got.Error.Code, want)
		}
	}
	if _, err := simulator.New(simulator.Config{TestRecipients: strings.Fields("+1 +2 +3 +4 +5 +6")}); err == nil {
		t.Error("six test recipients are taken")
	}
	if _, err := simulator.New(simulator.Config{TestRecipients: []string{"Amina"}}); err == nil {
		t.Error("a name is taken for a number")
	}
}

func TestUnregisteredNumber(t *testing.T) {
	s := newServer(t, strict(t))
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/_sim/numbers/"+number, strings.NewReader(`{"status":"PENDING","quality":"YELLOW"}`))
	w := httptest.NewRecorder()
	if s.ServeHTTP(w, r); w.Code != 200 {
		t.Fatal(w.Body)
	}
	if got := post(t, s, path, hello("447700900456", "x")); got.Error.Code != 133010 {
		t.Errorf("answer %+v", got.Error)
	}
	_, got := ask(t, s, "GET", "/"+number+"?fields=health_status,quality_rating", token)
	if health := got["health_status"].(map[string]any); health["can_send_message"] != "BLOCKED" || got["quality_rating"] != "YELLOW" {
		t.Errorf("number %v", got)
	}
}
