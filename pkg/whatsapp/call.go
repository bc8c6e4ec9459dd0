package whatsapp

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// call is one request on its way through net/http's transport, which carries sends
// behind a proxy; [wire] carries the others. It is the request's body, and it watches
// the connection, so that after a failure it can say for certain whether the message
// may have left this machine.
//
// Two facts decide it:
//
//   - The body was never read. Then no byte of the message reached a connection,
//     HTTP/1 or HTTP/2, and revoke makes sure that none will.
//   - Fewer bytes were written on the connection than the body is long. Then the
//     API cannot have the whole message, and half a JSON object is no message.
//     Comparing with the length, not with zero, keeps a stale TLS connection
//     out of doubt: closing it writes an alert of some 30 bytes. HTTP/2 shares
//     its connection with other requests, so there the first fact must do.
type call struct {
	body []byte
	off  int
	// sendBy is [Message.SendBy].
	sendBy time.Time
	// state is 0 until the transport reads the body or the call is revoked.
	state atomic.Int32

	// conn and start are set by the transport's goroutine for this call, which is
	// the caller's, before the transport returns.
	conn  net.Conn
	start int64
}

const (
	stateRead    = 1
	stateRevoked = 2
)

var errRevoked = errors.New("request was given up before it was sent")

// Read hands out the body. Only the transport calls it, from one goroutine at a time.
func (c *call) Read(p []byte) (int, error) {
	if c.off == 0 && !c.sendBy.IsZero() && !time.Now().Before(c.sendBy) && c.state.CompareAndSwap(0, stateRevoked) {
		return 0, errTooLate
	}
	if !c.state.CompareAndSwap(0, stateRead) && c.state.Load() == stateRevoked {
		return 0, errRevoked
	}
	if c.off == len(c.body) {
		return 0, io.EOF
	}
	n := copy(p, c.body[c.off:])
	c.off += n
	return n, nil
}

// Close is the transport's last word on the body.
func (c *call) Close() error { return nil }

// trace is a context that tells the call which connection it got.
func (c *call) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		c.conn = info.Conn
		if counted := countedConn(info.Conn); counted != nil {
			c.start = counted.written.Load()
		}
	}})
}

// mayHaveLeft is asked once, after the transport gave up. False is certain.
func (c *call) mayHaveLeft() bool {
	if c.state.CompareAndSwap(0, stateRevoked) {
		return false
	}
	counted := countedConn(c.conn)
	if counted == nil || isHTTP2(c.conn) {
		return true
	}
	// The transport has closed it already; after this nobody can write any more.
	_ = counted.Close()
	return counted.written.Load()-c.start >= int64(len(c.body))
}

func isHTTP2(conn net.Conn) bool {
	t, ok := conn.(*tls.Conn)
	return ok && t.ConnectionState().NegotiatedProtocol == "h2"
}

// countedConn finds our own connection under TLS, or under TLS to a proxy.
func countedConn(conn net.Conn) *counter {
	for {
		switch c := conn.(type) {
		case *counter:
			return c
		case *tls.Conn:
			conn = c.NetConn()
		default:
			return nil
		}
	}
}

// counter counts what was written on a connection.
type counter struct {
	net.Conn
	written atomic.Int64
}

// Write counts before it writes and corrects afterwards, so that a write in
// progress counts as whole: the error is always on the side of "may have left".
func (c *counter) Write(p []byte) (int, error) {
	c.written.Add(int64(len(p)))
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n - len(p)))
	return n, err
}
