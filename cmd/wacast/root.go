package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/app"
)

func newRoot() *cobra.Command {
	root := group("wacast", "Sends WhatsApp template messages in bulk, each once, at the allowed rate",
		newDemo(), newCheck(), newWorker(), newWebhook(), newAll(), newSend(), newPublish(), newCampaign(), newStatus(), newSender(), newPause(), newResume(),
		newJob(), newDead(), newTemplate(),
		newSimulator(), newBench(), newSuppression(), newRecipient(), newSchema(), newConfig(), newQueue(), newLedger(), newHealth(), newVersion(),
	)
	root.Long = `wacast sends WhatsApp template messages in bulk. Campaign systems publish jobs to
NATS JetStream; rate-limited workers render the templates and call the WhatsApp
Cloud API; Redis remembers what was sent, so that nobody gets a message twice.

Start with: wacast demo`
	root.SilenceUsage, root.SilenceErrors = true, true
	root.Version = buildOf(debug.ReadBuildInfo()).String()
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{flagError(err)} })
	root.PersistentPreRunE = func(cmd *cobra.Command, args []string) error {
		return errors.Join(checkOutput(cmd, args), maskReason(cmd))
	}
	root.SetUsageTemplate(root.UsageTemplate() + moreFlags)
	addSettingFlags(root)
	return root
}

// oneArg wants just one argument.
func oneArg(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usageError{fmt.Errorf("takes one argument, %s; %d are given", what, len(args))}
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
	c := &cobra.Command{
		Use: use, Short: short, Args: noSuchCommand, SuggestionsMinimumDistance: 2,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(subs...)
	return c
}

// noSuchCommand is asked of the arguments of a group, which names none of its own.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := usageError{fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())}
	if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
		return hintError{err, "did you mean " + cmd.CommandPath() + " " + strings.Join(like, ", or ") + "?"}
	}
	return err
}

// shownFlags are the settings whose flags the help shows; the others work too,
// and wacast config print lists them all.
var shownFlags = []string{"nats.url", "redis.url", "namespace"}

// moreFlags ends every help.
const moreFlags = `
Every setting has a flag and a variable, such as --drain-timeout and
WACAST_DRAIN_TIMEOUT; secrets have a variable only. wacast config print lists them.
`

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
		return cfg, wrongSettings(err)
	}
	return cfg, nil
}

// wrongSettings lists all that is wrong with them.
func wrongSettings(err error) error {
	return usageError{hintError{fmt.Errorf("wrong settings:\n%w", err), "wacast config check tells whether they are right; the README explains them"}}
}

// openView connects a command that only looks.
func openView(cmd *cobra.Command) (*app.View, error) {
	cfg, err := settings(cmd)
	if err != nil {
		return nil, err
	}
	return app.OpenView(cmd.Context(), cfg)
}

// checkOutput refuses a format nobody knows before anything is done.
func checkOutput(cmd *cobra.Command, _ []string) error {
	if format := outputFormat(cmd); format != "text" && format != "json" {
		return usageError{fmt.Errorf("--output is text or json, not %q", format)}
	}
	return nil
}

// jsonOutput reports whether the command prints JSON.
func jsonOutput(cmd *cobra.Command) bool { return outputFormat(cmd) == "json" }

func outputFormat(cmd *cobra.Command) string {
	format, _ := cmd.Flags().GetString("output")
	return format
}

// printJSON writes one JSON value, indented, to standard output.
func printJSON(cmd *cobra.Command, v any) error {
	enc := json.NewEncoder(cmd.OutOrStdout())
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// logger writes to standard error as the settings say.
func logger(cmd *cobra.Command, cfg app.Config) *slog.Logger {
	return app.NewLogger(cmd.ErrOrStderr(), cfg)
}
