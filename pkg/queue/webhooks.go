package queue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Boxes of the stream of webhooks: its subjects' last tokens.
const (
	boxIn      = "in"      // to be processed
	boxForward = "forward" // to be passed on
	boxOdd     = "odd"     // nobody can make sense of; for people
	boxPart    = "part"    // a part of a body that is too large for one message
)

// Ages of what nothing else takes out of the stream of webhooks.
const (
	// forwardMaxAge is as long as the platform itself tries to deliver.
	forwardMaxAge = 7 * 24 * time.Hour
	oddMaxAge     = 7 * 24 * time.Hour
	// partMaxAge is longer than what they are parts of ever waits.
	partMaxAge = 30 * 24 * time.Hour
)

// headerHook stands in front of a webhook's own headers.
const headerHook = "Wacast-Hook-"

// Hook is one webhook, as it came.
type Hook struct {
	// Body is what was posted, to the byte.
	Body []byte
	// Header is what of its header is wanted again.
	Header map[string]string
	// Forward says that the webhook is to be passed on too.
	Forward bool
}

// Webhooks stores webhooks and hands them out. It may be used by many goroutines.
type Webhooks struct {
	nc     *nats.Conn
	js     jetstream.JetStream
	names  Names
	flight *flight
}

// NewWebhooks returns the webhooks of a JetStream account.
func NewWebhooks(js jetstream.JetStream, names Names) (*Webhooks, error) {
	if err := names.Validate(); err != nil {
		return nil, err
	}
	f, err := newFlight(js.Conn(), flightLimits{inFlight: recordInFlight})
	if err != nil {
		return nil, fmt.Errorf("new webhooks: %w", err)
	}
	return &Webhooks{nc: js.Conn(), js: js, names: names, flight: f}, nil
}

// Store stores a webhook and returns once it is: then whoever delivered it may be
// told so. The same body again within minutes is stored once. See [Events.Record] for
// the error.
func (w *Webhooks) Store(ctx context.Context, hook Hook) error {
	header := nats.Header{}
	for name, value := range hook.Header {
		header[headerHook+name] = []string{value}
	}
	sum := sha256.Sum256(hook.Body)
	id := hex.EncodeToString(sum[:16])
	data, err := w.pack(ctx, id, hook.Body, header)
	if err != nil {
		return fmt.Errorf("store webhook: %w", err)
	}
	parcels := []parcel{{subject: w.names.webhookSubject(boxIn), msgID: boxIn + "/" + id, header: header, data: data}}
	if hook.Forward {
		parcels = append(parcels, parcel{
			subject: w.names.webhookSubject(boxForward), msgID: boxForward + "/" + id,
			header: withTTL(header, forwardMaxAge), data: data,
		})
	}
	if _, err := w.flight.sendAll(ctx, parcels, nil); err != nil {
		return fmt.Errorf("store webhook: %w", err)
	}
	return nil
}

func withTTL(header nats.Header, ttl time.Duration) nats.Header {
	all := nats.Header{jetstream.MsgTTLHeader: {ttl.String()}}
	for name, values := range header {
		all[name] = values
	}
	return all
}

// Inbox is where webhooks wait to be processed.
func (w *Webhooks) Inbox(ctx context.Context) (*HookQueue, error) { return w.open(ctx, boxIn) }

// Forwards is where webhooks wait to be passed on.
func (w *Webhooks) Forwards(ctx context.Context) (*HookQueue, error) { return w.open(ctx, boxForward) }

// Quarantine keeps a webhook that nobody can make sense of, for some days, with a
// word on why that must not hold what it says. The webhook may be acked then.
func (w *Webhooks) Quarantine(ctx context.Context, hook *HookDelivery, why string) error {
	if len(why) > maxDetail {
		why = why[:maxDetail]
	}
	header := withTTL(nil, oddMaxAge)
	for name, values := range hook.msg.Header {
		if !strings.HasPrefix(name, "Nats-") {
			header[name] = values
		}
	}
	header[HeaderDetail] = []string{why}
	one := parcel{
		subject: w.names.webhookSubject(boxOdd), msgID: boxOdd + "/" + strconv.FormatUint(hook.Sequence, 10),
		header: header, data: hook.msg.Data,
	}
	if _, err := w.flight.sendAll(ctx, []parcel{one}, nil); err != nil {
		return fmt.Errorf("quarantine webhook: %w", err)
	}
	return nil
}

// HooksWaiting counts stored webhooks.
type HooksWaiting struct {
	// Inbox are to be processed, Forwards to be passed on, Odd are in quarantine.
	Inbox, Forwards, Odd uint64
}

// Waiting counts what is stored, in flight or not.
func (w *Webhooks) Waiting(ctx context.Context) (HooksWaiting, error) {
	info, err := readInfo(ctx, w.nc, w.names.WebhooksStream(), w.names.wild("webhooks", ""))
	if err != nil {
		return HooksWaiting{}, fmt.Errorf("count webhooks: %w", err)
	}
	of := func(box string) uint64 { return info.State.Subjects[w.names.webhookSubject(box)] }
	return HooksWaiting{Inbox: of(boxIn), Forwards: of(boxForward), Odd: of(boxOdd)}, nil
}

// Close ends the storing. Webhooks without an ack end with [ErrClosed].
func (w *Webhooks) Close() { w.flight.close() }
