package main

import (
	"context"
	"errors"
	"log/slog"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/app"
)

func newWorker() *cobra.Command {
	return withEmbedded(&cobra.Command{
		Use: "worker", Short: "Sends the jobs that are published", Args: noArgs,
		Long: `Sends the jobs that are published, until it is interrupted; then it gives back
what only waits, finishes what is in flight and records it. Any number of workers
share the queues, the limits and the memory of what was sent.

NATS or Redis that cannot be reached are waited for: /readyz says what is missing.`,
	})
}

func newAll() *cobra.Command {
	return withEmbedded(&cobra.Command{
		Use: "all", Short: "Every role in one process; today that is the worker", Args: noArgs,
		Long: `Runs every role in one process, until it is interrupted. Today that is the worker.`,
	})
}

// withEmbedded makes c run the worker, with NATS and Redis in the process if it is
// told to.
func withEmbedded(c *cobra.Command) *cobra.Command {
	var embedded bool
	c.Long += `

With --embedded it needs neither: NATS runs in the process, listens where nats.url
says, for the other commands, and keeps its files in data_dir. Redis does too, but
forgets what was sent when the process ends. That is for trying wacast.`
	c.Flags().BoolVar(&embedded, "embedded", false, "run NATS and Redis in this process")
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := settings(cmd)
		if err != nil {
			return err
		}
		log := logger(cmd, cfg)
		if embedded {
			servers, err := app.StartEmbedded(&cfg, log)
			if err != nil {
				return wrongSettings(err)
			}
			defer servers.Close()
		}
		return runWorker(cmd, cfg, log)
	}
	return c
}

func runWorker(cmd *cobra.Command, cfg app.Config, log *slog.Logger) error {
	a, err := app.New(app.Options{Config: cfg, Log: log})
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
}
