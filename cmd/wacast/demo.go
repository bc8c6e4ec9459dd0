package main

import (
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/lab"
)

func newDemo() *cobra.Command {
	var verbose bool
	c := &cobra.Command{
		Use: "demo", Short: "Sends campaigns in one process, against a simulator of the Cloud API", Args: noArgs,
		Long: `Runs everything in one process: NATS, Redis, a worker and a simulator of the
WhatsApp Cloud API. A clinic confirms appointments, takes up conversations and sends
a taxi coupon; some rows are bad on purpose, and some answers are lost on purpose.
Its patients confirm, decline or stay silent, some opt out of what they get, and a last
campaign skips those.

It needs nothing, leaves nothing behind, and ends with exit code 1 if a message was
lost, sent twice, or sent to somebody who had opted out.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDemo(cmd, verbose) },
	}
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "show the worker's log")
	return c
}

// runDemo shows the demo on standard output, or on standard error where that is
// for its result in JSON.
func runDemo(cmd *cobra.Command, verbose bool) error {
	out := cmd.OutOrStdout()
	if jsonOutput(cmd) {
		out = cmd.ErrOrStderr()
	}
	opts := lab.DemoOptions{Out: out, Live: isTerminal(out)}
	if verbose {
		cfg, err := settings(cmd)
		if err != nil {
			return err
		}
		opts.Log, opts.Live = logger(cmd, cfg), false
	}
	result, err := lab.Demo(cmd.Context(), opts)
	if result != nil && jsonOutput(cmd) {
		return errors.Join(err, printJSON(cmd, result))
	}
	return err
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
