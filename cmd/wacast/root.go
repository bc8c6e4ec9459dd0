package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/app"
)

// Exit codes of every subcommand.
const (
	exitDone    = 0
	exitFailed  = 1
	exitUsage   = 2
	exitPartial = 3
)

// usageError marks a command that was used wrongly.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// exitError ends the command with a code; the message was printed already.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// execute runs the command line and returns the exit code.
func execute(ctx context.Context, root *cobra.Command, args []string) int {
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var code exitError
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &code):
		return int(code)
	case errors.As(err, &usage) || strings.HasPrefix(err.Error(), "unknown command"):
		fmt.Fprintf(root.ErrOrStderr(), "wacast: %v\nSee wacast --help.\n", err)
		return exitUsage
	}
	fmt.Fprintf(root.ErrOrStderr(), "wacast: %v\n", err)
	return exitFailed
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "wacast",
		Short: "Sends WhatsApp template messages in bulk, each once, at the allowed rate",
		Long: `wacast sends WhatsApp template messages in bulk. Campaign systems publish jobs to
NATS JetStream; rate-limited workers render the templates and call the WhatsApp
Cloud API; Redis remembers what was sent, so that nobody gets a message twice.

Start with: wacast demo`,
		SilenceUsage: true, SilenceErrors: true,
		Version: app.Version(),
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	addSettingFlags(root)
	root.AddCommand(
		newDemo(), newWorker(), newPublish(), newCampaign(), newStatus(),
		newSimulator(), newSchema(), newConfig(), newHealth(),
	)
	return root
}

// exactly wants n arguments, and counts anything else as used wrongly.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != n {
			return usageError{fmt.Errorf("takes %s, not %d arguments", what, len(args))}
		}
		return nil
	}
}

func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("takes no arguments, not %q", args)}
	}
	return nil
}

// group is a command that only holds others.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usageError{fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())}
		}
		return nil
	}, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	c.AddCommand(subs...)
	return c
}

// shownFlags are the settings whose flags the help shows; the others work too,
// and wacast config print lists them all.
var shownFlags = []string{"nats.url", "redis.url", "namespace"}

func flagName(key string) string { return strings.NewReplacer(".", "-", "_", "-").Replace(key) }

func addSettingFlags(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.String("config", "", "settings file, YAML (WACAST_CONFIG)")
	flags.StringP("output", "o", "text", "text or json")
	for _, s := range app.Settings() {
		if s.Secret {
			continue
		}
		flags.String(flagName(s.Key), s.Default, s.Help+" ("+s.Env+")")
		_ = flags.MarkHidden(flagName(s.Key))
	}
	for _, key := range shownFlags {
		flags.Lookup(flagName(key)).Hidden = false
	}
}

// settings loads the settings of a command, defaults < file < environment <
// flags. What is set without effect is said on standard error.
func settings(cmd *cobra.Command) (app.Config, error) {
	file, _ := cmd.Flags().GetString("config")
	if file == "" {
		file = os.Getenv("WACAST_CONFIG")
	}
	changed := make(map[string]string)
	for _, s := range app.Settings() {
		if f := cmd.Flags().Lookup(flagName(s.Key)); f != nil && f.Changed {
			changed[s.Key] = f.Value.String()
		}
	}
	cfg, warnings, err := app.Load(app.Sources{File: file, Flags: changed})
	for _, w := range warnings {
		fmt.Fprintln(cmd.ErrOrStderr(), "wacast: warning:", w)
	}
	if err != nil {
		return cfg, usageError{fmt.Errorf("wrong settings:\n  %s", strings.ReplaceAll(err.Error(), "\n", "\n  "))}
	}
	return cfg, nil
}

// jsonOutput reports whether the command prints JSON.
func jsonOutput(cmd *cobra.Command) (bool, error) {
	switch format, _ := cmd.Flags().GetString("output"); format {
	case "text":
		return false, nil
	case "json":
		return true, nil
	default:
		return false, usageError{fmt.Errorf("--output is text or json, not %q", format)}
	}
}

// logger writes to standard error as the settings say.
func logger(cmd *cobra.Command, cfg app.Config) *slog.Logger {
	return app.NewLogger(cmd.ErrOrStderr(), cfg)
}
