package main

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/report"
)

func newCampaignList() *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "Lists the campaigns", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			view, err := openView(cmd)
			if err != nil {
				return err
			}
			defer view.Close()
			list, err := view.Campaigns(cmd.Context())
			if err != nil {
				return err
			}
			if jsonOutput(cmd) {
				return printJSON(cmd, list)
			}
			return printCampaigns(cmd.OutOrStdout(), list)
		},
	}
}

func printCampaigns(out io.Writer, list []*report.Progress) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(out, "there are no campaigns")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CAMPAIGN\tSTATE\tEXPECTED\tPUBLISHED\tACCEPTED\tENDED OTHERWISE\tLEFT\tPACE")
	for _, p := range list {
		expected := "-"
		if p.Expected != nil {
			expected = strconv.FormatUint(*p.Expected, 10)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\n", p.ID, p.State, expected, p.Published, p.Accepted, p.Ended()-p.Accepted, p.Left(), cmp.Or(paceOf(p.Spread, p.PerDay), "-"))
	}
	return w.Flush()
}
