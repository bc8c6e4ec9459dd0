package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/report"
)

func newCampaignReport() *cobra.Command {
	var unknown bool
	var file string
	c := &cobra.Command{
		Use: "report ID", Short: "Writes what became of each job into a file, or lists those of unknown outcome", Args: oneArg("the campaign's id"),
		Long: `Writes what became of each job of a campaign into a file, CSV with one line a job:
its outcome and reason, and how far the message came. The file holds telephone
numbers, so only its owner may read it.

With --unknown it lists the jobs whose outcome nobody knows: those that wait for a
webhook until their deadline, and those that are held for a person to decide
(wacast job resend).`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := campaignOrNone(args[0]); err != nil {
				return err
			}
			if unknown == (file != "") {
				return usageError{errors.New("one of --file and --unknown says what to report")}
			}
			view, err := openView(cmd)
			if err != nil {
				return err
			}
			defer view.Close()
			if unknown {
				return reportUnknown(cmd, view, args[0])
			}
			return reportJobs(cmd, view, args[0], file)
		},
	}
	c.Flags().BoolVar(&unknown, "unknown", false, "list the jobs whose outcome nobody knows")
	c.Flags().StringVar(&file, "file", "", "file to write, CSV; one that is there is replaced; - is standard output")
	return c
}

func reportUnknown(cmd *cobra.Command, view *app.View, id string) error {
	list, err := view.UnknownJobs(cmd.Context(), id)
	if err != nil {
		return err
	}
	if jsonOutput(cmd) {
		return printJSON(cmd, list)
	}
	out := cmd.OutOrStdout()
	if len(list) == 0 {
		_, err := fmt.Fprintln(out, "no outcome is unknown")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "JOB\tSINCE\tREASON\tATTEMPT\tWAITS")
	for _, u := range list {
		waits := "is being looked at"
		switch {
		case u.Held:
			waits = "for a person: wacast job resend, or leave it"
		case u.Deadline != nil:
			waits = "for a webhook until " + u.Deadline.Local().Format(time.DateTime)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", u.Job, u.Since.Local().Format(time.DateTime), u.Reason, u.Attempt, waits)
	}
	return w.Flush()
}

func reportJobs(cmd *cobra.Command, view *app.View, id, name string) error {
	if name == "-" {
		_, err := writeReport(cmd.OutOrStdout(), func(fn func(*report.Job) error) error { return view.Jobs(cmd.Context(), id, fn) })
		return err
	}
	// 0600 is what CreateTemp gives.
	f, err := os.CreateTemp(filepath.Dir(name), ".wacast-report-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone, once it has its name
	jobs, err := writeReport(f, func(fn func(*report.Job) error) error { return view.Jobs(cmd.Context(), id, fn) })
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return fmt.Errorf("report of campaign %s: %w", id, err)
	}
	p, err := view.Progress(cmd.Context(), id)
	if err != nil {
		return err
	}
	if jsonOutput(cmd) {
		return printJSON(cmd, map[string]any{"campaign": id, "file": name, "jobs": jobs, "left": p.Left()})
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %s of campaign %s\n", name, count(jobs, "job"), id)
	if p.Left() > 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "%s no outcome yet\n", plural(p.Left(), "more has", "more have"))
	}
	return nil
}

// jobColumns are those of a report.
var jobColumns = []string{
	"id", "to", "user_id", "from", "lane", "template", "language", "outcome", "outcome_at", "reason", "code", "detail", "attempt",
	"message_id", "status", "status_at", "status_code", "metadata",
}

func writeReport(out io.Writer, jobs func(func(*report.Job) error) error) (n int, err error) {
	w := csv.NewWriter(out)
	if err := w.Write(jobColumns); err != nil {
		return 0, err
	}
	err = jobs(func(j *report.Job) error {
		n++
		o := &j.Outcome
		return w.Write([]string{
			o.ID, string(o.To), o.UserID, o.From, string(o.Lane), o.Template, o.Language, string(o.Kind), instant(j.Time), string(o.Reason),
			number(o.Code), o.Detail, number(o.Attempt), string(o.Wamid), string(j.Status), instant(j.StatusAt), number(j.StatusCode), string(o.Metadata),
		})
	})
	w.Flush()
	return n, errors.Join(err, w.Error())
}

// instant and number leave a cell empty where there is nothing to say.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
