package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/sender"
)

// ErrTarget marks what cannot be stopped because there is no such thing.
var ErrTarget = errors.New("nothing to stop")

// Targets are what a scope and a name mean with these settings: a template that is
// named without its account is that of every account. A number of no account,
// and an account of none, are [ErrTarget], where the settings list any.
func (c *Config) Targets(scope sender.Scope, name string) ([]sender.Target, error) {
	directory, err := c.directory()
	if err != nil {
		return nil, err
	}
	accounts := directory.Accounts()
	switch scope {
	case sender.ScopeAll:
		return []sender.Target{sender.Everything()}, nil
	case sender.ScopeNumber:
		if _, err := directory.Lookup(name); err != nil && len(accounts) > 0 {
			return nil, fmt.Errorf("%w: %w", ErrTarget, err)
		}
	case sender.ScopeAccount:
		known := slices.ContainsFunc(accounts, func(a *sender.Account) bool { return a.WABA == name })
		if !known && len(accounts) > 0 {
			return nil, fmt.Errorf("%w: account %s is none of these settings", ErrTarget, name)
		}
	case sender.ScopeTemplate:
		return templateTargets(accounts, name)
	}
	return []sender.Target{{Scope: scope, Name: name}}, nil
}

// templateTargets are the template of that name in each account.
func templateTargets(accounts []*sender.Account, name string) ([]sender.Target, error) {
	var targets []sender.Target
	for _, a := range accounts {
		targets = append(targets, sender.Target{Scope: sender.ScopeTemplate, Name: a.WABA + "/" + name})
	}
	if len(targets) == 0 {
		return nil, fmt.Errorf("%w: these settings know no account that template %s could be of", ErrTarget, name)
	}
	return targets, nil
}

// Pause stops targets for all workers until [Operator.Resume].
func (o *Operator) Pause(ctx context.Context, targets []sender.Target, reason string) error {
	stops := sender.NewStops(o.senders, o.by, slog.New(slog.DiscardHandler))
	for _, t := range targets {
		if err := stops.Pause(ctx, t, reason, o.by); err != nil {
			return fmt.Errorf("pause %s %s: %w", t.Scope, t.Name, err)
		}
		if err := o.noteTarget(ctx, t, job.ReasonPaused, "paused: "+o.signed(reason)); err != nil {
			return err
		}
	}
	return nil
}

// Resume ends every stop of the targets, those that a refusal or the platform made too,
// with the languages of a template and the categories of an account. It returns what of
// it was stopped.
func (o *Operator) Resume(ctx context.Context, targets []sender.Target, reason string) ([]sender.Target, error) {
	stopped, err := o.stopped(ctx)
	if err != nil {
		return nil, err
	}
	stops := sender.NewStops(o.senders, o.by, slog.New(slog.DiscardHandler))
	var resumed []sender.Target
	for _, t := range coveredBy(targets, stopped) {
		if err := stops.Resume(ctx, t); err != nil {
			return resumed, fmt.Errorf("resume %s %s: %w", t.Scope, t.Name, err)
		}
		resumed = append(resumed, t)
		if err := o.noteTarget(ctx, t, "", "resumed: "+o.signed(reason)); err != nil {
			return resumed, err
		}
	}
	return resumed, nil
}

// coveredBy are the targets of what is stopped that the given ones name, each once.
func coveredBy(targets []sender.Target, stopped []sender.Stop) (covered []sender.Target) {
	for _, t := range targets {
		for _, s := range stopped {
			if t.Covers(s.Target()) && !slices.Contains(covered, s.Target()) {
				covered = append(covered, s.Target())
			}
		}
	}
	return covered
}

func (o *Operator) noteTarget(ctx context.Context, t sender.Target, reason job.Reason, detail string) error {
	data := changeOf(t)
	data.Reason, data.Detail = reason, data.Detail+detail
	return o.note(ctx, data)
}

// changeOf is what an event says of a change of a target, up to what was done to it.
func changeOf(t sender.Target) job.EventData {
	data := job.EventData{Kind: job.AccountChanged, Detail: string(t.Scope) + " " + t.Name + " "}
	switch t.Scope {
	case sender.ScopeNumber:
		data.Kind, data.From = job.SenderChanged, t.Name
	case sender.ScopeTemplate:
		_, name, _ := strings.Cut(t.Name, "/")
		data.Kind = job.TemplateChanged
		data.Template, data.Language, _ = strings.Cut(name, "/")
	}
	return data
}

// PauseCampaign keeps a campaign's jobs where they are. One that has neither jobs nor
// a spec is [campaign.ErrUnknown].
func (o *Operator) PauseCampaign(ctx context.Context, id, reason string) error {
	err := o.changeCampaign(ctx, id, func(s *campaign.Spec) error { return s.Pause(reason, o.by, time.Now()) })
	if err != nil {
		return err
	}
	return o.note(ctx, job.EventData{Kind: job.CampaignChanged, Campaign: id, Reason: job.ReasonPaused, Detail: "paused: " + o.signed(reason)})
}

// ResumeCampaign has a paused campaign's jobs sent, and reports false for one that is
// not paused.
func (o *Operator) ResumeCampaign(ctx context.Context, id, reason string) (bool, error) {
	paused := false
	err := o.changeCampaign(ctx, id, func(s *campaign.Spec) error {
		paused = s.State == campaign.Paused
		return s.Resume(reason, o.by, time.Now())
	})
	if err != nil || !paused {
		return false, err
	}
	return true, o.note(ctx, job.EventData{Kind: job.CampaignChanged, Campaign: id, Detail: "resumed: " + o.signed(reason)})
}

// changeCampaign changes the spec of a campaign that has jobs or a spec.
func (o *Operator) changeCampaign(ctx context.Context, id string, change func(*campaign.Spec) error) error {
	if _, err := o.Progress(ctx, id); err != nil {
		return err
	}
	return campaign.NewStore(campaign.Config{Bucket: o.specs}).Change(ctx, id, change)
}
