package simulator

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"time"
)

// Stats counts what happened so far.
func (s *Server) Stats() Stats {
	out := s.journal.snapshot()
	out.Numbers = make(map[string]NumberStats)
	for id, n := range s.accounts.every() {
		if st := n.stats(); st.Accepted > 0 || st.Throttled > 0 {
			out.Numbers[id] = st
		}
	}
	return out
}

// Messages are the latest accepted messages, oldest first: at most limit of
// them, or all that [Config.Keep] keeps if limit is 0.
func (s *Server) Messages(limit int) []Message { return s.journal.messages(limit) }

// Duplicates lists what was accepted more than once, at most [Config.Keep] of them.
func (s *Server) Duplicates() []Duplicate { return s.journal.repeated() }

// ExpireToken refuses an access token from now on, with code 190.
func (s *Server) ExpireToken(token string) { s.ExpireTokenAt(token, s.cfg.Clock()) }

// ExpireTokenAt refuses an access token from then on.
func (s *Server) ExpireTokenAt(token string, at time.Time) {
	s.accounts.mu.Lock()
	defer s.accounts.mu.Unlock()
	s.accounts.expired[token] = at
}

// RestoreToken takes an access token again.
func (s *Server) RestoreToken(token string) {
	s.accounts.mu.Lock()
	defer s.accounts.mu.Unlock()
	delete(s.accounts.expired, token)
}

// SetFaults replaces the fault rules. What the old ones have counted is forgotten.
func (s *Server) SetFaults(rules []Rule) error {
	faults, err := newFaults(rules, s.cfg.Seed)
	if err != nil {
		return fmt.Errorf("simulator: %w", err)
	}
	s.faults.Store(&faults)
	return nil
}

// Faults are the rules in force.
func (s *Server) Faults() []Rule {
	rules := []Rule{}
	for _, f := range *s.faults.Load() {
		rules = append(rules, f.Rule)
	}
	return rules
}

// SetMPS changes a number's throughput. It holds for the second that has already begun.
func (s *Server) SetMPS(id string, mps int) error {
	if mps < 1 {
		return fmt.Errorf("simulator: mps is %d; it must be positive", mps)
	}
	n := s.accounts.number(id)
	if n == nil {
		return fmt.Errorf("simulator: number %q does not exist", id)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mps = mps
	return nil
}

// SetNumber changes what the platform says of a number: its quality rating and its
// status. What is empty stays.
func (s *Server) SetNumber(id, quality, status string) error {
	n := s.accounts.number(id)
	if n == nil {
		return fmt.Errorf("simulator: number %q does not exist", id)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.quality, n.status = cmp.Or(quality, n.quality), cmp.Or(status, n.status)
	return nil
}

// Reset forgets counts, messages and what the limits have counted. Faults,
// expired tokens, throughputs and status updates that are pending stay.
func (s *Server) Reset() {
	for n := range maps.Values(s.accounts.every()) {
		n.reset()
	}
	s.journal.reset()
	if h := s.hooks; h != nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.resetCounts()
	}
}

func (s *Server) routeControl() {
	s.control = http.NewServeMux()
	for pattern, handle := range map[string]func(*http.Request) (any, error){
		"GET /_sim/health":       healthy,
		"GET /livez":             healthy,
		"GET /_sim/stats":        func(*http.Request) (any, error) { return s.Stats(), nil },
		"GET /_sim/messages":     s.controlMessages,
		"GET /_sim/duplicates":   func(*http.Request) (any, error) { return s.Duplicates(), nil },
		"GET /_sim/faults":       func(*http.Request) (any, error) { return s.Faults(), nil },
		"POST /_sim/faults":      s.controlFaults,
		"POST /_sim/tokens":      s.controlTokens,
		"PUT /_sim/numbers/{id}": s.controlNumber,
		"POST /_sim/app":         s.controlAppSecrets,

		"POST /_sim/numbers/{id}/upgrade": s.controlUpgrade,
		"POST /_sim/templates/{name}":     s.controlTemplate,
		"POST /_sim/inbound":              s.controlInbound,
		"GET /_sim/answers":               func(*http.Request) (any, error) { return s.Answers(), nil },
		"POST /_sim/answers":              s.controlAnswers,

		"GET /_sim/webhooks":  func(*http.Request) (any, error) { return s.Webhooks(), nil },
		"POST /_sim/webhooks": s.controlWebhooks,
		"POST /_sim/reset":    func(*http.Request) (any, error) { s.Reset(); return done{true}, nil },
	} {
		s.control.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { control(w, r, handle) })
	}
}

func healthy(*http.Request) (any, error) { return done{true}, nil }

// done is the answer to a change.
type done struct {
	OK bool `json:"ok"`
}

// control answers JSON: what handle returns, or its error with status 400.
func control(w http.ResponseWriter, r *http.Request, handle func(*http.Request) (any, error)) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	out, err := handle(r)
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		out = map[string]string{"error": err.Error()}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	_ = e.Encode(out) // the client left
}

func (s *Server) controlMessages(r *http.Request) (any, error) {
	limit := 100
	if text := r.URL.Query().Get("limit"); text != "" {
		var err error
		if limit, err = strconv.Atoi(text); err != nil || limit < 0 {
			return nil, fmt.Errorf("limit %q is not a number from 0", text)
		}
	}
	return s.Messages(limit), nil
}

func (s *Server) controlFaults(r *http.Request) (any, error) {
	var rules []Rule
	if err := decodeStrict(r, &rules); err != nil {
		return nil, err
	}
	if err := s.SetFaults(rules); err != nil {
		return nil, err
	}
	return s.Faults(), nil
}

func (s *Server) controlTokens(r *http.Request) (any, error) {
	var change struct {
		Token     string    `json:"access_token"`
		Expired   bool      `json:"expired"`
		ExpiresAt time.Time `json:"expires_at"`
	}
	if err := decodeStrict(r, &change); err != nil {
		return nil, err
	}
	if change.Token == "" {
		return nil, fmt.Errorf("access_token is missing")
	}
	switch {
	case change.Expired:
		s.ExpireToken(change.Token)
	case !change.ExpiresAt.IsZero():
		s.ExpireTokenAt(change.Token, change.ExpiresAt)
	default:
		s.RestoreToken(change.Token)
	}
	return done{true}, nil
}

func (s *Server) controlNumber(r *http.Request) (any, error) {
	var change struct {
		MPS     *int   `json:"mps"`
		Quality string `json:"quality"`
		Status  string `json:"status"`
	}
	if err := decodeStrict(r, &change); err != nil {
		return nil, err
	}
	if change.MPS != nil {
		if err := s.SetMPS(r.PathValue("id"), *change.MPS); err != nil {
			return nil, err
		}
	}
	return done{true}, s.SetNumber(r.PathValue("id"), change.Quality, change.Status)
}

func decodeStrict(r *http.Request, into any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	return nil
}
