package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// admin serves /metrics, /livez and /readyz. Nothing on it changes any state.
type admin struct {
	listener net.Listener
	server   *http.Server
	served   chan struct{}
}

// newAdmin binds the address, so that a port in use is an error at the start.
func newAdmin(addr string, h *health, gatherer prometheus.Gatherer, log *slog.Logger) (*admin, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("admin.addr (%sADMIN_ADDR): %w", envPrefix, err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	mux.HandleFunc("GET /livez", h.live)
	mux.HandleFunc("GET /readyz", h.ready)
	return &admin{
		listener: l,
		server: &http.Server{
			Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
			WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
			ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		},
		served: make(chan struct{}),
	}, nil
}

func (a *admin) start(log *slog.Logger) {
	go func() {
		defer close(a.served)
		if err := a.server.Serve(a.listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the admin address is no longer served", "error", err)
		}
	}()
}

// stop also closes a listener that was never served.
func (a *admin) stop(ctx context.Context, started bool) error {
	if !started {
		return a.listener.Close()
	}
	err := a.server.Shutdown(ctx)
	if err != nil {
		_ = a.server.Close()
	}
	<-a.served
	return err
}
