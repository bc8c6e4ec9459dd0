package queue

import (
	"context"
	"fmt"

	"github.com/wacast/wacast/pkg/job"
)

// Counts tells how many events of each kind a campaign has; an empty campaign asks
// for jobs without one. No event is read for it. Events published are left out: each
// of them stands for many jobs.
func (e *Events) Counts(ctx context.Context, campaign string) (map[job.Kind]uint64, error) {
	bySender, err := e.CountsBySender(ctx, campaign)
	if err != nil {
		return nil, err
	}
	counts := make(map[job.Kind]uint64)
	for _, kinds := range bySender {
		for kind, n := range kinds {
			counts[kind] += n
		}
	}
	return counts, nil
}

// CountsBySender is [Events.Counts] for each of the campaign's senders.
func (e *Events) CountsBySender(ctx context.Context, campaign string) (map[string]map[job.Kind]uint64, error) {
	info, err := readInfo(ctx, e.nc, e.names.EventsStream(), e.names.wild("events", "", "", token(campaign), ""))
	if err != nil {
		return nil, fmt.Errorf("count events: %w", err)
	}
	counts := make(map[string]map[job.Kind]uint64)
	for subject, n := range info.State.Subjects {
		parts, ok := e.names.parseEvent(subject)
		if !ok || parts.kind == job.Published {
			continue
		}
		if counts[parts.sender] == nil {
			counts[parts.sender] = make(map[job.Kind]uint64)
		}
		counts[parts.sender][parts.kind] += n
	}
	return counts, nil
}

// Total counts the events of one kind, of all campaigns.
func (e *Events) Total(ctx context.Context, kind job.Kind) (uint64, error) {
	info, err := readInfo(ctx, e.nc, e.names.EventsStream(), e.names.wild("events", string(kind), "", "", ""))
	if err != nil {
		return 0, fmt.Errorf("count events: %w", err)
	}
	var total uint64
	for _, n := range info.State.Subjects {
		total += n
	}
	return total, nil
}
