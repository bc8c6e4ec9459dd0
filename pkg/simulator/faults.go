package simulator

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Kind names what a fault does.
type Kind string

// The kinds of fault. A message is judged, and perhaps accepted, in all of them
// but LostBefore, and but Hang, HTML502 and Empty500 without [Rule.After].
const (
	// LostBefore closes the connection; nothing has happened.
	LostBefore Kind = "lost_before"
	// LostAfter closes the connection in place of the answer.
	LostAfter Kind = "lost_after"
	// Hang keeps the connection open without an answer, until the client leaves
	// or [Rule.Delay] is over.
	Hang Kind = "hang"
	// HTML502 answers as a gateway in trouble does.
	HTML502 Kind = "html_502"
	// Empty500 answers 500 without a body.
	Empty500 Kind = "empty_500"
	// Error refuses a message that would have been accepted, with [Rule.Code].
	Error Kind = "error"
	// Slow adds [Rule.Delay] to the answer's latency.
	Slow Kind = "slow"
	// Held accepts with message_status held_for_quality_assessment. [Rule.Delay] later
	// the message goes on or, with a [Rule.Code] such as 132015, fails by webhook.
	Held Kind = "held"
)

var kinds = []Kind{LostBefore, LostAfter, Hang, HTML502, Empty500, Error, Slow, Held}

// Rule is one fault: what happens, and to which requests. The first rule that
// picks a request is the only one it meets. Selectors left empty match everything.
type Rule struct {
	Kind Kind `json:"kind"`
	// Share is the part of the matching requests that are picked; 0 means all.
	Share float64 `json:"share,omitempty"`
	// Times is how often the rule fires; 0 means without end.
	Times int64 `json:"times,omitempty"`
	// Recipients are numbers (or business-scoped user ids), written in any way
	// the platform takes.
	Recipients []string `json:"recipients,omitempty"`
	// Suffix matches the end of the recipient's number.
	Suffix   string `json:"suffix,omitempty"`
	Template string `json:"template,omitempty"`
	// Number is the id of the sending number.
	Number string `json:"number,omitempty"`
	// After lets Hang, HTML502 and Empty500 process the message first.
	After bool `json:"after,omitempty"`
	// Code is the error code of an Error, or of the end of what is Held; Status and Details replace what the
	// platform documents for it.
	Code    int    `json:"code,omitempty"`
	Status  int    `json:"status,omitempty"`
	Details string `json:"details,omitempty"`
	// Delay is for Slow, Hang and Held.
	Delay Duration `json:"delay,omitzero"`
}

// Duration is a time.Duration that JSON shows as "1.5s".
type Duration time.Duration

// MarshalText writes the duration as time.Duration does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

func (r Rule) validate() error {
	switch {
	case !slices.Contains(kinds, r.Kind):
		return fmt.Errorf("kind %q is not one of %v", r.Kind, kinds)
	case !(r.Share >= 0 && r.Share <= 1):
		return fmt.Errorf("share is %v; it must be from 0 to 1", r.Share)
	case r.Times < 0:
		return fmt.Errorf("times is %d; it must be positive", r.Times)
	case r.Delay < 0:
		return fmt.Errorf("delay is %v; it must be positive", time.Duration(r.Delay))
	case r.Kind == Slow && r.Delay == 0:
		return fmt.Errorf("a %s rule needs a delay", r.Kind)
	case r.Code < 0 || r.Kind == Error && r.Code < 1:
		return fmt.Errorf("an %s rule needs a code", r.Kind)
	case r.Status != 0 && (r.Status < 400 || r.Status > 599):
		return fmt.Errorf("status is %d; it must be from 400 to 599", r.Status)
	}
	return nil
}

// processes reports whether the message is judged although the answer is disturbed.
func (r Rule) processes() bool {
	switch r.Kind {
	case LostBefore:
		return false
	case Hang, HTML502, Empty500:
		return r.After
	}
	return true
}

// disturbs reports whether the client gets no proper answer.
func (r Rule) disturbs() bool {
	switch r.Kind {
	case LostBefore, LostAfter, Hang, HTML502, Empty500:
		return true
	}
	return false
}

func (r Rule) refusal() *refusal {
	out := refuse(r.Code, r.Details)
	if r.Status != 0 {
		out.status = r.Status
	}
	return out
}

// fault is a rule in force.
type fault struct {
	Rule
	recipients map[string]bool
	seed       uint64
	matched    atomic.Uint64
	fired      atomic.Int64
}

func newFaults(rules []Rule, seed uint64) ([]*fault, error) {
	faults := make([]*fault, len(rules))
	for i, rule := range rules {
		if err := rule.validate(); err != nil {
			return nil, fmt.Errorf("fault rule %d: %w", i, err)
		}
		faults[i] = newFault(rule, mix(seed+uint64(i)))
	}
	return faults, nil
}

func newFault(rule Rule, seed uint64) *fault {
	f := &fault{Rule: rule, seed: seed, recipients: make(map[string]bool)}
	for _, to := range rule.Recipients {
		f.recipients[bare(to)] = true
	}
	return f
}

// bare is a recipient without what may be written in a number.
func bare(to string) string {
	if digits := phoneDigits(to); digits != "" {
		return digits
	}
	return to
}

// picks reports whether the rule strikes this request, and counts if so.
func (f *fault) picks(number string, req *request) bool {
	if f.Number != "" && f.Number != number {
		return false
	}
	if f.Template != "" && (req.Template == nil || req.Template.Name != f.Template) {
		return false
	}
	to := req.To
	if to == "" {
		to = req.Recipient
	}
	if len(f.recipients) > 0 || f.Suffix != "" {
		to = bare(to)
	}
	if len(f.recipients) > 0 && !f.recipients[to] || !strings.HasSuffix(to, f.Suffix) {
		return false
	}
	if f.Share > 0 && f.Share < 1 && f.draw(to, req.CallbackData) >= f.Share {
		return false
	}
	if f.Times == 0 {
		return true
	}
	return f.fired.Add(1) <= f.Times
}

// draw is a number in [0, 1) that depends on the seed, the rule and the callback
// token; requests without a token are told apart by their order.
func (f *fault) draw(to, token string) float64 {
	n := f.seed
	if token == "" {
		n += f.matched.Add(1)
	} else {
		n ^= fnv(token) ^ mix(fnv(to))
	}
	return float64(mix(n)>>11) / (1 << 53)
}

// fnv is FNV-1a; unlike maphash it is the same in every run.
func fnv(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// mix is the finalizer of splitmix64, a bijection that spreads its input.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
