package main

import (
	"context"
	"errors"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/app"
)

func newWorker() *cobra.Command {
	return &cobra.Command{
		Use: "worker", Short: "Sends the jobs that are published", Args: noArgs,
		Long: `Sends the jobs that are published, until it is interrupted; then it gives back
what only waits, finishes what is in flight and records it. Any number of workers
share the queues, the limits and the memory of what was sent.

NATS or Redis that cannot be reached are waited for: /readyz says what is missing.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := settings(cmd)
			if err != nil {
				return err
			}
			a, err := app.New(app.Options{Config: cfg, Log: logger(cmd, cfg)})
			if errors.Is(err, syscall.EADDRINUSE) {
				return hintError{err, "another process has the port; give each worker on a machine its own, --admin-addr 127.0.0.1:0 takes a free one"}
			}
			if err != nil {
				return wrongSettings(err)
			}
			a.Start()
			<-cmd.Context().Done()
			// The interrupt that ended the context must not end the draining.
			return a.Stop(context.WithoutCancel(cmd.Context()))
		},
	}
}
