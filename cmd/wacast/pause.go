package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/sender"
)

// pauseOptions say what is paused or resumed, one of the first five, and why.
type pauseOptions struct {
	campaign, from, template, account string
	all                               bool
	reason                            string
}

func newPause() *cobra.Command {
	return pauseCommand(&cobra.Command{
		Use: "pause", Short: "Stops a campaign, number, template, account, or everything", Args: noArgs,
		Long: `Stops a campaign, a number, a template, an account, or everything, for all workers,
within half a second and until wacast resume. What is in flight ends as it may; what
waits stays where it is, and costs nothing there.`,
		Example: `  wacast pause --campaign reminders --reason 'wrong date in the text'`,
	}, pause)
}

func newResume() *cobra.Command {
	return pauseCommand(&cobra.Command{
		Use: "resume", Short: "Has a paused campaign, number, template, account, or everything go on", Args: noArgs,
		Long: `Has what is paused go on, for all workers. It also ends a stop that a refusal of the
Cloud API made: whoever resumes has mended that. Nothing is published again, for
what waits has stayed where it was.`,
		Example: `  wacast resume --account 102290129340398 --reason 'new token'`,
	}, resume)
}

func pauseCommand(c *cobra.Command, run func(*cobra.Command, *pauseOptions) error) *cobra.Command {
	var o pauseOptions
	f := c.Flags()
	f.StringVar(&o.campaign, "campaign", "", "campaign id")
	f.StringVar(&o.from, "from", "", "phone number id of a business number")
	f.StringVar(&o.template, "template", "", "name of a template, of all accounts unless --account is given too")
	f.StringVar(&o.account, "account", "", "WhatsApp Business Account id")
	f.BoolVar(&o.all, "all", false, "everything")
	f.StringVar(&o.reason, "reason", "", "why, for whoever asks later")
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.check(); err != nil {
			return usageError{err}
		}
		return run(cmd, &o)
	}
	return c
}

func (o *pauseOptions) check() error {
	given := 0
	for _, is := range []bool{o.campaign != "", o.from != "", o.template != "", o.account != "" && o.template == "", o.all} {
		if is {
			given++
		}
	}
	switch {
	case given != 1:
		return errors.New("just one of --campaign, --from, --template, --account and --all says what")
	case o.campaign != "" && !job.ValidCampaign(o.campaign):
		return noCampaign(o.campaign, "")
	case o.from != "" && !job.ValidSender(o.from):
		return fmt.Errorf("--from: %q is no phone number id", o.from)
	case o.account != "" && o.account != sender.DefaultWABA && !job.ValidSender(o.account):
		return fmt.Errorf("--account: %q is no account id", o.account)
	case o.template != "" && strings.Trim(o.template, "abcdefghijklmnopqrstuvwxyz0123456789_") != "":
		return fmt.Errorf("--template: %q is no name of a template", o.template)
	}
	return nil
}

// targets are what is meant, but for a campaign.
func (o *pauseOptions) targets(cfg app.Config) ([]sender.Target, error) {
	switch {
	case o.all:
		return cfg.Targets(sender.ScopeAll, "")
	case o.from != "":
		return cfg.Targets(sender.ScopeNumber, o.from)
	case o.template != "" && o.account != "":
		_, err := cfg.Targets(sender.ScopeAccount, o.account)
		return []sender.Target{{Scope: sender.ScopeTemplate, Name: o.account + "/" + o.template}}, err
	case o.template != "":
		targets, err := cfg.Targets(sender.ScopeTemplate, o.template)
		if errors.Is(err, app.ErrTarget) {
			return nil, usageError{hintError{err, "give --account too"}}
		}
		return targets, err
	}
	return cfg.Targets(sender.ScopeAccount, o.account)
}

// paused is what pause and resume print as JSON.
type paused struct {
	Scope   string `json:"scope"`
	Name    string `json:"name"`
	Changed bool   `json:"changed"`
}

func pause(cmd *cobra.Command, o *pauseOptions) error {
	if o.reason == "" {
		return usageError{errors.New("--reason is missing: say why, for whoever asks later")}
	}
	return operate(cmd, o, func(op *app.Operator) ([]paused, error) {
		if o.campaign != "" {
			return []paused{{"campaign", o.campaign, true}}, op.PauseCampaign(cmd.Context(), o.campaign, o.reason)
		}
		targets, err := o.targets(op.Config())
		if err != nil {
			return nil, err
		}
		if err := op.Pause(cmd.Context(), targets, o.reason); err != nil {
			return nil, err
		}
		return pausedTargets(targets, targets), warnDoubt(cmd, op, targets)
	}, "paused", "was paused")
}

// warnDoubt says when what is paused may be misspelled. It is paused all the same,
// and first: nobody who has to stop something waits for an answer.
func warnDoubt(cmd *cobra.Command, op *app.Operator, targets []sender.Target) error {
	doubt, err := op.Doubt(cmd.Context(), targets)
	if err == nil && doubt != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "wacast: warning: %s; it is paused all the same\n", doubt)
	}
	return err
}

func resume(cmd *cobra.Command, o *pauseOptions) error {
	return operate(cmd, o, func(op *app.Operator) ([]paused, error) {
		if o.campaign != "" {
			changed, err := op.ResumeCampaign(cmd.Context(), o.campaign, o.reason)
			return []paused{{"campaign", o.campaign, changed}}, err
		}
		targets, err := o.targets(op.Config())
		if err != nil {
			return nil, err
		}
		resumed, err := op.Resume(cmd.Context(), targets, o.reason)
		return pausedTargets(targets, resumed), err
	}, "goes on", "was not stopped")
}

func pausedTargets(targets, changed []sender.Target) []paused {
	var list []paused
	for _, t := range targets {
		p := paused{Scope: string(t.Scope), Name: t.Name}
		for _, c := range changed {
			p.Changed = p.Changed || c == t
		}
		list = append(list, p)
	}
	return list
}

// operate does it, and prints what was done.
func operate(cmd *cobra.Command, o *pauseOptions, do func(*app.Operator) ([]paused, error), done, not string) error {
	op, err := openOperator(cmd)
	if err != nil {
		return err
	}
	defer op.Close()
	list, err := do(op)
	if err != nil {
		return err
	}
	if jsonOutput(cmd) {
		return printJSON(cmd, list)
	}
	for _, p := range list {
		verb := done
		if !p.Changed {
			verb = not
		}
		name := p.Scope + " " + p.Name
		if o.all {
			name = "everything"
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s %s\n", name, verb)
	}
	return nil
}
