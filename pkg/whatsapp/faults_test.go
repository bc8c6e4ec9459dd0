package whatsapp

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// rawServer plays script on each connection and closes it. It is a real listener,
// so that what the client meets is what the kernel does.
func rawServer(t testing.TB, script func(*net.TCPConn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				script(conn.(*net.TCPConn))
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		wg.Wait()
	})
	return listener.Addr().String()
}

// receive reads one whole request and reports whether it got one.
func receive(conn net.Conn) bool {
	req, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return false
	}
	n, err := io.Copy(io.Discard, req.Body)
	return err == nil && n == req.ContentLength
}

func closedAddr(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func TestNotSentWhenNoConnectionCameAbout(t *testing.T) {
	untrusted := newAPI(t, http2, answer200)
	silent := rawServer(t, func(conn *net.TCPConn) { _, _ = io.Copy(io.Discard, conn) })
	closing := rawServer(t, func(*net.TCPConn) {})
	noTLS := newAPI(t, plain, answer200)
	// A label of more than 63 characters is no name: it fails without a name server.
	noName := "http://" + strings.Repeat("a", 64) + ".test"
	tests := []struct {
		name, url string
		cause     func(error) bool
	}{
		{"DNS", noName, func(err error) bool { var e *net.DNSError; return errors.As(err, &e) }},
		{"refused", "http://" + closedAddr(t), func(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }},
		{"certificate", untrusted.URL, func(err error) bool { var e *tls.CertificateVerificationError; return errors.As(err, &e) }},
		{"TLS never answered", "https://" + silent, func(err error) bool { return errors.Is(err, context.DeadlineExceeded) }},
		{"TLS closed", "https://" + closing, func(error) bool { return true }},
		{"no TLS", strings.Replace(noTLS.URL, "http:", "https:", 1), func(error) bool { return true }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			timeout := 10 * time.Second
			if strings.HasSuffix(tt.url, silent) {
				timeout = 100 * time.Millisecond
			}
			c := newClient(t, Config{BaseURL: tt.url, Timeout: timeout})
			_, err := c.Send(t.Context(), "1", testToken, testMessage())
			if ClassOf(err) != ClassNotSent || !tt.cause(err) {
				t.Errorf("%v: %v, want not_sent", ClassOf(err), err)
			}
			assertLeaksNothing(t, err, testToken, testPhone, "/messages")
		})
	}
	if n := untrusted.requests.Load() + noTLS.requests.Load(); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
}

func TestAmbiguousOnceTheRequestWasRead(t *testing.T) {
	tests := []struct {
		name   string
		script func(*net.TCPConn)
		status int
		cause  error
	}{
		{"closed", func(*net.TCPConn) {}, 0, nil},
		{"reset", func(c *net.TCPConn) { _ = c.SetLinger(0) }, 0, nil},
		{"hangs", func(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) }, 0, context.DeadlineExceeded},
		{"half a status line", func(c *net.TCPConn) { fmt.Fprint(c, "HTTP/1.1 20") }, 0, nil},
		{"no HTTP", func(c *net.TCPConn) { fmt.Fprintf(c, "SSH-2.0 %s %s\r\n\r\n", testToken, testPhone) }, 0, nil},
		{"half an answer", func(c *net.TCPConn) {
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(yes), yes[:60])
		}, 200, io.ErrUnexpectedEOF},
		{"half an answer, then silence", func(c *net.TCPConn) {
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(yes), yes[:60])
			_, _ = io.Copy(io.Discard, c)
		}, 200, context.DeadlineExceeded},
		{"HTML 502", func(c *net.TCPConn) {
			fmt.Fprint(c, "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>"+testToken)
		}, 502, nil},
		{"empty 500", func(c *net.TCPConn) {
			fmt.Fprint(c, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")
		}, 500, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			addr := rawServer(t, func(conn *net.TCPConn) {
				if receive(conn) {
					requests.Add(1)
				}
				tt.script(conn)
			})
			timeout := 10 * time.Second
			if tt.cause == context.DeadlineExceeded {
				timeout = time.Second // long enough for a busy machine to take the request in
			}
			c := newClient(t, Config{BaseURL: "http://" + addr, Timeout: timeout})
			_, err := c.Send(t.Context(), "1", testToken, testMessage())
			var e *Error
			if !errors.As(err, &e) || e.Class != ClassAmbiguous || e.HTTPStatus != tt.status {
				t.Errorf("%v: %v, want ambiguous with status %d", ClassOf(err), err, tt.status)
			}
			if tt.cause != nil && !errors.Is(err, tt.cause) {
				t.Errorf("%v does not wrap %v", err, tt.cause)
			}
			if want := tt.cause == context.DeadlineExceeded; e.Timeout() != want {
				t.Errorf("Timeout() = %v, want %v", e.Timeout(), want)
			}
			if n := requests.Load(); n != 1 {
				t.Errorf("the server got %d requests, want 1", n)
			}
			assertLeaksNothing(t, err, testToken, testPhone, "/messages")
		})
	}
}

// A server that closes at once races with the request. Either verdict may be
// right, but not_sent must be true.
func TestClosedBeforeReading(t *testing.T) {
	for range 50 {
		addr := rawServer(t, func(c *net.TCPConn) { _ = c.SetLinger(0) })
		_, err := newClient(t, Config{BaseURL: "http://" + addr}).Send(t.Context(), "1", testToken, testMessage())
		if class := ClassOf(err); class != ClassNotSent && class != ClassAmbiguous {
			t.Fatalf("%v: %v", class, err)
		}
	}
}

// cutConn takes as many bytes as it is allowed, then breaks.
type cutConn struct {
	net.Conn
	left *atomic.Int64
}

func (c *cutConn) Write(p []byte) (int, error) {
	allowed := min(max(c.left.Load(), 0), int64(len(p)))
	n, err := c.Conn.Write(p[:allowed])
	c.left.Add(int64(-n))
	if err == nil && n < len(p) {
		err = syscall.EPIPE
	}
	return n, err
}

// SyscallConn lets an idle connection be looked at.
func (c *cutConn) SyscallConn() (syscall.RawConn, error) { return c.Conn.(syscall.Conn).SyscallConn() }

// cut makes a client whose connections break after so many bytes.
func cut(c *Client, after int64) *atomic.Int64 {
	left := &atomic.Int64{}
	left.Store(after)
	dial := c.transport.DialContext
	if c.wire != nil {
		connect := c.wire.connect
		c.wire.connect = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := connect(ctx, network, addr)
			return &cutConn{conn, left}, err
		}
	}
	c.transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		conn.(*counter).Conn = &cutConn{conn.(*counter).Conn, left}
		return conn, nil
	}
	return left
}

// Wherever the connection breaks: not_sent only if the server cannot have the
// message, and for certain if less was written than the message is long, or, on a
// connection of our own, than the whole request.
func TestConnectionBreaksAfterSomeBytes(t *testing.T) {
	length := int64(len(testMessage().AppendJSON(nil)))
	head := int64(len(appendHead(nil, "127.0.0.1:12345", "/v26.0/1/messages", testToken, int(length))))
	t.Run("own connection", func(t *testing.T) { breakAfterSomeBytes(t, func(*Client) {}, length+head, length) })
	t.Run("behind a proxy", func(t *testing.T) { breakAfterSomeBytes(t, proxied, length, length) })
}

// proxied makes a client that sends as it does behind a proxy.
func proxied(c *Client) { c.wire = nil }

// breakAfterSomeBytes wants doubt from so many bytes on.
func breakAfterSomeBytes(t *testing.T, change func(*Client), doubt, length int64) {
	for _, after := range []int64{0, 1, 30, length / 2, length - 1, length, length + 50, doubt - 1, doubt, 4 * length} {
		var requests atomic.Int32
		addr := rawServer(t, func(conn *net.TCPConn) {
			if receive(conn) {
				requests.Add(1)
				fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(yes), yes)
			}
		})
		c := newClient(t, Config{BaseURL: "http://" + addr})
		change(c)
		cut(c, after)
		_, err := c.Send(t.Context(), "1", testToken, testMessage())
		want := ClassNotSent
		switch {
		case after == 4*length || after == doubt && c.wire != nil:
			want = ClassAccepted
		case after >= doubt:
			want = ClassAmbiguous
		}
		if ClassOf(err) != want {
			t.Errorf("broken after %d of about %d bytes: %v, want %v", after, length+250, err, want)
		}
		c.Close()
		if want == ClassNotSent && requests.Load() != 0 {
			t.Errorf("broken after %d bytes: the server got the message", after)
		}
	}
}

// A kept connection that is found dead, over TLS too, where closing it writes an
// alert: the message stayed here, net/http repeats nothing, the next send works.
func TestStaleConnection(t *testing.T) {
	for name, start := range map[string]func(*httptest.Server){"plain": plain, "TLS": (*httptest.Server).StartTLS} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t, start, answer200)
			cfg := Config{BaseURL: a.URL}
			if name == "TLS" {
				cfg.TLS = a.trust()
			}
			c := newClient(t, cfg)
			left := cut(c, 1<<20)
			if _, err := c.Send(t.Context(), "1", testToken, testMessage()); err != nil {
				t.Fatal(err)
			}
			left.Store(0)
			if _, err := c.Send(t.Context(), "1", testToken, testMessage()); ClassOf(err) != ClassNotSent {
				t.Errorf("%v: %v, want not_sent", ClassOf(err), err)
			}
			left.Store(1 << 20)
			if _, err := c.Send(t.Context(), "1", testToken, testMessage()); err != nil {
				t.Errorf("after it: %v", err)
			}
			if n := a.requests.Load(); n != 2 {
				t.Errorf("%d requests, want 2", n)
			}
		})
	}
}

// The server closes the kept connection while it idles. Whatever the race with the
// next send gives, the server never gets one message twice.
func TestServerClosesIdleConnection(t *testing.T) {
	a := newAPI(t, plain, answer200)
	c := newClient(t, Config{BaseURL: a.URL})
	sent := int32(0)
	for range 30 {
		_, err := c.Send(t.Context(), "1", testToken, testMessage())
		if ClassOf(err) != ClassNotSent {
			sent++
		}
		a.CloseClientConnections()
	}
	if n := a.requests.Load(); n > sent {
		t.Errorf("the server got %d messages of %d that may have been sent", n, sent)
	}
}

// HTTP/2 shares a connection, so what was written proves nothing; the verdict is
// still right, and nothing is repeated.
func TestHTTP2Aborted(t *testing.T) {
	a := newAPI(t, http2, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	c := newClient(t, Config{BaseURL: a.URL, TLS: a.trust()})
	proxied(c)
	_, err := c.Send(t.Context(), "1", testToken, testMessage())
	if ClassOf(err) != ClassAmbiguous || a.requests.Load() != 1 {
		t.Errorf("%v (%v) after %d requests, want ambiguous after 1", ClassOf(err), err, a.requests.Load())
	}
	assertLeaksNothing(t, err, testToken, testPhone, "/messages")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Send(ctx, "1", testToken, testMessage()); ClassOf(err) != ClassNotSent {
		t.Errorf("cancelled before: %v (%v), want not_sent", ClassOf(err), err)
	}
}

// A server may reset a stream with PROTOCOL_ERROR after it acted on the request;
// net/http would repeat it if it could rewind the body. REFUSED_STREAM promises
// that nothing was done, but nobody checks who makes the promise.
func TestHTTP2ResetStreamIsNotRepeated(t *testing.T) {
	const protocolError, refusedStream = 1, 7
	for _, code := range []byte{protocolError, refusedStream} {
		a := newAPI(t, http2, answer200) // for its certificate
		var requests atomic.Int32
		addr := rawServer(t, func(raw *net.TCPConn) {
			conn := tls.Server(raw, &tls.Config{Certificates: a.TLS.Certificates, NextProtos: []string{"h2"}})
			resetStreams(conn, code, &requests)
		})
		c := newClient(t, Config{BaseURL: "https://" + addr, TLS: a.trust(), Timeout: 10 * time.Second})
		proxied(c)
		_, err := c.Send(t.Context(), "1", testToken, testMessage())
		if ClassOf(err) != ClassAmbiguous || requests.Load() != 1 {
			t.Errorf("reset with code %d: %v (%v) after %d requests, want ambiguous after 1", code, ClassOf(err), err, requests.Load())
		}
		c.Close()
	}
}

// resetStreams speaks just enough HTTP/2 (RFC 9113, section 4.1) to take requests
// and to reset each one once it is whole.
func resetStreams(conn net.Conn, code byte, requests *atomic.Int32) {
	const (
		data, resetStream, settings = 0, 3, 4
		endStream                   = 1
	)
	preface := make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
	if _, err := io.ReadFull(conn, preface); err != nil {
		return
	}
	_, _ = conn.Write([]byte{0, 0, 0, settings, 0, 0, 0, 0, 0})
	for head := make([]byte, 9); ; {
		if _, err := io.ReadFull(conn, head); err != nil {
			return
		}
		length := int64(head[0])<<16 | int64(head[1])<<8 | int64(head[2])
		if _, err := io.CopyN(io.Discard, conn, length); err != nil {
			return
		}
		if head[3] == data && head[4]&endStream != 0 {
			requests.Add(1)
			_, _ = conn.Write(append([]byte{0, 0, 4, resetStream, 0}, head[5], head[6], head[7], head[8], 0, 0, 0, code))
		}
	}
}

func TestMayHaveLeft(t *testing.T) {
	body := make([]byte, 400)
	tests := []struct {
		name    string
		read    bool
		written int64
		want    bool
	}{
		{"body never read", false, 1000, false},
		{"nothing written", true, 0, false},
		{"only a TLS alert", true, 31, false},
		{"less than the body", true, 399, false},
		{"as much as the body", true, 400, true},
	}
	for _, tt := range tests {
		client, server := net.Pipe()
		counted := &counter{Conn: client}
		counted.written.Store(5000 + tt.written)
		c := &call{body: body, conn: counted, start: 5000}
		if tt.read {
			if _, err := io.ReadAll(c); err != nil {
				t.Fatal(err)
			}
		}
		if got := c.mayHaveLeft(); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
		if _, err := c.Read(make([]byte, 1)); !tt.read && err != errRevoked {
			t.Errorf("%s: a revoked body can still be read: %v", tt.name, err)
		}
		server.Close()
		client.Close()
	}
	unknown := &call{body: body, conn: nil}
	_, _ = io.ReadAll(unknown)
	if !unknown.mayHaveLeft() {
		t.Error("a body that was read for an unknown connection did not leave")
	}
}
