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
	ScopeCategory Scope = "category"
	ScopeTemplate Scope = "template"
)

// Target names one thing that can be stopped: an account by its WABA id, a number
// by its phone number id, the templates of a category or name by [CategoryTarget] and
// [TemplateTarget].
type Target struct {
	Scope Scope
	Name  string
}

// TemplateTarget is a template of an account in one language, or in all of them where
// none is given. A message needs to ask for both.
func TemplateTarget(waba, name, language string) Target {
	if language != "" {
		name += "/" + language
	}
	return Target{Scope: ScopeTemplate, Name: waba + "/" + name}
}

// CategoryTarget is all templates of an account that have a category, such as
// UTILITY.
func CategoryTarget(waba, category string) Target {
	return Target{Scope: ScopeCategory, Name: waba + "/" + strings.ToUpper(category)}
}

// Covers reports whether the other target is the same or a part of this one that
// people do not name by itself: a template's languages, an account's categories.
func (t Target) Covers(other Target) bool {
	if t == other {
		return true
	}
	parts := t.Scope == ScopeTemplate && other.Scope == ScopeTemplate || t.Scope == ScopeAccount && other.Scope == ScopeCategory
	rest, ok := strings.CutPrefix(other.Name, t.Name+"/")
	return parts && ok && !strings.Contains(rest, "/")
}

// Everything is the target that covers all that is sent.
func Everything() Target { return Target{Scope: ScopeAll, Name: "all"} }

// Prefixes of the store's keys. What an operator stops has a key of its own, so
// that no probe can lift it, and lifting it hides no refusal; so has a limit that an
// operator sets, so that forgetting it leaves what the API tells.
const (
	stopPrefix      = "stop."
	platformPrefix  = "platform."
	pausePrefix     = "pause."
	heardPrefix     = "heard."
	holdPrefix      = "held."
	limitPrefix     = "limit."     // of a number, by an operator
	levelPrefix     = "level."     // of a number, by the API
	portfolioPrefix = "portfolio." // of a portfolio, by an operator
	tierPrefix      = "tier."      // of a portfolio, by the API
	categoryPrefix  = "category."  // of a template, by the platform
)

func (t Target) key(prefix string) string { return prefix + string(t.Scope) + "." + pathName(t.Name) }

// slot is the place of a stop: a target can be stopped for several causes, and the end
// of one is not that of another.
type slot struct {
	Target
	// cause is the reason of what the platform tells by webhook; empty for all others.
	cause job.Reason
}

func (sl slot) key() string {
	if sl.cause == "" {
		return sl.Target.key(stopPrefix)
	}
	return sl.Target.key(platformPrefix + string(sl.cause) + ".")
}

// parseKey reads the key of a stop, and says whether it is an operator's.
func parseKey(key string) (sl slot, operators, ok bool) {
	prefix, rest, _ := strings.Cut(key, ".")
	cause := ""
	switch prefix + "." {
	case pausePrefix:
		operators = true
	case platformPrefix:
		cause, rest, ok = strings.Cut(rest, ".")
		if !ok || cause == "" {
			return slot{}, false, false
		}
	case stopPrefix:
	default:
		return slot{}, false, false
	}
	scope, name, ok := strings.Cut(rest, ".")
	return slot{Target: Target{Scope: Scope(scope), Name: parseName(name)}, cause: job.Reason(cause)}, operators, ok
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
	// By is who stopped it: a worker, an operator or [ByPlatform].
	By    string    `json:"by"`
	Since time.Time `json:"since"`
	// Until is when one message may probe; zero waits for WayBack.
	Until time.Time `json:"until,omitzero"`
	// WayBack is how it ends: one of the constants below.
	WayBack string `json:"way_back,omitempty"`
	// At is the time of the latest thing that is known of what the platform stopped:
	// what happened before changes nothing.
	At time.Time `json:"at,omitzero"`
	// Over says that it is no stop any more, and stays for the sake of At.
	Over bool `json:"over,omitempty"`
	// Probes counts the probes that lifted nothing, each of which lengthens the wait.
	Probes int `json:"probes,omitempty"`
}

// ByPlatform is who stopped what a webhook tells.
const ByPlatform = "platform"

// The ways back. A person may end any stop.
const (
	// BackTime: one message is tried at the stop's end.
	BackTime = "time"
	// BackWebhook: the platform tells when it is over.
	BackWebhook = "webhook"
	// BackPerson: somebody has to mend it.
	BackPerson = "person"
)

// failing reports whether answers have failed and nothing was refused. Such a stop
// is probed by a look that costs no message first: see [Stops.Turn].
func (s *Stop) failing() bool { return s.Reason == job.ReasonAPIFailing }

// Target is what the stop covers.
func (s Stop) Target() Target { return Target{Scope: s.Scope, Name: s.Name} }

// Store is where the stops of all replicas are shared: a key-value bucket that
// can be watched. Watch first calls fn for every entry there is, then once with
// an empty key, then for every change; a nil value is a deletion. It returns when
// ctx ends.
//
// Update changes a value from what it is, nil for none, to what change makes of it, and
// loses nobody else's change; an error of change is returned and leaves it.
type Store interface {
	Put(ctx context.Context, key string, value []byte) error
	Delete(ctx context.Context, key string) error
	Update(ctx context.Context, key string, change func(value []byte) ([]byte, error)) error
	Watch(ctx context.Context, fn func(key string, value []byte)) error
}

// readStop reads a stop as the store keeps it.
func readStop(value []byte) (Stop, error) {
	var stop Stop
	if err := json.Unmarshal(value, &stop); err != nil {
		return Stop{}, fmt.Errorf("read stop: %w", err)
	}
	return stop, nil
}
