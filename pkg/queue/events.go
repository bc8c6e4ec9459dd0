package queue

import (
	"context"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/job"
)

// recordInFlight bounds the messages without an ack of one [Events], [Dead] or
// [Later].
const recordInFlight = 8192

// Events records and reads what became of jobs. It may be used by many goroutines.
type Events struct {
	nc     *nats.Conn
	js     jetstream.JetStream
	names  Names
	flight *flight
	encode sync.Pool // of *encoder
}

// NewEvents returns the events of a JetStream account.
func NewEvents(js jetstream.JetStream, names Names) (*Events, error) {
	if err := names.Validate(); err != nil {
		return nil, err
	}
	f, err := newFlight(js.Conn(), flightLimits{inFlight: recordInFlight})
	if err != nil {
		return nil, fmt.Errorf("new events: %w", err)
	}
	return &Events{
		nc: js.Conn(), js: js, names: names, flight: f,
		encode: sync.Pool{New: func() any { return newEncoder() }},
	}, nil
}

// Record publishes events and returns once all are stored, which is when their jobs
// may be acked, with the sequence of each: of the first copy when the stream had the
// event already. What is not acked is published again with the same id until ctx
// ends; then, or when the stream refuses some, the error is a [*PartialError] and
// their sequences are 0. A full stream is [ErrFull]. To record the same events again
// is safe.
func (e *Events) Record(ctx context.Context, events []job.Event) ([]uint64, error) {
	b, err := e.record(ctx, events)
	if err != nil {
		return b.places, fmt.Errorf("record events: %w", err)
	}
	return b.places, nil
}

// RecordOutcomes is [Events.Record] for who has to know whether it came first. A
// publication has one outcome; where another one than that of events was recorded
// before, it stays, and is returned by the index in events.
func (e *Events) RecordOutcomes(ctx context.Context, events []job.Event) (places []uint64, standing map[int]job.Event, err error) {
	b, err := e.record(ctx, events)
	if err == nil && len(b.known) > 0 {
		standing, err = e.others(ctx, events, b)
	}
	if err != nil {
		return b.places, nil, fmt.Errorf("record outcomes: %w", err)
	}
	return b.places, standing, nil
}

// others are the events that were stored before and differ.
func (e *Events) others(ctx context.Context, events []job.Event, b *batch) (map[int]job.Event, error) {
	places := make([]uint64, len(b.known))
	for n, i := range b.known {
		places[n] = b.places[i]
	}
	stored, err := e.At(ctx, places)
	if err != nil {
		return nil, err
	}
	others := make(map[int]job.Event)
	for n, i := range b.known {
		if s := stored[n]; s.ID != "" && s.ID != events[i].ID && s.MessageID() == events[i].MessageID() {
			others[i] = s
		}
	}
	return others, nil
}

func (e *Events) record(ctx context.Context, events []job.Event) (*batch, error) {
	if len(events) == 0 {
		return new(batch), nil
	}
	enc := e.encode.Get().(*encoder)
	defer e.encode.Put(enc)
	if err := enc.encode(events); err != nil {
		return new(batch), err
	}
	parcels := make([]parcel, len(events))
	for i := range events {
		ev := &events[i]
		parcels[i] = parcel{
			subject: e.names.EventSubject(ev.Data.Kind, ev.Data.From, ev.Key()),
			msgID:   ev.MessageID(), data: enc.part(i),
		}
	}
	return e.flight.sendBatch(ctx, parcels, nil)
}

// Close ends the recording. Events without an ack end with [ErrClosed].
func (e *Events) Close() { e.flight.close() }

// maxEncoder is how long a buffer is kept for the next batch.
const maxEncoder = 4 << 20

// encoder writes a batch of events into one buffer, which is used again.
type encoder struct {
	buf  []byte
	ends []int
}

func newEncoder() *encoder { return new(encoder) }

func (e *encoder) encode(events []job.Event) (err error) {
	if cap(e.buf) > maxEncoder {
		e.buf = nil
	}
	e.buf, e.ends = e.buf[:0], e.ends[:0]
	for i := range events {
		if e.buf, err = job.AppendEvent(e.buf, &events[i]); err != nil {
			return err
		}
		e.ends = append(e.ends, len(e.buf))
	}
	return nil
}

// part is the i-th event.
func (e *encoder) part(i int) []byte {
	start := 0
	if i > 0 {
		start = e.ends[i-1]
	}
	return e.buf[start:e.ends[i]]
}
