package webhook

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

// Path is where the platform posts.
const Path = "/webhook"

// Limits of the server. It stands on the internet: whoever is slow is cut off, and
// a connection of the platform that is kept open is not.
const (
	headerTimeout  = 5 * time.Second
	readTimeout    = 20 * time.Second
	writeTimeout   = 30 * time.Second
	idleTimeout    = 3 * time.Minute
	maxHeaderBytes = 16 << 10
	// stopTimeout bounds a stop without a deadline of its own.
	stopTimeout = 10 * time.Second
)

// Server serves a receiver under [Path] and nothing else. It speaks plain HTTP: the
// certificate that the platform asks for is the business of what stands in front.
type Server struct {
	listener    net.Listener
	server      *http.Server
	log         *slog.Logger
	start, stop sync.Once
	served      chan struct{}
	stopped     error
}

// NewServer binds the address, so that a port in use is an error at the start.
func NewServer(addr string, receiver http.Handler, log *slog.Logger) (*Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for webhooks: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle(Path, receiver)
	mux.Handle(Path+"/{$}", receiver)
	return &Server{
		listener: l,
		server: &http.Server{
			Handler: mux, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
			IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
			ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug), // what scanners of the internet do
		},
		log: log, served: make(chan struct{}),
	}, nil
}

// Addr is the address that is served, as host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Start serves and returns at once. It may be called more than once.
func (s *Server) Start() {
	s.start.Do(func() {
		go func() {
			defer close(s.served)
			if err := s.server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
				s.log.Error("webhooks are no longer served", "error", err)
			}
		}()
	})
}

// Stop takes no more webhooks, and answers those under way until ctx ends, or some
// seconds where it has no end. It may be called more than once, also before Start.
func (s *Server) Stop(ctx context.Context) error {
	s.stop.Do(func() {
		s.start.Do(func() { // it was never served
			_ = s.listener.Close()
			close(s.served)
		})
		ctx, cancel := context.WithTimeout(ctx, stopTimeout)
		defer cancel()
		if err := s.server.Shutdown(ctx); err != nil {
			s.stopped = fmt.Errorf("stop serving webhooks: %w", errors.Join(err, s.server.Close()))
		}
	})
	<-s.served
	return s.stopped
}
