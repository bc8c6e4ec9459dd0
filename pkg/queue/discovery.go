package queue

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
)

// minLook keeps a stream of hints from being a stream of looks.
const minLook = 20 * time.Millisecond

// Depth is how much a queue has.
type Depth struct {
	ID
	// Queued counts the jobs that wait, among them those that were put off and are
	// due. [Queues.Discover] and [Queues.Watch] do not know what is in flight and
	// count it here.
	Queued uint64
	// Due counts those of them that were put off and are due.
	Due uint64
	// InFlight counts the jobs that some worker has, or gave back with a delay.
	InFlight uint64
}

// Discover lists the queues that have jobs, from one look at each stream.
func (qs *Queues) Discover(ctx context.Context) ([]Depth, error) {
	jobs, err := readInfo(ctx, qs.nc, qs.names.JobsStream(), qs.names.wild("jobs", "", "", ""))
	if err != nil {
		return nil, fmt.Errorf("discover queues: %w", err)
	}
	due, err := readInfo(ctx, qs.nc, qs.names.LaterStream(), qs.names.wild("due", "", "", ""))
	if err != nil {
		return nil, fmt.Errorf("discover queues: %w", err)
	}
	depths := make(map[ID]*Depth)
	collect(depths, jobs.State.Subjects, qs.names.ParseJob, func(d *Depth, n uint64) { d.Queued += n })
	collect(depths, due.State.Subjects, qs.names.ParseDue, func(d *Depth, n uint64) { d.Queued, d.Due = d.Queued+n, n })
	found := sorted(depths)
	qs.note(found)
	return found, nil
}

// note tells open queues what was found of them, and those opened later what is due.
func (qs *Queues) note(found []Depth) {
	busy := make(map[ID]bool, len(found))
	qs.mu.Lock()
	defer qs.mu.Unlock()
	clear(qs.due)
	for _, d := range found {
		busy[d.ID] = true
		if d.Due > 0 {
			qs.due[d.ID] = true
		}
	}
	for id, q := range qs.open {
		q.look(busy[id], qs.due[id])
	}
}

// Watch looks for queues that have jobs, every second or as configured, and at once
// when a producer hints at one, and calls fn with what it found until ctx ends. It
// also tells open queues of jobs that are due, so exactly one Watch should run. An
// error ends it; it may be called again.
func (qs *Queues) Watch(ctx context.Context, fn func([]Depth)) error {
	hints := make(chan struct{}, 1)
	sub, err := qs.nc.Subscribe(qs.names.wild("hint", "", "", ""), func(*nats.Msg) {
		select {
		case hints <- struct{}{}:
		default: // there is one that nobody has looked after yet
		}
	})
	if err != nil {
		return fmt.Errorf("watch queues: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }() // fails on a closed connection only
	tick := time.NewTicker(qs.every)
	defer tick.Stop()
	for {
		found, err := qs.Discover(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		fn(found)
		if !wait(ctx, minLook) {
			return context.Cause(ctx)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		case <-hints:
		}
	}
}

func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// collect adds the counts of subjects to the queues they are of.
func collect(depths map[ID]*Depth, subjects map[string]uint64, parse func(string) (ID, bool), add func(*Depth, uint64)) {
	for subject, n := range subjects {
		id, ok := parse(subject)
		if !ok {
			continue // the stream's subjects leave no room for others
		}
		if depths[id] == nil {
			depths[id] = &Depth{ID: id}
		}
		add(depths[id], n)
	}
}

func sorted(depths map[ID]*Depth) []Depth {
	all := make([]Depth, 0, len(depths))
	for _, d := range depths {
		all = append(all, *d)
	}
	slices.SortFunc(all, func(a, b Depth) int {
		return cmp.Or(cmp.Compare(a.Sender, b.Sender), cmp.Compare(a.Lane, b.Lane), cmp.Compare(a.Campaign, b.Campaign))
	})
	return all
}
