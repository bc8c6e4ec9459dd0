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

// Taken calls fn with the messages of a number that the API took, in the order of the
// stream. It returns where to go on, and whether all that matched was read.
func (e *Events) Taken(ctx context.Context, part TakenRange, fn func(Taken)) (after uint64, all bool, err error) {
	end, err := e.Ends(ctx)
	if err != nil {
		return part.After, false, fmt.Errorf("messages of a number: %w", err)
	}
	filter := Filter{Sender: part.Sender, Kinds: []job.Kind{job.Accepted, job.Settled}, After: part.After, UpTo: end}
	if part.After == 0 {
		filter.Since = part.Since
	}
	after, all = part.After, true
	read := 0
	err = e.Scan(ctx, filter, func(r *Raw) error {
		if all = read < part.Most; !all || r.Stored.After(part.Until) {
			return errEnough
		}
		read++
		after = r.Sequence
		ev, err := job.DecodeEvent(r.Data)
		if err == nil && ev.Data.Wamid != "" { // else of a build that says more, or of an outcome that is not accepted
			fn(Taken{Wamid: ev.Data.Wamid, Key: ev.Key(), Attempt: ev.Data.Attempt, Stored: r.Stored})
		}
		return nil
	})
	switch {
	case err == nil:
		return end, true, nil
	case errors.Is(err, errEnough):
		return after, all, nil
	}
	return after, false, fmt.Errorf("messages of a number: %w", err)
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
