package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Place is where a message is.
type Place struct {
	Stream   string
	Sequence uint64
	// schedule is the subject of one that waits for its time.
	schedule string
}

// WaitingJob is a message of a job in a queue, or of one that is put off or due.
type WaitingJob struct {
	Place Place
	Queue ID
	// Kind is what the job is put off for, empty for one in its queue or due.
	Kind   string
	Stored time.Time
	// Stream and Sequence name the publication; Ended reports that it has an outcome
	// on record.
	Stream   string
	Sequence uint64
	Ended    bool
	// Data is the job, as it was published; empty where an erasure was cut short.
	Data []byte
}

// EachWaiting calls fn with every job that waits, of all campaigns, without taking any
// from anybody. As with [Queues.Present] a job that moves meanwhile may be passed
// twice, but none is missed. An error of fn ends it.
func (qs *Queues) EachWaiting(ctx context.Context, fn func(*WaitingJob) error) error {
	jobs, later := qs.names.JobsStream(), qs.names.LaterStream()
	looks := []struct{ stream, filter string }{
		{jobs, qs.names.wild("jobs", "", "", "")}, {later, qs.names.wild("later", "", "", "", "")}, {later, qs.names.wild("due", "", "", "")},
	}
	for _, l := range looks {
		err := page(ctx, qs.nc, l.stream, l.filter, 0, func(p *placed) error { return fn(qs.waitingJob(l.stream, p)) })
		if err != nil {
			return fmt.Errorf("read what waits: %w", err)
		}
	}
	return nil
}

func (qs *Queues) waitingJob(stream string, p *placed) *WaitingJob {
	w := &WaitingJob{Place: Place{Stream: stream, Sequence: p.sequence}, Stored: p.at, Stream: stream, Sequence: p.sequence, Data: p.msg.Data}
	subject := added(p.msg, jetstream.SubjectHeader)
	id, ok := qs.names.ParseJob(subject)
	if ok {
		w.Queue = id
		return w
	}
	if w.Queue, ok = qs.names.ParseDue(subject); !ok {
		w.Kind, _, _, _ = qs.names.parseLater(subject)
		w.Place.schedule = subject
		w.Queue, _ = qs.names.ParseDue(p.msg.Header.Get(jetstream.ScheduleTargetHeader))
	}
	if o, ok := readOrigin(p.msg.Header); ok {
		w.Stream, w.Sequence, w.Ended = o.stream, o.sequence, o.ended()
	}
	return w
}

// OddHook is a webhook in quarantine.
type OddHook struct {
	// Places are where it is: a large one is kept in parts.
	Places []Place
	Stored time.Time
	// Why is what was wrong with it, and Body what came; empty where a part is gone.
	Why  string
	Body []byte
}

// EachOdd calls fn with each webhook in quarantine. An error of fn ends it.
func (w *Webhooks) EachOdd(ctx context.Context, fn func(*OddHook) error) error {
	stream := w.names.WebhooksStream()
	err := page(ctx, w.nc, stream, w.names.webhookSubject(boxOdd), 0, func(p *placed) error {
		hook := &OddHook{Places: []Place{{Stream: stream, Sequence: p.sequence}}, Stored: p.at, Why: p.msg.Header.Get(HeaderDetail)}
		var err error
		if hook.Body, err = (direct{nc: w.nc, stream: stream}).unpack(ctx, p.msg); err != nil && !errors.Is(err, errParts) {
			return err
		}
		for _, part := range partsOf(p.msg.Header.Get(headerParts)) {
			hook.Places = append(hook.Places, Place{Stream: stream, Sequence: part})
		}
		return fn(hook)
	})
	if err != nil {
		return fmt.Errorf("read webhooks in quarantine: %w", err)
	}
	return nil
}

// Erase deletes messages and writes over what the server's disk held of them. A
// message that is gone is no error, so that erasing may be repeated.
func Erase(ctx context.Context, nc *nats.Conn, places ...Place) error {
	for _, p := range places {
		err := eraseOne(ctx, nc, p)
		if err == nil && p.schedule != "" {
			err = unschedule(ctx, nc, p)
		}
		if err != nil {
			return fmt.Errorf("erase message %d of %s: %w", p.Sequence, p.Stream, err)
		}
	}
	return nil
}

func eraseOne(ctx context.Context, nc *nats.Conn, p Place) error {
	err := call(ctx, nc, "STREAM.MSG.DELETE."+p.Stream, map[string]any{"seq": p.Sequence}, new(struct{}))
	if isGone(err) {
		return nil
	}
	return err
}

// unschedule makes the server forget the subject of a schedule, which names the job and
// stays in a file of its own until the time comes: a message there that is no schedule
// does so, and goes too. It is empty; an earlier one may have been left behind.
func unschedule(ctx context.Context, nc *nats.Conn, p Place) error {
	ctx, cancel := withTimeout(ctx, apiTimeout)
	defer cancel()
	m, err := nc.RequestWithContext(ctx, p.schedule, nil)
	if err != nil {
		return missing(err)
	}
	var ack struct {
		Error    *jetstream.APIError `json:"error"`
		Sequence uint64              `json:"seq"`
	}
	if err := json.Unmarshal(m.Data, &ack); err != nil {
		return err
	}
	if ack.Error != nil {
		return ack.Error
	}
	return eraseOne(ctx, nc, Place{Stream: p.Stream, Sequence: ack.Sequence})
}

// DeadPlace is where a dead letter is, for [Erase].
func (n Names) DeadPlace(l *StoredLetter) Place {
	return Place{Stream: n.DeadStream(), Sequence: l.Place}
}

// EventPlace is where an event is, for [Erase].
func (n Names) EventPlace(sequence uint64) Place {
	return Place{Stream: n.EventsStream(), Sequence: sequence}
}
