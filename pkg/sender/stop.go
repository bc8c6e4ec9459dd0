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
	ScopeAll      Scope = "all"
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

// Everything is the target that covers all that is sent.
func Everything() Target { return Target{Scope: ScopeAll, Name: "all"} }

// Prefixes of the store's keys. What an operator stops has a key of its own, so
// that no probe can lift it, and lifting it hides no refusal; so has a limit that an
// operator sets, so that forgetting it leaves what the API tells.
const (
	stopPrefix      = "stop."
	pausePrefix     = "pause."
	heardPrefix     = "heard."
	holdPrefix      = "held."
	limitPrefix     = "limit."     // of a number, by an operator
	levelPrefix     = "level."     // of a number, by the API
	portfolioPrefix = "portfolio." // of a portfolio, by an operator
	tierPrefix      = "tier."      // of a portfolio, by the API
)

func (t Target) key(prefix string) string { return prefix + string(t.Scope) + "." + t.Name }

// parseKey reads the key of a stop and says which of the prefixes it has.
func parseKey(key string) (t Target, prefix string, ok bool) {
	for _, prefix = range []string{stopPrefix, pausePrefix} {
		if rest, found := strings.CutPrefix(key, prefix); found {
			scope, name, ok := strings.Cut(rest, ".")
			return Target{Scope: Scope(scope), Name: name}, prefix, ok
		}
	}
	return Target{}, "", false
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
	// Probes counts the probes that lifted nothing, each of which lengthens the wait.
	Probes int `json:"probes,omitempty"`
}

// failing reports whether answers have failed and nothing was refused. Such a stop
// is probed by a look that costs no message first: see [Stops.Turn].
func (s *Stop) failing() bool { return s.Reason == job.ReasonAPIFailing }

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
	_, _, ok := parseKey(key)
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
