package main

import (
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/lab"
)

func newDemo() *cobra.Command {
	var verbose bool
	c := &cobra.Command{
		Use: "demo", Short: "Sends three campaigns in one process, against a simulator of the Cloud API", Args: noArgs,
		Long: `Runs everything in one process: NATS, Redis, a worker and a simulator of the
WhatsApp Cloud API. A clinic confirms appointments, takes up conversations and sends
a taxi coupon; some rows are bad on purpose, and some answers are lost on purpose.

It needs nothing, leaves nothing behind, and ends with exit code 1 if a message was
lost or sent twice.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts := lab.DemoOptions{Out: cmd.OutOrStdout(), Live: isTerminal(cmd.OutOrStdout())}
			if verbose {
				cfg, err := settings(cmd)
				if err != nil {
					return err
				}
				opts.Log, opts.Live = logger(cmd, cfg), false
			}
			return lab.Demo(cmd.Context(), opts)
		},
	}
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "show the worker's log")
	return c
}

// isTerminal reports whether what is written can be redrawn.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}
