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

// Kinds of waiting. A job waits at most once at a time for each.
const (
	// KindSendAt waits for the job's send_at.
	KindSendAt = "send_at"
	// KindWindow waits for the end of quiet hours.
	KindWindow = "window"
	// KindRetry waits to try again after a refusal.
	KindRetry = "retry"
	// KindUnknown waits for the deadline of an unknown outcome.
	KindUnknown = "unknown"
	// KindResend has a job of unknown outcome tried once more, because a person says so.
	KindResend = "resend"
	// KindReplay is the same for a dead letter.
	KindReplay = "replay"
	// KindReply waits for the deadline of an answer. It is no job that waits: its message
	// has been sent.
	KindReply = "reply"
)

// DeadlineLane is the lane of the queues in which deadlines of answers appear, so that
// no pause, stop or backlog of a queue of jobs keeps them. No job has it.
const DeadlineLane job.Lane = "deadline"

// Scheduled is a job that is put off.
type Scheduled struct {
	Kind string
	// Queue is where the job appears when its time has come.
	Queue ID
	// Job is the job's id within its campaign.
	Job string
	// At may be past, and zero: then the job appears at once.
	At time.Time
	// Stream and Sequence name the publication the job came in, which its outcome
	// will name too: those of the delivery. They are required.
	Stream   string
	Sequence uint64
	// Attempt is the last attempt that was made, 0 for none. A job that is put off
	// for the same kind, attempt and time again within minutes is put off once.
	Attempt int
	// Was is the outcome that the publication has on record, if it has one.
	Was  job.Kind
	Data []byte
	// Traceparent is the job's trace, if it has one.
	Traceparent job.Traceparent
	// Header goes along, and comes back with the delivery. Names that begin with
	// Nats- or Wacast- are taken.
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

// ScheduleAll puts jobs off and returns once the server has stored them; see
// [Events.Record] for its error. A job that is put off already, for the same kind of
// waiting, stays as it is: [Later.Cancel] makes room for another time.
func (l *Later) ScheduleAll(ctx context.Context, all []Scheduled) error {
	parcels := make([]parcel, len(all))
	for i := range all {
		if all[i].Stream == "" || all[i].Sequence == 0 {
			return fmt.Errorf("put jobs off: number %d does not say which publication it is", i)
		}
		parcels[i] = l.parcel(&all[i])
	}
	if _, err := l.flight.sendAll(ctx, parcels, errScheduled); err != nil {
		return fmt.Errorf("put jobs off: %w", err)
	}
	return nil
}

func (l *Later) parcel(s *Scheduled) parcel {
	key := job.Key{Campaign: s.Queue.Campaign, ID: s.Job}
	h := nats.Header{}
	for name, value := range s.Header {
		h[name] = []string{value}
	}
	s.origin(h)
	h[jetstream.ScheduleHeader] = []string{"@at " + s.due(time.Now()).UTC().Format(time.RFC3339Nano)}
	h[jetstream.ScheduleTargetHeader] = []string{l.names.DueSubject(s.Queue)}
	// A second schedule on a subject would silently replace the first.
	h[jetstream.ExpectedLastSubjSeqHeader] = []string{"0"}
	return parcel{subject: l.names.LaterSubject(s.Kind, s.Queue.Sender, key), msgID: s.msgID(key), header: h, data: s.Data}
}

// due is when the server is to act: it never does for a time it takes for none.
func (s *Scheduled) due(now time.Time) time.Time {
	if s.At.Before(now) {
		return now
	}
	return s.At
}

// msgID names one waiting. The time is part of it: a job that waits again, for
// another time, must not be dropped as the copy of one that has waited.
func (s *Scheduled) msgID(key job.Key) string {
	at := int64(0)
	if !s.At.IsZero() {
		at = s.At.UnixMilli()
	}
	return key.String() + "/" + s.Kind + "/" + strconv.Itoa(s.Attempt) + "/" + strconv.FormatInt(at, 10) +
		"/" + s.Stream + "/" + strconv.FormatUint(s.Sequence, 10)
}

// Cancel removes what is put off for one job and kind. It is no error when there is
// nothing, or when it has become due meanwhile.
func (l *Later) Cancel(ctx context.Context, kind, sender string, key job.Key) error {
	if _, err := purge(ctx, l.nc, l.names.LaterStream(), l.names.LaterSubject(kind, sender, key), 0); err != nil {
		return fmt.Errorf("cancel what is put off: %w", err)
	}
	return nil
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
