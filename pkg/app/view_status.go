package app

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/report"
	"github.com/wacast/wacast/pkg/sender"
)

// Status is one screen for whoever is called at night.
type Status struct {
	// Stopped is what is stopped, the widest scope first.
	Stopped []sender.Stop `json:"stopped"`
	// Campaigns are those that have jobs and are paused or cancelled.
	Campaigns []StoppedCampaign `json:"campaigns"`
	// Unknown counts the outcomes nobody knows: Waiting ones wait for evidence until
	// their deadline, the others for a person.
	Unknown        uint64 `json:"unknown"`
	UnknownWaiting uint64 `json:"unknown_waiting"`
	// Dead counts the dead letters.
	Dead uint64 `json:"dead"`
	// OldestSeconds is the age of the oldest job that waits; null when none does.
	OldestSeconds *float64 `json:"oldest_seconds"`
	// Backlog lists the queues that have jobs.
	Backlog []report.Backlog `json:"backlog"`
}

// StoppedCampaign is a campaign whose jobs are not sent.
type StoppedCampaign struct {
	ID     string         `json:"id"`
	State  campaign.State `json:"state"`
	Reason string         `json:"reason"`
	By     string         `json:"by"`
	Since  time.Time      `json:"since"`
	// Waiting counts its jobs that are queued or in flight.
	Waiting uint64 `json:"waiting"`
}

// Halted reports whether anything is stopped.
func (s *Status) Halted() bool {
	return len(s.Stopped) > 0 || slices.ContainsFunc(s.Campaigns, func(c StoppedCampaign) bool { return c.State == campaign.Paused })
}

// Status tells what is stopped and what waits.
func (v *View) Status(ctx context.Context) (*Status, error) {
	s := new(Status)
	var err error
	if s.Backlog, err = v.reporter.Backlog(ctx, time.Now()); err != nil {
		return nil, err
	}
	for i := range s.Backlog {
		if b := &s.Backlog[i]; s.OldestSeconds == nil || b.OldestSeconds > *s.OldestSeconds {
			s.OldestSeconds = &b.OldestSeconds
		}
	}
	if s.Unknown, err = v.reporter.Unknown(ctx); err != nil {
		return nil, err
	}
	waiting, err := v.later.Waiting(ctx, "")
	if err != nil {
		return nil, err
	}
	s.UnknownWaiting = min(waiting[queue.KindUnknown], s.Unknown)
	letters, err := v.dead.Count(ctx, "")
	if err != nil {
		return nil, err
	}
	for _, l := range letters {
		s.Dead += l.Letters
	}
	if s.Campaigns, err = v.stoppedCampaigns(ctx, s.Backlog); err != nil {
		return nil, err
	}
	s.Stopped, err = v.stopped(ctx)
	return s, err
}

// stoppedCampaigns looks at the campaigns of the backlog.
func (v *View) stoppedCampaigns(ctx context.Context, backlog []report.Backlog) ([]StoppedCampaign, error) {
	waiting := make(map[string]uint64)
	for _, b := range backlog {
		waiting[b.Campaign] += b.Queued + b.InFlight
	}
	list := []StoppedCampaign{}
	for id, n := range waiting {
		if !job.ValidCampaign(id) {
			continue
		}
		value, err := v.specs.Get(ctx, id)
		if errors.Is(err, queue.ErrNoKey) {
			continue // no worker has seen it yet
		}
		if err != nil {
			return nil, err
		}
		spec, err := campaign.Decode(id, value)
		if err != nil {
			return nil, err
		}
		if !spec.Sends() || spec.State == campaign.Cancelled {
			list = append(list, StoppedCampaign{ID: id, State: spec.State, Reason: spec.Reason, By: spec.By, Since: spec.Since, Waiting: n})
		}
	}
	slices.SortFunc(list, func(a, b StoppedCampaign) int { return cmp.Compare(a.ID, b.ID) })
	return list, nil
}

// scopes are those of stops, the widest first.
func scopes() []sender.Scope {
	return []sender.Scope{sender.ScopeAll, sender.ScopeAccount, sender.ScopeNumber, sender.ScopeTemplate}
}

func (v *View) stopped(ctx context.Context) ([]sender.Stop, error) {
	keys, err := v.senders.Keys(ctx)
	if err != nil {
		return nil, err
	}
	stops := []sender.Stop{}
	for _, key := range keys {
		if !sender.IsStop(key) {
			continue
		}
		value, err := v.senders.Get(ctx, key)
		if errors.Is(err, queue.ErrNoKey) {
			continue // lifted meanwhile
		}
		if err != nil {
			return nil, err
		}
		stop, err := sender.ReadStop(value)
		if err != nil {
			return nil, err
		}
		stops = append(stops, stop)
	}
	slices.SortStableFunc(stops, func(a, b sender.Stop) int {
		return cmp.Or(cmp.Compare(slices.Index(scopes(), a.Scope), slices.Index(scopes(), b.Scope)), strings.Compare(a.Name, b.Name))
	})
	return stops, nil
}
