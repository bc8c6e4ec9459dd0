package whatsapp

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	testWABA   = "100000000000001"
	testNumber = "100000000000101"
)

// graph is a server that answers GETs, and a client of it.
func graph(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return newClient(t, Config{BaseURL: server.URL})
}

// answers plays a fixture.
func answers(t *testing.T, w http.ResponseWriter, folder, name string) {
	t.Helper()
	status, header, body := loadAnswer(t, folder, name)
	for k := range header {
		w.Header().Set(k, header.Get(k))
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func names(t *testing.T, raws []json.RawMessage) []string {
	t.Helper()
	var list []string
	for _, raw := range raws {
		var head struct{ Name string }
		if err := json.Unmarshal(raw, &head); err != nil {
			t.Fatal(err)
		}
		list = append(list, head.Name)
	}
	return list
}

func TestTemplatesReadsEveryPage(t *testing.T) {
	c := graph(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.URL.Path != "/v26.0/"+testWABA+"/message_templates" || r.Header.Get("Authorization") != "Bearer "+testToken || !strings.Contains(q.Get("fields"), "components") {
			t.Errorf("%s %s", r.Method, r.URL.Path)
		}
		switch q.Get("after") {
		case "":
			answers(t, w, "template", "list_page_first")
		case "NAZDZD":
			answers(t, w, "template", "list_page_last")
		default:
			t.Errorf("after %q", q.Get("after"))
		}
	})
	got, err := c.Templates(t.Context(), testWABA, testToken)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"parcel_update", "parcel_update_named", "new_collection", "login_code", "sale_open", "hello_world"}
	if diff := cmp.Diff(want, names(t, got)); diff != "" {
		t.Errorf("templates (-want +got):\n%s", diff)
	}
	if !strings.Contains(string(got[0]), `"message_send_ttl_seconds": 43200`) {
		t.Errorf("the first template is not as the API wrote it: %s", got[0])
	}
}

// paged answers pages of one template each, named by their number from 0.
func paged(w http.ResponseWriter, at, last int) {
	next := ""
	if at < last {
		next = fmt.Sprintf(`,"next":"https://graph.facebook.com/v26.0/1/message_templates?access_token=x&after=c%d"`, at+1)
	}
	fmt.Fprintf(w, `{"data":[{"name":"t%d"}],"paging":{"cursors":{"before":"x"}%s}}`, at, next)
}

func TestTemplatesStartsAgainOnce(t *testing.T) {
	const stale = `{"error":{"code":131059,"message":"(#131059) Invalid cursor","fbtrace_id":"Aabc"}}`
	tests := []struct {
		name    string
		refused int // how often the second page is refused
		want    []string
		code    int
	}{
		{"cursors hold", 0, []string{"t0", "t1", "t2"}, 0},
		{"stale once", 1, []string{"t0", "t1", "t2"}, 0},
		{"stale for ever", 5, nil, 131059},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			left := tt.refused
			c := graph(t, func(w http.ResponseWriter, r *http.Request) {
				at := 0
				if after := r.URL.Query().Get("after"); after != "" {
					_, _ = fmt.Sscanf(after, "c%d", &at)
				}
				if at == 1 && left > 0 {
					left--
					w.WriteHeader(http.StatusBadRequest)
					_, _ = w.Write([]byte(stale))
					return
				}
				paged(w, at, 2)
			})
			got, err := c.Templates(t.Context(), testWABA, testToken)
			if (tt.code == 0) != (err == nil) || tt.code != 0 && !errors.Is(err, &Error{Code: tt.code}) {
				t.Fatalf("error %v", err)
			}
			if diff := cmp.Diff(tt.want, names(t, got)); diff != "" {
				t.Errorf("templates (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTemplatesEnds(t *testing.T) {
	tests := []struct{ name, want string }{
		{"a page that is its own next one", "names itself"},
		{"pages without end", "more than 200 pages"},
		{"a page too long", "longer than 8 MiB"},
		{"no list", "no data"},
	}
	handlers := []http.HandlerFunc{
		func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"data":[],"paging":{"cursors":{"after":"a"},"next":"https://graph.facebook.com/"}}`)
		},
		func(w http.ResponseWriter, r *http.Request) {
			at := 0
			_, _ = fmt.Sscanf(r.URL.Query().Get("after"), "c%d", &at)
			paged(w, at, 1_000_000)
		},
		func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"data":["%s"]}`, strings.Repeat("x", maxListing))
		},
		func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"data":"none"}`) },
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := graph(t, handlers[i]).Templates(t.Context(), testWABA, testToken); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestNumber(t *testing.T) {
	c := graph(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.Query().Get("fields"), "health_status") {
			t.Errorf("fields %s", r.URL.Query().Get("fields"))
		}
		_, _, body := loadAnswer(t, "response", "health_status_limited")
		var health map[string]json.RawMessage
		if err := json.Unmarshal(body, &health); err != nil {
			t.Error(err)
		}
		fmt.Fprintf(w, `{"id":%q,"display_phone_number":"+1 555 010 0123","verified_name":"Acme","quality_rating":"GREEN","status":"CONNECTED",`+
			`"throughput":{"level":"HIGH"},"whatsapp_business_manager_messaging_limit":"TIER_250","health_status":%s}`, testNumber, health["health_status"])
	})
	n, err := c.Number(t.Context(), testNumber, testToken)
	if err != nil || n.VerifiedName != "Acme" || n.Throughput.MPS() != 1000 || n.MessagingLimit != "TIER_250" || n.Health.CanSend != "LIMITED" || len(n.Health.Entities) != 4 {
		t.Errorf("%+v, %v", n, err)
	}
	for _, format := range []string{"%v", "%+v", "%#v"} {
		if text := fmt.Sprintf(format, n); strings.Contains(text, "0123") {
			t.Errorf("%s shows the telephone number: %s", format, text)
		}
	}
}

// An API version without the newer fields still tells the others.
func TestNumberOfAnOlderVersion(t *testing.T) {
	c := graph(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Query().Get("fields"), "messaging_limit") {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":{"code":100,"message":"(#100) Tried accessing nonexisting field (whatsapp_business_manager_messaging_limit)"}}`)
			return
		}
		fmt.Fprintf(w, `{"id":%q,"verified_name":"Acme"}`, testNumber)
	})
	if n, err := c.Number(t.Context(), testNumber, testToken); err != nil || n.VerifiedName != "Acme" {
		t.Errorf("%+v, %v", n, err)
	}
}

func TestToken(t *testing.T) {
	tests := []struct {
		name, body string
		want       Token
		code, sub  int
	}{
		{"for ever", `{"data":{"is_valid":true,"expires_at":0,"scopes":["whatsapp_business_messaging"]}}`, Token{Scopes: []string{"whatsapp_business_messaging"}}, 0, 0},
		{"a day", `{"data":{"is_valid":true,"expires_at":1790000000}}`, Token{Expires: time.Unix(1790000000, 0)}, 0, 0},
		{"dead", `{"data":{"is_valid":false,"error":{"code":190,"subcode":463,"message":"expired"}}}`, Token{}, 190, 463},
		{"dead without a reason", `{"data":{"is_valid":false}}`, Token{}, 190, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := graph(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/v26.0/debug_token" || r.URL.Query().Get("input_token") != testToken {
					t.Errorf("asked %s", r.URL.Path)
				}
				fmt.Fprint(w, tt.body)
			})
			got, err := c.Token(t.Context(), testToken)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("token (-want +got):\n%s", diff)
			}
			if tt.code == 0 && err != nil || tt.code != 0 && !errors.Is(err, &Error{Code: tt.code, Subcode: tt.sub}) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// What can go wrong with a read has a remedy that suits a reader, and shows no token.
func TestReadErrors(t *testing.T) {
	tests := []struct {
		name, fixture string
		class         Class
		want          []string
	}{
		{"dead token", "190_token_expired", ClassRefusedAccount, []string{"190/463", newToken}},
		{"unknown id", "100_33_unknown_object", ClassRefusedNumber, []string{"100/33", "Check the id"}},
		{"permission", "200_permission", ClassRefusedAccount, []string{"200", "whatsapp_business_management"}},
		{"down", "2_service_down", ClassTransient, []string{"Try again later"}},
		{"too many calls", "80008_waba_calls", ClassThrottledAccount, []string{"80008", "Try again later"}},
		{"a gateway", "non_json_502", ClassTransient, []string{"HTTP 502", "Check the API URL"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := graph(t, func(w http.ResponseWriter, _ *http.Request) { answers(t, w, "error", tt.fixture) })
			_, err := c.Account(t.Context(), testWABA, testToken)
			var e *Error
			if !errors.As(err, &e) || e.Class != tt.class {
				t.Fatalf("error %v", err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q has no %q", err, want)
				}
			}
		})
	}
}

func TestReadsNothingToAsk(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	c := newClient(t, Config{BaseURL: gone.URL})
	ask := map[string]func() error{
		"no answer from the cloud api": func() error { _, err := c.Token(t.Context(), testToken); return err },
		"must be digits":               func() error { _, err := c.Account(t.Context(), "default", testToken); return err },
		"no access token":              func() error { _, err := c.Numbers(t.Context(), testWABA, ""); return err },
		"phone number id":              func() error { _, err := c.Number(t.Context(), "../x", testToken); return err },
	}
	for want, call := range ask {
		err := call()
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) || e.Remedy() == "" {
			t.Errorf("error %v, want %q", err, want)
		}
		if strings.Contains(err.Error(), testToken) {
			t.Errorf("error shows the token: %v", err)
		}
	}
}

func TestNumbersAndSubscriptions(t *testing.T) {
	c := graph(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/subscribed_apps") {
			fmt.Fprint(w, `{"data":[{"whatsapp_business_api_data":{"id":"67","name":"Acme","link":"https://x"}}]}`)
			return
		}
		fmt.Fprintf(w, `{"data":[{"id":%q,"quality_rating":"RED","throughput":{"level":"STANDARD"}}],"paging":{"cursors":{"after":"a"}}}`, testNumber)
	})
	apps, err := c.Subscriptions(t.Context(), testWABA, testToken)
	if diff := cmp.Diff([]App{{ID: "67", Name: "Acme"}}, apps); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	numbers, err := c.Numbers(t.Context(), testWABA, testToken)
	if diff := cmp.Diff([]Number{{ID: testNumber, Quality: "RED", Throughput: Throughput{"STANDARD"}}}, numbers); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestMessagingLimit(t *testing.T) {
	for tier, want := range map[string]int{"TIER_50": 50, "TIER_250": 250, "TIER_2K": 2000, "TIER_10K": 10_000, "TIER_100K": 100_000, "TIER_UNLIMITED": 0} {
		if got, ok := (Number{MessagingLimit: tier}).Recipients(); !ok || got != want {
			t.Errorf("%s is %d, %v; want %d", tier, got, ok, want)
		}
	}
	for _, tier := range []string{"", "TIER_", "TIER_NOT_SET", "TIER_K", "TIER_-5", "TIER_0", "250"} {
		if got, ok := (Number{MessagingLimit: tier}).Recipients(); ok {
			t.Errorf("%q was read as %d", tier, got)
		}
	}
}
