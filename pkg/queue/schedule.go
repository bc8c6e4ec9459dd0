package queue

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/job"
)

// Kinds of waiting. A job waits at most once for each.
const (
	// KindSendAt waits for the job's send_at.
	KindSendAt = "send_at"
	// KindWindow waits for the end of quiet hours.
	KindWindow = "window"
	// KindRetry waits to try again after a refusal.
	KindRetry = "retry"
	// KindUnknown waits for the deadline of an unknown outcome.
	KindUnknown = "unknown"
	// KindReply waits for the deadline of an answer.
	KindReply = "reply"
)

// Scheduled is a job that is put off.
type Scheduled struct {
	Kind string
	// Queue is where the job appears when its time has come.
	Queue ID
	// Job is the job's id within its campaign.
	Job string
	At  time.Time
	// Attempt tells a later waiting of the same kind apart from an earlier one that
	// the server may remember. Not needed for the first.
	Attempt int
	Data    []byte
	// Header goes along, and comes back with the delivery. Names that begin with
	// Nats- are the server's.
	Header map[string]string
}

// Later puts jobs off by schedules of the server. It may be used by many
// goroutines.
type Later struct {
	nc     *nats.Conn
	names  Names
	flight *flight
}

// NewLater returns the schedules of a JetStream account.
func NewLater(js jetstream.JetStream, names Names) (*Later, error) {
	if err := names.Validate(); err != nil {
		return nil, err
	}
	f, err := newFlight(js.Conn(), flightLimits{inFlight: recordInFlight})
	if err != nil {
		return nil, fmt.Errorf("new schedules: %w", err)
	}
	return &Later{nc: js.Conn(), names: names, flight: f}, nil
}

// Schedule puts one job off and returns once the server has stored it. A job that
// is put off already, for the same kind of waiting, stays as it is.
func (l *Later) Schedule(ctx context.Context, kind string, queue ID, id string, at time.Time, data []byte) error {
	return l.ScheduleAll(ctx, []Scheduled{{Kind: kind, Queue: queue, Job: id, At: at, Data: data}})
}

// ScheduleAll is [Later.Schedule] for many; see [Events.Record] for its error.
func (l *Later) ScheduleAll(ctx context.Context, all []Scheduled) error {
	parcels := make([]parcel, len(all))
	for i := range all {
		parcels[i] = l.parcel(&all[i])
	}
	if err := l.flight.sendAll(ctx, parcels, errScheduled); err != nil {
		return fmt.Errorf("put jobs off: %w", err)
	}
	return nil
}

func (l *Later) parcel(s *Scheduled) parcel {
	key := job.Key{Campaign: s.Queue.Campaign, ID: s.Job}
	h := nats.Header{
		jetstream.ScheduleHeader:       {"@at " + s.At.UTC().Format(time.RFC3339Nano)},
		jetstream.ScheduleTargetHeader: {l.names.DueSubject(s.Queue)},
		// A second schedule on a subject would silently replace the first.
		jetstream.ExpectedLastSubjSeqHeader: {"0"},
	}
	for name, value := range s.Header {
		h[name] = []string{value}
	}
	return parcel{
		subject: l.names.LaterSubject(s.Kind, s.Queue.Sender, key),
		msgID:   key.String() + "/" + s.Kind + "/" + strconv.Itoa(s.Attempt),
		header:  h, data: s.Data,
	}
}

// Waiting counts the jobs that are put off, by kind: those of a campaign, or all of
// them when it is empty. It lists every one, which takes a while for many.
func (l *Later) Waiting(ctx context.Context, campaign string) (map[string]uint64, error) {
	info, err := readInfo(ctx, l.nc, l.names.LaterStream(), l.names.wild("later", "", "", campaign, ""))
	if err != nil {
		return nil, fmt.Errorf("count jobs put off: %w", err)
	}
	counts := make(map[string]uint64)
	for subject, n := range info.State.Subjects {
		if kind, _, _, ok := l.names.parseLater(subject); ok {
			counts[kind] += n
		}
	}
	return counts, nil
}

// Close ends the scheduling. Jobs without an ack end with [ErrClosed].
func (l *Later) Close() { l.flight.close() }
