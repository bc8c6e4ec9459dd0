package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newTemplateLint() *cobra.Command {
	return &cobra.Command{
		Use: "lint", Short: "Says what is wrong with the definitions in the folder", Args: noArgs,
		Long: `Says what the platform would refuse in definitions that are yet to be created, and
which ones cannot be sent as they stand: variables without example, in a wrong place
or with gaps, texts that are too long, templates that are not approved.

Exit code 3 says that something was found.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			catalog, err := openTemplates(cmd)
			if err != nil {
				return err
			}
			all := catalog.All()
			found := []string{}
			for _, d := range all {
				found = append(found, d.Lint()...)
			}
			if jsonOutput(cmd) {
				err = printJSON(cmd, map[string]any{"templates": len(all), "problems": found})
			} else {
				for _, problem := range found {
					fmt.Fprintln(cmd.OutOrStdout(), problem)
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s in %s\n", count(len(found), "problem"), count(len(all), "template"))
			}
			if err == nil && len(found) > 0 {
				return exitError(exitPartial)
			}
			return err
		},
	}
}
