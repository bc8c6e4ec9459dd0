//go:build unix

package whatsapp

import (
	"net"
	"syscall"
)

// idleProbe finds out whether the other side has closed a connection that was
// idle: a request written on such a one would be ambiguous for nothing.
type idleProbe struct {
	conn  syscall.RawConn
	look  func(fd uintptr) bool
	quiet bool
}

func newIdleProbe(conn net.Conn) *idleProbe {
	p := new(idleProbe)
	if c, ok := conn.(syscall.Conn); ok {
		p.conn, _ = c.SyscallConn() // fails only for a closed connection, which is not alive
	}
	p.look = func(fd uintptr) bool {
		var b [1]byte
		n, err := syscall.Read(int(fd), b[:]) // sockets of Go never block
		p.quiet = n < 0 && (err == syscall.EAGAIN || err == syscall.EWOULDBLOCK)
		return true
	}
	return p
}

// alive reports whether nothing has come: neither the end nor, between two
// exchanges, anything else.
func (p *idleProbe) alive() bool {
	if p.conn == nil {
		return false
	}
	p.quiet = false
	return p.conn.Read(p.look) == nil && p.quiet
}
