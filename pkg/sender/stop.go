package sender

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/wacast/wacast/pkg/job"
)

// Scope is what a stop covers.
type Scope string

// The scopes, from the widest.
const (
	ScopeAccount  Scope = "account"
	ScopeNumber   Scope = "number"
	ScopeTemplate Scope = "template"
)

// Target names one thing that can be stopped: an account by its WABA id, a number
// by its phone number id, a template by WABA id, a slash and its name.
type Target struct {
	Scope Scope
	Name  string
}

func (t Target) key() string { return "stop." + string(t.Scope) + "." + t.Name }

func parseKey(key string) (Target, bool) {
	rest, ok := strings.CutPrefix(key, "stop.")
	if !ok {
		return Target{}, false
	}
	scope, name, ok := strings.Cut(rest, ".")
	return Target{Scope: Scope(scope), Name: name}, ok
}

// Stop says what is stopped and why.
type Stop struct {
	Scope Scope  `json:"scope"`
	Name  string `json:"name"`
	// Reason and Code are those of the refusal that stopped it.
	Reason job.Reason `json:"reason"`
	Code   int        `json:"code,omitempty"`
	// Detail says what happened and what to do, for people.
	Detail string `json:"detail,omitempty"`
	// By is who stopped it: a worker or an operator.
	By    string    `json:"by"`
	Since time.Time `json:"since"`
	// Until is when one message may probe; zero waits for a person.
	Until time.Time `json:"until,omitzero"`
	// Probes counts the refused probes, each of which doubles the wait.
	Probes int `json:"probes,omitempty"`
}

// Target is what the stop covers.
func (s Stop) Target() Target { return Target{Scope: s.Scope, Name: s.Name} }

// Store is where the stops of all replicas are shared: a key-value bucket that
// can be watched. Watch first calls fn for every entry there is, then once with
// an empty key, then for every change; a nil value is a deletion. It returns when
// ctx ends.
type Store interface {
	Put(ctx context.Context, key string, value []byte) error
	Delete(ctx context.Context, key string) error
	Watch(ctx context.Context, fn func(key string, value []byte)) error
}

// IsStop reports whether a key of the store holds a stop.
func IsStop(key string) bool {
	_, ok := parseKey(key)
	return ok
}

// ReadStop reads a stop as the store keeps it.
func ReadStop(value []byte) (Stop, error) {
	var stop Stop
	if err := json.Unmarshal(value, &stop); err != nil {
		return Stop{}, fmt.Errorf("read stop: %w", err)
	}
	return stop, nil
}
