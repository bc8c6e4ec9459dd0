package simulator

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// account is a WhatsApp Business account; its apps and templates change after New.
type account struct {
	waba      string
	name      string
	tokens    []string
	usage     []string                                  // the value of its usage header, ready made
	templates atomic.Pointer[map[templateKey]*template] // replaced whole, so that sends need no lock

	mu   sync.Mutex
	apps []string
}

// number is a business phone number.
type number struct {
	id      string
	display string // digits; "" if not known
	name    string
	account *account

	mu        sync.Mutex
	quality   string
	status    string
	mps       int
	upgrade   *upgrade // nil when none is to come
	window    window
	pairs     pairs
	accepted  int64
	throttled int64
	peak      int
}

// accounts knows every account, number and access token.
type accounts struct {
	all    []*account
	anyone *account // serves unknown numbers; nil when accounts are configured
	mps    int

	mu      sync.RWMutex
	numbers map[string]*number
	expired map[string]time.Time
}

func (a *accounts) fill(cfg Config) error {
	a.numbers, a.expired, a.mps = make(map[string]*number), make(map[string]time.Time), cfg.MPS
	if len(cfg.Accounts) == 0 {
		anyone, err := newAccount(Account{WABA: DefaultWABA}, cfg.Templates)
		a.all, a.anyone = []*account{anyone}, anyone
		return err
	}
	for _, spec := range cfg.Accounts {
		one, err := newAccount(spec, cfg.Templates)
		if err != nil {
			return err
		}
		a.all = append(a.all, one)
		for _, n := range spec.Numbers {
			if a.numbers[n.ID] != nil {
				return fmt.Errorf("number %s is listed twice", n.ID)
			}
			a.numbers[n.ID] = a.newNumber(one, n)
		}
	}
	return nil
}

func newAccount(spec Account, shared []json.RawMessage) (*account, error) {
	a := &account{
		waba: spec.WABA, name: cmp.Or(spec.Name, "Simulated account"), tokens: spec.Tokens, apps: slices.Clone(spec.Apps),
		usage: []string{usageOf(spec.WABA, 1, 0)},
	}
	all := make(map[templateKey]*template)
	for _, raw := range slices.Concat(shared, spec.Templates) {
		templates, err := parseTemplates(raw)
		if err != nil {
			return nil, fmt.Errorf("templates of account %s: %w", spec.WABA, err)
		}
		for _, t := range templates {
			all[templateKey{t.name, t.language}] = t
		}
	}
	a.templates.Store(&all)
	return a, nil
}

func (a *accounts) newNumber(owner *account, n Number) *number {
	if n.MPS == 0 {
		n.MPS = a.mps
	}
	return &number{
		id: n.ID, display: phoneDigits(n.Display), name: cmp.Or(n.Name, "Simulated number"), account: owner,
		quality: cmp.Or(n.Quality, "GREEN"), status: cmp.Or(n.Status, connected), mps: n.MPS, pairs: make(pairs),
	}
}

// number finds a number; nil if the platform would not know it.
func (a *accounts) number(id string) *number {
	a.mu.RLock()
	n := a.numbers[id]
	a.mu.RUnlock()
	if n != nil || a.anyone == nil || !isDigits(id) {
		return n
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if n = a.numbers[id]; n == nil {
		n = a.newNumber(a.anyone, Number{ID: id})
		a.numbers[id] = n
	}
	return n
}

// caller is the access token of a request, if it opens anything, and is proved where
// that is required.
func (s *Server) caller(r *http.Request) (token string, bad *refusal) {
	token, bad = s.accounts.token(r.Header.Get("Authorization"), s.cfg.Clock())
	if bad == nil {
		bad = s.prove(r, token)
	}
	return token, bad
}

// authorise finds the number that a request may send from.
func (s *Server) authorise(r *http.Request) (*number, *refusal) {
	token, bad := s.caller(r)
	if bad != nil {
		return nil, bad
	}
	id := r.PathValue("number")
	n := s.accounts.number(id)
	if n == nil || !n.account.opens(token) {
		return nil, unknownObject(r.Method, id)
	}
	return n, nil
}

// token is the access token of a request, if it opens anything.
func (a *accounts) token(header string, now time.Time) (string, *refusal) {
	scheme, token, _ := strings.Cut(header, " ")
	token = strings.TrimSpace(token)
	if token == "" || !strings.EqualFold(scheme, "Bearer") {
		return "", refuse(104, "")
	}
	return token, a.judgeToken(token, now)
}

// judgeToken refuses a token that opens nothing.
func (a *accounts) judgeToken(token string, now time.Time) *refusal {
	if looksReal(token) {
		r := refuse(190, "")
		r.message = "This is a simulator, and the access token looks like a real one (EAA…). Never send it here; use a made-up token."
		return r
	}
	if at, ends := a.expiry(token); ends && !at.After(now) {
		return sessionExpired(at, now)
	}
	if !slices.ContainsFunc(a.all, func(one *account) bool { return one.opens(token) }) {
		return refuse(190, "")
	}
	return nil
}

func (a *account) opens(token string) bool {
	return len(a.tokens) == 0 || slices.Contains(a.tokens, token)
}

// expiry is when a token ends, if it does.
func (a *accounts) expiry(token string) (time.Time, bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	at, ok := a.expired[token]
	return at, ok
}

func sessionExpired(since, now time.Time) *refusal {
	const layout = "Monday, 02-Jan-06 15:04:05 MST"
	r := refuse(190, "")
	r.subcode = 463
	r.message = "Error validating access token: Session has expired on " + since.UTC().Format(layout) +
		". The current time is " + now.UTC().Format(layout) + "."
	return r
}

// template finds an approved template. It answers nil when templates are not judged.
func (a *account) template(name, language string) (*template, *refusal) {
	all := *a.templates.Load()
	if len(all) == 0 {
		return nil, nil
	}
	t := all[templateKey{name, language}]
	switch {
	case t == nil || t.status != approved && t.status != "PAUSED" && t.status != "DISABLED":
		return nil, refuse(132001, fmt.Sprintf("template name (%s) does not exist in %s", name, language))
	case t.status == "PAUSED":
		return nil, refuse(132015, "")
	case t.status == "DISABLED":
		return nil, refuse(132016, "")
	}
	return t, nil
}

// take asks a number's limits for one more message. If they refuse, nothing counts.
func (n *number) take(person uint64, pair bool, clock func() time.Time, started time.Time) (time.Time, *refusal) {
	n.mu.Lock()
	defer n.mu.Unlock()
	// The clock is read under the lock, so that times in the window are in order.
	at := clock()
	now := int64(at.Sub(started))
	if pair && !n.pairs.allows(person, now) {
		return at, refuse(131056, "")
	}
	held := n.window.count(now)
	if held >= n.mps {
		n.throttled++
		return at, refuse(130429, "")
	}
	n.window.add(now)
	n.accepted++
	n.peak = max(n.peak, held+1)
	if pair {
		n.pairs.add(person, now)
	}
	return at, nil
}

func (n *number) stats() NumberStats {
	n.mu.Lock()
	defer n.mu.Unlock()
	return NumberStats{MPS: n.mps, Accepted: n.accepted, Throttled: n.throttled, Peak: n.peak}
}

func (n *number) reset() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.window, n.pairs = window{}, make(pairs)
	n.accepted, n.throttled, n.peak = 0, 0, 0
}

// every is a copy of the numbers, by id.
func (a *accounts) every() map[string]*number {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return maps.Clone(a.numbers)
}
