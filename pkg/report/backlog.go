package report

import (
	"context"
	"fmt"
	"time"

	"github.com/wacast/wacast/pkg/queue"
)

// Backlog is one queue that has jobs.
type Backlog struct {
	Sender   string `json:"sender"`
	Lane     string `json:"lane"`
	Campaign string `json:"campaign"`
	Queued   uint64 `json:"queued"`
	InFlight uint64 `json:"in_flight"`
	// OldestSeconds is the age of the oldest job.
	OldestSeconds float64 `json:"oldest_seconds"`
}

// Backlog lists the queues that have jobs, with the age of their oldest.
func (r *Reporter) Backlog(ctx context.Context, now time.Time) ([]Backlog, error) {
	depths, err := r.queues.Depths(ctx)
	if err != nil {
		return nil, fmt.Errorf("backlog: %w", err)
	}
	list := make([]Backlog, 0, len(depths))
	for _, d := range depths {
		b, err := r.backlogOf(ctx, d, now)
		if err != nil {
			return nil, err
		}
		list = append(list, b)
	}
	return list, nil
}

func (r *Reporter) backlogOf(ctx context.Context, d queue.Depth, now time.Time) (Backlog, error) {
	oldest, err := r.queues.Oldest(ctx, d.ID)
	if err != nil {
		return Backlog{}, fmt.Errorf("backlog: %w", err)
	}
	b := Backlog{Sender: d.Sender, Lane: string(d.Lane), Campaign: d.Campaign, Queued: d.Queued, InFlight: d.InFlight}
	if !oldest.IsZero() {
		b.OldestSeconds = max(0, now.Sub(oldest).Seconds())
	}
	return b, nil
}
