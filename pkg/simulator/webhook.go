package simulator

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"
)

// Defaults of a [Webhook].
const (
	// DefaultBatch is the most updates that the platform puts into one POST.
	DefaultBatch       = 1000
	DefaultConcurrency = 8
	DefaultPostTimeout = 10 * time.Second
)

// Webhook makes the simulator post the statuses of what it accepts, signed as the
// platform signs them. Its zero value posts nothing; a secret switches it on.
type Webhook struct {
	// URL takes the POSTs. While it is empty, updates wait for [Server.SetWebhooks].
	URL string
	// Secret is the app secret that signs; Secrets are those of the accounts (by
	// WABA) that have an app of their own. An account with neither posts nothing.
	Secret  string
	Secrets map[string]string
	// Sent, Delivered and Read are the times from the answer to each status. None
	// comes before the one that precedes it, unless a rule says so.
	Sent, Delivered, Read Latency
	// Faults are the rules at the start; see [Server.SetWebhooks].
	Faults []WebhookRule
	// Answers are what people do with what they read; see [Server.SetAnswers].
	Answers []AnswerRule
	// Batch is the most updates in a POST, 1,000 by default. A POST takes what is
	// due; it does not wait for more.
	Batch int
	// Concurrency is the most POSTs under way, 8 by default.
	Concurrency int
	// Timeout is how long a POST waits for its answer, 10 seconds by default.
	Timeout time.Duration
	// RetrySpeed divides the waits between retries, and the seven days: 100 makes
	// the first retry come after 100 ms and not after 10 s. 1 by default.
	RetrySpeed float64
	// Conversation adds the conversation object, as API versions to v23 do.
	Conversation bool
}

func (w Webhook) on() bool { return w.Secret != "" || len(w.Secrets) > 0 }

func (w Webhook) withDefaults() Webhook {
	if w.Batch == 0 {
		w.Batch = DefaultBatch
	}
	if w.Concurrency == 0 {
		w.Concurrency = DefaultConcurrency
	}
	if w.Timeout == 0 {
		w.Timeout = DefaultPostTimeout
	}
	if w.RetrySpeed == 0 {
		w.RetrySpeed = 1
	}
	return w
}

func (w Webhook) validate() error {
	switch {
	case w.URL != "" && !w.on():
		return errors.New("Webhook has a URL and no Secret to sign with")
	case w.Batch < 1 || w.Batch > DefaultBatch:
		return fmt.Errorf("a Webhook.Batch of %d; it must be from 1 to %d", w.Batch, DefaultBatch)
	case w.Concurrency < 1:
		return fmt.Errorf("a Webhook.Concurrency of %d; it must be positive", w.Concurrency)
	case w.Timeout < 0:
		return errors.New("negative Webhook.Timeout")
	case !(w.RetrySpeed > 0):
		return fmt.Errorf("a Webhook.RetrySpeed of %v; it must be positive", w.RetrySpeed)
	}
	for waba, secret := range w.Secrets {
		if secret == "" {
			return fmt.Errorf("the Webhook secret of account %s is empty", waba)
		}
	}
	for _, l := range []Latency{w.Sent, w.Delivered, w.Read} {
		if l.Base < 0 || l.Spread < 0 {
			return errors.New("negative times in Webhook")
		}
	}
	return validCallback(w.URL)
}

func validCallback(callback string) error {
	if callback == "" {
		return nil
	}
	u, err := url.Parse(callback)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("the URL of webhooks must be an absolute http or https URL")
	}
	return nil
}

// WebhookKind names what a [WebhookRule] does to the statuses of a message.
type WebhookKind string

// The kinds of webhook fault.
const (
	// Early posts before the answer to the message: the answer waits until the
	// receiver had them once, for a second at most.
	Early WebhookKind = "early"
	// Late adds [WebhookRule.Delay].
	Late WebhookKind = "late"
	// Twice posts again, [WebhookRule.Delay] later: in a POST of its own or, without
	// a delay, beside the first.
	Twice WebhookKind = "twice"
	// Shuffled makes them arrive in another order; their timestamps stay true.
	Shuffled WebhookKind = "shuffled"
	// Missing never posts them.
	Missing WebhookKind = "missing"
	// Failed posts failed, with [WebhookRule.Code], in place of the status that
	// [WebhookRule.Statuses] names (delivered by default) and of all later ones. With
	// 131049 and 131050 it strikes marketing only, where templates are judged.
	Failed WebhookKind = "failed"
	// Tokenless leaves out the biz_opaque_callback_data, as something on the way may.
	Tokenless WebhookKind = "tokenless"
	// Numberless tells of a person with a user name: by the business-scoped user id,
	// without recipient_id and wa_id.
	Numberless WebhookKind = "numberless"
	// Sparse leaves out whatever is optional: contacts, user ids, prices, the texts of
	// errors.
	Sparse WebhookKind = "sparse"
)

var webhookKinds = []WebhookKind{Early, Late, Twice, Shuffled, Missing, Failed, Tokenless, Numberless, Sparse}

// WebhookRule is one fault of webhooks. Unlike a [Rule], every rule that picks a
// message applies to it, in the order of the list. Selectors left empty match
// everything; which messages a share picks depends on the seed and the token.
type WebhookRule struct {
	Kind WebhookKind `json:"kind"`
	// Statuses are sent, delivered and read: those that the rule is about. None: all.
	Statuses []string `json:"statuses,omitempty"`
	// Share, Times and the selectors are those of [Rule].
	Share      float64  `json:"share,omitempty"`
	Times      int64    `json:"times,omitempty"`
	Recipients []string `json:"recipients,omitempty"`
	Suffix     string   `json:"suffix,omitempty"`
	Template   string   `json:"template,omitempty"`
	Number     string   `json:"number,omitempty"`
	// Code is the error code of Failed.
	Code int `json:"code,omitempty"`
	// Delay is for Late and Twice.
	Delay Duration `json:"delay,omitzero"`
}

func (r WebhookRule) validate() error {
	switch {
	case !slices.Contains(webhookKinds, r.Kind):
		return fmt.Errorf("kind %q is not one of %v", r.Kind, webhookKinds)
	case !(r.Share >= 0 && r.Share <= 1):
		return fmt.Errorf("share is %v; it must be from 0 to 1", r.Share)
	case r.Times < 0:
		return fmt.Errorf("times is %d; it must be positive", r.Times)
	case r.Delay < 0:
		return fmt.Errorf("delay is %v; it must be positive", time.Duration(r.Delay))
	case r.Kind == Late && r.Delay == 0:
		return fmt.Errorf("a %s rule needs a delay", r.Kind)
	case r.Kind == Failed && r.Code < 1:
		return fmt.Errorf("a %s rule needs a code", r.Kind)
	case r.Kind == Failed && len(r.Statuses) > 1:
		return fmt.Errorf("a %s rule takes the place of one status", r.Kind)
	}
	for _, name := range r.Statuses {
		if i := slices.Index(statusNames, name); i < 0 || status(i) == failed {
			return fmt.Errorf("status %q is not one of %v", name, statusNames[:failed])
		}
	}
	return nil
}

// hookFault is a [WebhookRule] in force.
type hookFault struct {
	WebhookRule
	pick *fault
}

func newHookFaults(rules []WebhookRule, seed uint64) ([]*hookFault, error) {
	faults := make([]*hookFault, len(rules))
	for i, rule := range rules {
		if err := rule.validate(); err != nil {
			return nil, fmt.Errorf("webhook rule %d: %w", i, err)
		}
		pick := newFault(Rule{
			Share: rule.Share, Times: rule.Times, Recipients: rule.Recipients,
			Suffix: rule.Suffix, Template: rule.Template, Number: rule.Number,
		}, mix(seed+uint64(i)))
		faults[i] = &hookFault{WebhookRule: rule, pick: pick}
	}
	return faults, nil
}

// concerns reports whether the rule is about a status.
func (f *hookFault) concerns(s status) bool {
	return len(f.Statuses) == 0 || slices.Contains(f.Statuses, statusNames[s])
}
