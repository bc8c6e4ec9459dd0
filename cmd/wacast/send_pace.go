package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/campaign"
)

// paceOptions are the flags that have a campaign sent more slowly than its number
// may: what is not given leaves the campaign as it is.
type paceOptions struct {
	flags  *pflag.FlagSet
	spread string
	perDay int
}

func (o *paceOptions) add(f *pflag.FlagSet) {
	o.flags = f
	f.StringVar(&o.spread, "spread", "", "send the campaign evenly over a period, such as 8h or 2d; 0 for as fast as it may go")
	f.IntVar(&o.perDay, "per-day", 0, "most messages of the campaign in any 24 hours; 0 for no such limit")
}

func (o *paceOptions) spreads() bool { return o.flags != nil && o.flags.Changed("spread") }
func (o *paceOptions) caps() bool    { return o.flags != nil && o.flags.Changed("per-day") }

// period is what --spread says, which was checked.
func (o *paceOptions) period() time.Duration {
	period, _ := app.ParseDuration(o.spread)
	return period
}

// wrong is what cannot be meant.
func (o *paceOptions) wrong(file string) []error {
	var errs []error
	if o.caps() && o.perDay < 0 {
		errs = append(errs, errors.New("--per-day is the number of messages in 24 hours, at least 1, or 0 for no limit"))
	}
	if !o.spreads() {
		return errs
	}
	period, err := app.ParseDuration(o.spread)
	switch {
	case err != nil:
		errs = append(errs, fmt.Errorf("--spread: %w", err))
	case period != 0 && (period < time.Second || period > campaign.MaxSpread):
		errs = append(errs, fmt.Errorf("--spread is a period from 1s to %dd", campaign.MaxSpread/(24*time.Hour)))
	case period != 0 && file == "":
		errs = append(errs, errors.New("--spread needs a --file: one message cannot be spread"))
	case period != 0 && file == "-":
		errs = append(errs, errors.New("--spread takes the number of messages, which standard input tells too late: give a file"))
	}
	return errs
}

// fits checks the period against the number of messages: a number keeps its time for
// a day at most.
func (o *paceOptions) fits(jobs int) error {
	if gap := o.period() / time.Duration(max(jobs, 1)); gap > 24*time.Hour {
		return usageError{fmt.Errorf("--spread %s of %s is one in %s; it must be at least one a day", o.spread, count(jobs, "message"), gap.Round(time.Second))}
	}
	return nil
}

// seconds is how long so many messages take that would take so long at full speed.
func (o *paceOptions) seconds(jobs int, full float64) float64 {
	return max(full, o.period().Seconds(), daily(jobs, o.perDay))
}

// daily is how long so many messages take at so many in 24 hours, 0 being no limit.
func daily(jobs, perDay int) float64 {
	if perDay <= 0 {
		return 0
	}
	return float64((jobs-1)/perDay) * (24 * time.Hour).Seconds()
}

// String is how the messages of this run are paced.
func (o *paceOptions) String() string {
	if o.period() == 0 {
		return paceOf("", o.perDay)
	}
	return paceOf(o.spread, o.perDay)
}

// apply has the campaign paced before any of it is published.
func (o *paceOptions) apply(ctx context.Context, cfg app.Config, id string, jobs int) error {
	if !o.spreads() && !o.caps() {
		return nil
	}
	return app.ChangeCampaign(ctx, cfg, id, func(s *campaign.Spec) error {
		period, perDay := s.Period(), s.PerDay
		if o.spreads() {
			period = o.period()
		}
		if o.caps() {
			perDay = o.perDay
		}
		return s.Pace(period, perDay, uint64(jobs))
	})
}

// paceOf is how a campaign is paced, for people; empty where it is not.
func paceOf(spread string, perDay int) string {
	var parts []string
	if spread != "" {
		parts = append(parts, "over "+spread)
	}
	if perDay > 0 {
		parts = append(parts, fmt.Sprintf("at most %d a day", perDay))
	}
	return strings.Join(parts, ", ")
}
