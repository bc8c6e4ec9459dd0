package whatsapp

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"
)

// wire carries sends over HTTP/1.1 connections of its own: one request at a time,
// written and answered in the caller's goroutine. net/http's transport has two
// goroutines for each connection, which cost more than all the rest of a send, and
// it decides by itself when the bytes leave: here that is one call, right behind
// the last look at the clock, whose result says for certain what left.
//
// Answers other than the usual one are read by net/http. Behind a proxy the transport
// is used.
type wire struct {
	address string
	host    string
	tls     *tls.Config // nil for plain HTTP
	connect func(ctx context.Context, network, address string) (net.Conn, error)
	keep    int

	mu     sync.Mutex
	idle   []*link // the last used at the end
	closed bool
	sweep  *time.Timer
}

// link is one connection and what its exchanges use again.
type link struct {
	net.Conn
	raw     *counter
	probe   *idleProbe
	limited io.LimitedReader
	reader  *bufio.Reader
	body    []byte
	request []byte
	since   time.Time // when it became idle
}

// answerTo tells net/http what the answers are to.
var answerTo = &http.Request{Method: http.MethodPost}

func newWire(base *url.URL, cfg Config) *wire {
	dialer := newDialer()
	w := &wire{host: base.Host, address: base.Host, connect: dialer.DialContext, keep: cfg.MaxInFlight}
	if base.Port() == "" {
		w.address = net.JoinHostPort(base.Hostname(), base.Scheme)
	}
	if base.Scheme == "https" {
		w.tls = newTLS(cfg)
		w.tls.NextProtos = []string{"http/1.1"}
		if w.tls.ServerName == "" {
			w.tls.ServerName = base.Hostname()
		}
	}
	return w
}

var (
	errTooLate = errors.New("its time was over before the request could be written")
	errClosed  = errors.New("the client is closed")
	errAnswer  = errors.New("the answer is larger than an answer of the API can be")
)

// answerHead is what an exchange brings back.
type answerHead struct {
	status int
	header http.Header
	body   []byte
	// bodyErr says that the body broke off.
	bodyErr error
}

// exchange posts a message and reads the answer. With an error there is none;
// left then says whether the API may have the message.
func (w *wire) exchange(ctx context.Context, path, token string, m *Message) (a answerHead, left bool, err error) {
	l, err := w.link(ctx)
	if err != nil {
		return a, false, err
	}
	stop := context.AfterFunc(ctx, l.interrupt)
	a, left, reusable, err := l.post(w.host, path, token, m)
	if stop() && reusable {
		w.put(l)
	} else {
		_ = l.Close()
	}
	a.bodyErr = cause(ctx, a.bodyErr)
	return a, left, cause(ctx, err)
}

// cause is why an exchange broke off: the context's end, where it was that.
func cause(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return context.DeadlineExceeded // the connection's deadline came a moment before
	}
	return err
}

// link is an idle connection that still stands, or a new one. Its deadline is the
// context's.
func (w *wire) link(ctx context.Context) (*link, error) {
	until, _ := ctx.Deadline() // none is the zero time, which is none
	for {
		l, err := w.take()
		if err != nil {
			return nil, err
		}
		if l == nil {
			break
		}
		if l.SetDeadline(until) == nil && time.Since(l.since) < idleTimeout && l.probe.alive() {
			return l, nil
		}
		_ = l.Close()
	}
	l, err := w.dial(ctx)
	if err != nil {
		return nil, err
	}
	return l, l.SetDeadline(until)
}

func (w *wire) dial(ctx context.Context) (*link, error) {
	conn, err := w.connect(ctx, "tcp", w.address)
	if err != nil {
		return nil, err
	}
	raw := &counter{Conn: conn}
	l := &link{Conn: raw, raw: raw, probe: newIdleProbe(conn)}
	if w.tls != nil {
		secure := tls.Client(raw, w.tls)
		shaking, cancel := context.WithTimeout(ctx, dialTimeout)
		defer cancel()
		if err := secure.HandshakeContext(shaking); err != nil {
			_ = conn.Close()
			return nil, err
		}
		l.Conn = secure
	}
	l.limited.R = l.Conn
	l.reader = bufio.NewReaderSize(&l.limited, 4<<10)
	return l, nil
}

// interrupt ends whatever the connection waits for.
func (l *link) interrupt() { _ = l.SetDeadline(time.Unix(1, 0)) }

// post writes the request in one go and reads the answer. left is false only when
// the connection cannot have taken all of it, and half a JSON object is no message.
func (l *link) post(host, path, token string, m *Message) (a answerHead, left, reusable bool, err error) {
	l.body = m.AppendJSON(l.body[:0])
	l.request = appendHead(l.request[:0], host, path, token, len(l.body))
	l.request = append(l.request, l.body...)
	before := l.raw.written.Load()
	// Nothing that could take time may come between this and the write.
	if !m.SendBy.IsZero() && !time.Now().Before(m.SendBy) {
		return a, false, true, errTooLate
	}
	if _, err := l.Write(l.request); err != nil {
		return a, l.raw.written.Load()-before >= int64(len(l.request)), false, err
	}
	a, reusable, err = l.answer()
	return a, true, reusable, err
}

// appendHead writes the request line and the headers. The caller has checked path
// and token: neither holds a space or a line break.
func appendHead(dst []byte, host, path, token string, length int) []byte {
	dst = append(append(dst, "POST "...), path...)
	dst = append(append(dst, " HTTP/1.1\r\nHost: "...), host...)
	dst = append(append(dst, "\r\nUser-Agent: wacast\r\nAuthorization: Bearer "...), token...)
	dst = append(dst, "\r\nContent-Type: application/json\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(length), 10)
	return append(dst, "\r\n\r\n"...)
}

// answer reads one answer. The connection may be used again if it was read to its
// end and nothing follows.
func (l *link) answer() (a answerHead, reusable bool, err error) {
	l.limited.N = maxHeader + maxAnswer
	if _, err := l.reader.Peek(1); err != nil {
		return a, false, unanswered(err)
	}
	if a, ok := l.usual(); ok {
		return a, l.reader.Buffered() == 0, nil
	}
	resp, err := http.ReadResponse(l.reader, answerTo)
	for err == nil && resp.StatusCode/100 == 1 { // "go on", which nobody asked for
		resp, err = http.ReadResponse(l.reader, answerTo)
	}
	if err != nil {
		if l.limited.N <= 0 {
			err = errAnswer
		}
		return a, false, err
	}
	a.status, a.header = resp.StatusCode, resp.Header
	a.body, a.bodyErr = readBody(resp)
	return a, a.bodyErr == nil && !resp.Close && l.reader.Buffered() == 0, nil
}

// unanswered is why not even the first byte came, in net/http's words.
func unanswered(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readBody reads to the end; whole answers come with their length.
func readBody(resp *http.Response) ([]byte, error) {
	if n := resp.ContentLength; n >= 0 && n <= maxAnswer {
		body := make([]byte, n)
		read, err := io.ReadFull(resp.Body, body)
		return body[:read], err
	}
	return io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
}

// take removes the connection that was used last; nil when there is none.
func (w *wire) take() (*link, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, errClosed
	}
	last := len(w.idle) - 1
	if last < 0 {
		return nil, nil
	}
	l := w.idle[last]
	w.idle[last] = nil
	w.idle = w.idle[:last]
	return l, nil
}

// put keeps a connection for the next exchange.
func (w *wire) put(l *link) {
	l.since = time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || len(w.idle) >= w.keep {
		_ = l.Close()
		return
	}
	w.idle = append(w.idle, l)
	if w.sweep == nil {
		w.sweep = time.AfterFunc(idleTimeout, w.closeOld)
	}
}

// closeOld closes what has been idle for too long, and comes back for the rest.
func (w *wire) closeOld() {
	w.mu.Lock()
	defer w.mu.Unlock()
	old := 0
	for old < len(w.idle) && time.Since(w.idle[old].since) >= idleTimeout {
		_ = w.idle[old].Close()
		old++
	}
	w.idle = append(w.idle[:0], w.idle[old:]...)
	w.sweep = nil
	if len(w.idle) > 0 && !w.closed {
		w.sweep = time.AfterFunc(idleTimeout-time.Since(w.idle[0].since), w.closeOld)
	}
}

// close closes the idle connections; those that are in use are closed when they
// are put back.
func (w *wire) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.sweep != nil {
		w.sweep.Stop()
	}
	for _, l := range w.idle {
		_ = l.Close()
	}
	w.idle = nil
}
