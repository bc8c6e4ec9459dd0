package queue

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Purge removes the jobs of a queue that were published up to a sequence, and says
// how many there were. Purging while jobs of the queue are in flight loses their
// acks and miscounts them, so it comes after [Queues.InFlight] is zero; what is
// purged can be listed with [Queues.Present] before, and never after. The count of a
// purge whose answer was lost on the way is lost too.
func (qs *Queues) Purge(ctx context.Context, id ID, upTo uint64) (purged uint64, err error) {
	if upTo == 0 {
		return 0, nil
	}
	if purged, err = purge(ctx, qs.nc, qs.names.JobsStream(), qs.names.JobSubject(id), upTo); err != nil {
		return 0, fmt.Errorf("purge jobs: %w", err)
	}
	return purged, nil
}

// Purge removes what is put off for a campaign, for the given kinds of waiting, and
// says how many there were. What is due already stays.
func (l *Later) Purge(ctx context.Context, campaign string, kinds ...string) (purged uint64, err error) {
	for _, kind := range kinds {
		n, err := purge(ctx, l.nc, l.names.LaterStream(), l.names.wild("later", kind, "", campaign, ""), 0)
		purged += n
		if err != nil {
			return purged, fmt.Errorf("purge what is put off: %w", err)
		}
	}
	return purged, nil
}

// purge removes the messages of a subject up to a sequence, or all of them for 0, and
// says how many there were, which nats.go does not.
func purge(ctx context.Context, nc *nats.Conn, stream, subject string, upTo uint64) (uint64, error) {
	request := struct {
		Filter string `json:"filter"`
		Before uint64 `json:"seq,omitempty"`
	}{Filter: subject}
	if upTo > 0 {
		request.Before = upTo + 1
	}
	var answer struct {
		Purged uint64 `json:"purged"`
	}
	err := call(ctx, nc, "STREAM.PURGE."+stream, request, &answer)
	return answer.Purged, err
}

// call asks the JetStream API for what nats.go has no words for, or whose errors it
// hides.
func call(ctx context.Context, nc *nats.Conn, what string, request, answer any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	ctx, cancel := withTimeout(ctx, apiTimeout)
	defer cancel()
	m, err := nc.RequestWithContext(ctx, jetstream.DefaultAPIPrefix+what, body)
	if err != nil {
		return missing(err)
	}
	var refused struct {
		Error *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &refused); err != nil {
		return err
	}
	if refused.Error != nil {
		return missing(refused.Error)
	}
	return json.Unmarshal(m.Data, answer)
}

// InFlight counts the jobs of a campaign that some worker has, or gave back with a
// delay, among those that were put off too.
func (qs *Queues) InFlight(ctx context.Context, campaign string) (uint64, error) {
	flying := make(map[ID]uint64)
	for _, s := range qs.sources() {
		if err := qs.inFlight(ctx, s.stream, s.parse, flying); err != nil {
			return 0, fmt.Errorf("count jobs in flight: %w", err)
		}
	}
	var n uint64
	for id, pending := range flying {
		if id.Campaign == campaign {
			n += pending
		}
	}
	return n, nil
}

// source is a stream that jobs are fetched from.
type source struct {
	stream string
	parse  func(subject string) (ID, bool)
}

func (qs *Queues) sources() []source {
	return []source{{qs.names.JobsStream(), qs.names.ParseJob}, {qs.names.LaterStream(), qs.names.ParseDue}}
}
