package simulator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// front takes the connections. What nearly every request is, a message that comes in
// one piece and with the headers that senders need, it answers itself: for those
// net/http would do more work than the judge. A connection on which anything else
// comes, right or wrong, is net/http's from there on.
type front struct {
	s    *Server
	ctx  context.Context // its end is that of what is under way
	rest *handover

	lines sync.WaitGroup
	mu    sync.Mutex
	open  map[*line]struct{}
}

func newFront(ctx context.Context, s *Server, addr net.Addr) *front {
	return &front{s: s, ctx: ctx, rest: newHandover(addr), open: make(map[*line]struct{})}
}

// acceptPause is how long to wait where the process has no room for a connection.
const acceptPause = 10 * time.Millisecond

// accept takes connections until the listener fails, which it does when it is closed.
func (f *front) accept(l net.Listener) error {
	for {
		conn, err := l.Accept()
		var passing interface{ Temporary() bool }
		switch {
		case err == nil:
			f.lines.Go(func() { f.serve(conn) })
		case errors.As(err, &passing) && passing.Temporary() && wait(f.ctx, acceptPause):
		default:
			return err
		}
	}
}

// serve answers on a connection as long as it can, and then closes it or hands it over.
func (f *front) serve(conn net.Conn) {
	l := newLine(f, conn)
	f.mu.Lock()
	f.open[l] = struct{}{}
	f.mu.Unlock()
	more, strange := l.run()
	f.mu.Lock()
	delete(f.open, l)
	f.mu.Unlock()
	if !strange || conn.SetReadDeadline(time.Time{}) != nil || !f.rest.put(&resumed{Conn: conn, first: more}) {
		_ = conn.Close()
	}
}

// stop ends all lines; their context has ended before. What is under way loses its answer.
func (f *front) stop() {
	f.mu.Lock()
	for l := range f.open {
		_ = l.SetReadDeadline(time.Unix(1, 0))
	}
	f.mu.Unlock()
	f.lines.Wait()
}

// Serve answers on a listener, and posts webhooks, until the context ends. Requests
// under way then lose their answers, hanging ones included; Serve returns when all
// are over. Status updates that are pending stay so.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	s.Start()
	defer s.abandon()
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelWarn),
	}
	answering, cancel := context.WithCancel(ctx)
	defer cancel()
	f := newFront(answering, s, l.Addr())
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(f.rest) }) // ends when it is shut down
	defer serving.Wait()
	closing := context.AfterFunc(ctx, func() { _ = l.Close() })
	err := f.accept(l)
	if closing() { // the listener failed by itself
		_ = l.Close()
		err = fmt.Errorf("simulator: serve: %w", err)
	} else {
		err = nil
	}
	cancel()
	f.stop()
	limited, stop := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer stop()
	if stopped := server.Shutdown(limited); stopped != nil {
		err = errors.Join(err, fmt.Errorf("simulator: stop: %w", stopped), server.Close())
	}
	return err
}

// handover is the listener from which net/http takes what the front leaves to it.
type handover struct {
	conns  chan net.Conn
	addr   net.Addr
	closed chan struct{}
	close  sync.Once
}

func newHandover(addr net.Addr) *handover {
	return &handover{conns: make(chan net.Conn), addr: addr, closed: make(chan struct{})}
}

// put reports false when nobody takes connections any more.
func (h *handover) put(conn net.Conn) bool {
	select {
	case h.conns <- conn:
		return true
	case <-h.closed:
		return false
	}
}

// Accept waits for a connection.
func (h *handover) Accept() (net.Conn, error) {
	select {
	case conn := <-h.conns:
		return conn, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (h *handover) Close() error {
	h.close.Do(func() { close(h.closed) })
	return nil
}

// Addr is the front's address.
func (h *handover) Addr() net.Addr { return h.addr }

// resumed is a connection of which something was read already.
type resumed struct {
	net.Conn
	first []byte
}

// Read gives what was read before, and then what comes.
func (r *resumed) Read(p []byte) (int, error) {
	if len(r.first) == 0 {
		return r.Conn.Read(p)
	}
	n := copy(p, r.first)
	r.first = r.first[n:]
	return n, nil
}
