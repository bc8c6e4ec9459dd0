package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/campaign"
)

// reachOptions are the flags that say whom of the recipients a campaign reaches, and
// what counts as their answers: what is not given leaves the campaign as it is.
type reachOptions struct {
	flags               *pflag.FlagSet
	window              string
	confirmed, declined []string
}

func (o *reachOptions) add(f *pflag.FlagSet) {
	o.flags = f
	f.StringVar(&o.window, "window", "", "by the recipient's customer service window: any, skip_open or only_open (default any)")
	f.StringArrayVar(&o.confirmed, "answer-confirmed", nil, "payload or label of a button that confirms (default confirm, confirmed, yes)")
	f.StringArrayVar(&o.declined, "answer-declined", nil, "payload or label of a button that declines (default decline, declined, no)")
}

func (o *reachOptions) given(flag string) bool { return o.flags != nil && o.flags.Changed(flag) }

// change is what the flags make of the campaign.
func (o *reachOptions) change(s *campaign.Spec) {
	if o.given("window") {
		s.Window = campaign.Window(o.window)
	}
	if o.given("answer-confirmed") {
		s.Answers.Confirmed = o.confirmed
	}
	if o.given("answer-declined") {
		s.Answers.Declined = o.declined
	}
}

// wrong is what cannot be meant.
func (o *reachOptions) wrong() []error {
	if o.given("window") && !slices.Contains(campaign.Windows(), campaign.Window(o.window)) {
		return []error{fmt.Errorf("--window is any, skip_open or only_open, not %q", o.window)}
	}
	s := campaign.Spec{ID: "probe", State: campaign.Open}
	o.change(&s)
	if err := s.Validate(); err != nil {
		return []error{fmt.Errorf("--answer-confirmed, --answer-declined: %s", strings.TrimPrefix(err.Error(), "campaign probe: "))}
	}
	return nil
}

// apply changes the campaign before any of it is published.
func (o *reachOptions) apply(ctx context.Context, cfg app.Config, id string) error {
	if !o.given("window") && !o.given("answer-confirmed") && !o.given("answer-declined") {
		return nil
	}
	return app.ChangeCampaign(ctx, cfg, id, func(s *campaign.Spec) error {
		o.change(s)
		return s.Validate()
	})
}

// reachOf is whom a campaign reaches by their window, for people; empty for everybody.
func reachOf(w campaign.Window) string {
	switch w {
	case campaign.WindowSkipOpen:
		return "recipients whose customer service window is open are left out"
	case campaign.WindowOnlyOpen:
		return "only recipients whose customer service window is open get it"
	}
	return ""
}

// answersOf is what counts as answers, where it is not the usual.
func answersOf(a campaign.Answers) string {
	var parts []string
	for _, side := range []struct {
		what string
		list []string
	}{{"confirm", a.Confirmed}, {"decline", a.Declined}} {
		if len(side.list) > 0 {
			parts = append(parts, strings.Join(side.list, ", ")+" "+side.what)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "answers: " + strings.Join(parts, "; ")
}
