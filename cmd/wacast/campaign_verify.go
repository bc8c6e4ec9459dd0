package main

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/report"
)

func newCampaignVerify() *cobra.Command {
	var expected uint64
	c := &cobra.Command{
		Use: "verify ID", Short: "Checks that every job published has just one outcome or still waits", Args: oneArg("the campaign's id"),
		Long: `Checks a campaign's accounts by the places of its jobs in the streams, and by no
counter: every publication has just one outcome, or still waits, or was purged when
the campaign was cancelled; and no job was accepted twice.

The total is what the producers have said they published. Without that (a publisher
that is not wacast's says nothing) it is --expected, or what campaign close
--expected said; it says which one it used. It may run while jobs are sent.

Exit code 3 says that the accounts differ.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := campaignOrNone(args[0]); err != nil {
				return err
			}
			return verify(cmd, args[0], expected)
		},
	}
	c.Flags().Uint64Var(&expected, "expected", 0, "number of jobs that must have been published, each counted once")
	return c
}

// campaignOrNone wants the id of a campaign, or the _ of jobs without one.
func campaignOrNone(id string) error {
	if !job.ValidCampaign(id) && id != job.NoCampaign {
		return noCampaign(id, "; a single _ stands for jobs without a campaign")
	}
	return nil
}

func verify(cmd *cobra.Command, id string, expected uint64) error {
	view, err := openView(cmd)
	if err != nil {
		return err
	}
	defer view.Close()
	a, err := view.Verify(cmd.Context(), id, expected)
	if err != nil {
		return err
	}
	if jsonOutput(cmd) {
		err = printJSON(cmd, a)
	} else {
		err = printAccounts(cmd.OutOrStdout(), a)
	}
	if err == nil && !a.OK {
		return exitError(exitPartial)
	}
	return err
}

func printAccounts(out io.Writer, a *report.Accounts) error {
	verdict := "the accounts are right"
	if !a.OK {
		verdict = "THE ACCOUNTS DIFFER"
	}
	fmt.Fprintf(out, "campaign %s: %s\n", a.ID, verdict)
	switch a.TotalFrom {
	case report.TotalPublished:
		fmt.Fprintf(out, "%d published, by what their producers reported", a.Total)
		if a.Unreported > 0 {
			fmt.Fprintf(out, " and %d of them by what is there", a.Unreported)
		}
		fmt.Fprintln(out)
	case report.TotalExpected:
		fmt.Fprintf(out, "%s expected, as somebody said; no producer has reported what it published\n", count(a.Total, "job"))
	default:
		fmt.Fprintln(out, "nobody has said how many jobs there must be (--expected), so none can be missing")
	}
	if a.Expected != nil && a.TotalFrom == report.TotalPublished {
		fmt.Fprintf(out, "%s\n", expectation(a.Jobs, *a.Expected))
	}
	fmt.Fprintf(out, "%d ended, %s, %d purged, %d missing\n", a.Ended, plural(a.Present, "waits", "wait"), a.Purged, a.Missing)
	for _, kind := range slices.Sorted(maps.Keys(a.Outcomes)) {
		if n := a.Outcomes[kind]; n > 0 {
			fmt.Fprintf(out, "  %d %s\n", n, kind)
		}
	}
	printDiffering(out, a)
	for _, j := range a.SentAgain {
		fmt.Fprintf(out, "job %s went out as two messages: the answer to the first was lost, and it was tried again\n", j)
	}
	if a.RecordedTwice > 0 {
		fmt.Fprintf(out, "%s on record twice, and counted twice by campaign status; nothing else is wrong\n", plural(a.RecordedTwice, "outcome is", "outcomes are"))
	}
	return nil
}

// printDiffering names what is not as it must be.
func printDiffering(out io.Writer, a *report.Accounts) {
	if a.MissingSequences != "" {
		fmt.Fprintf(out, "missing in the job stream, the first of them: %s\n", a.MissingSequences)
	}
	for _, m := range a.MissingJobs {
		fmt.Fprintf(out, "  %d is job %s, which a worker has claimed for attempt %d: wacast job explain shows it\n", m.Sequence, m.Job, m.Attempt)
	}
	if a.NeverPublished > 0 {
		fmt.Fprintf(out, "%s never published\n  → publish all of the campaign's jobs again, with the same ids: those that are here are not sent twice. If there are no more: wacast campaign close %s --expected %d\n",
			plural(a.NeverPublished, "job was", "jobs were"), a.ID, a.Jobs+a.Missing-a.NeverPublished)
	}
	if a.Missing > a.NeverPublished {
		fmt.Fprintln(out, "  → nothing of wacast takes a job away without an outcome: look for purged or deleted messages, or a stream that was restored; publishing the same jobs again is safe")
	}
	if a.Surplus > 0 {
		fmt.Fprintf(out, "%s more than expected\n", count(a.Surplus, "job"))
	}
	for _, r := range a.EndedTwice {
		fmt.Fprintf(out, "publication %d, job %s, has ended twice: %v\n", r.Sequence, r.Job, r.Outcomes)
	}
	for _, j := range a.SentTwice {
		fmt.Fprintf(out, "job %s was accepted twice\n", j)
	}
}
