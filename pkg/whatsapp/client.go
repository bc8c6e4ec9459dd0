package whatsapp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Defaults of a [Config].
const (
	DefaultBaseURL     = "https://graph.facebook.com"
	DefaultVersion     = "v26.0"
	DefaultMaxInFlight = 100
	DefaultTimeout     = 30 * time.Second
)

const (
	// maxAnswer bounds what is read of an answer; the API's are under a kilobyte.
	maxAnswer = 1 << 20
	maxHeader = 64 << 10
	// idleTimeout is shorter than what servers and load balancers wait (60 s and
	// more), so that we close an idle connection first: a request written on one
	// that the server is just closing would be ambiguous.
	idleTimeout = 30 * time.Second
	dialTimeout = 10 * time.Second
)

// Config is what a client needs. The zero value talks to Meta.
type Config struct {
	// BaseURL is where the API is, without the version. Defaults to [DefaultBaseURL].
	BaseURL string
	// Version is the Graph API version. Defaults to [DefaultVersion].
	Version string
	// MaxInFlight is how many sends run at once; as many connections are kept open.
	// Defaults to [DefaultMaxInFlight].
	MaxInFlight int
	// Timeout bounds one send, from dialling to the end of the answer. Defaults to
	// [DefaultTimeout].
	Timeout time.Duration
	// Proof gives the proof of a token, see [AppSecretProof], which every call then
	// carries; empty for none. It is asked for each call. Nil is no proofs.
	Proof func(token string) string
	// ProofRefused is told of each proof that the API did not take; nil is nobody. It
	// is called before the call returns, and must not wait. A read is tried again if
	// Proof then gives another one; a message never is.
	ProofRefused func(token, proof string)
	// TLS is for private certificate authorities; nil trusts the system's.
	TLS *tls.Config
}

// Client sends messages, and reads what the API knows. It is safe for use by many goroutines.
type Client struct {
	base      url.URL
	prefix    string // of the path, and escaped as it goes over the wire
	escaped   string
	timeout   time.Duration
	proof     func(token string) string
	refused   func(token, proof string)
	transport *http.Transport
	// wire carries the sends; nil behind a proxy, where the transport does.
	wire *wire
}

// New checks the configuration and makes a client. It does not connect.
func New(cfg Config) (*Client, error) {
	if cfg.BaseURL == "" {
		cfg.BaseURL = DefaultBaseURL
	}
	if cfg.Version == "" {
		cfg.Version = DefaultVersion
	}
	if cfg.MaxInFlight == 0 {
		cfg.MaxInFlight = DefaultMaxInFlight
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultTimeout
	}
	base, err := cfg.validate()
	if err != nil {
		return nil, fmt.Errorf("whatsapp client: %w", err)
	}
	c := &Client{
		base:      url.URL{Scheme: base.Scheme, Host: base.Host},
		prefix:    strings.TrimRight(base.Path, "/") + "/" + cfg.Version + "/",
		escaped:   strings.TrimRight(base.EscapedPath(), "/") + "/" + cfg.Version + "/",
		timeout:   cfg.Timeout,
		proof:     cfg.Proof,
		refused:   cfg.ProofRefused,
		transport: newTransport(cfg),
	}
	if proxy, _ := http.ProxyFromEnvironment(&http.Request{URL: base}); proxy == nil {
		c.wire = newWire(base, cfg)
	}
	return c, nil
}

// validate names the field that is wrong, without its value: a URL may hold a secret.
func (cfg *Config) validate() (*url.URL, error) {
	base, err := url.Parse(cfg.BaseURL)
	switch {
	case err != nil:
		return nil, errors.New("field BaseURL is no URL")
	case base.Scheme != "https" && base.Scheme != "http" || base.Host == "":
		return nil, errors.New("field BaseURL must begin with https:// and a host")
	case base.User != nil || base.RawQuery != "" || base.Fragment != "":
		return nil, errors.New("field BaseURL must have no user, query or fragment")
	case !validVersion(cfg.Version):
		return nil, errors.New("field Version must be like v26.0")
	case cfg.MaxInFlight < 0:
		return nil, errors.New("field MaxInFlight must be positive")
	case cfg.Timeout < 0:
		return nil, errors.New("field Timeout must be positive")
	}
	// net/http would quote a broken proxy URL, password and all, in every error.
	if _, err := http.ProxyFromEnvironment(&http.Request{URL: base}); err != nil {
		return nil, errors.New("the proxy in the environment (HTTPS_PROXY or HTTP_PROXY) is no URL")
	}
	return base, nil
}

func validVersion(v string) bool {
	major, minor, ok := strings.Cut(strings.TrimPrefix(v, "v"), ".")
	return ok && strings.HasPrefix(v, "v") && allDigits(major) && allDigits(minor)
}

func allDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func newDialer() net.Dialer { return net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second} }

func newTLS(cfg Config) *tls.Config {
	config := cfg.TLS.Clone()
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if config.ClientSessionCache == nil {
		config.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	return config
}

func newTransport(cfg Config) *http.Transport {
	dialer := newDialer()
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &counter{Conn: conn}, nil
		},
		TLSClientConfig:     newTLS(cfg),
		TLSHandshakeTimeout: dialTimeout,
		// A transport with its own dialer speaks HTTP/2 only if it is asked to.
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second},
		MaxIdleConnsPerHost:    cfg.MaxInFlight,
		IdleConnTimeout:        idleTimeout,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
	}
}

// Close closes the connections that are idle. Call it when no Send runs any more.
func (c *Client) Close() {
	if c.wire != nil {
		c.wire.close()
	}
	c.transport.CloseIdleConnections()
}

// Send posts one template message from a phone number id. Its error is an [*Error];
// nil means that the API took the message. Nothing is repeated: a caller that wants
// to try again decides so by the error's class.
//
// ctx and the client's time limit bound the call. A call that is cancelled after
// its request was written is ambiguous, not cancelled.
func (c *Client) Send(ctx context.Context, phoneNumberID, token string, m *Message) (Accepted, error) {
	if err := checkCaller(phoneNumberID, token); err != nil {
		return Accepted{}, err
	}
	if until, bounded := ctx.Deadline(); !bounded || time.Until(until) > c.timeout {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	exchange := c.viaTransport
	if c.wire != nil {
		exchange = c.viaWire
	}
	to := target{number: phoneNumberID, token: token, proof: c.proofOf(token)}
	a, left, err := exchange(ctx, to, m)
	if err != nil {
		failure := &Error{Class: ClassNotSent, Err: safeCause(err, token)}
		if left {
			failure.Class = ClassAmbiguous
		}
		return Accepted{}, failure
	}
	accepted, err := read(a.status, a.header, a.body, a.bodyErr, token)
	c.heed(token, to.proof, err)
	return accepted, err
}

// target is where a message goes, and by whose right.
type target struct{ number, token, proof string }

func (c *Client) viaWire(ctx context.Context, to target, m *Message) (answerHead, bool, error) {
	path := c.escaped + to.number + "/messages"
	if to.proof != "" {
		path += "?" + proofParameter + "=" + to.proof
	}
	return c.wire.exchange(ctx, path, to.token, m)
}

// viaTransport is for proxies. With an error, left says whether the API may have
// the message.
func (c *Client) viaTransport(ctx context.Context, to target, m *Message) (a answerHead, left bool, err error) {
	out := &call{body: m.AppendJSON(make([]byte, 0, m.sizeHint())), sendBy: m.SendBy}
	// The transport itself, not http.Client: no redirects, no cookies, and no
	// *url.Error, whose text holds the URL.
	resp, err := c.transport.RoundTrip(c.request(out.trace(ctx), to, out))
	if err != nil {
		return a, out.mayHaveLeft(), err
	}
	defer resp.Body.Close()
	// Reading to the end is what lets the connection be used again.
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return answerHead{status: resp.StatusCode, header: resp.Header, body: body, bodyErr: err}, true, nil
}

// request builds the POST.
//
// It has no GetBody on purpose, and no Idempotency-Key: with either, net/http
// repeats requests by itself. Without them it does so only where it has not begun
// to read the body, so nothing of the message has left. GetBody would add a case
// that is not safe: over HTTP/2 a stream reset with PROTOCOL_ERROR is repeated,
// though the server may have acted on the request.
func (c *Client) request(ctx context.Context, to target, body *call) *http.Request {
	u := c.address(to.number + "/messages")
	if to.proof != "" {
		u.RawQuery = proofParameter + "=" + to.proof
	}
	req := &http.Request{
		Method:     http.MethodPost,
		URL:        &u,
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Host:       c.base.Host,
		Header: http.Header{
			"Authorization": {"Bearer " + to.token},
			"Content-Type":  {"application/json"},
			"User-Agent":    {"wacast"},
		},
		Body:          body,
		ContentLength: int64(len(body.body)),
	}
	return req.WithContext(ctx)
}

// address is that of a path, which holds nothing to escape.
func (c *Client) address(path string) url.URL {
	u := c.base
	u.Path, u.RawPath = c.prefix+path, c.escaped+path
	return u
}

// checkCaller refuses what could never be sent. Left to net/http it would look like
// a network that is down, and be tried again for ever.
func checkCaller(phoneNumberID, token string) error {
	if !allDigits(phoneNumberID) {
		return &Error{Class: ClassRefusedNumber, Err: errors.New("the phone number id must be digits")}
	}
	return checkToken(token)
}

func checkToken(token string) error {
	if token == "" {
		return &Error{Class: ClassRefusedAccount, Err: errors.New("there is no access token")}
	}
	for i := 0; i < len(token); i++ {
		if token[i] <= ' ' || token[i] >= 0x7f {
			return &Error{Class: ClassRefusedAccount, Err: errors.New("the access token holds a space, a line break or another character no token has")}
		}
	}
	return nil
}
