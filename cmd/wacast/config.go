package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/app"
)

func newConfig() *cobra.Command {
	return group("config", "Checks and prints the settings",
		&cobra.Command{
			Use: "check", Short: "Checks all settings, account and template files", Args: noArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				cfg, err := settings(cmd)
				if err != nil {
					return err
				}
				if err := app.Check(cfg, logger(cmd, cfg)); err != nil {
					return usageError{err}
				}
				fmt.Fprintln(cmd.OutOrStdout(), "settings are right")
				return nil
			},
		},
		&cobra.Command{
			Use: "print", Short: "Prints every setting with its value and variable, secrets hidden", Args: noArgs,
			RunE: printConfig,
		},
	)
}

func printConfig(cmd *cobra.Command, _ []string) error {
	cfg, err := settings(cmd)
	if err != nil {
		return err
	}
	asJSON, err := jsonOutput(cmd)
	if err != nil {
		return err
	}
	if !asJSON {
		return cfg.Print(cmd.OutOrStdout())
	}
	return printJSON(cmd, cfg.Redacted())
}

// printJSON writes one JSON value, indented, to standard output.
func printJSON(cmd *cobra.Command, v any) error {
	enc := json.NewEncoder(cmd.OutOrStdout())
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
