package whatsapp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const yes = `{"messaging_product":"whatsapp","contacts":[{"input":"+447700900456","wa_id":"447700900456"}],"messages":[{"id":"wamid.1"}]}`

func testMessage() *Message {
	return &Message{To: testPhone, CallbackData: "wacast/1/1/c/1",
		Template: Template{Name: "parcel_update", Language: "en_US", Components: []Component{body(text("Amina"))}}}
}

func newClient(t *testing.T, cfg Config) *Client {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// api is an HTTP server that counts whole requests and connections.
type api struct {
	*httptest.Server
	requests, connections atomic.Int32
}

func newAPI(t *testing.T, start func(*httptest.Server), handler http.HandlerFunc) *api {
	t.Helper()
	a := &api{}
	a.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			a.requests.Add(1)
		}
		handler(w, r)
	}))
	a.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes are meant to fail
	a.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			a.connections.Add(1)
		}
	}
	start(a.Server)
	t.Cleanup(a.Close)
	return a
}

func plain(s *httptest.Server) { s.Start() }

func http2(s *httptest.Server) {
	s.EnableHTTP2 = true
	s.StartTLS()
}

func (a *api) trust() *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(a.Certificate())
	return &tls.Config{RootCAs: pool}
}

func answer200(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, yes) }

func TestSendRequest(t *testing.T) {
	type request struct {
		Method, Path, Query, Body string
		Header                    http.Header
	}
	var got request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		got = request{r.Method, r.URL.Path, r.URL.RawQuery, string(raw), r.Header}
		answer200(w, r)
	}))
	defer server.Close()
	m := testMessage()
	c := newClient(t, Config{BaseURL: server.URL + "/proxy/", Version: "v25.0"})
	accepted, err := c.Send(t.Context(), "100000000000101", testToken, m)
	if err != nil {
		t.Fatal(err)
	}
	want := request{"POST", "/proxy/v25.0/100000000000101/messages", "", string(m.AppendJSON(nil)), http.Header{
		"Authorization":  {"Bearer " + testToken},
		"Content-Type":   {"application/json"},
		"User-Agent":     {"wacast"},
		"Content-Length": {fmt.Sprint(len(m.AppendJSON(nil)))},
	}}
	// The header is compared whole: an Idempotency-Key would make net/http repeat.
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	if want := (Accepted{MessageID: "wamid.1", WaID: "447700900456", Status: StatusAccepted}); accepted != want {
		t.Errorf("got %#v", accepted)
	}
}

func TestConnectionsAreReused(t *testing.T) {
	answers := []func(http.ResponseWriter){
		func(w http.ResponseWriter) { fmt.Fprint(w, yes) },
		func(w http.ResponseWriter) { w.WriteHeader(400); fmt.Fprint(w, `{"error":{"code":131026}}`) },
		func(w http.ResponseWriter) { w.WriteHeader(502); fmt.Fprint(w, strings.Repeat("<html>", 1000)) },
		func(w http.ResponseWriter) { w.WriteHeader(500) },
	}
	for name, start := range map[string]func(*httptest.Server){"HTTP/1": plain, "HTTP/2": http2} {
		t.Run(name, func(t *testing.T) {
			var n atomic.Int32
			a := newAPI(t, start, func(w http.ResponseWriter, r *http.Request) {
				if fmt.Sprint("HTTP/", r.ProtoMajor) != name {
					t.Errorf("the request came as %s", r.Proto)
				}
				answers[int(n.Add(1))%len(answers)](w)
			})
			cfg := Config{BaseURL: a.URL}
			if name == "HTTP/2" {
				cfg.TLS = a.trust()
			}
			c := newClient(t, cfg)
			if name == "HTTP/2" {
				proxied(c)
			}
			for range 3 * len(answers) {
				_, _ = c.Send(t.Context(), "1", testToken, testMessage())
			}
			if requests, connections := a.requests.Load(), a.connections.Load(); requests != 12 || connections != 1 {
				t.Errorf("%d requests on %d connections, want 12 on 1", requests, connections)
			}
		})
	}
}

func TestSendsDoNotMixTheirAnswers(t *testing.T) {
	for name, start := range map[string]func(*httptest.Server){"HTTP/1": plain, "HTTP/2": http2} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t, start, func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprintf(w, `{"messages":[{"id":"wamid.%s"}]}`, strings.Split(r.URL.Path, "/")[2])
			})
			cfg := Config{BaseURL: a.URL, MaxInFlight: 16}
			if name == "HTTP/2" {
				cfg.TLS = a.trust()
			}
			c := newClient(t, cfg)
			if name == "HTTP/2" {
				proxied(c)
			}
			var wg sync.WaitGroup
			for worker := range 16 {
				wg.Go(func() {
					for i := range 10 {
						number := fmt.Sprint(1000*worker + i)
						got, err := c.Send(t.Context(), number, testToken, testMessage())
						if err != nil || got.MessageID != "wamid."+number {
							t.Errorf("number %s: %q, %v", number, got.MessageID, err)
						}
					}
				})
			}
			wg.Wait()
			if n := a.requests.Load(); n != 160 {
				t.Errorf("%d requests, want 160", n)
			}
		})
	}
}

func TestRedirectsAreRefused(t *testing.T) {
	for status, want := range map[int]Class{301: ClassRefusedAccount, 302: ClassAmbiguous, 303: ClassAmbiguous, 307: ClassRefusedAccount, 308: ClassRefusedAccount} {
		other := newAPI(t, plain, answer200)
		first := newAPI(t, plain, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL+r.URL.Path+"?secret=1", status)
		})
		_, err := newClient(t, Config{BaseURL: first.URL}).Send(t.Context(), "1", testToken, testMessage())
		if ClassOf(err) != want || other.requests.Load() != 0 {
			t.Errorf("%d: %v after %d requests elsewhere: %v", status, ClassOf(err), other.requests.Load(), err)
		}
		assertLeaksNothing(t, err, testToken, "secret=1")
	}
}

func TestOversizedAnswer(t *testing.T) {
	a := newAPI(t, plain, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat(" ", maxAnswer)+yes)
	})
	_, err := newClient(t, Config{BaseURL: a.URL}).Send(t.Context(), "1", testToken, testMessage())
	if ClassOf(err) != ClassAmbiguous {
		t.Errorf("%v (%v), want ambiguous", ClassOf(err), err)
	}
}

func TestWhatCouldNeverBeSent(t *testing.T) {
	a := newAPI(t, plain, answer200)
	c := newClient(t, Config{BaseURL: a.URL})
	tests := []struct {
		number, token string
		want          Class
	}{
		{"", testToken, ClassRefusedNumber},
		{"+447700900456", testToken, ClassRefusedNumber},
		{"1/../2", testToken, ClassRefusedNumber},
		{"1?x=", testToken, ClassRefusedNumber},
		{"1", "", ClassRefusedAccount},
		{"1", testToken + "\n", ClassRefusedAccount},
		{"1", "two words", ClassRefusedAccount},
		{"1", "tökén", ClassRefusedAccount},
	}
	for _, tt := range tests {
		_, err := c.Send(t.Context(), tt.number, tt.token, testMessage())
		if ClassOf(err) != tt.want {
			t.Errorf("number %q: %v, want %v", tt.number, err, tt.want)
		}
		assertLeaksNothing(t, err, testToken, "447700900456", "two words")
	}
	if n := a.requests.Load(); n != 0 {
		t.Errorf("%d requests came all the same", n)
	}
}

func TestCancelled(t *testing.T) {
	a := newAPI(t, plain, answer200)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := newClient(t, Config{BaseURL: a.URL}).Send(ctx, "1", testToken, testMessage())
	if ClassOf(err) != ClassNotSent || !errors.Is(err, context.Canceled) || a.requests.Load() != 0 {
		t.Errorf("cancelled before: %v (%v) after %d requests", ClassOf(err), err, a.requests.Load())
	}

	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	a = newAPI(t, plain, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	_, err = newClient(t, Config{BaseURL: a.URL}).Send(ctx, "1", testToken, testMessage())
	if ClassOf(err) != ClassAmbiguous || !errors.Is(err, context.Canceled) || a.requests.Load() != 1 {
		t.Errorf("cancelled in flight: %v (%v) after %d requests", ClassOf(err), err, a.requests.Load())
	}
}

func TestNewRefusesBadConfig(t *testing.T) {
	tests := []struct {
		cfg  Config
		want string
	}{
		{Config{BaseURL: "graph.facebook.com"}, "BaseURL must begin with https://"},
		{Config{BaseURL: "ftp://graph.facebook.com"}, "BaseURL must begin with https://"},
		{Config{BaseURL: "https://user:hunter2@host"}, "BaseURL must have no user"},
		{Config{BaseURL: "https://host/?access_token=hunter2"}, "BaseURL must have no user, query"},
		{Config{BaseURL: "https://host/%zzhunter2"}, "BaseURL is no URL"},
		{Config{Version: "26"}, "Version must be like v26.0"},
		{Config{Version: "v26.0/../v1"}, "Version must be like v26.0"},
		{Config{MaxInFlight: -1}, "MaxInFlight must be positive"},
		{Config{Timeout: -time.Second}, "Timeout must be positive"},
	}
	for _, tt := range tests {
		_, err := New(tt.cfg)
		if err == nil || !strings.HasPrefix(err.Error(), "whatsapp client: field "+tt.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%+v: %v, want %q", tt.cfg, err, tt.want)
		}
	}
	c := newClient(t, Config{})
	if got := c.request(t.Context(), target{number: "1", token: "t"}, &call{}).URL.String(); got != "https://graph.facebook.com/v26.0/1/messages" {
		t.Errorf("the zero configuration posts to %s", got)
	}
}

func BenchmarkClientSend(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		answer200(w, r)
	}))
	defer server.Close()
	c, err := New(Config{BaseURL: server.URL})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	m := benchmarkMessage()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Send(b.Context(), "100000000000101", testToken, m); err != nil {
			b.Fatal(err)
		}
	}
}
