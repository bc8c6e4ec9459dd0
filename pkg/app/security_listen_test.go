package app_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/simulator"
)

// Nobody changes anything through a listener without a credential, whatever the path:
// the admin address knows reading only, the webhook address signed posts.
func TestListenersTakeNoUnsignedChange(t *testing.T) {
	r := newRig(t, simulator.Config{}, "WACAST_APP_SECRET="+hookSecret, "WACAST_VERIFY_TOKEN=word", "WACAST_WEBHOOK_ADDR=127.0.0.1:0")
	a := r.both()
	if a.AdminAddr() == a.WebhookAddr() {
		t.Fatal("one listener for both")
	}
	paths := []string{"/", "/metrics", "/livez", "/readyz", "/webhook", "/webhook/", "/pause", "/debug/pprof/", "/control"}
	for _, path := range paths {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch} {
			if code := ask(t, method, "http://"+a.AdminAddr()+path); code != http.StatusNotFound && code != http.StatusMethodNotAllowed {
				t.Errorf("admin: %s %s is answered %d", method, path, code)
			}
			want := []int{http.StatusNotFound, http.StatusMethodNotAllowed}
			if method == http.MethodPost && strings.HasPrefix(path, "/webhook") {
				want = []int{http.StatusUnauthorized, http.StatusNotFound}
			}
			if code := ask(t, method, "http://"+a.WebhookAddr()+path); code != want[0] && code != want[1] {
				t.Errorf("webhook: %s %s is answered %d", method, path, code)
			}
		}
		if code := ask(t, http.MethodGet, "http://"+a.WebhookAddr()+path); code == http.StatusOK {
			t.Errorf("the webhook address shows %s", path)
		}
	}
}

// What libraries offer to whoever asks, profiles, variables and traces of the process, is
// on no listener: nats-server, which is linked in for demo and embedded, brings profiles.
func TestListenersShowNoInsides(t *testing.T) {
	r := newRig(t, simulator.Config{}, "WACAST_APP_SECRET="+hookSecret, "WACAST_VERIFY_TOKEN=word", "WACAST_WEBHOOK_ADDR=127.0.0.1:0")
	a := r.both()
	if _, pattern := http.DefaultServeMux.Handler(httptest.NewRequest(http.MethodGet, "/debug/pprof/heap", nil)); pattern == "" {
		t.Error("nothing brings profiles any more: this test proves nothing")
	}
	for _, path := range []string{"/debug/", "/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/goroutine?debug=2", "/debug/pprof/cmdline", "/debug/pprof/profile?seconds=1",
		"/debug/vars", "/debug/requests", "/debug/events", "/varz", "/connz", "/_sim/messages"} {
		for name, addr := range map[string]string{"admin": a.AdminAddr(), "webhook": a.WebhookAddr()} {
			if code := ask(t, http.MethodGet, "http://"+addr+path); code != http.StatusNotFound {
				t.Errorf("%s: %s is answered %d", name, path, code)
			}
		}
	}
}

func ask(t *testing.T, method, url string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader("{}"))
	must(t, err)
	resp, err := http.DefaultTransport.RoundTrip(req) // without following redirects
	must(t, err)
	resp.Body.Close()
	return resp.StatusCode
}

// Both listeners cut off whoever never ends their header, and refuse a header that is
// too large.
func TestListenersAreBounded(t *testing.T) {
	r := newRig(t, simulator.Config{}, "WACAST_APP_SECRET="+hookSecret, "WACAST_VERIFY_TOKEN=word", "WACAST_WEBHOOK_ADDR=127.0.0.1:0")
	a := r.both()
	for name, addr := range map[string]string{"admin": a.AdminAddr(), "webhook": a.WebhookAddr()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/livez", nil)
			must(t, err)
			req.Header.Set("X-Large", strings.Repeat("x", 64<<10))
			resp, err := http.DefaultTransport.RoundTrip(req)
			must(t, err)
			resp.Body.Close()
			if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
				t.Errorf("a header of 64 KiB is answered %s", resp.Status)
			}
			conn, err := net.Dial("tcp", addr)
			must(t, err)
			defer conn.Close()
			_, err = conn.Write([]byte("GET /livez HTTP/1.1\r\nHost: x\r\n"))
			must(t, err)
			must(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
			for buf := make([]byte, 512); err == nil; {
				_, err = conn.Read(buf)
			}
			if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
				t.Error("a header that never ends holds its connection for more than 20 s")
			}
		})
	}
}
