package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/whatsapp"
)

func newDead() *cobra.Command {
	return group("dead", "Looks at dead letters, and has them tried once more", newDeadList(), newDeadReplay())
}

// letterFlags say which dead letters are meant.
func letterFlags(c *cobra.Command, filter *app.LetterFilter) {
	f := c.Flags()
	f.StringVar(&filter.Campaign, "campaign", "", "only those of a campaign; _ are the jobs without one")
	f.IntVar(&filter.Code, "code", 0, "only those with an error code of the Cloud API")
	f.StringVar((*string)(&filter.Reason), "reason", "", "only those with a reason")
	f.StringVar(&filter.ID, "id", "", "only those of a job id")
}

func checkLetters(filter *app.LetterFilter) error {
	if filter.Campaign != "" {
		if err := campaignOrNone(filter.Campaign); err != nil {
			return err
		}
	}
	if filter.Reason != "" && !slices.Contains(job.Reasons(), filter.Reason) {
		return usageError{hintError{fmt.Errorf("--reason: there is no reason %q", filter.Reason), "wacast dead ls shows those there are"}}
	}
	return nil
}

func newDeadList() *cobra.Command {
	var filter app.LetterFilter
	var jobs bool
	c := &cobra.Command{
		Use: "ls", Short: "Shows what dead letters there are, by campaign, reason and code", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkLetters(&filter); err != nil {
				return err
			}
			view, err := openView(cmd)
			if err != nil {
				return err
			}
			defer view.Close()
			if jobs || filter.ID != "" {
				return listLetters(cmd, view, filter)
			}
			return countLetters(cmd, view, filter)
		},
	}
	letterFlags(c, &filter)
	c.Flags().BoolVar(&jobs, "jobs", false, "list each of them")
	return c
}

func listLetters(cmd *cobra.Command, view *app.View, filter app.LetterFilter) error {
	list := []app.Letter{}
	err := view.Letters(cmd.Context(), filter, func(l *app.Letter) error {
		list = append(list, *l)
		return nil
	})
	if err != nil {
		return err
	}
	if jsonOutput(cmd) {
		return printJSON(cmd, list)
	}
	return printEachLetter(cmd.OutOrStdout(), list)
}

func printEachLetter(out io.Writer, list []app.Letter) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CAMPAIGN\tJOB\tSINCE\tWHY")
	for _, l := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", l.Campaign, cmp.Or(l.ID, "-"), l.Since.Local().Format(time.DateTime), letterText(&l))
	}
	return w.Flush()
}

// letterRow are the letters of one kind.
type letterRow struct {
	Campaign string     `json:"campaign"`
	Outcome  job.Kind   `json:"outcome"`
	Reason   job.Reason `json:"reason"`
	Code     int        `json:"code,omitempty"`
	Letters  int        `json:"letters"`
	Oldest   time.Time  `json:"oldest"`
	Remedy   string     `json:"remedy,omitempty"`
}

func countLetters(cmd *cobra.Command, view *app.View, filter app.LetterFilter) error {
	type kind struct {
		campaign string
		outcome  job.Kind
		reason   job.Reason
		code     int
	}
	rows := make(map[kind]*letterRow)
	err := view.Letters(cmd.Context(), filter, func(l *app.Letter) error {
		k := kind{l.Campaign, l.Outcome, l.Reason, l.Code}
		if rows[k] == nil {
			rows[k] = &letterRow{Campaign: l.Campaign, Outcome: l.Outcome, Reason: l.Reason, Code: l.Code, Oldest: l.Since}
			if code, ok := whatsapp.Lookup(l.Code, 0); ok && l.Code != 0 {
				rows[k].Remedy = code.Remedy
			}
		}
		rows[k].Letters++
		return nil
	})
	if err != nil {
		return err
	}
	list := []*letterRow{}
	for _, r := range rows {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b *letterRow) int {
		return cmp.Or(cmp.Compare(a.Campaign, b.Campaign), cmp.Compare(b.Letters, a.Letters), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Code, b.Code))
	})
	if jsonOutput(cmd) {
		return printJSON(cmd, list)
	}
	return printLetters(cmd.OutOrStdout(), list)
}

func printLetters(out io.Writer, list []*letterRow) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(out, "there are no dead letters")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CAMPAIGN\tLETTERS\tOUTCOME\tREASON\tCODE\tOLDEST")
	for _, r := range list {
		code := "-"
		if r.Code != 0 {
			code = fmt.Sprint(r.Code)
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\n", r.Campaign, r.Letters, r.Outcome, r.Reason, code, r.Oldest.Local().Format(time.DateTime))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	told := make(map[int]bool)
	for _, r := range list {
		if r.Remedy != "" && !told[r.Code] {
			told[r.Code] = true
			fmt.Fprintf(out, "%d → %s\n", r.Code, r.Remedy)
		}
	}
	return nil
}

func newDeadReplay() *cobra.Command {
	var filter app.LetterFilter
	var yes, unknown bool
	c := &cobra.Command{
		Use: "replay", Short: "Has dead letters tried once more; a dry run unless --yes is given", Args: noArgs,
		Long: `Has the jobs of dead letters tried once more: they go back into their queues, under
the same ids, so that one that was accepted meanwhile is not sent again. Without
--yes it only shows what it would do.

Jobs whose outcome nobody knows are left out: the Cloud API may have taken them. With
--unknown they are tried too, and some recipients may get the message twice. What
can only be rejected again is left out as well.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkLetters(&filter); err != nil {
				return err
			}
			return replayLetters(cmd, filter, unknown, yes)
		},
	}
	letterFlags(c, &filter)
	replayFlags(c, &yes, &unknown)
	return c
}

func replayFlags(c *cobra.Command, yes, unknown *bool) {
	c.Flags().BoolVarP(yes, "yes", "y", false, "do it")
	c.Flags().BoolVar(unknown, "unknown", false, "those of unknown outcome too, which may have been sent")
}

// newCampaignRetry is wacast dead replay for one campaign, where who runs it looks for it.
func newCampaignRetry() *cobra.Command {
	var filter app.LetterFilter
	var yes, unknown bool
	c := &cobra.Command{
		Use: "retry ID", Short: "Has the jobs that failed tried once more; a dry run unless --yes is given", Args: oneArg("the campaign's id"),
		Long: `Has the campaign's jobs that were rejected tried once more, under the same ids: it is
wacast dead replay --campaign ID. Without --yes it only shows what it would do. Those
whose outcome nobody knows are tried with --unknown alone: some of their recipients
may get the message twice.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := campaignOrNone(args[0]); err != nil {
				return err
			}
			filter.Campaign = args[0]
			return replayLetters(cmd, filter, unknown, yes)
		},
	}
	replayFlags(c, &yes, &unknown)
	return c
}

func replayLetters(cmd *cobra.Command, filter app.LetterFilter, unknown, yes bool) error {
	o, err := openOperator(cmd)
	if err != nil {
		return err
	}
	defer o.Close()
	r, err := o.ReplayDead(cmd.Context(), filter, unknown, !yes)
	if err != nil {
		return hintError{err, "run the same command again: nothing is tried twice for it"}
	}
	if jsonOutput(cmd) {
		return printJSON(cmd, struct {
			*app.Replay
			DryRun bool `json:"dry_run"`
		}{r, !yes})
	}
	return printReplay(cmd.OutOrStdout(), r, yes)
}

func printReplay(out io.Writer, r *app.Replay, done bool) error {
	if len(r.First) > 0 {
		if err := printEachLetter(out, r.First); err != nil {
			return err
		}
		if more := r.Replayed - len(r.First); more > 0 {
			fmt.Fprintf(out, "and %d more\n", more)
		}
	}
	if done {
		fmt.Fprintf(out, "%s tried once more\n", count(r.Replayed, "job"))
	} else {
		fmt.Fprintf(out, "dry run: %s would be tried once more; --yes does it\n", count(r.Replayed, "job"))
	}
	if r.Unknown > 0 {
		fmt.Fprintf(out, "%d left out because the Cloud API may have taken them (--unknown)\n", r.Unknown)
	}
	if r.Hopeless > 0 {
		fmt.Fprintf(out, "%d left out because they can only be rejected again; wacast dead ls --jobs says why\n", r.Hopeless)
	}
	return nil
}
