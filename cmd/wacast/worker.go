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
	return withEmbedded(app.RoleWorker, &cobra.Command{
		Use: "worker", Short: "Sends the jobs that are published", Args: noArgs,
		Long: `Sends the jobs that are published, until it is interrupted; then it gives back
what only waits, finishes what is in flight and records it. Any number of workers
share the queues, the limits and the memory of what was sent.

NATS or Redis that cannot be reached are waited for: /readyz says what is missing.`,
	})
}

func newWebhook() *cobra.Command {
	return &cobra.Command{
		Use: "webhook", Short: "Takes the platform's webhooks: delivered, read, failed", Args: noArgs,
		Long: `Takes webhooks at webhook.addr, path /webhook, and makes events of the statuses:
sent, delivered, read, failed, and what became of a job whose answer was lost. It
answers 200 as soon as NATS has stored a webhook; Redis is needed only to process
it. Any number of these run side by side, behind what ends TLS.

It needs app_secret (or app_secret_files of the accounts), by which webhooks are
signed, and verify_token, the word that the platform repeats when the address is
set up. With forward_url each webhook also goes on, unchanged, to a bot that was
there before.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := settings(cmd)
			if err != nil {
				return err
			}
			return runRoles(cmd, cfg, app.RoleWebhook, logger(cmd, cfg))
		},
	}
}

func newAll() *cobra.Command {
	return withEmbedded(app.RoleAll, &cobra.Command{
		Use: "all", Short: "Every role in one process: worker and webhook", Args: noArgs,
		Long: `Runs every role in one process, until it is interrupted: worker, and webhook if
there is an app_secret.`,
	})
}

// withEmbedded makes c run the roles, with NATS and Redis in the process if it is
// told to.
func withEmbedded(roles app.Role, c *cobra.Command) *cobra.Command {
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
		return runRoles(cmd, cfg, roles, log)
	}
	return c
}

func runRoles(cmd *cobra.Command, cfg app.Config, roles app.Role, log *slog.Logger) error {
	a, err := app.New(app.Options{Config: cfg, Log: log, Roles: roles})
	if errors.Is(err, syscall.EADDRINUSE) {
		return hintError{err, "another process has the port; give each process on a machine its own, --admin-addr 127.0.0.1:0 takes a free one"}
	}
	if err != nil {
		return wrongSettings(err)
	}
	a.Start()
	<-cmd.Context().Done()
	// The interrupt that ended the context must not end the draining.
	return a.Stop(context.WithoutCancel(cmd.Context()))
}
