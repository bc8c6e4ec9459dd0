package app

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// checkTimeout bounds one look at a dependency.
const checkTimeout = 2 * time.Second

// check looks at one thing the process needs; the error says what is missing.
type check func(ctx context.Context) error

// health answers whether the process lives and whether it can work.
type health struct {
	checks   map[string]check
	draining atomic.Bool
}

// live answers /livez: the process serves. Nothing else may make it fail, since
// a restart mends no NATS.
func (h *health) live(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n"))
}

// ready answers /readyz: 200, or 503 with what is missing.
func (h *health) ready(w http.ResponseWriter, r *http.Request) {
	missing := h.missing(r.Context())
	w.Header().Set("Content-Type", "application/json")
	if len(missing) > 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(struct {
		Ready   bool              `json:"ready"`
		Missing map[string]string `json:"missing,omitempty"`
	}{len(missing) == 0, missing})
}

// missing names what keeps the process from working, and why.
func (h *health) missing(ctx context.Context) map[string]string {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	missing := make(map[string]string)
	if h.draining.Load() {
		missing[partDraining] = "the process is stopping"
	}
	for _, name := range slices.Sorted(maps.Keys(h.checks)) {
		if err := h.checks[name](ctx); err != nil {
			missing[name] = strings.TrimSpace(err.Error())
		}
	}
	return missing
}
