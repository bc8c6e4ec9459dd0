package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/job"
)

func newCheck() *cobra.Command {
	var from string
	c := &cobra.Command{
		Use: "check", Short: "Looks at all that sending needs, and says what to do where it is not right", Args: noArgs,
		Long: `Looks at all that sending needs and changes nothing: the access token, the number
with its quality and throughput, the account, its webhook and templates at the
Cloud API, NATS and Redis. What is not right comes with its remedy.

Exit code 1 says that something failed; warnings do not keep messages back.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runCheck(cmd, from) },
	}
	c.Flags().StringVar(&from, "from", "", "phone number id; only this number and its account are looked at")
	return c
}

func runCheck(cmd *cobra.Command, from string) error {
	if from != "" && !job.ValidSender(from) {
		return usageError{hintError{fmt.Errorf("--from: %q is no phone number id", from), "it is the number's id at the Cloud API, digits only; not the telephone number"}}
	}
	cfg, err := settings(cmd)
	if err != nil {
		return err
	}
	findings := app.Examine(cmd.Context(), cfg, from)
	failed := slices.ContainsFunc(findings, func(f app.Finding) bool { return f.Level == app.Failed })
	if jsonOutput(cmd) {
		err = printJSON(cmd, struct {
			OK       bool          `json:"ok"`
			Findings []app.Finding `json:"findings"`
		}{!failed, findings})
	} else {
		err = printFindings(cmd.OutOrStdout(), findings)
	}
	if err == nil && failed {
		return exitError(exitFailed)
	}
	return err
}

// printFindings writes a line for each, and its remedy below.
func printFindings(out io.Writer, findings []app.Finding) error {
	marks := map[app.Level]string{app.OK: "✓", app.Warning: "!", app.Failed: "✗"}
	width := 0
	for _, f := range findings {
		width = max(width, len(f.Name))
	}
	count := make(map[app.Level]int)
	for _, f := range findings {
		count[f.Level]++
		fmt.Fprintf(out, "%s %-*s  %s\n", marks[f.Level], width, f.Name, strings.ReplaceAll(f.Text, "\n", "; "))
		if f.Remedy != "" {
			fmt.Fprintf(out, "  %-*s  → %s\n", width, "", f.Remedy)
		}
	}
	verdict := "ready to send"
	if count[app.Failed] > 0 {
		verdict = fmt.Sprintf("not ready to send: %d failed", count[app.Failed])
	}
	if n := count[app.Warning]; n > 0 {
		verdict += fmt.Sprintf(", %d to look at", n)
	}
	_, err := fmt.Fprintln(out, verdict)
	return err
}
