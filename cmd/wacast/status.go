package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/sender"
)

func newStatus() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Shows what is stopped and why, and what waits", Args: noArgs,
		Long: `Shows what is stopped, why, since and until when, the queues with their oldest job,
and how many outcomes are unknown. Exit code 1 says that something is stopped.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			view, err := openView(cmd)
			if err != nil {
				return err
			}
			defer view.Close()
			s, err := view.Status(cmd.Context())
			if err != nil {
				return err
			}
			if jsonOutput(cmd) {
				err = printJSON(cmd, s)
			} else {
				err = printStatus(cmd.OutOrStdout(), s)
			}
			if err == nil && len(s.Stopped) > 0 {
				return exitError(exitFailed)
			}
			return err
		},
	}
}

func printStatus(out io.Writer, s *app.Status) error {
	if len(s.Stopped) == 0 {
		fmt.Fprintln(out, "nothing is stopped")
	}
	for _, stop := range s.Stopped {
		printStop(out, stop)
	}
	fmt.Fprintf(out, "%d outcomes are unknown\n", s.Unknown)
	if len(s.Backlog) == 0 {
		_, err := fmt.Fprintln(out, "no jobs wait")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NUMBER\tLANE\tCAMPAIGN\tQUEUED\tIN FLIGHT\tOLDEST")
	for _, b := range s.Backlog {
		oldest := time.Duration(b.OldestSeconds * float64(time.Second)).Round(time.Second)
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%s\n", b.Sender, b.Lane, b.Campaign, b.Queued, b.InFlight, oldest)
	}
	return w.Flush()
}

func printStop(out io.Writer, s sender.Stop) {
	until := "until a person lifts it"
	if !s.Until.IsZero() {
		until = "next try at " + s.Until.Local().Format(time.TimeOnly)
	}
	fmt.Fprintf(out, "STOPPED %s %s: %s", s.Scope, s.Name, s.Reason)
	if s.Code != 0 {
		fmt.Fprintf(out, " %d", s.Code)
	}
	fmt.Fprintf(out, ", since %s by %s, %s\n", s.Since.Local().Format(time.DateTime), s.By, until)
	if s.Detail != "" {
		fmt.Fprintf(out, "  %s\n", s.Detail)
	}
}
