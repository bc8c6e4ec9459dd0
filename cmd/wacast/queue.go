package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/app"
)

func newQueue() *cobra.Command {
	return group("queue", "Looks at queues and streams",
		&cobra.Command{
			Use: "ls", Short: "Lists the queues that have jobs", Args: noArgs,
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
					return printJSON(cmd, s.Backlog)
				}
				return printBacklog(cmd.OutOrStdout(), s.Backlog)
			},
		},
		newTopology(),
	)
}

func newTopology() *cobra.Command {
	cmd := &cobra.Command{
		Use: "topology", Short: "Shows the streams that wacast needs, and where they differ", Args: noArgs,
		Long: `Shows the streams and buckets that wacast needs on the NATS account, as the settings
make them, and where those that are there differ. It changes nothing; a worker
creates what is missing, or --create does, where workers may not (deploy/nats/permissions.conf).
Exit code 3 says that something differs.`,
		RunE: showTopology,
	}
	cmd.Flags().Bool("create", false, "create what is missing and change limits as the settings have them")
	return cmd
}

func showTopology(cmd *cobra.Command, _ []string) error {
	cfg, err := settings(cmd)
	if err != nil {
		return err
	}
	compare := app.CompareTopology
	if create, _ := cmd.Flags().GetBool("create"); create { // the flag is there
		compare = app.CreateTopology
	}
	differences, err := compare(cmd.Context(), cfg)
	if err != nil {
		return err
	}
	topology := cfg.Topology()
	if jsonOutput(cmd) {
		err = printJSON(cmd, map[string]any{"streams": topology.Streams, "buckets": topology.Buckets, "differences": differences})
	} else {
		for _, s := range topology.Streams {
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", s.Name, s.Description)
		}
		for _, b := range topology.Buckets {
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", b.Bucket, b.Description)
		}
		for _, d := range differences {
			fmt.Fprintln(cmd.OutOrStdout(), "differs:", d)
		}
	}
	if err == nil && len(differences) > 0 {
		return exitError(exitPartial)
	}
	return err
}
