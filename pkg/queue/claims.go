package queue

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/job"
)

// ClaimNote is what a worker writes down of one claim in the ledger: that it holds
// one, before it sends, or that it has given it back.
type ClaimNote struct {
	// Return says that the claim was given back: Attempt is the attempt that is open
	// now. Else it is the attempt that is claimed.
	Return  bool
	Key     job.Key
	Attempt int
	// Body is the low 16 bits of the job's body hash.
	Body uint16
	// Stream and Sequence name the publication.
	Stream   string
	Sequence uint64
}

// ClaimBatch is what one worker wrote down at once.
type ClaimBatch struct {
	// Owner is the worker, Lease how long its claims hold from Stored on.
	Owner  string
	Lease  time.Duration
	Stored time.Time
	// Sequence is the place in the stream of claims.
	Sequence uint64
	Notes    []ClaimNote
}

// Claims is the stream from which the ledger's claims are restored. It may be used by
// many goroutines.
type Claims struct {
	js     jetstream.JetStream
	names  Names
	owner  string
	flight *flight
	id     string // what message ids begin with
	count  atomic.Uint64
}

// NewClaims returns the claims of a JetStream account. The owner is the worker that
// records them; who only reads may leave it empty.
func NewClaims(js jetstream.JetStream, names Names, owner string) (*Claims, error) {
	if err := names.Validate(); err != nil {
		return nil, err
	}
	f, err := newFlight(js.Conn(), flightLimits{inFlight: recordInFlight, hurry: true})
	if err != nil {
		return nil, fmt.Errorf("new claims: %w", err)
	}
	return &Claims{js: js, names: names, owner: owner, flight: f, id: rand.Text() + "/"}, nil
}

// Record writes notes down, in one message unless they are too many for one, and
// returns once it is stored; see [Events.Record]. No job of theirs may be sent before.
func (c *Claims) Record(ctx context.Context, lease time.Duration, notes []ClaimNote) error {
	if len(notes) == 0 {
		return nil
	}
	if c.owner == "" {
		return errors.New("record claims: they have no owner")
	}
	most := int(c.js.Conn().MaxPayload()) - headerRoom
	var parcels []parcel
	for _, data := range encodeClaims(lease, notes, most) {
		id := c.id + strconv.FormatUint(c.count.Add(1), 36)
		parcels = append(parcels, parcel{subject: c.names.ClaimsSubject(c.owner), msgID: id, data: data})
	}
	if _, err := c.flight.sendAll(ctx, parcels, nil); err != nil {
		return fmt.Errorf("record claims: %w", err)
	}
	return nil
}

// Read calls fn with the claims above one sequence up to another and from a time on,
// in the order of the stream; zero is no bound. It reads up to the last there is when
// it begins. What it passes is good until fn returns.
func (c *Claims) Read(ctx context.Context, after, upTo uint64, since time.Time, fn func(*ClaimBatch) error) error {
	part := span{subjects: []string{c.names.wild("claims", "")}, after: after, upTo: upTo, since: since}
	var b ClaimBatch
	err := scan(ctx, c.js, c.names.ClaimsStream(), part, func(m *nats.Msg, meta *nats.MsgMetadata) error {
		if err := b.decode(m.Data); err != nil {
			return fmt.Errorf("message %d: %w", meta.Sequence.Stream, err)
		}
		var t [1]string
		c.names.parse("claims", m.Subject, t[:])
		b.Owner, b.Stored, b.Sequence = t[0], meta.Timestamp, meta.Sequence.Stream
		return fn(&b)
	})
	if err != nil {
		return fmt.Errorf("read claims: %w", err)
	}
	return nil
}

// Ends is the sequence of the last message of claims, 0 when there has been none.
func (c *Claims) Ends(ctx context.Context) (last uint64, err error) {
	info, err := readInfo(ctx, c.js.Conn(), c.names.ClaimsStream(), "")
	if err != nil {
		return 0, fmt.Errorf("end of claims: %w", err)
	}
	return info.State.Last, nil
}

// Close ends the recording. What has no ack ends with [ErrClosed].
func (c *Claims) Close() { c.flight.close() }
