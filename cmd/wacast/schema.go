package main

import (
	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/job"
)

func newSchema() *cobra.Command {
	schema := func(use, short string, text func() []byte) *cobra.Command {
		return &cobra.Command{
			Use: use, Short: short, Args: noArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				_, err := cmd.OutOrStdout().Write(text())
				return err
			},
		}
	}
	return group("schema", "Prints the JSON Schema of what goes in and out",
		schema("job", "JSON Schema of a job, as any language may publish it", job.Schema),
		schema("event", "JSON Schema of an event", job.EventSchema),
		schema("config", "JSON Schema of a settings file", app.ConfigSchema),
	)
}
