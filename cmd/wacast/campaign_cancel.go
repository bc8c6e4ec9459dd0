package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/report"
)

type cancelOptions struct {
	reason   string
	patience time.Duration
	yes      bool
}

func newCampaignCancel() *cobra.Command {
	var o cancelOptions
	c := &cobra.Command{
		Use: "cancel ID", Short: "Ends a campaign for good: what waits is not sent", Args: oneArg("the campaign's id"),
		Long: `Ends a campaign for good, once it was confirmed. No worker sends another job of it from then on; what is
in flight ends with its real outcome, and everything that waits is taken out of the
queues and counts as cancelled. What is published later is cancelled too. Then it
prints who was reached and who was not.

Exit code 3 says that a worker still has jobs of it, so that nothing was taken out
of the queues yet: run the same command again.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case !job.ValidCampaign(args[0]):
				return noCampaign(args[0], "")
			case o.reason == "":
				return usageError{errors.New("--reason is missing: say why, for whoever asks later")}
			}
			return cancelCampaign(cmd, args[0], &o)
		},
	}
	c.Flags().StringVar(&o.reason, "reason", "", "why, for whoever asks later")
	c.Flags().DurationVar(&o.patience, "patience", 45*time.Second, "longest wait for the jobs that workers have")
	c.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	return c
}

// openOperator connects a command that changes something.
func openOperator(cmd *cobra.Command) (*app.Operator, error) {
	cfg, err := settings(cmd)
	if err != nil {
		return nil, err
	}
	return app.OpenOperator(cmd.Context(), cfg, app.OperatorName())
}

func cancelCampaign(cmd *cobra.Command, id string, opts *cancelOptions) error {
	o, err := openOperator(cmd)
	if err != nil {
		return err
	}
	defer o.Close()
	if !opts.yes {
		if err := confirmCancel(cmd, o, id); err != nil {
			return err
		}
	}
	c, err := o.CancelCampaign(cmd.Context(), id, opts.reason, opts.patience)
	if err != nil {
		return err
	}
	if jsonOutput(cmd) {
		err = printJSON(cmd, c)
	} else {
		err = printCancellation(cmd.OutOrStdout(), c)
	}
	if err == nil && c.Held > 0 {
		return exitError(exitPartial)
	}
	return err
}

// confirmCancel asks, unless the campaign is cancelled already and the command only
// goes on with it.
func confirmCancel(cmd *cobra.Command, o *app.Operator, id string) error {
	p, err := o.Progress(cmd.Context(), id)
	if err != nil || p.State == string(campaign.Cancelled) {
		return err
	}
	question := fmt.Sprintf("Cancel campaign %s for good? %d accepted, %d left that would not be sent.", id, p.Accepted, p.Left())
	return confirm(cmd, question, "nothing was cancelled")
}

func printCancellation(out io.Writer, c *app.Cancellation) error {
	before, after := c.Before, c.After
	fmt.Fprintf(out, "campaign %s is cancelled\n", after.ID)
	fmt.Fprintf(out, "  reached: %d accepted before, %d while it was being cancelled\n", before.Accepted, after.Accepted-min(before.Accepted, after.Accepted))
	fmt.Fprintf(out, "  not reached: %d cancelled (%d of them now), %d rejected, %d expired, %d suppressed\n",
		after.Cancelled, after.Cancelled-min(before.Cancelled, after.Cancelled), after.Rejected, after.Expired, after.Suppressed)
	if after.Unknown > 0 {
		fmt.Fprintf(out, "  nobody knows: %d; wacast campaign report %s --unknown lists them\n", after.Unknown, after.ID)
	}
	if c.Held > 0 {
		fmt.Fprintf(out, "  %s still with a worker, and %s; none of them is sent any more\n",
			plural(c.Held, "job is", "jobs are"), plural(after.Left(), "waits", "wait"))
		_, err := fmt.Fprintln(out, "  → when the workers have let go of them, or one is started again after a crash, run the same command again")
		return err
	}
	return printLeft(out, after)
}

func printLeft(out io.Writer, p *report.Progress) error {
	if p.Left() == 0 {
		return nil
	}
	_, err := fmt.Fprintf(out, "  %s published meanwhile, or became due: workers end what is left as cancelled\n", plural(p.Left(), "was", "were"))
	return err
}
