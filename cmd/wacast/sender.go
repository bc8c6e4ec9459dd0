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
	"github.com/wacast/wacast/pkg/sender"
)

func newSender() *cobra.Command {
	return group("sender", "Looks at numbers and limits them", newSenderList(), newSenderSet())
}

func newSenderList() *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "Lists the numbers: limits, rates, stops, queues", Args: noArgs,
		Long: `Lists the numbers that accounts name, that have jobs, or of which anything is known:
the limit in messages a second and where it comes from (operator, api, default), the
rate at which a worker sends now, the part of the limit that is given out, which a
refusal for the rate lowers, daily limits, what is stopped, and the jobs that wait.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := openOperator(cmd)
			if err != nil {
				return err
			}
			defer o.Close()
			list, err := o.Senders(cmd.Context())
			if err != nil {
				return err
			}
			if jsonOutput(cmd) {
				return printJSON(cmd, list)
			}
			return printSenders(cmd.OutOrStdout(), list)
		},
	}
}

func newSenderSet() *cobra.Command {
	var mps, perDay, recipients int
	var auto bool
	c := &cobra.Command{
		Use: "set NUMBER", Short: "Limits a number", Args: oneArg("the number's id"),
		Long: `Limits a number, on all workers at once and until it is said otherwise. It beats what
the API tells of the number, and the default.

--auto forgets what was set before: the API's word holds again, or the default.`,
		Example: `  wacast sender set 106540352242922 --mps 1000
  wacast sender set 106540352242922 --auto --per-day 50000`,
		RunE: func(cmd *cobra.Command, args []string) error {
			change := app.SenderChange{Auto: auto}
			for name, f := range map[string]struct {
				value *int
				into  **int
			}{"mps": {&mps, &change.MPS}, "per-day": {&perDay, &change.PerDay}, "recipients": {&recipients, &change.Recipients}} {
				if cmd.Flags().Changed(name) {
					*f.into = f.value
				}
			}
			if err := checkChange(args[0], change); err != nil {
				return usageError{err}
			}
			return setSender(cmd, args[0], change)
		},
	}
	f := c.Flags()
	f.IntVar(&mps, "mps", 0, "messages a second")
	f.IntVar(&perDay, "per-day", 0, "most messages in any 24 hours; 0 for no such limit")
	f.IntVar(&recipients, "recipients", 0, "most people that the number's portfolio may begin to write to in 24 hours; 0 for any number")
	f.BoolVar(&auto, "auto", false, "forget what was set before")
	return c
}

func checkChange(number string, c app.SenderChange) error {
	var errs []error
	if !job.ValidSender(number) {
		errs = append(errs, fmt.Errorf("%q is no phone number id (digits, as the API lists it)", number))
	}
	if c.MPS != nil && *c.MPS < 1 {
		errs = append(errs, errors.New("--mps is messages a second, at least 1; --auto forgets what was set, wacast pause stops the number"))
	}
	for name, value := range map[string]*int{"--per-day": c.PerDay, "--recipients": c.Recipients} {
		if value != nil && *value < 0 {
			errs = append(errs, fmt.Errorf("%s is at least 1, or 0 for no such limit", name))
		}
	}
	if c == (app.SenderChange{}) {
		errs = append(errs, errors.New("nothing is to be set: give --mps, --per-day, --recipients or --auto"))
	}
	return errors.Join(errs...)
}

func setSender(cmd *cobra.Command, number string, change app.SenderChange) error {
	o, err := openOperator(cmd)
	if err != nil {
		return err
	}
	defer o.Close()
	state, err := o.SetSender(cmd.Context(), number, change)
	if errors.Is(err, app.ErrNoSender) {
		return hintError{err, "wacast sender ls lists those that are known; another one must be listed with its account (WACAST_ACCOUNTS_DIR), or have a job"}
	}
	if err != nil {
		return err
	}
	if jsonOutput(cmd) {
		return printJSON(cmd, state)
	}
	return printSenders(cmd.OutOrStdout(), []app.SenderState{*state})
}

func printSenders(out io.Writer, list []app.SenderState) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(out, "no numbers are known: accounts list none, and none has had a job")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NUMBER\tACCOUNT\tLIMIT\tFROM\tNOW\tSHARE\tA DAY\tPORTFOLIO\tQUEUED\tIN FLIGHT\tSTOPPED")
	told := false
	for _, s := range list {
		told = told || s.Pace != nil
		now, share := nowOf(&s)
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%s\n", s.Number, dash(s.Account), s.MPS, sourceOf(&s), now, share,
			upTo(&s.PerDay), recipientsOf(&s), s.Queued, s.InFlight, stopsOf(s.Stops))
	}
	if err := w.Flush(); err != nil || told {
		return err
	}
	_, err := fmt.Fprintln(out, "no worker tells how fast it sends: none runs, or none has had jobs of these; what is set holds all the same")
	return err
}

// nowOf is the rate at which a number is sent for, and its part of the limit.
func nowOf(s *app.SenderState) (now, share string) {
	p := s.Pace
	if p == nil {
		return "-", "-"
	}
	switch {
	case len(s.Stops) > 0:
		now = "0"
	case p.HoldSeconds > 0:
		now = "0 for " + (time.Duration(p.HoldSeconds*1000) * time.Millisecond).Round(100*time.Millisecond).String()
	default:
		now = fmt.Sprintf("%.1f", p.Effective)
	}
	return now, fmt.Sprintf("%.0f %%", 100*p.Share)
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// sourceOf says who has said the limit.
func sourceOf(s *app.SenderState) string {
	switch {
	case s.Source == sender.SourceOperator && s.Level != "":
		return fmt.Sprintf("operator %s (api: %s)", s.By, s.Level)
	case s.Source == sender.SourceOperator:
		return "operator " + s.By
	case s.Level != "":
		return s.Source + " " + s.Level
	}
	return s.Source
}

func upTo(limit *int) string {
	if limit == nil || *limit == 0 {
		return "-"
	}
	return fmt.Sprint(*limit)
}

func recipientsOf(s *app.SenderState) string {
	switch {
	case s.Recipients == nil:
		return dash(s.Portfolio)
	case *s.Recipients == 0:
		return s.Portfolio + ": unlimited"
	}
	return fmt.Sprintf("%s: %s a day", s.Portfolio, plural(*s.Recipients, "person", "people"))
}

func stopsOf(stops []sender.Stop) string {
	var names []string
	for _, s := range stops {
		name := string(s.Scope)
		if s.Scope == sender.ScopeAll {
			name = "everything"
		}
		names = append(names, name+": "+string(s.Reason))
	}
	return dash(strings.Join(names, ", "))
}
