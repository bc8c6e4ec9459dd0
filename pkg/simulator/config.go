package simulator

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Defaults of a [Config].
const (
	DefaultMPS  = 80
	DefaultKeep = 10_000
	// DefaultWABA is the account that serves any number when none is configured.
	DefaultWABA = "100000000000001"

	// maxTestRecipients is the length of a test number's allow-list.
	maxTestRecipients = 5
)

// Config describes what the simulator pretends to be. Its zero value accepts any
// access token, any number and any template name.
type Config struct {
	// Accounts are the WhatsApp Business accounts. Without any, every number id
	// exists and every access token opens it.
	Accounts []Account
	// Templates belong to every account, in addition to its own.
	Templates []json.RawMessage
	// MPS is the throughput of numbers that do not say; 80 by default.
	MPS int
	// MessagingLimit is what every number tells of its portfolio, such as TIER_250;
	// TIER_UNLIMITED by default. The simulator holds nobody to it.
	MessagingLimit string
	// ThrottleStatus is the HTTP status of throttling codes (4, 80007, 130429,
	// 131048, 131056): 400, as Meta's list says (the default), or 429.
	ThrottleStatus int
	// TestRecipients make every number a test number: it sends to these only, and
	// refuses others with 131030. Without any, numbers send to everybody.
	TestRecipients []string
	// AppSecrets are the secrets of the app that the access tokens are of, and make it
	// require them, as Require App Secret among its settings does: each call needs the
	// proof of its token (appsecret_proof), made with one of them. Without any, none is
	// asked for. See [Server.SetAppSecrets].
	AppSecrets []string
	// PairLimit also limits messages to the same person: one in 6 seconds, with
	// a burst of 45. It keeps 16 bytes or more for every pair.
	PairLimit bool
	Latency   Latency
	// Faults are the rules at the start; see [Server.SetFaults].
	Faults []Rule
	// Seed makes faults and latencies repeatable.
	Seed uint64
	// Webhook posts the statuses of accepted messages.
	Webhook Webhook
	// Keep is how many accepted messages are kept whole; 10,000 by default.
	// Counts and duplicates are exact whatever it is.
	Keep int
	// DedupKey turns a callback token into the name of what must not be sent
	// twice, for tokens that also name an attempt. By default the token itself.
	DedupKey func(token string) string
	// Clock is time.Now by default. Waits (latency, slow, hang) use real timers.
	Clock func() time.Time
	// Logger gets refusals and faults at debug level, without recipients. By
	// default nothing is logged.
	Logger *slog.Logger
}

// Account is a WhatsApp Business account.
type Account struct {
	WABA string
	Name string
	// Apps are the names of those subscribed to the account's webhooks, which the
	// simulator lists; it posts to [Config.Webhook] whatever they are.
	Apps []string
	// Tokens are the access tokens that open the account; none: any will do.
	Tokens  []string
	Numbers []Number
	// Templates are template objects, arrays of them, or answers of the template
	// list ({"data": […]}). With none, templates are not judged at all.
	Templates []json.RawMessage
}

// Number is a business phone number.
type Number struct {
	ID string
	// MPS is how many messages the number may send in a second; 0: [Config.MPS].
	MPS int
	// Display is the telephone number itself; it may not be a recipient.
	Display string
	// Name is the verified name.
	Name string
	// Quality is GREEN by default; Status is CONNECTED by default, and a number
	// with another one refuses with 133010.
	Quality, Status string
}

// Latency is the time between taking a request and answering it: Base plus a
// uniformly spread part of Spread.
type Latency struct{ Base, Spread time.Duration }

func (c Config) withDefaults() Config {
	if c.MPS == 0 {
		c.MPS = DefaultMPS
	}
	c.MessagingLimit = cmp.Or(c.MessagingLimit, "TIER_UNLIMITED")
	if c.ThrottleStatus == 0 {
		c.ThrottleStatus = http.StatusBadRequest
	}
	if c.Keep == 0 {
		c.Keep = DefaultKeep
	}
	c.Webhook = c.Webhook.withDefaults()
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func (c Config) validate() error {
	switch {
	case c.MPS < 0:
		return fmt.Errorf("MPS is %d; it must be positive", c.MPS)
	case c.ThrottleStatus != http.StatusBadRequest && c.ThrottleStatus != http.StatusTooManyRequests:
		return fmt.Errorf("ThrottleStatus is %d; it must be 400 or 429", c.ThrottleStatus)
	case len(c.TestRecipients) > maxTestRecipients:
		return fmt.Errorf("%d TestRecipients; a test number has at most %d", len(c.TestRecipients), maxTestRecipients)
	case c.Keep < 0:
		return fmt.Errorf("a Keep of %d; it must be positive", c.Keep)
	case c.Latency.Base < 0 || c.Latency.Spread < 0:
		return errors.New("negative Latency")
	}
	if err := c.Webhook.validate(); err != nil {
		return err
	}
	for _, to := range c.TestRecipients {
		if phoneDigits(to) == "" {
			return errors.New("one of TestRecipients is no telephone number")
		}
	}
	for i, a := range c.Accounts {
		if err := a.validate(); err != nil {
			return fmt.Errorf("account %d: %w", i, err)
		}
	}
	return nil
}

func (a Account) validate() error {
	if !isDigits(a.WABA) {
		return errors.New("WABA is not a numeric id")
	}
	if slices.ContainsFunc(a.Tokens, looksReal) {
		return errors.New("a token starts with EAA, as real ones do; never give a real token to a simulator")
	}
	for _, n := range a.Numbers {
		if !isDigits(n.ID) {
			return fmt.Errorf("number id %q is not numeric", n.ID)
		}
		if n.MPS < 0 {
			return fmt.Errorf("number %s: MPS is %d; it must be positive", n.ID, n.MPS)
		}
	}
	return nil
}

// looksReal reports whether an access token looks like one of Meta's.
func looksReal(token string) bool { return strings.HasPrefix(token, "EAA") }

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
