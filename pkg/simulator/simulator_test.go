package simulator_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wacast/wacast/pkg/simulator"
)

const (
	number = "100000000000101"
	token  = "test-token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// exchange is a fixture of one HTTP exchange.
type exchange struct {
	Endpoint string          `json:"endpoint"`
	Cause    string          `json:"cause"`
	Status   int             `json:"http_status"`
	Body     json.RawMessage `json:"body"`
	Text     string          `json:"body_text"`
}

func readExchange(t *testing.T, path string) exchange {
	t.Helper()
	var e exchange
	if err := json.Unmarshal(readFile(t, path), &e); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return e
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", path))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// templates are those of the fixtures and some more.
func templates(t *testing.T) []json.RawMessage {
	t.Helper()
	return []json.RawMessage{
		readExchange(t, "template/list_page_first.json").Body,
		readExchange(t, "template/list_page_last.json").Body,
		readFile(t, "template/more.json"),
	}
}

func strict(t *testing.T) simulator.Config {
	t.Helper()
	return simulator.Config{Accounts: []simulator.Account{{
		WABA: "100000000000001", Tokens: []string{token}, Templates: templates(t),
		Numbers: []simulator.Number{{ID: number, Display: "+44 7700 900000"}},
	}}}
}

func newServer(t testing.TB, cfg simulator.Config) *simulator.Server {
	t.Helper()
	s, err := simulator.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// graphError is an error answer as a client reads it.
type graphError struct {
	Message   string     `json:"message"`
	Type      string     `json:"type"`
	Code      int        `json:"code"`
	Subcode   int        `json:"error_subcode"`
	Transient bool       `json:"is_transient"`
	Data      *errorData `json:"error_data"`
	Trace     string     `json:"fbtrace_id"`
}

type errorData struct {
	Product string `json:"messaging_product"`
	Details string `json:"details"`
}

func (e graphError) details() string {
	if e.Data == nil {
		return ""
	}
	return e.Data.Details
}

// reply is an answer to a send.
type reply struct {
	Contacts []struct {
		Input  string `json:"input"`
		WaID   string `json:"wa_id"`
		UserID string `json:"user_id"`
	} `json:"contacts"`
	Messages []struct {
		ID     string `json:"id"`
		Status string `json:"message_status"`
	} `json:"messages"`
	Success bool       `json:"success"`
	Error   graphError `json:"error"`
	status  int
	header  http.Header
}

// post sends a body as a client with the right token does.
func post(t testing.TB, h http.Handler, path, body string) reply {
	t.Helper()
	return postAs(t, h, "Bearer "+token, path, body)
}

func postAs(t testing.TB, h http.Handler, authorization, path, body string) reply {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var out reply
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		t.Fatalf("answer %d %q: %v", w.Code, w.Body, err)
	}
	out.status, out.header = w.Code, w.Header()
	return out
}

const path = "/v25.0/" + number + "/messages"

// hello is a valid send of a template without variables.
func hello(to, callback string) string {
	return `{"messaging_product":"whatsapp","to":"` + to + `","type":"template","template":{"name":"hello_world","language":{"code":"en_US"}},"biz_opaque_callback_data":"` + callback + `"}`
}

// manual is a clock that only moves when told.
type manual struct{ now time.Time }

func newManual() *manual { return &manual{time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)} }

func (m *manual) Now() time.Time { return m.now }

func templatesOf(raw ...string) []json.RawMessage {
	out := make([]json.RawMessage, len(raw))
	for i := range raw {
		out[i] = json.RawMessage(raw[i])
	}
	return out
}
