package app

import (
	"cmp"
	"context"
	"slices"
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
	// Waiting tells of each of them, and of what is put off, why it is not sent yet.
	Waiting []Waiting `json:"waiting"`
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
	putOff, err := v.later.PutOff(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range putOff {
		if p.Kind == queue.KindUnknown {
			s.UnknownWaiting = min(s.UnknownWaiting+p.Jobs, s.Unknown)
		}
	}
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
	stops, err := v.readStops(ctx)
	if err != nil {
		return nil, err
	}
	s.Stopped = stops.List()
	s.Waiting, err = v.waiting(ctx, stops, s.Backlog, putOff)
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
		spec, err := v.spec(ctx, id)
		if err != nil {
			return nil, err
		}
		if spec != nil && !spec.Sends() {
			list = append(list, StoppedCampaign{ID: id, State: spec.State, Reason: spec.Reason, By: spec.By, Since: spec.Since, Waiting: n})
		}
	}
	slices.SortFunc(list, func(a, b StoppedCampaign) int { return cmp.Compare(a.ID, b.ID) })
	return list, nil
}

func (v *View) stopped(ctx context.Context) ([]sender.Stop, error) {
	stops, err := v.readStops(ctx)
	if err != nil {
		return nil, err
	}
	return stops.List(), nil
}
