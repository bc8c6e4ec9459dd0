package simulator

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Server simulates the Cloud API. It is an http.Handler; its methods may be
// called at any time, from any goroutine.
type Server struct {
	cfg     Config
	api     *http.ServeMux
	control *http.ServeMux
	journal *journal
	scratch sync.Pool
	started time.Time
	idBase  uint64

	testRecipients map[string]bool // digits; empty: everybody

	appSecrets atomic.Pointer[[]string] // empty: no proof is asked for

	faults   atomic.Pointer[[]*fault]
	sequence atomic.Uint64
	accounts accounts
	hooks    *hooks // nil: no webhooks
}

var _ http.Handler = (*Server)(nil)

// New checks the configuration and makes a server of it.
func New(cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	s := &Server{cfg: cfg, journal: newJournal(cfg.Keep, cfg.DedupKey), started: cfg.Clock()}
	s.scratch.New = func() any { return new(scratch) }
	// Ids start elsewhere in every run: others keep them longer than a simulator lives.
	s.idBase = mix(cfg.Seed) ^ uint64(s.started.UnixNano())
	s.testRecipients = make(map[string]bool)
	for _, to := range cfg.TestRecipients {
		s.testRecipients[phoneDigits(to)] = true
	}
	if err := s.accounts.fill(cfg); err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	if err := errors.Join(s.SetAppSecrets(cfg.AppSecrets...), s.SetFaults(cfg.Faults)); err != nil {
		return nil, err
	}
	if cfg.Webhook.on() {
		var err error
		if s.hooks, err = newHooks(cfg, s.wamid); err != nil {
			return nil, fmt.Errorf("simulator: %w", err)
		}
	}
	s.routeAPI()
	s.routeControl()
	return s, nil
}

// ServeHTTP answers as the Cloud API does, and under /_sim/ as its puppeteer.
// Some faults end a request with a panic of http.ErrAbortHandler, which is how
// net/http is told to close a connection without an answer.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/_sim/") || r.URL.Path == "/livez" {
		s.control.ServeHTTP(w, r)
		return
	}
	s.api.ServeHTTP(w, r)
}

// Time-outs of Serve. The idle time-out is longer than clients' (Go's is 90
// seconds), so that it is never the server who closes a connection that a client
// is about to use: the client could not tell that from a lost answer.
const (
	headerTimeout   = 10 * time.Second
	idleTimeout     = 5 * time.Minute
	shutdownTimeout = 5 * time.Second
)
