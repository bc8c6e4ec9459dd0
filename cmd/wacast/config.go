package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/app"
)

func newConfig() *cobra.Command {
	return group("config", "Checks and prints the settings",
		&cobra.Command{
			Use: "check", Short: "Checks all settings, account and template files", Args: noArgs,
			RunE: checkConfig,
		},
		&cobra.Command{
			Use: "print", Short: "Prints every setting with its value and variable, secrets hidden", Args: noArgs,
			RunE: printConfig,
		},
	)
}

func checkConfig(cmd *cobra.Command, _ []string) error {
	cfg, err := settings(cmd)
	if err != nil {
		return err
	}
	if err := app.Check(cfg, logger(cmd, cfg)); err != nil {
		return wrongSettings(err)
	}
	if jsonOutput(cmd) {
		return printJSON(cmd, map[string]bool{"ok": true})
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), "settings are right")
	return err
}

func printConfig(cmd *cobra.Command, _ []string) error {
	cfg, err := settings(cmd)
	if err != nil {
		return err
	}
	if jsonOutput(cmd) {
		return printJSON(cmd, cfg.Redacted())
	}
	return cfg.Print(cmd.OutOrStdout())
}
