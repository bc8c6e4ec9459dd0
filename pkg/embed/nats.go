package embed

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// natsStartTimeout is generous: a store with a long history is read at start.
const natsStartTimeout = 30 * time.Second

// NATSOptions says how the embedded NATS runs.
type NATSOptions struct {
	// Dir is where JetStream keeps its files. Empty is a directory of its own
	// that goes when the server is closed.
	Dir string
	// Port of the loopback interface to listen on for other processes: 0 listens
	// nowhere, -1 takes a free one.
	Port int
	// Logger gets what the server says; nil keeps it silent.
	Logger *slog.Logger
}

// NATS is a nats-server with JetStream inside this process.
type NATS struct {
	opts    NATSOptions
	tempDir string

	mu     sync.Mutex
	server *server.Server
	closed bool
}

// StartNATS starts a server and waits until it takes connections. [NATS.Close]
// ends it and all it owns.
func StartNATS(opts NATSOptions) (*NATS, error) {
	n := &NATS{opts: opts}
	if opts.Dir == "" {
		dir, err := os.MkdirTemp("", "wacast-nats-")
		if err != nil {
			return nil, fmt.Errorf("start embedded nats: %w", err)
		}
		n.tempDir, n.opts.Dir = dir, dir
	}
	s, err := n.start()
	if err != nil {
		n.Close()
		return nil, err
	}
	n.server = s
	return n, nil
}

// Connect opens a connection that does not pass through the network. It outlives
// [NATS.Restart], as a connection to any NATS does.
func (n *NATS) Connect(opts ...nats.Option) (*nats.Conn, error) {
	all := append([]nats.Option{
		nats.InProcessServer(n),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(50 * time.Millisecond),
	}, opts...)
	nc, err := nats.Connect("", all...)
	if err != nil {
		return nil, fmt.Errorf("connect to embedded nats: %w", err)
	}
	return nc, nil
}

// InProcessConn is for nats.InProcessServer. It always leads to the server that
// runs now.
func (n *NATS) InProcessConn() (net.Conn, error) {
	s := n.current()
	if s == nil {
		return nil, errors.New("embedded nats is not running")
	}
	return s.InProcessConn()
}

// ClientURL is the address for other processes, or empty when the server listens
// nowhere.
func (n *NATS) ClientURL() string {
	s := n.current()
	if s == nil || n.opts.Port == 0 {
		return ""
	}
	return s.ClientURL()
}

// Restart stops the server and starts another one on the same directory and port.
func (n *NATS) Restart() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return errors.New("restart embedded nats: it is closed")
	}
	n.stop()
	s, err := n.start()
	if err != nil {
		return err
	}
	n.server = s
	return nil
}

// Close stops the server, waits for it and removes its directory if it was of its
// own making. It may be called twice.
func (n *NATS) Close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	n.stop()
	if n.tempDir != "" {
		_ = os.RemoveAll(n.tempDir) // nothing to be done about a file that stays
	}
}

func (n *NATS) current() *server.Server {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.server
}

func (n *NATS) stop() {
	if n.server == nil {
		return
	}
	n.server.Shutdown()
	n.server.WaitForShutdown()
	n.server = nil
}

func (n *NATS) start() (*server.Server, error) {
	s, err := server.NewServer(&server.Options{
		ServerName: "wacast-embedded",
		Host:       "127.0.0.1",
		Port:       n.opts.Port,
		DontListen: n.opts.Port == 0,
		JetStream:  true,
		StoreDir:   n.opts.Dir,
		NoSigs:     true,
	})
	if err != nil {
		return nil, fmt.Errorf("start embedded nats: %w", err)
	}
	log := &natsLogger{log: n.opts.Logger}
	s.SetLoggerV2(log, false, false, false)
	s.Start()
	if err := ready(s, log); err != nil {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, fmt.Errorf("start embedded nats in %s: %w (is it writable, with free space, and in use by no other process?)", n.opts.Dir, err)
	}
	if addr, ok := s.Addr().(*net.TCPAddr); ok {
		n.opts.Port = addr.Port // a restart comes back where clients look for it
	}
	return s, nil
}

// ready waits for the server. What it could not do it tells its logger only.
func ready(s *server.Server, log *natsLogger) error {
	if err := log.failure(); err != nil {
		return err
	}
	if !s.ReadyForConnections(natsStartTimeout) {
		return errors.New("it is not ready")
	}
	return log.failure()
}
