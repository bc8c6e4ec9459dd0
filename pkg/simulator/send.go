package simulator

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

const (
	messages          = "messages"
	marketingMessages = "marketing_messages"
)

// routeAPI binds the platform's paths. The version may be left out.
func (s *Server) routeAPI() {
	s.api = http.NewServeMux()
	for _, endpoint := range []string{messages, marketingMessages} {
		s.api.HandleFunc("POST /{version}/{number}/"+endpoint, func(w http.ResponseWriter, r *http.Request) { s.send(w, r, endpoint) })
		s.api.HandleFunc("POST /{number}/"+endpoint, func(w http.ResponseWriter, r *http.Request) { s.send(w, r, endpoint) })
		s.api.HandleFunc("/{version}/{number}/"+endpoint, func(w http.ResponseWriter, r *http.Request) {
			s.refuse(w, r, unknownObject(r.Method, r.PathValue("number")))
		})
	}
	s.api.HandleFunc("/", s.manage)
}

func (s *Server) unknownPath(w http.ResponseWriter, r *http.Request) {
	out := refuse(2500, "")
	out.message += ": " + r.URL.Path
	s.refuse(w, r, out)
}

// validVersion reports whether a path starts with something like v25.0.
func validVersion(version string) bool {
	major, minor, ok := strings.Cut(version, ".")
	return ok && len(major) > 1 && major[0] == 'v' && isDigits(major[1:]) && isDigits(minor)
}

// answer is what a judged request gets: a refusal, a mark-as-read, or a message.
type answer struct {
	refusal *refusal
	read    bool
	message Message
	to      recipient
	number  *number // nil if the token does not open it
}

// send is one POST: read it, see whether a fault strikes, judge it, wait, answer.
func (s *Server) send(w http.ResponseWriter, r *http.Request, endpoint string) {
	if version := r.PathValue("version"); version != "" && !validVersion(version) {
		s.unknownPath(w, r)
		return
	}
	s.journal.update(func(st *Stats) { st.Requests++ })
	sc := s.scratch.Get().(*scratch)
	defer s.scratch.Put(sc)
	req := &sc.req
	schema, ok := sc.read(w, r)

	number := r.PathValue("number")
	rule := s.strike(number, req)
	if !rule.processes() {
		s.journal.update(func(st *Stats) { st.Unjudged++ })
		s.disturb(w, r, rule, s.latency(rule))
		return
	}
	ans := s.judge(r, endpoint, req, schema, ok, rule)
	accepted, latency := ans.message.ID != "", s.latency(rule)
	if accepted {
		s.announce(r.Context(), endpoint, req, &ans, &rule, latency)
	}
	if rule.disturbs() {
		s.lost(accepted)
		s.disturb(w, r, rule, latency)
		return
	}
	if !wait(r.Context(), latency) {
		s.lost(accepted)
		panic(http.ErrAbortHandler)
	}
	sc.body.Reset()
	s.write(w, r, &ans, sc.body.AvailableBuffer())
}

// read decodes the body into s.req. ok is false when there is no JSON object to judge.
func (s *scratch) read(w http.ResponseWriter, r *http.Request) (schema *refusal, ok bool) {
	s.body.Reset()
	if bad := readBody(w, r, &s.body); bad != nil {
		s.req = request{}
		return bad, false
	}
	if s.usual() {
		return nil, true
	}
	s.req, schema, ok = decode(s.body.Bytes())
	return schema, ok
}

// strike finds the first rule that picks a request; the zero Rule does nothing.
func (s *Server) strike(number string, req *request) Rule {
	for _, f := range *s.faults.Load() {
		if !f.picks(number, req) {
			continue
		}
		s.journal.update(func(st *Stats) { st.Faults[f.Kind]++ })
		s.cfg.Logger.Debug("fault", slog.String("kind", string(f.Kind)), slog.String("number", number))
		return f.Rule
	}
	return Rule{}
}

// lost counts an answer that will not arrive, if a message was accepted.
func (s *Server) lost(accepted bool) {
	if accepted {
		s.journal.update(func(st *Stats) { st.AnswersLost++ })
	}
}

// disturb ends a request without a proper answer.
func (s *Server) disturb(w http.ResponseWriter, r *http.Request, rule Rule, latency time.Duration) {
	switch rule.Kind {
	case Hang:
		hang(r.Context(), time.Duration(rule.Delay))
		panic(http.ErrAbortHandler)
	case LostBefore:
		panic(http.ErrAbortHandler)
	}
	if !wait(r.Context(), latency) || rule.Kind == LostAfter {
		panic(http.ErrAbortHandler)
	}
	if rule.Kind == Empty500 {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusBadGateway)
	_, _ = w.Write([]byte("<html><head><title>Error</title></head><body>Sorry, something went wrong.</body></html>"))
}

// latency is how long a request takes, a rule's delay included.
func (s *Server) latency(rule Rule) time.Duration {
	d := s.cfg.Latency.Base
	if spread := s.cfg.Latency.Spread; spread > 0 {
		draw := float64(mix(s.cfg.Seed^s.sequence.Add(1))>>11) / (1 << 53)
		d += time.Duration(draw * float64(spread))
	}
	if rule.Kind == Slow {
		d += time.Duration(rule.Delay)
	}
	return d
}

// wait reports false if the client left first.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// hang waits until the client leaves, or for d if that is set.
func hang(ctx context.Context, d time.Duration) {
	if d == 0 {
		<-ctx.Done()
		return
	}
	wait(ctx, d)
}
