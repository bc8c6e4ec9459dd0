package simulator

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"time"
)

// WebhookStats counts status updates since the start or the last reset.
// Updates = Acknowledged + GivenUp + Pending.
type WebhookStats struct {
	// Updates were made: copies are among them, missing ones are not.
	Updates int64 `json:"updates"`
	// Posted went out once at least; Acknowledged were answered with 200.
	Posted       int64 `json:"posted"`
	Acknowledged int64 `json:"acknowledged"`
	// Pending are not acknowledged: not due, waiting, under way or to be repeated.
	Pending int64 `json:"pending"`
	// GivenUp were repeated for seven days (see [Webhook.RetrySpeed]).
	GivenUp int64 `json:"given_up"`
	// Posts are requests to the receiver; Retried are those that were repeats.
	Posts   int64 `json:"posts"`
	Retried int64 `json:"retried"`
	// Failed counts POSTs by the status other than 200 that they got; 0 is none.
	Failed map[int]int64 `json:"failed"`
	// Statuses counts acknowledged updates, Values by their field those that are no
	// statuses.
	Statuses map[string]int64 `json:"statuses"`
	Values   map[string]int64 `json:"values,omitempty"`
	// Answers counts what [AnswerRule]s made people do.
	Answers map[AnswerKind]int64 `json:"answers,omitempty"`
	// Faults counts messages that rules struck.
	Faults map[WebhookKind]int64 `json:"faults"`
	Paused bool                  `json:"paused"`
	// Rules are those in force.
	Rules []WebhookRule `json:"rules"`
}

func (s *WebhookStats) acknowledge(updates []update) {
	s.Acknowledged += int64(len(updates))
	for _, u := range updates {
		if u.status == other {
			s.Values[u.notice.news.field]++
		} else {
			s.Statuses[statusNames[u.status]]++
		}
	}
}

// resetCounts forgets counts; what is pending stays. The caller holds the lock.
func (h *hooks) resetCounts() {
	pending := h.counts.Pending
	h.counts = WebhookStats{
		Updates: pending, Pending: pending,
		Failed: make(map[int]int64), Statuses: make(map[string]int64), Faults: make(map[WebhookKind]int64),
		Values: make(map[string]int64), Answers: make(map[AnswerKind]int64),
	}
}

func (h *hooks) stats() WebhookStats {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := h.counts
	out.Failed, out.Statuses, out.Faults = maps.Clone(out.Failed), maps.Clone(out.Statuses), maps.Clone(out.Faults)
	out.Values, out.Answers = maps.Clone(out.Values), maps.Clone(out.Answers)
	out.Paused = h.paused
	out.Rules = []WebhookRule{}
	for _, f := range *h.faults.Load() {
		out.Rules = append(out.Rules, f.WebhookRule)
	}
	return out
}

// WebhookChange is what [Server.SetWebhooks] changes; nil leaves things alone.
type WebhookChange struct {
	URL *string `json:"url"`
	// Paused holds POSTs back; those under way go on.
	Paused *bool          `json:"paused"`
	Faults *[]WebhookRule `json:"faults"`
}

var errNoWebhooks = errors.New("simulator: webhooks are off: they need an app secret")

// SetWebhooks changes webhooks, for messages accepted and updates posted from now on.
func (s *Server) SetWebhooks(change WebhookChange) error {
	h := s.hooks
	if h == nil {
		return errNoWebhooks
	}
	if change.URL != nil {
		if err := validCallback(*change.URL); err != nil {
			return fmt.Errorf("simulator: %w", err)
		}
	}
	if change.Faults != nil {
		if err := h.setFaults(*change.Faults); err != nil {
			return fmt.Errorf("simulator: %w", err)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if change.URL != nil {
		h.url = *change.URL
	}
	if change.Paused != nil {
		h.paused = *change.Paused
	}
	h.rouse()
	return nil
}

// Webhooks counts what happened to status updates so far.
func (s *Server) Webhooks() WebhookStats {
	if s.hooks == nil {
		return WebhookStats{Rules: []WebhookRule{}}
	}
	return s.hooks.stats()
}

// AwaitWebhooks waits until no update is pending.
func (s *Server) AwaitWebhooks(ctx context.Context) error {
	if s.hooks == nil {
		return nil
	}
	if err := s.hooks.settle(ctx); err != nil {
		return fmt.Errorf("simulator: %w", err)
	}
	return nil
}

// Start begins to post webhooks. [Server.Serve] does it by itself; who uses the
// Server as a handler calls Start and Stop. Both may be called again.
func (s *Server) Start() {
	if s.hooks != nil {
		s.hooks.start()
	}
}

// Stop waits until no update is pending or the context ends, and posts nothing
// more. What is pending then stays so, and goes on with the next Start. It waits
// for nothing if nothing is being posted.
func (s *Server) Stop(ctx context.Context) error {
	if s.hooks == nil || !s.hooks.isPosting() {
		return nil
	}
	defer s.hooks.stop()
	return s.AwaitWebhooks(ctx)
}

// abandon stops webhooks at once.
func (s *Server) abandon() {
	if s.hooks != nil {
		s.hooks.stop()
	}
}

// earlyWait is how long an answer waits for its early statuses.
const earlyWait = time.Second

// announce queues the statuses of an accepted message, and waits for those that
// come before its answer.
func (s *Server) announce(ctx context.Context, endpoint string, req *request, ans *answer, rule *Rule, answerIn time.Duration) {
	if s.hooks == nil {
		return
	}
	m := &ans.message
	n := &notice{id: m.ID, token: m.Token, person: m.Person, byUserID: ans.to.digits == "", number: ans.number}
	var t *template
	if req.Template != nil {
		t, _ = n.number.account.template(req.Template.Name, req.Template.Language.Code)
	}
	n.category = priced(endpoint, req, t)
	early := s.hooks.announce(n, req, t, rule, m.At, answerIn)
	if early == nil {
		return
	}
	timer := time.NewTimer(earlyWait)
	defer timer.Stop()
	select {
	case <-early.done:
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (s *Server) controlWebhooks(r *http.Request) (any, error) {
	var change WebhookChange
	if err := decodeStrict(r, &change); err != nil {
		return nil, err
	}
	if err := s.SetWebhooks(change); err != nil {
		return nil, err
	}
	return s.Webhooks(), nil
}
