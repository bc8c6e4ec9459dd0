package fault_test

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// switchboard is an address that a failover moves from one server to another.
type switchboard struct {
	listener net.Listener
	copying  sync.WaitGroup
	mu       sync.Mutex
	to       string
	open     map[net.Conn]bool
}

func newSwitchboard(t *testing.T, to string) *switchboard {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s := &switchboard{listener: l, to: to, open: make(map[net.Conn]bool)}
	s.copying.Go(s.serve)
	t.Cleanup(func() {
		_ = l.Close()
		s.point(nowhere)
		s.copying.Wait()
	})
	return s
}

func (s *switchboard) addr() string { return s.listener.Addr().String() }

// nowhere is an address that nobody listens at.
const nowhere = "127.0.0.1:1"

// point ends all connections and sends new ones elsewhere.
func (s *switchboard) point(to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to = to
	for c := range s.open {
		_ = c.Close()
	}
}

func (s *switchboard) serve() {
	for {
		in, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.copying.Go(func() { s.connect(in) })
	}
}

func (s *switchboard) connect(in net.Conn) {
	defer in.Close()
	s.mu.Lock()
	to := s.to
	s.mu.Unlock()
	out, err := net.DialTimeout("tcp", to, time.Second)
	if err != nil {
		return
	}
	defer out.Close()
	if !s.add(to, in, out) {
		return
	}
	defer s.remove(in, out)
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(in, out)
		_ = in.Close()
	})
	_, _ = io.Copy(out, in)
	_ = out.Close()
	back.Wait()
}

func (s *switchboard) add(to string, conns ...net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range conns {
		s.open[c] = true
	}
	return s.to == to
}

func (s *switchboard) remove(conns ...net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range conns {
		delete(s.open, c)
	}
}
