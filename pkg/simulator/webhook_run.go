package simulator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// hooks is what posts statuses. Nothing in it is bounded but the POSTs under way:
// a receiver that was down finds everything when it is back.
type hooks struct {
	cfg    Webhook
	seed   uint64
	log    *slog.Logger
	client *http.Client
	began  time.Time
	slots  chan struct{} // one for each POST under way
	wake   chan struct{} // something was changed, or is due earlier than was known
	posts  sync.WaitGroup

	faults  atomic.Pointer[[]*hookFault]
	habits  atomic.Pointer[[]*habit]
	unnamed atomic.Uint64 // messages without token
	newID   func(person string) string

	life   sync.Mutex // held by start and stop
	cancel context.CancelFunc
	ended  chan struct{}

	mu      sync.Mutex
	lanes   []*lane // in the order in which their turn comes
	byWABA  map[string]*lane
	url     string
	paused  bool
	posting bool
	order   uint32
	counts  WebhookStats
	settled chan struct{} // closed while nothing is pending
}

func newHooks(cfg Config, newID func(person string) string) (*hooks, error) {
	h := &hooks{
		newID: newID,
		cfg:   cfg.Webhook, seed: mix(cfg.Seed + 1), log: cfg.Logger, began: time.Now(), url: cfg.Webhook.URL,
		slots: make(chan struct{}, cfg.Webhook.Concurrency), wake: make(chan struct{}, 1),
		byWABA: make(map[string]*lane), settled: make(chan struct{}),
	}
	close(h.settled)
	h.client = &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: cfg.Webhook.Concurrency},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if cfg.Webhook.Secret != "" {
		h.addLane("", cfg.Webhook.Secret)
	}
	for _, waba := range slices.Sorted(maps.Keys(cfg.Webhook.Secrets)) {
		h.addLane(waba, cfg.Webhook.Secrets[waba])
	}
	h.resetCounts()
	return h, errors.Join(h.setFaults(cfg.Webhook.Faults), h.setAnswers(cfg.Webhook.Answers))
}

// addLane gives an account, or all others, the lane of its secret.
func (h *hooks) addLane(waba, secret string) {
	i := slices.IndexFunc(h.lanes, func(l *lane) bool { return string(l.secret) == secret })
	if i < 0 {
		i = len(h.lanes)
		h.lanes = append(h.lanes, &lane{secret: []byte(secret)})
	}
	h.byWABA[waba] = h.lanes[i]
}

func (h *hooks) setFaults(rules []WebhookRule) error {
	faults, err := newHookFaults(rules, h.seed)
	if err != nil {
		return err
	}
	h.faults.Store(&faults)
	return nil
}

func (h *hooks) setAnswers(rules []AnswerRule) error {
	habits, err := newHabits(rules)
	if err != nil {
		return err
	}
	h.habits.Store(&habits)
	return nil
}

func (h *hooks) now() time.Duration { return time.Since(h.began) }

// start begins to post, if it is not posting.
func (h *hooks) start() {
	h.life.Lock()
	defer h.life.Unlock()
	if h.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	h.cancel, h.ended = cancel, make(chan struct{})
	h.setPosting(true)
	go func() {
		defer close(h.ended)
		h.run(ctx)
	}()
}

// stop ends POSTs under way and begins no more; what they held is pending again.
func (h *hooks) stop() {
	h.life.Lock()
	defer h.life.Unlock()
	if h.cancel == nil {
		return
	}
	h.setPosting(false)
	h.cancel()
	<-h.ended
	h.cancel = nil
	h.client.CloseIdleConnections()
}

func (h *hooks) setPosting(on bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.posting = on
}

func (h *hooks) isPosting() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.posting
}

// settle waits until nothing is pending.
func (h *hooks) settle(ctx context.Context) error {
	h.mu.Lock()
	settled := h.settled
	h.mu.Unlock()
	select {
	case <-settled:
		return nil
	default:
	}
	select {
	case <-settled:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%d status updates are not acknowledged: %w", h.stats().Pending, context.Cause(ctx))
	}
}

// announce queues the statuses of an accepted message. What it returns, if
// anything, is what the answer waits for.
func (h *hooks) announce(n *notice, req *request, t *template, rule *Rule, at time.Time, answer time.Duration) *early {
	hash := fnv(n.token) ^ mix(fnv(n.person))
	if n.token == "" {
		hash += h.unnamed.Add(1)
	}
	hash ^= h.seed
	p := newPlan(&h.cfg, answer, hash)
	if rule.Kind == Held {
		p.hold(rule)
	}
	var struck []WebhookKind
	for _, f := range *h.faults.Load() {
		if !f.spares(t, n.category) && f.pick.picks(n.number.id, req) {
			p.apply(f, hash)
			struck = append(struck, f.Kind)
		}
	}
	if n.category == marketing && inUS(n.person) && p.code == 0 {
		p.failAt(delivered, codeTooMuch)
	}
	n.code = p.code
	answers, kinds := h.react(n, req, t, &p, hash, at)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, kind := range struck {
		h.counts.Faults[kind]++
	}
	for _, kind := range kinds {
		h.counts.Answers[kind]++
	}
	h.queueNews(answers)
	return h.queue(n, p.steps, at)
}

// laneOf is where updates of an account go; nil if nobody can sign for it.
func (h *hooks) laneOf(a *account) *lane {
	if l := h.byWABA[a.waba]; l != nil {
		return l
	}
	return h.byWABA[""]
}

// queue takes the steps of a message. The caller holds the lock.
func (h *hooks) queue(n *notice, steps []step, at time.Time) *early {
	l := h.laneOf(n.number.account)
	if l == nil {
		return nil
	}
	now, next := h.now(), l.next()
	waits := 0
	for _, s := range steps {
		u := update{
			due: now + s.due, stamp: at.Add(s.stamp).Unix(), notice: n, order: h.order,
			status: s.status, early: s.early, bare: s.bare, numberless: s.numberless, sparse: s.sparse,
		}
		h.order++
		l.updates.push(u)
		if s.early {
			waits++
		}
	}
	h.pend(len(steps))
	if waits > 0 {
		n.early = &early{done: make(chan struct{})}
		n.early.left.Store(int32(waits))
	}
	if l.next() < next {
		h.rouse()
	}
	if !h.posting || h.paused || h.url == "" {
		return nil
	}
	return n.early
}

// pend counts updates that are to be acknowledged. The caller holds the lock.
func (h *hooks) pend(n int) {
	if n == 0 {
		return
	}
	if h.counts.Pending == 0 {
		h.settled = make(chan struct{})
	}
	h.counts.Updates += int64(n)
	h.counts.Pending += int64(n)
}

func (h *hooks) rouse() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// take is the next POST, or how long there is none.
func (h *hooks) take() (*parcel, time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.paused || h.url == "" {
		return nil, time.Hour
	}
	now, next := h.now(), never
	for i, l := range h.lanes {
		p := l.take(now, h.cfg.Batch)
		if p == nil {
			next = min(next, l.next())
			continue
		}
		h.lanes = append(slices.Delete(h.lanes, i, i+1), l)
		p.attempt++
		p.url = h.url
		h.count(p)
		return p, 0
	}
	return nil, min(next-now, time.Hour)
}

func (h *hooks) count(p *parcel) {
	h.counts.Posts++
	if p.attempt > 1 {
		h.counts.Retried++
	} else {
		h.counts.Posted += int64(len(p.updates))
	}
}

// finish takes a POST's end: acknowledged by 200, to be repeated, or given up.
func (h *hooks) finish(p *parcel, answer int, stopped bool) {
	if p.attempt == 1 {
		for _, u := range p.updates {
			if u.early {
				u.notice.early.posted()
			}
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	switch {
	case answer == http.StatusOK:
		h.counts.acknowledge(p.updates)
		h.unpend(len(p.updates))
		return
	case stopped:
		p.due = now
	default:
		h.counts.Failed[answer]++
		p.due = now + backoff(p.attempt, h.cfg.RetrySpeed)
	}
	if p.due-p.first > compressed(giveUp, h.cfg.RetrySpeed) {
		h.counts.GivenUp += int64(len(p.updates))
		h.unpend(len(p.updates))
		return
	}
	p.lane.retries.push(p)
	h.rouse()
}

func (h *hooks) unpend(n int) {
	if h.counts.Pending -= int64(n); h.counts.Pending == 0 {
		close(h.settled)
	}
}
