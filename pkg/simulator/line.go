package simulator

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// maxWhole is the longest request that a line answers: templates are far shorter.
const maxWhole = 16 << 10

// line answers requests on one connection, one after the other. What an exchange
// needs is used again by the next one.
type line struct {
	net.Conn
	s     *Server
	buf   []byte
	since time.Time // when the read deadline was set

	head    head
	request *http.Request
	body    bytes.Reader
	client  client
	answer  reply
}

func newLine(f *front, conn net.Conn) *line {
	l := &line{Conn: conn, s: f.s, buf: make([]byte, maxWhole)}
	l.client = client{Context: f.ctx, conn: conn}
	l.answer.header = make(http.Header)
	l.request = (&http.Request{
		Method: http.MethodPost, URL: new(url.URL), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header), Body: io.NopCloser(&l.body), RemoteAddr: conn.RemoteAddr().String(),
	}).WithContext(&l.client)
	return l
}

// run answers until the connection is over, or until something comes that is for
// net/http: then strange is true, and more is what was read of it.
func (l *line) run() (more []byte, strange bool) {
	for l.patience() {
		n, err := l.Read(l.buf)
		if n == 0 || err != nil {
			return nil, false
		}
		if !l.head.scan(l.buf[:n]) {
			return l.buf[:n], true
		}
		if !l.exchange(l.buf[n-l.head.length : n]) {
			return nil, false
		}
		if more := l.client.sent; more != nil {
			return more, true
		}
	}
	return nil, false
}

// patience sets the deadline for the next request now and then. It reports false when
// the server stops.
func (l *line) patience() bool {
	if now := time.Now(); now.Sub(l.since) > idleTimeout/8 {
		if l.SetReadDeadline(now.Add(idleTimeout)) != nil {
			return false
		}
		l.since = now
	}
	return l.client.Context.Err() == nil
}

// exchange answers the request in head. It reports false where the connection is to
// be closed instead.
func (l *line) exchange(body []byte) (ok bool) {
	defer l.abort(&ok)
	r, h := l.request, &l.head
	l.body.Reset(body)
	r.ContentLength = int64(len(body))
	if v := r.PathValue("version"); v != string(h.version) {
		r.SetPathValue("version", string(h.version))
	}
	if v := r.PathValue("number"); v != string(h.number) {
		r.SetPathValue("number", string(h.number))
	}
	if v := r.Header["Authorization"]; len(v) == 0 || v[0] != string(h.authorization) {
		r.Header["Authorization"] = []string{string(h.authorization)}
	}
	l.answer.reset()
	l.s.send(&l.answer, r, h.endpoint)
	if l.client.leave() { // it was looked whether the client is still there
		l.since = time.Time{}
	}
	_, err := l.Write(l.answer.whole())
	return err == nil
}

// abort ends an exchange that has no answer, as net/http does.
func (l *line) abort(ok *bool) {
	why := recover()
	if why == nil {
		return
	}
	*ok = false
	l.client.leave()
	if why != http.ErrAbortHandler {
		l.s.cfg.Logger.Error("a request could not be judged", "panic", why)
	}
}

// client is the context of an exchange: it ends when the client leaves. Only who asks
// for that has the connection watched.
type client struct {
	context.Context // the server's
	conn            net.Conn

	mu       sync.Mutex
	gone     chan struct{} // nil until somebody asks
	err      error
	watching sync.WaitGroup
	sent     []byte // what came before the answer
}

// Done is closed when the client leaves, or the server stops.
func (c *client) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone == nil {
		gone := make(chan struct{})
		c.gone = gone
		c.watching.Go(func() { c.watch(gone) })
	}
	return c.gone
}

// Err says whether Done is closed.
func (c *client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *client) watch(gone chan struct{}) {
	var b [1]byte
	n, err := c.conn.Read(b[:])
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = append(c.sent, b[:n]...)
	if err != nil {
		c.err = context.Canceled
		close(gone)
	}
}

// leave ends an exchange's watch. It reports whether there was one.
func (c *client) leave() bool {
	if c.gone == nil {
		return false
	}
	_ = c.conn.SetReadDeadline(time.Unix(1, 0))
	c.watching.Wait()
	c.gone, c.err = nil, nil
	return true
}

// reply is an answer that is written in one piece.
type reply struct {
	header http.Header
	status int
	body   []byte
	out    []byte
}

func (a *reply) reset() {
	clear(a.header)
	a.status, a.body = http.StatusOK, a.body[:0]
}

// Header is that of the answer.
func (a *reply) Header() http.Header { return a.header }

// WriteHeader sets the status.
func (a *reply) WriteHeader(status int) { a.status = status }

// Write adds to the body.
func (a *reply) Write(b []byte) (int, error) {
	a.body = append(a.body, b...)
	return len(b), nil
}

// whole is the answer as it goes over the wire. No header here needs an escape.
func (a *reply) whole() []byte {
	b := append(a.out[:0], "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(a.status), 10)
	b = append(append(append(b, ' '), http.StatusText(a.status)...), "\r\n"...)
	for name, values := range a.header {
		for _, v := range values {
			b = append(append(append(append(b, name...), ": "...), v...), "\r\n"...)
		}
	}
	b = time.Now().UTC().AppendFormat(append(b, "Date: "...), http.TimeFormat)
	b = strconv.AppendInt(append(b, "\r\nContent-Length: "...), int64(len(a.body)), 10)
	b = append(append(b, "\r\n\r\n"...), a.body...)
	a.out = b
	return b
}
