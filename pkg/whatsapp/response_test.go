package whatsapp

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	testToken = "EAATestTokenThatMustNeverBeSeen0123456789"
	testPhone = "+447700900456"
)

// recorded is a fixture of an answer.
type recorded struct {
	Status  int               `json:"http_status"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`
	Text    string            `json:"body_text"`
}

func loadAnswer(t *testing.T, folder, name string) (int, http.Header, []byte) {
	t.Helper()
	var r recorded
	if err := json.Unmarshal(fixture(t, folder, name), &r); err != nil {
		t.Fatal(err)
	}
	header := http.Header{}
	for k, v := range r.Headers {
		header.Set(k, v)
	}
	if r.Text != "" {
		return r.Status, header, []byte(r.Text)
	}
	return r.Status, header, r.Body
}

func TestReadErrorFixtures(t *testing.T) {
	type result struct {
		Class         Class
		Code, Subcode int
		RetryAfter    time.Duration
	}
	want := map[string]result{
		"100_2388299_template_format":      {Class: ClassRefusedTemplate, Code: 100, Subcode: 2388299},
		"100_33_unknown_object":            {Class: ClassRefusedNumber, Code: 100, Subcode: 33},
		"100_mm_not_template":              {Class: ClassRefusedMessage, Code: 100},
		"104_no_token":                     {Class: ClassRefusedAccount, Code: 104},
		"130429_throughput":                {Class: ClassThrottledNumber, Code: 130429},
		"130497_country_restricted":        {Class: ClassRefusedRecipient, Code: 130497},
		"131008_url_button_param_missing":  {Class: ClassRefusedMessage, Code: 131008},
		"131031_account_locked":            {Class: ClassRefusedAccount, Code: 131031},
		"131037_display_name":              {Class: ClassRefusedNumber, Code: 131037},
		"131045_certificate":               {Class: ClassRefusedNumber, Code: 131045},
		"131048_spam_rate_limit":           {Class: ClassRefusedNumber, Code: 131048},
		"131056_pair_rate_limit":           {Class: ClassThrottledPair, Code: 131056},
		"131057_maintenance":               {Class: ClassUnavailableNumber, Code: 131057},
		"131061_max_price_wrong_endpoint":  {Class: ClassRefusedTemplate, Code: 131061},
		"132000_param_count":               {Class: ClassRefusedTemplate, Code: 132000},
		"132007_policy":                    {Class: ClassRefusedTemplate, Code: 132007},
		"132015_template_paused":           {Class: ClassRefusedTemplate, Code: 132015},
		"132018_template_param_validation": {Class: ClassRefusedMessage, Code: 132018},
		"132069_flow_throttled":            {Class: ClassUnavailableTemplate, Code: 132069},
		"133016_register_rate_limit":       {Class: ClassRefusedNumber, Code: 133016},
		"134101_template_syncing":          {Class: ClassUnavailableTemplate, Code: 134101},
		"190_token_expired":                {Class: ClassRefusedAccount, Code: 190, Subcode: 463},
		"200_permission":                   {Class: ClassRefusedAccount, Code: 200},
		"2_service_down":                   {Class: ClassTransient, Code: 2},
		"4_app_rate_limit":                 {Class: ClassThrottledApp, Code: 4},
		"80007_waba_rate_limit":            {Class: ClassThrottledAccount, Code: 80007, RetryAfter: 12 * time.Minute},
		"80008_waba_calls":                 {Class: ClassThrottledAccount, Code: 80008},
		"non_json_502":                     {Class: ClassAmbiguous},
	}
	files, err := filepath.Glob("testdata/error/*.json")
	if err != nil || len(files) != len(want) {
		t.Fatalf("%d fixtures, %d expectations: %v", len(files), len(want), err)
	}
	for name, w := range want {
		status, header, body := loadAnswer(t, "error", name)
		_, err := read(status, header, body, nil, testToken)
		var e *Error
		if !errors.As(err, &e) {
			t.Fatalf("%s: error %v", name, err)
		}
		if diff := cmp.Diff(w, result{e.Class, e.Code, e.Subcode, e.RetryAfter}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if e.HTTPStatus != status || e.Coded() != (name != "non_json_502") || e.Remedy() == "" {
			t.Errorf("%s: %#v", name, e)
		}
	}
}

func TestReadAcceptedFixtures(t *testing.T) {
	const id = "wamid.HBgMNDQ3NzAwOTAwNDU2FQIAERgSNTM1RUY1Q0ExNjIwOTM0MDg3AA=="
	status, header, raw := loadAnswer(t, "response", "send_with_usage_headers")
	got, err := read(status, header, raw, nil, testToken)
	want := Accepted{MessageID: id, WaID: "447700900456", Status: StatusAccepted, headers: usageHeadersOf(header)}
	if err != nil || got != want {
		t.Errorf("got %v, %v", got, err)
	}
	if got, want := got.Usage(), (Usage{App: Load{Calls: 12, CPU: 4, Time: 9}, Business: Load{Calls: 37, CPU: 5, Time: 11}}); got != want {
		t.Errorf("usage %+v, want %+v", got, want)
	}
	status, header, raw = loadAnswer(t, "response", "send_held_for_quality_assessment")
	if got, err := read(status, header, raw, nil, testToken); err != nil || got.Status != StatusHeld {
		t.Errorf("held: status %q, %v", got.Status, err)
	}
}

func TestReadAcceptedVariants(t *testing.T) {
	tests := []struct {
		name, body string
		want       Accepted
	}{
		{"no status", `{"messages":[{"id":"wamid.1"}]}`, Accepted{MessageID: "wamid.1", Status: StatusAccepted}},
		{"paused", `{"messages":[{"id":"wamid.1","message_status":"paused"}]}`, Accepted{MessageID: "wamid.1", Status: StatusPaused}},
		{"unknown status", `{"messages":[{"id":"wamid.1","message_status":"new"}]}`, Accepted{MessageID: "wamid.1", Status: StatusAccepted}},
		{"user id", `{"contacts":[{"input":"x","user_id":"US.1"}],"messages":[{"id":"wamid.1"}]}`, Accepted{MessageID: "wamid.1", UserID: "US.1", Status: StatusAccepted}},
		{"contacts of another type", `{"contacts":"none","messages":[{"id":"wamid.1","message_status":7}]}`, Accepted{MessageID: "wamid.1", Status: StatusAccepted}},
		// The id is the proof; whatever stands beside it cannot take it back.
		{"an error beside the id", `{"messages":[{"id":"wamid.1"}],"error":{"code":131000}}`, Accepted{MessageID: "wamid.1", Status: StatusAccepted}},
	}
	for _, tt := range tests {
		got, err := read(200, nil, []byte(tt.body), nil, testToken)
		if err != nil || got != tt.want {
			t.Errorf("%s: %#v, %v", tt.name, got, err)
		}
	}
}

func TestReadOtherAnswers(t *testing.T) {
	const html = "<html>Sorry, something went wrong.</html>"
	cut := io.ErrUnexpectedEOF
	tests := []struct {
		name   string
		status int
		body   string
		err    error
		want   Class
	}{
		{"200 empty", 200, "", nil, ClassAmbiguous},
		{"200 HTML", 200, html, nil, ClassAmbiguous},
		{"200 with neither", 200, `{"success":true}`, nil, ClassAmbiguous},
		{"200 with an empty id", 200, `{"messages":[{"id":""}]}`, nil, ClassAmbiguous},
		{"200 with a list", 200, `[{"messages":[{"id":"wamid.1"}]}]`, nil, ClassAmbiguous},
		{"200 null", 200, `null`, nil, ClassAmbiguous},
		{"200 cut off", 200, `{"messages":[{"id":"wa`, cut, ClassAmbiguous},
		{"200 with an error", 200, `{"error":{"code":131026}}`, nil, ClassRefusedRecipient},
		{"204", 204, "", nil, ClassAmbiguous},
		{"301", 301, "", nil, ClassRefusedAccount},
		{"302", 302, "", nil, ClassAmbiguous},
		{"303", 303, "", nil, ClassAmbiguous},
		{"307", 307, "", nil, ClassRefusedAccount},
		{"308", 308, "", nil, ClassRefusedAccount},
		{"400 HTML", 400, html, nil, ClassRefusedMessage},
		{"400 cut off", 400, `{"error":{"message":"(#1310`, cut, ClassTransient},
		{"400 with half an object", 400, `{"error":{"message":"(#1310`, nil, ClassRefusedMessage},
		{"401 HTML", 401, html, nil, ClassRefusedAccount},
		{"403 empty", 403, "", nil, ClassRefusedAccount},
		{"404 HTML", 404, html, nil, ClassRefusedNumber},
		{"405", 405, "", nil, ClassRefusedNumber},
		{"407", 407, "", nil, ClassRefusedAccount},
		{"408", 408, "", nil, ClassAmbiguous},
		{"413", 413, html, nil, ClassRefusedMessage},
		{"421", 421, "", nil, ClassTransient},
		{"425", 425, "", nil, ClassTransient},
		{"429 empty", 429, "", nil, ClassThrottledNumber},
		{"429 cut off", 429, "{", cut, ClassThrottledNumber},
		{"499", 499, "", nil, ClassAmbiguous},
		{"500 empty", 500, "", nil, ClassAmbiguous},
		{"500 cut off", 500, `{"error":{"code":1310`, cut, ClassAmbiguous},
		{"502 HTML", 502, html, nil, ClassAmbiguous},
		{"503 JSON that is no Graph error", 503, `{"message":"no healthy upstream"}`, nil, ClassAmbiguous},
		{"500 with an error without code", 500, `{"error":{"message":"x"}}`, nil, ClassAmbiguous},
		{"500 with an error string", 500, `{"error":"overloaded"}`, nil, ClassAmbiguous},
		{"401 with an error string", 401, `{"error":"invalid_token"}`, nil, ClassRefusedAccount},
		{"500 with a code that is no number", 500, `{"error":{"code":"many"}}`, nil, ClassAmbiguous},
		{"599", 599, "", nil, ClassAmbiguous},

		// A structured error is a refusal whatever the HTTP status.
		{"500 known", 500, `{"error":{"code":131000}}`, nil, ClassTransient},
		{"500 code 3", 500, `{"error":{"code":3}}`, nil, ClassRefusedAccount},
		{"500 unknown", 500, `{"error":{"code":999999}}`, nil, ClassTransient},
		{"400 unknown", 400, `{"error":{"code":999999}}`, nil, ClassRefusedMessage},
		{"400 unknown, transient", 400, `{"error":{"code":999999,"is_transient":true}}`, nil, ClassTransient},
		{"400 unknown, transient as a string", 400, `{"error":{"code":999999,"is_transient":"true"}}`, nil, ClassTransient},
		{"401 unknown", 401, `{"error":{"code":999999}}`, nil, ClassRefusedAccount},
		{"403 unknown", 403, `{"error":{"code":999999}}`, nil, ClassRefusedAccount},
		{"429 unknown", 429, `{"error":{"code":999999,"is_transient":true}}`, nil, ClassThrottledNumber},
		{"a range", 403, `{"error":{"code":294}}`, nil, ClassRefusedAccount},
		{"code 0", 401, `{"error":{"code":0}}`, nil, ClassRefusedAccount},
		{"code as a string", 400, `{"error":{"code":"132000"}}`, nil, ClassRefusedTemplate},
		{"code as a float", 400, `{"error":{"code":132000.0}}`, nil, ClassRefusedTemplate},
		{"subcode as a string", 400, `{"error":{"code":100,"error_subcode":"33"}}`, nil, ClassRefusedNumber},
		{"fields of other types", 400, `{"error":{"message":{},"type":1,"code":131056,"error_data":[1],"error_subcode":{},"fbtrace_id":7,"is_transient":[]}}`, nil, ClassThrottledPair},
		{"bad proof", 400, `{"error":{"code":100,"message":"Invalid appsecret_proof provided in the API argument"}}`, nil, ClassRefusedAccount},
		{"429 that is an account's", 429, `{"error":{"code":80007}}`, nil, ClassThrottledAccount},
		{"whole though the connection broke", 400, `{"error":{"code":131056}}`, cut, ClassThrottledPair},
	}
	for _, tt := range tests {
		_, err := read(tt.status, nil, []byte(tt.body), tt.err, testToken)
		if ClassOf(err) != tt.want {
			t.Errorf("%s: %v, want %v (%v)", tt.name, ClassOf(err), tt.want, err)
		}
		if tt.err != nil && ClassOf(err) != ClassThrottledPair && !errors.Is(err, tt.err) {
			t.Errorf("%s: %v does not wrap %v", tt.name, err, tt.err)
		}
	}
}

func TestErrorTexts(t *testing.T) {
	tests := []struct {
		name, body, want string
	}{
		{"object", `{"error":{"message":"(#132000) Number of parameters does not match","code":132000,"error_data":{"details":"body: 1 of 3"},"fbtrace_id":"Az8or2yhqkZfEZ-_4Qn_Bam"}}`,
			"cloud api refused: 132000 Number of parameters does not match: body: 1 of 3 (trace Az8or2yhqkZfEZ-_4Qn_Bam); " + fixTemplate},
		{"string", `{"error":{"message":"Invalid parameter","code":100,"error_data":"name is missing"}}`,
			"cloud api refused: 100 Invalid parameter: name is missing; " + fixParameter},
		{"test number", `{"error":{"message":"(#131030) Recipient phone number not in allowed list","code":131030}}`,
			"cloud api refused: 131030 Recipient phone number not in allowed list; Add the recipient to the test number's allow-list, or send from a production number."},
		{"a code with seven digits", `{"error":{"message":"(#2494100) In maintenance since 20260101","code":2494100}}`,
			"cloud api refused: 2494100 In maintenance since […]; Nothing to do: the number goes on by itself after a few minutes."},
		{"no JSON", `<html>`,
			"cloud api answered HTTP 400 without an error code: the answer (6 bytes) is no JSON object; Check the API URL: a proxy or gateway may have answered in place of the API."},
	}
	for _, tt := range tests {
		_, err := read(400, nil, []byte(tt.body), nil, testToken)
		if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// Meta quotes what it does not like: tokens, numbers, links with signatures.
func TestErrorsLeakNothing(t *testing.T) {
	private := []string{testToken, "7700900456", "7700 900456", "wamid.HBg", "sig=abc", "1349120865"}
	message := "Malformed access token " + testToken + " for +44 7700 900456, 447700900456, wamid.HBgMNDQ3NzAwOTAwNDU2 at https://user:pw@cdn.example.test/447700900456/x.jpg?sig=abc and US.13491208655"
	for _, field := range []string{`"message":%q`, `"error_data":{"details":%q}`, `"error_data":%q`, `"type":%q`, `"fbtrace_id":%q`, `"error_user_msg":%q`, `"code":1,"message":%q`} {
		raw := fmt.Sprintf(`{"error":{"code":131009,`+field+`}}`, message)
		_, err := read(400, nil, []byte(raw), nil, testToken)
		assertLeaksNothing(t, err, private...)
	}
	// A broken answer is never quoted either.
	_, err := read(200, nil, []byte(message), errors.New("malformed chunk: "+message), testToken)
	assertLeaksNothing(t, err, private...)
}

// assertLeaksNothing looks at an error in every way it may be printed, and at its
// causes.
func assertLeaksNothing(t *testing.T, err error, private ...string) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
			for _, secret := range private {
				if strings.Contains(text, secret) {
					t.Errorf("%q is in %q", secret, text)
				}
			}
		}
		if e, ok := err.(*Error); ok {
			encoded, _ := json.Marshal(e)
			for _, secret := range private {
				if strings.Contains(string(encoded), secret) {
					t.Errorf("%q is in the fields %s", secret, encoded)
				}
			}
		}
	}
}

func TestErrorIs(t *testing.T) {
	_, err := read(401, nil, []byte(`{"error":{"code":190,"error_subcode":463}}`), nil, testToken)
	wrapped := fmt.Errorf("send: %w", err)
	for _, tt := range []struct {
		target error
		want   bool
	}{
		{&Error{Code: 190}, true},
		{&Error{Code: 190, Subcode: 463}, true},
		{&Error{Code: 190, Subcode: 460}, false},
		{&Error{Code: 0}, false},
		{errors.New("190"), false},
	} {
		if got := errors.Is(wrapped, tt.target); got != tt.want {
			t.Errorf("errors.Is(190/463, %#v) = %v, want %v", tt.target, got, tt.want)
		}
	}
	_, html := read(502, nil, []byte("<html>"), nil, testToken)
	if errors.Is(html, &Error{Code: 0}) {
		t.Error("an answer without a code passes for code 0")
	}
}

func TestClassOf(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want Class
	}{
		{nil, ClassAccepted},
		{&Error{Class: ClassTransient}, ClassTransient},
		{fmt.Errorf("send: %w", &Error{Class: ClassNotSent}), ClassNotSent},
		{errors.New("anything"), ClassAmbiguous},
	} {
		if got := ClassOf(tt.err); got != tt.want {
			t.Errorf("ClassOf(%v) = %v, want %v", tt.err, got, tt.want)
		}
	}
}

// Whatever comes as an answer, it is judged without a panic, and it is accepted
// only on a 2xx that names a message.
func FuzzRead(f *testing.F) {
	f.Add(400, []byte(`{"error":{"code":131056,"error_data":{"details":"x"},"error_subcode":"1"}}`), "7")
	f.Add(200, []byte(`{"messages":[{"id":"wamid.1"}]}`), "")
	f.Add(502, []byte("<html>"), "Wed, 21 Oct 2026 07:28:00 GMT")
	f.Add(500, []byte(`{"error":{"code":1e99,"error_data":"+447700900456"}}`), "NaN")
	f.Fuzz(func(t *testing.T, status int, raw []byte, header string) {
		h := http.Header{"Retry-After": {header}, "X-App-Usage": {string(raw)}, "X-Business-Use-Case-Usage": {header}}
		got, err := read(status, h, raw, nil, testToken)
		if err == nil {
			if status/100 != 2 || got.MessageID == "" || got.Status == "" {
				t.Fatalf("%d %q was taken for accepted: %#v", status, raw, got)
			}
			return
		}
		var e *Error
		if !errors.As(err, &e) || e.Class <= ClassAccepted || e.Class > ClassAmbiguous || e.Class == ClassNotSent {
			t.Fatalf("%d %q: %#v", status, raw, err)
		}
		if e.Coded() && e.Class == ClassAmbiguous {
			t.Fatalf("%d %q: a structured error is ambiguous", status, raw)
		}
		if !e.Coded() && status >= 500 && e.Class != ClassAmbiguous {
			t.Fatalf("%d %q: %v without a structured error", status, raw, e.Class)
		}
		if e.RetryAfter < 0 || e.RetryAfter > maxWait {
			t.Fatalf("%q: wait %v", header, e.RetryAfter)
		}
		assertLeaksNothing(t, err, testToken, testPhone)
	})
}
