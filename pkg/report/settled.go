package report

import (
	"context"
	"fmt"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// shift is what settled events change in the counts: what was unknown at first and
// accepted in the end is one less of the former and one more of the latter; what failed
// and was delivered after all, what was held and is not any more, and an answer that
// has changed are one less of the former.
type shift map[job.Kind]int64

// add takes one event into account.
func (s shift) add(d *job.EventData) {
	s[wasOf(d)]--
	if d.Outcome != "" {
		s[d.Outcome]++
	}
}

// wasOf is what a settled event corrects: an outcome, a status that was not the last
// word, or an answer.
func wasOf(d *job.EventData) job.Kind {
	if d.Was == "" {
		return job.Unknown
	}
	return d.Was
}

// corrects reports whether a settled event is about the job's outcome: it may take back
// a status or an answer instead.
func corrects(d *job.EventData) bool { return wasOf(d).IsOutcome() }

// apply corrects counts. None goes below zero: an event may have outlived the one
// that it corrects.
func (s shift) apply(counts map[job.Kind]uint64) {
	for kind, by := range s {
		counts[kind] = uint64(max(int64(counts[kind])+by, 0))
	}
}

// settled reads what the settled events of a campaign change, or those of all when
// it is empty, those that are erased among them. A fact that was recorded twice counts
// once.
func (r *Reporter) settled(ctx context.Context, campaign string, gone *erasures) (shift, error) {
	s, seen := make(shift), make(map[string]bool)
	for _, e := range gone.of[job.Settled] {
		s.add(&e.Data)
	}
	filter := queue.Filter{Campaign: campaign, Kinds: []job.Kind{job.Settled}}
	err := r.events.Read(ctx, filter, func(e *queue.Recorded) error {
		if !seen[e.ID] && !gone.has(e) {
			seen[e.ID] = true
			s.add(&e.Data)
		}
		return nil
	})
	return s, err
}

// correct makes outcomes of what was counted: settled events change what others
// said, erased ones stand for those of people who were forgotten, and the event of a
// purge stands for many jobs. Nothing is read where there are none of them.
func (r *Reporter) correct(ctx context.Context, campaign string, counts map[job.Kind]uint64) (err error) {
	gone := new(erasures)
	if counts[job.Erased] > 0 {
		if gone, err = r.erasures(ctx, campaign); err != nil {
			return fmt.Errorf("erased events: %w", err)
		}
		gone.counted(counts)
	}
	if counts[job.Settled]+uint64(len(gone.of[job.Settled])) > 0 {
		s, err := r.settled(ctx, campaign, gone)
		if err != nil {
			return fmt.Errorf("settled outcomes: %w", err)
		}
		s.apply(counts)
	}
	if counts[job.Cancelled] > 0 {
		purges, recorded, err := r.purges(ctx, campaign)
		if err != nil {
			return err
		}
		counts[job.Cancelled] -= min(uint64(recorded), counts[job.Cancelled])
		for _, p := range purges {
			counts[job.Cancelled] += uint64(p.Count)
		}
	}
	return nil
}

// purges returns the events that stand for jobs purged from a queue, each fact
// once, and how many events those are.
func (r *Reporter) purges(ctx context.Context, campaign string) (purges []job.EventData, recorded int, err error) {
	key := job.Key{Campaign: campaign}
	if campaign == job.NoCampaign {
		key.Campaign = ""
	}
	found, err := r.events.Find(ctx, key, "", time.Time{})
	if err != nil {
		return nil, 0, fmt.Errorf("purged jobs: %w", err)
	}
	seen := make(map[string]bool)
	for i := range found {
		if e := &found[i]; e.Data.Kind == job.Cancelled && e.Data.ID == "" {
			recorded++
			if !seen[e.ID] {
				seen[e.ID] = true
				purges = append(purges, e.Data)
			}
		}
	}
	return purges, recorded, nil
}
