package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Depths tells of each queue that has jobs how many wait and how many are in
// flight. It asks for every consumer and is meant for a status, not for a loop.
// The figures are exact when nothing moves. Deadlines of answers are no jobs and not
// among them.
func (qs *Queues) Depths(ctx context.Context) ([]Depth, error) {
	found, err := qs.Discover(ctx)
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(d Depth) bool { return d.Lane == DeadlineLane && d.Queued == d.Due })
	flying := make(map[ID]uint64)
	for _, s := range qs.sources() {
		if err := qs.inFlight(ctx, s.stream, s.parse, flying); err != nil {
			return nil, fmt.Errorf("count jobs in flight: %w", err)
		}
	}
	for i := range found {
		d := &found[i]
		d.InFlight = min(flying[d.ID], d.Queued) // both were counted while jobs moved
		d.Queued -= d.InFlight
	}
	return found, nil
}

func (qs *Queues) inFlight(ctx context.Context, stream string, parse func(string) (ID, bool), flying map[ID]uint64) error {
	ctx, cancel := withTimeout(ctx, apiTimeout)
	defer cancel()
	s, err := qs.stream(ctx, stream)
	if err != nil {
		return err
	}
	consumers := s.ListConsumers(ctx)
	for c := range consumers.Info() {
		if id, ok := parse(c.Config.FilterSubject); ok {
			flying[id] += uint64(max(c.NumAckPending, 0))
		}
	}
	return consumers.Err()
}

// Oldest is when the oldest job of a queue was published or became due, in flight
// or not; zero when there is none.
func (qs *Queues) Oldest(ctx context.Context, id ID) (time.Time, error) {
	ctx, cancel := withTimeout(ctx, apiTimeout)
	defer cancel()
	var oldest time.Time
	for stream, subject := range map[string]string{
		qs.names.JobsStream(): qs.names.JobSubject(id), qs.names.LaterStream(): qs.names.DueSubject(id),
	} {
		at, err := qs.first(ctx, stream, subject)
		if err != nil {
			return time.Time{}, fmt.Errorf("find oldest job: %w", err)
		}
		if oldest.IsZero() || !at.IsZero() && at.Before(oldest) {
			oldest = at
		}
	}
	return oldest, nil
}

// first is when the first message of a subject was stored.
func (qs *Queues) first(ctx context.Context, stream, subject string) (time.Time, error) {
	s, err := qs.stream(ctx, stream)
	if err != nil {
		return time.Time{}, err
	}
	m, err := s.GetMsg(ctx, 1, jetstream.WithGetMsgSubject(subject))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	return m.Time, nil
}
