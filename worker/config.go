package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/policy"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/ratelimit"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/template"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// API sends one message; [whatsapp.Client] does.
type API interface {
	Send(ctx context.Context, number, token string, m *whatsapp.Message) (whatsapp.Accepted, error)
}

// Slots gives out send times; [ratelimit.Redis] and [ratelimit.Local] do.
type Slots interface {
	Reserve(ctx context.Context, requests []ratelimit.Request) ([]ratelimit.Grant, error)
	// Slow has less of the numbers given out, after the API refused them for their rate.
	Slow(ctx context.Context, slowdowns []ratelimit.Slowdown) error
	// States tells what part of the numbers' limits is given out.
	States(ctx context.Context, numbers []string) ([]ratelimit.State, error)
}

// Quotas count messages and recipients in rolling windows; [ratelimit.RedisQuotas] and
// [ratelimit.LocalQuotas] do.
type Quotas interface {
	Take(ctx context.Context, takings []ratelimit.Taking) ([]ratelimit.Taken, error)
	Return(ctx context.Context, takings []ratelimit.Taking) error
}

// Templates knows what a job's template looks like.
type Templates interface {
	// Definition finds an account's template; [template.ErrUnknown] when there is none.
	Definition(waba, name, language string) (*template.Definition, error)
	// Expressions are those of a campaign, for jobs that carry vars.
	Expressions(campaign string) (*template.Expressions, error)
}

// Campaigns knows which campaigns there are; [campaign.Store] does.
type Campaigns interface {
	// Seen creates a campaign on sight.
	Seen(ctx context.Context, id string) error
	// Lookup finds one.
	Lookup(id string) (campaign.Spec, bool)
	// Changed is closed at the next change of any campaign.
	Changed() <-chan struct{}
}

// Claims keeps what the ledger is restored from; [queue.Claims] does.
type Claims interface {
	// Record returns once the notes are stored.
	Record(ctx context.Context, lease time.Duration, notes []queue.ClaimNote) error
}

// Prober asks the API something harmless of a number; nil when it answers clearly.
type Prober interface {
	Probe(ctx context.Context, number, token string) error
}

// WebhookClock knows how far the status webhooks of a number have come.
type WebhookClock interface {
	// HeardSince is when the latest message was sent of which a status has come in;
	// zero while webhooks are silent.
	HeardSince(number string) time.Time
}

// Config is what a worker needs. Everything without a default is required.
type Config struct {
	// ID names this worker among its replicas. Defaults to a random name.
	ID string
	// Namespace goes into callback tokens and the source of events.
	Namespace string

	Queues *queue.Queues
	Events *queue.Events
	Dead   *queue.Dead
	Later  *queue.Later
	// Claims may be nil where the ledger never has to be restored. Else nothing is
	// sent whose claim is not in there.
	Claims Claims
	// Quotas may be nil where there are no limits but rates.
	Quotas    Quotas
	Ledger    *dedup.Ledger
	Slots     Slots
	API       API
	Directory *sender.Directory
	Stops     *sender.Stops
	Templates Templates
	Campaigns Campaigns

	// Consent says who may be written to, and People takes down what is learned of them.
	// Both may be nil where nobody's consent is known.
	Consent Consent
	People  People
	// Answers may be nil where nobody waits for any.
	Answers Answers
	// PayloadKey signs the payloads of quick replies, so that a tap names its job. Without
	// one they stay the author's.
	PayloadKey []byte
	// MarketingCap is how many marketing messages a recipient gets in any
	// MarketingCapWindow, from all campaigns and numbers; 0 for any number. It takes Quotas
	// and Consent. The window defaults to 24 hours.
	MarketingCap       int
	MarketingCapWindow time.Duration

	// Headroom is the share of a number's limit that stays unused, so that jitter
	// on the way provokes no refusals. Defaults to 0, none.
	Headroom float64
	// MaxInFlight bounds the requests under way. Where one number's hang, others have up
	// to 8 each beyond it. Defaults to 1,000.
	MaxInFlight int
	// SendTimeout is the longest a request may take; the ledger's lease must be
	// longer. Defaults to 20 seconds.
	SendTimeout time.Duration
	// Limits bound the attempts at one job.
	Limits policy.Limits
	// UnknownDeadline is how long an unknown outcome waits for a webhook before the
	// job's policy decides. Defaults to 15 minutes.
	UnknownDeadline time.Duration
	// Clock says whether webhooks come in: the deadline stands still while they do
	// not. Defaults to Stops, which hear of them from the receiver.
	Clock WebhookClock
	// CancelGrace is how long the jobs of a cancelled campaign are left alone, to be
	// removed all at once; what is left then ends one by one. Defaults to a minute.
	CancelGrace time.Duration
	// Probe is asked whether the API answers again before a message is tried. Without
	// one, the message is all there is.
	Probe Prober

	// Tracer may be nil where nobody looks at spans.
	Tracer Tracer

	Log        *slog.Logger
	Registerer prometheus.Registerer
}

// WithDefaults fills what has a default.
func (c Config) WithDefaults() Config {
	if c.ID == "" {
		c.ID = fmt.Sprintf("worker-%08x", rand.Uint32())
	}
	if c.MaxInFlight == 0 {
		c.MaxInFlight = 1000
	}
	if c.SendTimeout == 0 {
		c.SendTimeout = 20 * time.Second
	}
	if c.UnknownDeadline == 0 {
		c.UnknownDeadline = 15 * time.Minute
	}
	if c.CancelGrace == 0 {
		c.CancelGrace = time.Minute
	}
	if c.MarketingCapWindow == 0 {
		c.MarketingCapWindow = 24 * time.Hour
	}
	if c.Clock == nil && c.Stops != nil {
		c.Clock = c.Stops
	}
	return c
}

func (c Config) validate() error {
	var bad []error
	for name, missing := range map[string]bool{
		"Queues": c.Queues == nil, "Events": c.Events == nil, "Dead": c.Dead == nil, "Later": c.Later == nil,
		"Ledger": c.Ledger == nil, "Slots": c.Slots == nil, "API": c.API == nil, "Directory": c.Directory == nil,
		"Stops": c.Stops == nil, "Templates": c.Templates == nil, "Campaigns": c.Campaigns == nil, "Log": c.Log == nil, "Registerer": c.Registerer == nil,
		"Namespace": c.Namespace == "",
	} {
		if missing {
			bad = append(bad, fmt.Errorf("worker config: %s is missing", name))
		}
	}
	return errors.Join(bad...)
}
