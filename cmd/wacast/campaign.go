package main

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/report"
)

func newCampaign() *cobra.Command {
	status := &cobra.Command{
		Use: "status ID", Short: "Shows how a campaign stands; _ are the jobs without one", Args: oneArg("the campaign's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := campaignOrNone(args[0]); err != nil {
				return err
			}
			return campaignStatus(cmd, args[0])
		},
	}
	return group("campaign", "Plans and starts campaigns, looks at them, closes and cancels them", newCampaignPlan(), newCampaignStart(),
		newCampaignList(), status, newCampaignWatch(), newCampaignClose(), newCampaignCancel(), newCampaignRetry(), newCampaignVerify(), newCampaignReport())
}

// noCampaign refuses what cannot be the id of a campaign.
func noCampaign(id, more string) error {
	return usageError{hintError{fmt.Errorf("%q is no campaign id", id), "an id is 1 to 64 of A-Z a-z 0-9 _ -" + more}}
}

func campaignStatus(cmd *cobra.Command, id string) error {
	view, err := openView(cmd)
	if err != nil {
		return err
	}
	defer view.Close()
	p, err := view.Progress(cmd.Context(), id)
	if err != nil {
		return err
	}
	why, err := reasons(cmd.Context(), view, p)
	if err != nil {
		return err
	}
	if jsonOutput(cmd) {
		return printJSON(cmd, struct {
			*report.Progress
			Reasons []reasonRow `json:"reasons"`
		}{p, why})
	}
	if err := printProgress(cmd.OutOrStdout(), p); err != nil {
		return err
	}
	printReasons(cmd.OutOrStdout(), why)
	return nil
}

func printProgress(out io.Writer, p *report.Progress) error {
	state := p.State
	if p.Reason != "" {
		state += ", " + p.Reason
	}
	fmt.Fprintf(out, "campaign %s: %s\n", p.ID, state)
	if p.Expected != nil {
		fmt.Fprintln(out, expectation(settled(p), *p.Expected))
	}
	if pace := paceOf(p.Spread, p.PerDay); pace != "" {
		fmt.Fprintln(out, "sent", pace)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range []struct {
		name string
		n    uint64
	}{
		{"published", p.Published}, {"queued", p.Queued}, {"scheduled", p.Scheduled}, {"in flight", p.InFlight},
		{"accepted", p.Accepted}, {"rejected", p.Rejected}, {"expired", p.Expired}, {"suppressed", p.Suppressed},
		{"cancelled", p.Cancelled}, {"duplicate", p.Duplicate}, {"unknown", p.Unknown},
		{"held", p.Held}, {"sent", p.Sent}, {"delivered", p.Delivered}, {"read", p.Read}, {"failed", p.Failed},
		{"replies", p.Replies}, {"confirmed", p.Confirmed}, {"declined", p.Declined}, {"no answer", p.NoAnswer},
	} {
		fmt.Fprintf(w, "%s\t%d\t\n", row.name, row.n)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%.1f a second, %s\n", p.Rate, remaining(p))
	return err
}

// settled is how many jobs there are, without what was counted twice because it was on
// its way from waiting to its outcome.
func settled(p *report.Progress) uint64 {
	if jobs := p.Jobs(); jobs > *p.Expected {
		return max(*p.Expected, jobs-min(jobs, p.InFlight))
	}
	return p.Jobs()
}

func remaining(p *report.Progress) string {
	switch {
	case p.Left() == 0:
		return "nothing left"
	case p.State == string(campaign.Paused):
		return fmt.Sprintf("%d left, paused; when they may go on: wacast resume --campaign %s", p.Left(), p.ID)
	case p.Queued+p.InFlight == 0:
		return fmt.Sprintf("%d left, put off until their time", p.Left())
	case p.ETASeconds == nil:
		return fmt.Sprintf("%d left, none ended in the last seconds: is a worker running? wacast status shows what is stopped", p.Left())
	}
	return fmt.Sprintf("%d left, about %s", p.Left(), time.Duration(math.Ceil(*p.ETASeconds))*time.Second)
}
