package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newLedger() *cobra.Command {
	return group("ledger", "Looks after the memory of what was sent", &cobra.Command{
		Use: "rebuild", Short: "Has the ledger in Redis brought up to date from the streams", Args: noArgs,
		Long: `Has the ledger in Redis brought up to date from the streams, which hold the truth.
wacast notices by itself when Redis was emptied, rolled back or failed over; this is
for when somebody has changed it by hand. Nothing is sent until a worker is through
with it: its log and /readyz tell how far it is.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := openOperator(cmd)
			if err != nil {
				return err
			}
			defer o.Close()
			if err := o.RebuildLedger(cmd.Context()); err != nil {
				return err
			}
			if jsonOutput(cmd) {
				return printJSON(cmd, map[string]bool{"asked": true})
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "the ledger is rebuilt by the next worker; nothing is sent until then")
			return err
		},
	})
}
