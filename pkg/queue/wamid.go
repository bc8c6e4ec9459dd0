package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/job"
)

// Taken is a message that the API took, as the event says that ended its job, or
// settled it.
type Taken struct {
	Wamid   job.Wamid
	Key     job.Key
	Attempt int
	// Stored is when the event was.
	Stored time.Time
}

// TakenRange says which messages of a number to read.
type TakenRange struct {
	Sender string
	// After is the sequence of the last event left out. Where it is 0, Since is the
	// time of the first.
	After uint64
	Since time.Time
	// Until leaves out what was stored later, Most what is more than that.
	Until time.Time
	Most  int
}

var errEnough = errors.New("enough")

// Taken calls fn with the messages of a number that the API took, first those that
// were accepted at once, then those that were settled, each in the order of the
// stream. It returns where to go on, and whether that is not for [TakenRange.Most].
func (e *Events) Taken(ctx context.Context, part TakenRange, fn func(Taken)) (after uint64, all bool, err error) {
	if after, err = e.Ends(ctx); err != nil {
		return part.After, false, fmt.Errorf("messages of a number: %w", err)
	}
	all = true
	// One kind after the other: the server finds those of one subject several times
	// faster than those of two.
	for _, kind := range []job.Kind{job.Accepted, job.Settled} {
		if after <= part.After {
			break // nothing is new
		}
		cut := false
		after, cut, err = e.takenAs(ctx, kind, part, after, fn)
		if err != nil {
			return part.After, false, fmt.Errorf("messages of a number: %w", err)
		}
		all = all && !cut
	}
	return after, all, nil
}

// takenAs reads one kind up to a sequence, and returns how far it came: up to that, or
// to where the range ends.
func (e *Events) takenAs(ctx context.Context, kind job.Kind, part TakenRange, upTo uint64, fn func(Taken)) (after uint64, cut bool, err error) {
	filter := Filter{Sender: part.Sender, Kinds: []job.Kind{kind}, After: part.After, UpTo: upTo}
	if part.After == 0 {
		filter.Since = part.Since
	}
	read := 0
	err = e.Scan(ctx, filter, func(r *Raw) error {
		if cut = read == part.Most; cut || r.Stored.After(part.Until) {
			after = r.Sequence - 1
			return errEnough
		}
		read++
		ev, err := job.DecodeEvent(r.Data)
		if err == nil && ev.Data.Wamid != "" { // else it is of a newer build, or not of an accepted message
			fn(Taken{Wamid: ev.Data.Wamid, Key: ev.Key(), Attempt: ev.Data.Attempt, Stored: r.Stored})
		}
		return nil
	})
	switch {
	case err == nil:
		return upTo, false, nil
	case errors.Is(err, errEnough):
		return after, cut, nil
	}
	return part.After, false, err
}

// Sends reports whether there is any event of a number: whether its messages are ours,
// be it among those of others.
func (e *Events) Sends(ctx context.Context, number string) (bool, error) {
	stream, err := e.js.Stream(ctx, e.names.EventsStream())
	if err != nil {
		return false, fmt.Errorf("events of a number: %w", missing(err))
	}
	_, err = stream.GetMsg(ctx, 1, jetstream.WithGetMsgSubject(e.names.wild("events", "", number, "", "")))
	if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, fmt.Errorf("events of a number: %w", missing(err))
	}
	return err == nil, nil
}
