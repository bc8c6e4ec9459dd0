package whatsapp

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The value is that of: printf token | openssl dgst -sha256 -hmac secret
func TestAppSecretProof(t *testing.T) {
	const want = "e941110e3d2bfe82621f0e3e1434730d7305d106c5f68c87165d0b27a4611a4a"
	if got := AppSecretProof("secret", "token"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// asked answers what is asked with the least that a reader takes, and keeps what came.
type asked struct {
	mu   sync.Mutex
	seen []string // path, as it was escaped, and the names of the query
	bad  []string
}

func (g *asked) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	q := r.URL.Query()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen = append(g.seen, r.Method+" "+r.URL.EscapedPath())
	if got := q[proofParameter]; len(got) != 1 || got[0] != "proof-of-"+testToken {
		g.bad = append(g.bad, fmt.Sprintf("%s has the proofs %q", r.RequestURI, got))
	}
	if strings.Count(r.RequestURI, "?") != 1 {
		g.bad = append(g.bad, "not one question mark: "+r.RequestURI)
	}
	switch {
	case r.Method == http.MethodPost:
		fmt.Fprint(w, yes)
	case strings.HasSuffix(r.URL.Path, "/message_templates") && q.Get("after") == "":
		fmt.Fprint(w, `{"data":[{}],"paging":{"cursors":{"after":"two"},"next":"https://elsewhere.example/?after=three"}}`)
	case strings.HasSuffix(r.URL.Path, "s"):
		fmt.Fprint(w, `{"data":[]}`)
	case strings.HasSuffix(r.URL.Path, "/debug_token"):
		fmt.Fprint(w, `{"data":{"is_valid":true}}`)
	default:
		fmt.Fprint(w, `{"id":"1"}`)
	}
}

// Whatever the API is reached by, a gateway's path, a proxy or a tunnel through one, each
// call, and each page of a list, has the proof once and where it belongs.
func TestEveryCallIsProved(t *testing.T) {
	for _, base := range []struct{ given, path string }{
		{"", ""}, {"/", ""}, {"/meta", "/meta"}, {"/meta/graph/", "/meta/graph"}, {"/a%3Fb%20c%2Fd/", "/a%3Fb%20c%2Fd"},
	} {
		for name, start := range map[string]func(*testing.T, http.Handler) (string, func(*Client)){
			"directly": directly, "over TLS": overTLS, "by a proxy": byProxy, "through a tunnel": throughTunnel,
		} {
			t.Run(name+" "+base.given, func(t *testing.T) {
				g := &asked{}
				address, change := start(t, g)
				c := newClient(t, Config{BaseURL: address + base.given, Version: "v25.0", Proof: func(token string) string { return "proof-of-" + token }})
				change(c)
				_, err := c.Send(t.Context(), "1", testToken, testMessage())
				note := func(what string, err error) {
					if err != nil {
						t.Errorf("%s: %v", what, err)
					}
				}
				note("send", err)
				_, err = c.Number(t.Context(), "1", testToken)
				note("number", err)
				_, err = c.Numbers(t.Context(), "2", testToken)
				note("numbers", err)
				_, err = c.Account(t.Context(), "2", testToken)
				note("account", err)
				_, err = c.Subscriptions(t.Context(), "2", testToken)
				note("subscriptions", err)
				_, err = c.Templates(t.Context(), "2", testToken)
				note("templates", err)
				_, err = c.Token(t.Context(), testToken)
				note("token", err)
				p := base.path + "/v25.0/"
				want := []string{"POST " + p + "1/messages", "GET " + p + "1", "GET " + p + "2/phone_numbers", "GET " + p + "2", "GET " + p + "2/subscribed_apps",
					"GET " + p + "2/message_templates", "GET " + p + "2/message_templates", "GET " + p + "debug_token"}
				if diff := cmp.Diff(want, g.seen); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if len(g.bad) > 0 {
					t.Errorf("%s", strings.Join(g.bad, "\n"))
				}
			})
		}
	}
}

func directly(t *testing.T, h http.Handler) (string, func(*Client)) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL, func(*Client) {}
}

func overTLS(t *testing.T, h http.Handler) (string, func(*Client)) {
	t.Helper()
	server := httptest.NewTLSServer(h)
	t.Cleanup(server.Close)
	roots := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	return server.URL, func(c *Client) {
		c.transport.TLSClientConfig.RootCAs = roots
		if c.wire != nil {
			c.wire.tls.RootCAs = roots
		}
	}
}

// byProxy is plain HTTP, where the proxy reads the whole address.
func byProxy(t *testing.T, h http.Handler) (string, func(*Client)) {
	t.Helper()
	proxy, change := directly(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Host != "graph.test" {
			t.Errorf("the proxy is asked for %s", r.URL)
		}
		h.ServeHTTP(w, r)
	}))
	return "http://graph.test", func(c *Client) { change(c); setProxy(t, c, proxy) }
}

// throughTunnel is TLS, of which the proxy sees the host only.
func throughTunnel(t *testing.T, h http.Handler) (string, func(*Client)) {
	t.Helper()
	api, trust := overTLS(t, h)
	proxy, _ := directly(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.URL.RawQuery != "" {
			t.Errorf("the proxy sees %s %s", r.Method, r.RequestURI)
		}
		tunnel(w, strings.TrimPrefix(api, "https://"))
	}))
	return api, func(c *Client) { trust(c); setProxy(t, c, proxy) }
}

// tunnel copies both ways until either side ends.
func tunnel(w http.ResponseWriter, address string) {
	there, err := net.Dial("tcp", address)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	here, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		_ = there.Close()
		return
	}
	_, _ = io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
	var both sync.WaitGroup
	defer both.Wait()
	for _, way := range [][2]net.Conn{{here, there}, {there, here}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			_, _ = way[0].Close(), way[1].Close()
		})
	}
}

func setProxy(t *testing.T, c *Client, address string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	c.wire, c.transport.Proxy = nil, http.ProxyURL(u)
}

// What the API says of a proof stops the account, tells exactly what to set, and tells
// who made the proof, each time, that it was not taken.
func TestProofRefused(t *testing.T) {
	var answer string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, answer)
	}))
	defer server.Close()
	const refusal = `{"error":{"message":%q,"type":"GraphMethodException","code":%d}}`
	for name, tc := range map[string]struct {
		message string
		code    int
		proof   string
		want    Class
		remedy  string
		told    bool
	}{
		"missing":             {"API calls from the server require an appsecret_proof argument", 100, "", ClassRefusedAccount, noProof.Remedy, false},
		"lost on the way":     {"API calls from the server require an appsecret_proof argument", 100, "p", ClassRefusedAccount, noProof.Remedy, true},
		"wrong":               {"Invalid appsecret_proof provided in the API argument", 100, "p", ClassRefusedAccount, badProof.Remedy, true},
		"another parameter":   {"Invalid parameter", 100, "p", ClassRefusedMessage, fixParameter, false},
		"an expired token":    {"Session has expired", 190, "p", ClassRefusedAccount, newToken, false},
		"echoed by a gateway": {"/v25.0/1?appsecret_proof=p1p2 is not allowed", 131005, "p1p2", ClassRefusedAccount, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			answer = fmt.Sprintf(refusal, tc.message, tc.code)
			var told []string
			c := newClient(t, Config{BaseURL: server.URL, Proof: func(string) string { return tc.proof }, ProofRefused: func(token, proof string) {
				told = append(told, token+" "+proof)
			}})
			_, err := c.Send(t.Context(), "1", testToken, testMessage())
			_, read := c.Number(t.Context(), "1", testToken)
			if ClassOf(err) != tc.want || ClassOf(read) != tc.want {
				t.Errorf("%v and %v, want %v", ClassOf(err), ClassOf(read), tc.want)
			}
			for _, err := range []error{err, read} {
				if !strings.HasSuffix(err.Error(), tc.remedy) || strings.Contains(err.Error(), "p1p2") {
					t.Errorf("%v", err)
				}
			}
			row, ok := LookupText(tc.code, err.Error())
			if !ok || tc.remedy != "" && row.Remedy != tc.remedy {
				t.Errorf("by its text it is %+v", row)
			}
			want := []string{testToken + " " + tc.proof, testToken + " " + tc.proof}
			if !tc.told {
				want = nil
			}
			if diff := cmp.Diff(want, told); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
		})
	}
}
