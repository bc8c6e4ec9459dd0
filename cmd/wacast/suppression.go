package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/recipient"
)

func newSuppression() *cobra.Command {
	return group("suppression", "Keeps messages from those who do not want them",
		newSuppressionAdd(), newSuppressionRemove(), newSuppressionList(), newSuppressionImport())
}

// suppressionOptions say what is stopped.
type suppressionOptions struct {
	scope, from, reason string
}

func (o *suppressionOptions) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.scope, "scope", string(recipient.All), "all messages, or marketing only")
	f.StringVar(&o.from, "from", "", "only what comes from this number of ours (its phone number id)")
	f.StringVar(&o.reason, "reason", "", "why, for whoever asks later")
}

func (o *suppressionOptions) check() error {
	if o.scope != string(recipient.All) && o.scope != string(recipient.Marketing) {
		return usageError{fmt.Errorf("--scope is all or marketing, not %q", o.scope)}
	}
	if o.from != "" && !job.ValidSender(o.from) {
		return usageError{errors.New("--from is no phone number id (digits, as the API lists it)")}
	}
	return nil
}

func (o *suppressionOptions) optOut(source recipient.Source) recipient.OptOut {
	return recipient.OptOut{Scope: recipient.Scope(o.scope), Number: o.from, Source: source, Since: time.Now(), Detail: o.reason}
}

// changeConsent is a command about one person that says what has changed.
func changeConsent(c *cobra.Command, change func(*cobra.Command, *app.Operator, recipient.Person, *suppressionOptions) (bool, error), changed, not string) *cobra.Command {
	o := new(suppressionOptions)
	command := recipientCommand(c, func(cmd *cobra.Command, op *app.Operator, p recipient.Person) error {
		did, err := change(cmd, op, p, o)
		if err != nil {
			return err
		}
		if jsonOutput(cmd) {
			return printJSON(cmd, struct {
				Changed bool `json:"changed"`
			}{did})
		}
		text := changed
		if !did {
			text = not
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
		return err
	})
	run := command.RunE
	command.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.check(); err != nil {
			return err
		}
		return run(cmd, args)
	}
	o.flags(command)
	return command
}

func newSuppressionAdd() *cobra.Command {
	return changeConsent(&cobra.Command{
		Use: "add NUMBER", Short: "Records that a person opted out",
		Long: `Records that a person does not want messages: within a second no worker sends them
any, under whatever number or user id wacast knows the person by. Messages that the
API has taken already are delivered.`,
		Example: `  wacast suppression add +5491155550100 --reason 'wrote to the shop'
  wacast suppression add +5491155550100 --scope marketing`,
	}, func(cmd *cobra.Command, op *app.Operator, p recipient.Person, o *suppressionOptions) (bool, error) {
		return op.Suppress(cmd.Context(), p, o.optOut(recipient.Operator))
	}, "opted out", "was opted out already")
}

func newSuppressionRemove() *cobra.Command {
	return changeConsent(&cobra.Command{
		Use: "remove NUMBER", Short: "Records that a person wants messages again",
		Long: `Ends a person's opt-outs: all of them, or with --scope marketing those that are about
marketing, with --from those that are about one number of ours. A number that counted as
bad is tried again. Whether the person has agreed is for you to know.`,
	}, func(cmd *cobra.Command, op *app.Operator, p recipient.Person, o *suppressionOptions) (bool, error) {
		return op.Unsuppress(cmd.Context(), p, recipient.Scope(o.scope), o.from, o.reason)
	}, "may be written to again", "was not opted out")
}

func newSuppressionList() *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "Lists who gets no messages, and since when", Args: noArgs,
		Long: `Lists who gets no messages, or no marketing: those who opted out, numbers that cannot be
reached, and those to whom the platform delivers no more marketing for now. Numbers are
masked: what is stored is a keyed hash.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			op, err := openOperator(cmd)
			if err != nil {
				return err
			}
			defer op.Close()
			list := []app.Suppressed{}
			err = op.Suppressions(cmd.Context(), func(s app.Suppressed) error {
				list = append(list, s)
				return nil
			})
			if err != nil {
				return err
			}
			if jsonOutput(cmd) {
				return printJSON(cmd, list)
			}
			return printSuppressed(cmd.OutOrStdout(), list)
		},
	}
}

func printSuppressed(out io.Writer, list []app.Suppressed) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(out, "nobody is suppressed")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RECIPIENT\tSCOPE\tFROM\tREASON\tSOURCE\tSINCE\tUNTIL")
	for _, s := range list {
		since, until := "-", "-"
		if s.Since != nil {
			since = stamp(*s.Since)
		}
		if s.Until != nil {
			until = stamp(*s.Until)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", cmp.Or(s.Number, s.Person), s.Scope, cmp.Or(s.From, "all"), s.Reason, s.Source, since, until)
	}
	return w.Flush()
}
