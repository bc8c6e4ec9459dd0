package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/whatsapp"
)

func newJob() *cobra.Command {
	return group("job", "Looks at one job, cancels it, or has it tried once more", newJobExplain(), newJobCancel(), newJobResend())
}

// jobCommand is a command about one job.
func jobCommand(c *cobra.Command, run func(*cobra.Command, *app.Operator, job.Key) error) *cobra.Command {
	var campaign string
	c.Args = oneArg("the job's id")
	c.Flags().StringVar(&campaign, "campaign", "", "the job's campaign (default: it has none)")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		key, err := app.JobKey(campaign, args[0])
		if err != nil {
			return usageError{err}
		}
		o, err := openOperator(cmd)
		if err != nil {
			return err
		}
		defer o.Close()
		return explainJobError(run(cmd, o, key))
	}
	return c
}

func explainJobError(err error) error {
	if errors.Is(err, app.ErrNoJob) {
		return hintError{err, "give --campaign, and the id as it was published; events are kept for a time (events_max_age)"}
	}
	if errors.Is(err, app.ErrNotNow) {
		return hintError{err, "wacast job explain shows all that happened to it"}
	}
	return err
}

func newJobExplain() *cobra.Command {
	return jobCommand(&cobra.Command{
		Use: "explain ID", Short: "Shows all that happened to a job, and where it waits now",
		Long: `Shows all that happened to a job: when it was claimed, each attempt, its outcome, what
webhooks said, and where it waits now and for what. Telephone numbers are masked.`,
	}, func(cmd *cobra.Command, o *app.Operator, key job.Key) error {
		s, err := o.Explain(cmd.Context(), key)
		if err != nil {
			return err
		}
		if jsonOutput(cmd) {
			return printJSON(cmd, s)
		}
		return printStory(cmd.OutOrStdout(), s)
	})
}

func printStory(out io.Writer, s *app.Story) error {
	fmt.Fprintf(out, "job %s: %s\n", s.Job, s.State)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for i := range s.Steps {
		step := &s.Steps[i]
		what := step.What
		if step.Attempt > 0 {
			what += fmt.Sprintf(", attempt %d", step.Attempt)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", step.At.Local().Format("2006-01-02 15:04:05.000"), what, strings.Join(details(step.Details()), ", "))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, wait := range s.Waits {
		printWait(out, &wait)
	}
	for _, l := range s.Letters {
		fmt.Fprintf(out, "a dead letter since %s: %s\n", l.Since.Local().Format(time.DateTime), letterText(&l))
	}
	for i := range s.Steps {
		if code, ok := whatsapp.Lookup(s.Steps[i].Code, 0); ok && s.Steps[i].Code != 0 {
			fmt.Fprintf(out, "code %d: %s\n  → %s\n", s.Steps[i].Code, code.Meaning, code.Remedy)
			break
		}
	}
	if s.Recipient != nil {
		fmt.Fprintf(out, "the recipient: %s\n", s.Recipient)
	}
	if s.TraceID != "" {
		fmt.Fprintf(out, "its trace: %s\n", s.TraceID)
	}
	if s.Incomplete != "" {
		fmt.Fprintf(out, "not all could be read: %s\n", s.Incomplete)
	}
	_, err := fmt.Fprintf(out, "the ledger: %s\n", s.Ledger)
	return err
}

// details drops what is empty.
func details(all []string) []string {
	var kept []string
	for _, d := range all {
		if d != "" {
			kept = append(kept, d)
		}
	}
	return kept
}

func printWait(out io.Writer, w *app.Wait) {
	where := "in queue " + w.Queue
	if w.Where == "schedule" {
		where = "put off until " + w.Until.Local().Format(time.DateTime) + ", then to queue " + w.Queue
	}
	fmt.Fprintf(out, "waits %s, since %s, publication %s\n  for %s\n", where, w.Since.Local().Format(time.DateTime), w.Publication, w.For)
}

func letterText(l *app.Letter) string {
	text := string(l.Outcome) + ", " + string(l.Reason)
	if l.Code != 0 {
		text += fmt.Sprintf(" (Cloud API code %d)", l.Code)
	}
	if l.Hopeless != "" {
		text += "; " + l.Hopeless
	}
	return text
}

func newJobCancel() *cobra.Command {
	var reason string
	c := jobCommand(&cobra.Command{
		Use: "cancel ID", Short: "Keeps a job that waits from being sent",
		Long: `Keeps a job that is queued or scheduled from being sent. One that is scheduled ends
as cancelled at once, one that is queued when it is its turn. A job that is being
sent, or has an outcome, stays as it is, and the exit code is 1.`,
	}, func(cmd *cobra.Command, o *app.Operator, key job.Key) error {
		ended, err := o.CancelJob(cmd.Context(), key, reason)
		if err != nil {
			return err
		}
		if jsonOutput(cmd) {
			return printJSON(cmd, map[string]any{"job": key.String(), "cancelled": true, "ended": ended})
		}
		when := "it ends as cancelled when it is its turn"
		if ended {
			when = "it has ended as cancelled"
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "job %s will not be sent; %s\n", key, when)
		return err
	})
	c.Flags().StringVar(&reason, "reason", "", "why, for whoever asks later")
	return c
}

func newJobResend() *cobra.Command {
	var yes bool
	c := jobCommand(&cobra.Command{
		Use: "resend ID", Short: "Has an unknown or rejected job tried once more",
		Long: `Has a job tried once more that was rejected, or whose outcome nobody knows. It goes
back into its queue, under the same id.

Of an unknown job the Cloud API may have taken the message: then its recipient gets
it twice. That is for whoever runs this to decide; wacast never does it by itself,
unless the job says on_unknown: resend. A rejected job was certainly not sent. It
asks before it does either.`,
	}, func(cmd *cobra.Command, o *app.Operator, key job.Key) error {
		was, err := o.ResendJob(cmd.Context(), key, func(was job.Kind) error {
			if yes {
				return nil
			}
			return confirm(cmd, resendQuestion(key, was), "nothing was sent")
		})
		if err != nil {
			return err
		}
		if jsonOutput(cmd) {
			return printJSON(cmd, map[string]any{"job": key.String(), "was": was, "resent": true})
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "job %s was %s and is tried once more\n", key, was)
		return err
	})
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return c
}

func resendQuestion(key job.Key, was job.Kind) string {
	if was == job.Unknown {
		return fmt.Sprintf("The outcome of job %s is unknown: whoever got its message gets it twice. Try it once more?", key)
	}
	return fmt.Sprintf("Job %s was %s. Try it once more?", key, was)
}
