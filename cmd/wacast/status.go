package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/report"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/whatsapp"
)

func newStatus() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Shows what is stopped and why, and what waits", Args: noArgs,
		Long: `Shows what is stopped, why, by whom, since and until when, and what to do about it;
how many outcomes are unknown, and the queues with their oldest job, and why each of
them is not sent yet: what is stopped, a limit that is used up, or its number's rate.
While the ledger in Redis is brought up to date from the streams, it shows how far
that is.

Exit code 1 says that something is stopped, which a paused campaign with jobs is too.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return showStatus(cmd)
		},
	}
}

func showStatus(cmd *cobra.Command) error {
	o, err := openOperator(cmd)
	if err != nil {
		return err
	}
	defer o.Close()
	s, err := o.Status(cmd.Context())
	if err != nil {
		return err
	}
	ledger := o.LedgerState(cmd.Context())
	if jsonOutput(cmd) {
		err = printJSON(cmd, struct {
			*app.Status
			Ledger *app.LedgerState `json:"ledger"`
		}{s, ledger})
	} else {
		printLedger(cmd.OutOrStdout(), ledger)
		err = printStatus(cmd.OutOrStdout(), s)
	}
	if err == nil && s.Halted() {
		return exitError(exitFailed)
	}
	return err
}

// printLedger says what the ledger lacks, if it lacks anything.
func printLedger(out io.Writer, l *app.LedgerState) {
	switch {
	case l == nil:
	case l.Trouble != "":
		fmt.Fprintf(out, "the ledger in Redis cannot be asked from here: %s\n", l.Trouble)
	default:
		fmt.Fprintf(out, "THE LEDGER IS REBUILT since %s: %d of its %d parts lack entries, and jobs of those wait\n", l.Since.Local().Format(time.DateTime), l.Lacking, l.Parts)
		fmt.Fprintf(out, "  %d of %d records of the streams are in it, %.0f %%\n", l.Done, l.Total, 100*float64(l.Done)/float64(max(l.Total, 1)))
		fmt.Fprintln(out, "  → a worker does it, and then they go on by themselves; wacast health --ready asks one")
	}
}

func printStatus(out io.Writer, s *app.Status) error {
	if !s.Halted() {
		fmt.Fprintln(out, "nothing is stopped")
	}
	for _, stop := range s.Stopped {
		printStop(out, stop)
	}
	for _, c := range s.Campaigns {
		printStoppedCampaign(out, &c)
	}
	fmt.Fprintf(out, "%s unknown", plural(s.Unknown, "outcome is", "outcomes are"))
	if s.Unknown > 0 {
		fmt.Fprintf(out, ": %s for a webhook, %d for a person (wacast campaign report ID --unknown)", plural(s.UnknownWaiting, "waits", "wait"), s.Unknown-s.UnknownWaiting)
	}
	fmt.Fprintln(out)
	if s.Dead > 0 {
		fmt.Fprintf(out, "%s (wacast dead ls)\n", count(s.Dead, "dead letter"))
	}
	if s.OldestSeconds != nil {
		fmt.Fprintf(out, "the oldest job waits for %s\n", age(*s.OldestSeconds))
	}
	return printWaiting(out, s.Waiting)
}

func printBacklog(out io.Writer, backlog []report.Backlog) error {
	if len(backlog) == 0 {
		_, err := fmt.Fprintln(out, "no jobs wait")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NUMBER\tLANE\tCAMPAIGN\tQUEUED\tIN FLIGHT\tOLDEST")
	for _, b := range backlog {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%s\n", b.Sender, b.Lane, b.Campaign, b.Queued, b.InFlight, age(b.OldestSeconds))
	}
	return w.Flush()
}

func age(seconds float64) time.Duration {
	return time.Duration(seconds * float64(time.Second)).Round(time.Second)
}

func printStop(out io.Writer, s sender.Stop) {
	name := string(s.Scope) + " " + s.Name
	if s.Scope == sender.ScopeAll {
		name = "everything"
	}
	fmt.Fprintf(out, "STOPPED %s: %s", name, s.Reason)
	if s.Code != 0 {
		fmt.Fprintf(out, " %d", s.Code)
	}
	fmt.Fprintf(out, ", since %s by %s, %s\n", s.Since.Local().Format(time.DateTime), s.By, wayBack(s))
	if s.Detail != "" {
		fmt.Fprintf(out, "  %s\n", s.Detail)
	}
	fmt.Fprintf(out, "  → %s\n", remedy(s))
}

// wayBack is how a stop ends. A day later, the time of a try alone says too little.
func wayBack(s sender.Stop) string {
	layout := time.TimeOnly
	if time.Until(s.Until) > 12*time.Hour {
		layout = time.DateTime
	}
	switch at := s.Until.Local().Format(layout); {
	case s.WayBack == sender.BackWebhook && !s.Until.IsZero():
		return "until a webhook ends it, or a try at " + at
	case s.WayBack == sender.BackWebhook:
		return "until a webhook ends it"
	case s.Until.IsZero():
		return "until a person lifts it"
	default:
		return "next try at " + at
	}
}

// remedy is what to do about a stop.
func remedy(s sender.Stop) string {
	switch {
	case s.Reason == job.ReasonPaused:
		return "when it may go on: wacast resume " + resumeFlag(s)
	case s.Reason == job.ReasonAPIFailing:
		return "it goes on by itself at the first clear answer of the Cloud API; nothing is lost meanwhile"
	case s.By == sender.ByPlatform && (s.WayBack == sender.BackWebhook || !s.Until.IsZero()):
		return "it goes on by itself when the platform lets it; at once with wacast resume " + resumeFlag(s)
	}
	text := "it is tried again by itself"
	if code, ok := whatsapp.LookupText(s.Code, s.Detail); ok && s.Code != 0 {
		text = code.Remedy + " It is tried again by itself"
	}
	if s.Until.IsZero() {
		return text[:len(text)-len("it is tried again by itself")] + "When it is mended: wacast resume " + resumeFlag(s)
	}
	return text + "; at once with wacast resume " + resumeFlag(s)
}

func resumeFlag(s sender.Stop) string {
	switch s.Scope {
	case sender.ScopeAll:
		return "--all"
	case sender.ScopeNumber:
		return "--from " + s.Name
	case sender.ScopeTemplate:
		account, name, _ := strings.Cut(s.Name, "/")
		name, _, _ = strings.Cut(name, "/") // in all languages
		return "--template " + name + " --account " + account
	case sender.ScopeCategory:
		account, _, _ := strings.Cut(s.Name, "/")
		return "--account " + account
	}
	return "--account " + s.Name
}

func printStoppedCampaign(out io.Writer, c *app.StoppedCampaign) {
	by := ""
	if c.By != "" {
		by = " by " + c.By
	}
	if c.State == campaign.Cancelled {
		fmt.Fprintf(out, "campaign %s is cancelled since %s%s: %s; %s left\n  → wacast campaign cancel %s takes them out, or a worker does\n",
			c.ID, c.Since.Local().Format(time.DateTime), by, c.Reason, plural(c.Waiting, "job of it is", "jobs of it are"), c.ID)
		return
	}
	fmt.Fprintf(out, "PAUSED campaign %s: %s, since %s%s; %s\n  → when it may go on: wacast resume --campaign %s\n",
		c.ID, c.Reason, c.Since.Local().Format(time.DateTime), by, plural(c.Waiting, "job waits", "jobs wait"), c.ID)
}
