package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/job"
)

func newCampaignClose() *cobra.Command {
	var expected uint64
	c := &cobra.Command{
		Use: "close ID", Short: "Says that no more jobs of a campaign come, and how many there are", Args: oneArg("the campaign's id"),
		Long: `Says that no more jobs of a campaign are expected. A campaign that was never
created is open from its first job on, until it is closed.

With --expected, campaign status and campaign ls tell whether that many jobs were
published. It stops nothing: jobs published after the close are sent all the same,
and show as more than were expected. It may be closed again, with another number.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !job.ValidCampaign(args[0]) {
				return noCampaign(args[0], "")
			}
			if cmd.Flags().Changed("expected") && expected == 0 {
				return usageError{errors.New("--expected is the number of jobs that were published, at least 1")}
			}
			return closeCampaign(cmd, args[0], expected)
		},
	}
	c.Flags().Uint64Var(&expected, "expected", 0, "number of jobs that were published, each counted once")
	return c
}

func closeCampaign(cmd *cobra.Command, id string, expected uint64) error {
	cfg, err := settings(cmd)
	if err != nil {
		return err
	}
	p, err := app.CloseCampaign(cmd.Context(), cfg, id, expected)
	if errors.Is(err, campaign.ErrPaused) {
		return hintError{err, "closing it would send what waits; resume it first"}
	}
	if err != nil {
		return err
	}
	if jsonOutput(cmd) {
		return printJSON(cmd, p)
	}
	return printProgress(cmd.OutOrStdout(), p)
}

// expectation compares the jobs there are with those there must be.
func expectation(jobs, expected uint64) string {
	switch {
	case jobs < expected:
		return fmt.Sprintf("%s expected, %d of them missing", count(expected, "job"), expected-jobs)
	case jobs > expected:
		return fmt.Sprintf("%s expected, and %s here", count(expected, "job"), plural(jobs-expected, "more is", "more are"))
	}
	return fmt.Sprintf("%s expected, all of them here", count(expected, "job"))
}
