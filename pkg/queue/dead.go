package queue

import (
	"context"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/job"
)

// Headers of dead letters.
const (
	HeaderReason   = "Wacast-Reason"
	HeaderCode     = "Wacast-Code"
	HeaderDetail   = "Wacast-Detail"
	HeaderSubject  = "Wacast-Subject"
	HeaderStream   = "Wacast-Stream"
	HeaderSequence = "Wacast-Sequence"
	// HeaderTruncated is how long the body was that did not fit.
	HeaderTruncated = "Wacast-Truncated"
)

// maxDetail bounds a header that people read.
const maxDetail = 1024

// Letter is a job that nobody will send without a person's help.
type Letter struct {
	// Delivery is the job, as it came.
	Delivery *Delivery
	// Attempt is the last one that was made, 0 for none.
	Attempt int
	// Outcome is what the publication has on record, which is rejected or unknown.
	Outcome job.Kind
	Reason  job.Reason
	// Code is the Cloud API's error code, when it gave one.
	Code int
	// Detail is for people.
	Detail string
}

// Dead keeps dead letters: jobs whole, with what was wrong in headers. It may be
// used by many goroutines.
type Dead struct {
	nc     *nats.Conn
	js     jetstream.JetStream
	names  Names
	flight *flight
}

// NewDead returns the dead letters of a JetStream account.
func NewDead(js jetstream.JetStream, names Names) (*Dead, error) {
	if err := names.Validate(); err != nil {
		return nil, err
	}
	f, err := newFlight(js.Conn(), flightLimits{inFlight: recordInFlight})
	if err != nil {
		return nil, fmt.Errorf("new dead letters: %w", err)
	}
	return &Dead{nc: js.Conn(), js: js, names: names, flight: f}, nil
}

// Put stores letters and returns once all are stored; see [Events.Record]. A letter
// of the same publication, attempt and reason is stored once.
func (d *Dead) Put(ctx context.Context, letters []Letter) error {
	parcels := make([]parcel, len(letters))
	for i := range letters {
		l := &letters[i]
		q := l.Delivery.Queue
		parcels[i] = parcel{
			subject: d.names.DeadSubject(l.Reason, q.Sender, q.Campaign),
			msgID:   l.msgID(),
			header:  l.header(), data: l.Delivery.Data,
		}
		d.fit(&parcels[i])
	}
	if _, err := d.flight.sendAll(ctx, parcels, nil); err != nil {
		return fmt.Errorf("put dead letters: %w", err)
	}
	return nil
}

func (l *Letter) msgID() string {
	id := l.Delivery.Stream + "/" + strconv.FormatUint(l.Delivery.Sequence, 10) + "/" + string(l.Reason)
	if l.Attempt > 0 {
		id += "/" + strconv.Itoa(l.Attempt)
	}
	return id
}

// headerRoom is more than the headers of a letter ever take.
const headerRoom = 8 << 10

// fit cuts a body that was published without the headers of a letter and does not
// go with them: such a thing is no job, and must not keep others from being
// recorded.
func (d *Dead) fit(p *parcel) {
	most := int(d.nc.MaxPayload()) - headerRoom
	if most <= 0 || len(p.data) <= most {
		return
	}
	p.header[HeaderTruncated] = []string{strconv.Itoa(len(p.data))}
	p.data = p.data[:most]
}

func (l *Letter) header() nats.Header {
	detail := l.Detail
	if len(detail) > maxDetail {
		detail = detail[:maxDetail]
	}
	h := nats.Header{
		HeaderReason:   {string(l.Reason)},
		HeaderSubject:  {l.Delivery.Subject()},
		HeaderStream:   {l.Delivery.Stream},
		HeaderSequence: {strconv.FormatUint(l.Delivery.Sequence, 10)},
	}
	if l.Attempt > 0 {
		h[headerAttempt] = []string{strconv.Itoa(l.Attempt)}
	}
	if l.Outcome != "" {
		h[headerWas] = []string{string(l.Outcome)}
	}
	if l.Code != 0 {
		h[HeaderCode] = []string{strconv.Itoa(l.Code)}
	}
	if detail != "" {
		h[HeaderDetail] = []string{detail}
	}
	writeTraceparent(h, l.Delivery.Traceparent())
	return h
}

// DeadCount is how many dead letters there are of one kind.
type DeadCount struct {
	Reason           job.Reason
	Sender, Campaign string
	Letters          uint64
}

// Count counts the dead letters of a campaign, or of all when it is empty, by what
// was wrong. No letter is read for it.
func (d *Dead) Count(ctx context.Context, campaign string) ([]DeadCount, error) {
	info, err := readInfo(ctx, d.nc, d.names.DeadStream(), d.names.wild("dead", "", "", campaign))
	if err != nil {
		return nil, fmt.Errorf("count dead letters: %w", err)
	}
	var counts []DeadCount
	for subject, n := range info.State.Subjects {
		if reason, sender, camp, ok := d.names.parseDead(subject); ok {
			counts = append(counts, DeadCount{Reason: reason, Sender: sender, Campaign: camp, Letters: n})
		}
	}
	return counts, nil
}

// Close ends the putting. Letters without an ack end with [ErrClosed].
func (d *Dead) Close() { d.flight.close() }
