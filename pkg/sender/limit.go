package sender

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Where a limit comes from.
const (
	// SourceOperator: a person has said so.
	SourceOperator = "operator"
	// SourceAPI: the Cloud API tells it.
	SourceAPI = "api"
	// SourceDefault: nobody has said any, and the settings hold.
	SourceDefault = "default"
)

// Limit is how much a number may send. What an operator says of it and what the API
// tells have keys of their own in the store, so that neither hides the other.
type Limit struct {
	// MPS is messages a second; 0 leaves the number its default, [Number.MPS].
	MPS int `json:"mps"`
	// Level is what the API calls the number's throughput, such as STANDARD.
	Level string `json:"level,omitempty"`
	// Source is where MPS comes from.
	Source string `json:"source"`
	// PerDay is the most messages in any 24 hours; 0 for no such limit.
	PerDay int `json:"per_day,omitempty"`
	// By is who has said so, and Since from when on it holds; of what the API tells,
	// when it was asked last.
	By    string    `json:"by,omitempty"`
	Since time.Time `json:"since"`
}

// PortfolioLimit is how many people the numbers of a portfolio may begin to write to
// in any 24 hours, together.
type PortfolioLimit struct {
	// Recipients are unique ones; 0 is unlimited.
	Recipients int       `json:"recipients"`
	Source     string    `json:"source"`
	By         string    `json:"by,omitempty"`
	Since      time.Time `json:"since"`
}

// Limit is what is known of a number's limit: an operator's word, and the API's
// where the operator has not spoken of it.
func (s *Stops) Limit(number string) (Limit, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	said, ok := s.limits[limitPrefix+number]
	told, found := s.limits[levelPrefix+number]
	if !ok {
		said = told
	}
	if said.MPS == 0 {
		said.MPS, said.Source = told.MPS, told.Source
	}
	if said.MPS == 0 {
		said.Source = SourceDefault
	}
	said.Level = told.Level
	return said, ok || found
}

// Told is what the API has told of a number, whatever an operator says.
func (s *Stops) Told(number string) (Limit, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	told, ok := s.limits[levelPrefix+number]
	return told, ok
}

// Said is what an operator has said of a number, whatever the API tells.
func (s *Stops) Said(number string) (Limit, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	said, ok := s.limits[limitPrefix+number]
	return said, ok
}

// Limited lists the numbers of which anything was said, in no order.
func (s *Stops) Limited() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var list []string
	for key := range s.limits {
		_, number, _ := strings.Cut(key, ".")
		list = append(list, number)
	}
	return list
}

// SetLimit limits a number, for all replicas. It needs no [Stops.Run].
func (s *Stops) SetLimit(ctx context.Context, number string, l Limit) error {
	prefixes := map[string]string{SourceOperator: limitPrefix, SourceAPI: levelPrefix}
	if prefixes[l.Source] == "" || l.MPS < 0 || l.PerDay < 0 {
		return fmt.Errorf("limit number %s: %w", number, errLimit)
	}
	l.Since = s.since(l.Since)
	return keep(ctx, s, s.limits, prefixes[l.Source]+number, l)
}

// ClearLimit forgets what an operator has said of a number: the API's word holds, or
// the default. It needs no [Stops.Run].
func (s *Stops) ClearLimit(ctx context.Context, number string) error {
	return drop(ctx, s, s.limits, limitPrefix+number)
}

// Portfolio is the limit of a business portfolio, an operator's before the API's;
// false where nobody knows it.
func (s *Stops) Portfolio(name string) (PortfolioLimit, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if said, ok := s.portfolios[portfolioPrefix+keyName(name)]; ok {
		return said, true
	}
	told, ok := s.portfolios[tierPrefix+keyName(name)]
	return told, ok
}

// ToldPortfolio is what the API has told of a portfolio, whatever an operator says.
func (s *Stops) ToldPortfolio(name string) (PortfolioLimit, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	told, ok := s.portfolios[tierPrefix+keyName(name)]
	return told, ok
}

// SetPortfolio limits a business portfolio, for all replicas. It needs no [Stops.Run].
func (s *Stops) SetPortfolio(ctx context.Context, name string, l PortfolioLimit) error {
	prefixes := map[string]string{SourceOperator: portfolioPrefix, SourceAPI: tierPrefix}
	if prefixes[l.Source] == "" || l.Recipients < 0 || name == "" {
		return fmt.Errorf("limit portfolio %s: %w", name, errLimit)
	}
	l.Since = s.since(l.Since)
	return keep(ctx, s, s.portfolios, prefixes[l.Source]+keyName(name), l)
}

// ClearPortfolio forgets what an operator has said of a portfolio. It needs no
// [Stops.Run].
func (s *Stops) ClearPortfolio(ctx context.Context, name string) error {
	return drop(ctx, s, s.portfolios, portfolioPrefix+keyName(name))
}

var errLimit = errors.New("a limit is 0 or more, and an operator's or the API's")

// applyLimit takes a change of a limit; false where the key is another's.
func (s *Stops) applyLimit(key string, value []byte) bool {
	prefix, _, _ := strings.Cut(key, ".")
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	switch prefix + "." {
	case limitPrefix, levelPrefix:
		err = enter(s, s.limits, key, value)
	case portfolioPrefix, tierPrefix:
		err = enter(s, s.portfolios, key, value)
	default:
		return false
	}
	if err != nil {
		s.log.Error("a shared limit is ignored", "key", key, "error", err)
	}
	return true
}

// limit is a [Limit] or a [PortfolioLimit].
type limit[T any] interface {
	// same reports whether the other one lets as much through.
	same(other T) bool
}

func (l Limit) same(other Limit) bool {
	return l.MPS == other.MPS && l.PerDay == other.PerDay && l.Level == other.Level
}

func (l PortfolioLimit) same(other PortfolioLimit) bool { return l.Recipients == other.Recipients }

// enter puts what the store has under a key into known, nil being nothing; s.mu is
// held. What changes no limit wakes nobody.
func enter[T limit[T]](s *Stops, known map[string]T, key string, value []byte) error {
	was, had := known[key]
	if value == nil {
		delete(known, key)
		if had {
			s.notify()
		}
		return nil
	}
	var l T
	if err := json.Unmarshal(value, &l); err != nil {
		return fmt.Errorf("read limit: %w", err)
	}
	known[key] = l
	if !had || !l.same(was) {
		s.notify()
	}
	return nil
}

// keep stores a limit and has it known here at once.
func keep[T limit[T]](ctx context.Context, s *Stops, known map[string]T, key string, l T) error {
	value, err := json.Marshal(l)
	if err == nil && s.store != nil {
		err = s.store.Put(ctx, key, value)
	}
	if err != nil {
		return fmt.Errorf("keep a limit: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return enter(s, known, key, value)
}

func drop[T limit[T]](ctx context.Context, s *Stops, known map[string]T, key string) error {
	if err := s.remove(ctx, key); err != nil {
		return fmt.Errorf("forget a limit: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return enter(s, known, key, nil)
}

func (s *Stops) since(t time.Time) time.Time {
	if t.IsZero() {
		t = s.now()
	}
	return t.UTC()
}
