package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/recipient"
)

func newRecipient() *cobra.Command {
	return group("recipient", "Shows all that is held about a person, and forgets it", newRecipientExport(), newRecipientForget())
}

// recipientCommand is a command about one person.
func recipientCommand(c *cobra.Command, run func(*cobra.Command, *app.Operator, recipient.Person) error) *cobra.Command {
	var userID string
	c.Args = cobra.MaximumNArgs(1)
	c.Flags().StringVar(&userID, "user-id", "", "the person's business-scoped user id, in place of a number")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		number := ""
		if len(args) == 1 {
			number = args[0]
		}
		person, err := app.ParsePerson(number, userID)
		if err != nil {
			return usageError{err}
		}
		o, err := openOperator(cmd)
		if err != nil {
			return err
		}
		defer o.Close()
		return run(cmd, o, person)
	}
	return c
}

func newRecipientExport() *cobra.Command {
	return recipientCommand(&cobra.Command{
		Use: "export NUMBER", Short: "Prints all that is held about a person",
		Long: `Prints all that is held about a person: events, jobs that wait, dead letters,
webhooks in quarantine, consent, service windows and answers; under all numbers and
ids that wacast has learned to be the same person's. Nothing of it is masked: with
--output json it is what a person who asks for their data may be given, so write it
to a file that only you can read (umask 077).`,
	}, func(cmd *cobra.Command, o *app.Operator, person recipient.Person) error {
		d, err := o.Export(cmd.Context(), person)
		if err != nil {
			return err
		}
		if jsonOutput(cmd) {
			return printJSON(cmd, d)
		}
		return printDossier(cmd.OutOrStdout(), d)
	})
}

func printDossier(out io.Writer, d *app.Dossier) error {
	fmt.Fprintf(out, "known as %s\n", strings.Join(slices.Concat(d.Numbers, d.UserIDs), ", "))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for i := range d.Events {
		e := &d.Events[i]
		fmt.Fprintf(w, "event\t%s\t%s\t%s\t%s\n", stamp(e.Time), e.Data.Kind, e.Subject, e.Data.Reason)
	}
	for i := range d.Jobs {
		fmt.Fprintf(w, "job\t%s\twaits\t%s\t%s\n", stamp(d.Jobs[i].Stored), d.Jobs[i].Where, d.Jobs[i].Kind)
	}
	for i := range d.Letters {
		fmt.Fprintf(w, "dead letter\t%s\t%s\t\t\n", stamp(d.Letters[i].Stored), d.Letters[i].Reason)
	}
	for i := range d.Webhooks {
		fmt.Fprintf(w, "webhook\t%s\tquarantine\t%s\t\n", stamp(d.Webhooks[i].Stored), d.Webhooks[i].Why)
	}
	for i := range d.Consent {
		for _, o := range d.Consent[i].OptOuts {
			fmt.Fprintf(w, "opt-out\t%s\t%s\t%s\t%s\n", stamp(o.Since), o.Scope, o.Number, o.Source)
		}
	}
	for _, window := range d.Windows {
		fmt.Fprintf(w, "window\t\twrote to\t%s\t%s\n", window.From, window.Wrote)
	}
	for _, a := range d.Answers {
		fmt.Fprintf(w, "answer\t\t\t%s\t%s\n", a.Job, a.Answer)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, "--output json has all of it, texts and jobs too")
	return err
}

func stamp(t time.Time) string { return t.Local().Format(time.DateTime) }

func newRecipientForget() *cobra.Command {
	var reason string
	var yes bool
	var patience time.Duration
	c := recipientCommand(&cobra.Command{
		Use: "forget NUMBER", Short: "Erases all that is held about a person",
		Long: `Erases all that is held about a person, under all numbers and ids that wacast has
learned to be the same person's.

Jobs that wait end as suppressed, reason erased, and are not sent. Events give way to
events of kind erased, which name nobody and keep a campaign's counts and accounts
as they are. Dead letters, webhooks in quarantine, answers, service windows and links
go. What is erased is written over on the server's disk. Where the person had opted
out, that stays under a keyed hash, so that a list in which the number turns up again
is not sent to.

What stays: workers' claims, which may hold job ids, for a day at most; files that
wacast send has written; copies that others made of the events. A webhook that comes
later about a message sent before is recorded again: repeat the command then. A job
of the person that somebody publishes again is sent again if Redis is lost too, as
nothing tells any more that it was sent.

It may be repeated, and goes on where it was cut short. The exit code is 3 when
workers were still sending to the person: repeat it then.`,
	}, func(cmd *cobra.Command, o *app.Operator, person recipient.Person) error {
		if reason == "" {
			return usageError{errors.New("give --reason: it stays on record; it must not name the person")}
		}
		if !yes {
			if err := confirm(cmd, "All that is held about this person is erased for good. Go on?", "nothing was erased"); err != nil {
				return err
			}
		}
		f, err := o.Forget(cmd.Context(), person, reason, patience)
		if errors.Is(err, app.ErrReason) {
			return usageError{err}
		}
		if err != nil {
			return hintError{err, "run the same command again: it goes on where it was"}
		}
		if jsonOutput(cmd) {
			err = printJSON(cmd, f)
		} else {
			err = printForgotten(cmd.OutOrStdout(), f)
		}
		if err == nil && f.Held > 0 {
			return exitError(exitPartial)
		}
		return err
	})
	c.Flags().StringVar(&reason, "reason", "", "why, for whoever asks later; it must not name the person")
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	c.Flags().DurationVar(&patience, "patience", 30*time.Second, "how long to wait for workers that are sending to the person")
	return c
}

func printForgotten(out io.Writer, f *app.Forgotten) error {
	fmt.Fprintf(out, "erased: %s, %s (%d of them had no outcome yet and ended as suppressed), %s, %s, %s\n",
		count(f.Events, "event"), count(f.Jobs, "job"), f.Suppressed, count(f.Letters, "dead letter"),
		count(f.Webhooks, "webhook"), count(f.Answers, "answer"))
	if f.OptedOut {
		fmt.Fprintln(out, "the person had opted out: a keyed hash of that stays")
	}
	if f.ClaimsUntil != nil {
		fmt.Fprintf(out, "workers' claims may name the jobs until %s\n", stamp(*f.ClaimsUntil))
	}
	if f.Held > 0 {
		fmt.Fprintf(out, "workers are still sending %s to the person: run the same command again\n", count(f.Held, "job"))
	}
	return nil
}
