package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/report"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/producer"
)

// shownRows is how many rejected or doubtful rows are shown; a file has them all.
const shownRows = 10

// sendResult is what wacast send prints as JSON.
type sendResult struct {
	Campaign string `json:"campaign"`
	producer.Counts
	// RejectedFile has the rejected rows; empty for none.
	RejectedFile string `json:"rejected_file"`
	// Doubtful numbers are sent all the same.
	Doubtful int     `json:"doubtful"`
	Sample   *sample `json:"sample"`
	// MPS is the number's limit, MPSSource where that comes from: operator, api or
	// default. ETASeconds is how long it takes for the jobs.
	MPS        int     `json:"mps"`
	MPSSource  string  `json:"mps_source"`
	ETASeconds float64 `json:"eta_seconds"`
	DryRun     bool    `json:"dry_run"`
	// Plan is the mark of a campaign file's plan.
	Plan string `json:"plan,omitempty"`
	// Published jobs are stored; Already those among them that were before.
	Published int     `json:"published"`
	Already   int     `json:"already_published"`
	Seconds   float64 `json:"seconds"`
	// Outcomes are the campaign's, with --wait, and Reasons why not all were accepted.
	Outcomes *report.Progress `json:"outcomes"`
	Reasons  []reasonRow      `json:"reasons"`
}

// sample is the first message, as its recipient will read it.
type sample struct {
	ID   string `json:"id"`
	To   string `json:"to"`
	Text string `json:"text"`
}

// plan reads the file, publishes nothing, and shows what would be.
func (s *sending) plan(ctx context.Context, src *source) error {
	rows, err := s.openRows(src)
	if err != nil {
		return err
	}
	rejects := &rejectedFile{source: src, columns: rows.Columns, delimiter: rows.Delimiter}
	defer rejects.discard()
	shown := 0
	pass := &producer.Pass{Rows: rows, Recipe: s.recipe, Limit: s.limit, Rejected: func(row producer.Row, bad *producer.RowError) {
		if shown++; shown <= shownRows && !src.one {
			s.screen.line("rejected: %v", bad)
		}
		rejects.add(row, bad)
	}}
	for j := range pass.Jobs() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if s.result.Sample == nil {
			s.result.Sample = s.sample(j)
		}
		if s.region != "" && doubtful(j.To) {
			s.doubt(pass.Line(), j)
		}
		s.screen.progress("checked", pass.Counts().Rows, 0)
	}
	s.screen.done()
	if err := pass.Err(); err != nil {
		return src.wrap(errors.Unwrap(err))
	}
	s.result.Counts = pass.Counts()
	if src.one && rejects.last != nil {
		return usageError{errors.New(rejects.last.Reason())}
	}
	if s.result.RejectedFile, err = rejects.keep(); err != nil {
		return err
	}
	if err := cmp.Or(s.pace.fits(s.result.Jobs), s.seal(src)); err != nil {
		return err
	}
	perDay := s.knowLimit(ctx)
	full := math.Ceil(float64(s.result.Jobs) / (float64(s.result.MPS) * (1 - s.cfg.RateHeadroom)))
	s.result.ETASeconds = max(s.pace.seconds(s.result.Jobs, full), daily(s.result.Jobs, perDay))
	s.printPlan(src)
	return nil
}

// limitTimeout bounds how long a plan waits to know the number's limit.
const limitTimeout = 5 * time.Second

// knowLimit learns what the number may send: what an operator or the API says of it;
// it returns the most in a day, 0 for no such limit. A dry run needs no NATS: without
// one, and where it holds nothing yet, the default counts.
func (s *sending) knowLimit(ctx context.Context) (perDay int) {
	s.result.MPS, s.result.MPSSource = s.cfg.DefaultMPS, sender.SourceDefault
	ctx, cancel := context.WithTimeout(ctx, limitTimeout)
	defer cancel()
	if l, err := app.NumberLimit(ctx, s.cfg, s.from); err == nil {
		s.result.MPS, s.result.MPSSource, perDay = l.MPS, l.Source, l.PerDay
	}
	return perDay
}

func (s *sending) doubt(line int, j *job.Job) {
	if s.result.Doubtful++; s.result.Doubtful <= shownRows {
		s.screen.line("warning: line %d: to: no number that its country is known to give out; it is sent all the same", line)
	}
}

// sample renders a job that was checked.
func (s *sending) sample(j *job.Job) *sample {
	rendered, err := s.definition.Render(&j.Template)
	if err != nil {
		return nil
	}
	return &sample{ID: j.ID, To: j.To.String(), Text: strings.TrimRight(s.definition.Preview(rendered), "\n")}
}

// text is where people read: standard error where JSON goes to standard output.
func (s *sending) text() io.Writer {
	if jsonOutput(s.cmd) {
		return s.cmd.ErrOrStderr()
	}
	return s.cmd.OutOrStdout()
}

func (s *sending) printPlan(src *source) {
	r, out := &s.result, s.text()
	if !src.one {
		fmt.Fprintf(out, "%s: %s, %s to send", src.name, count(r.Rows, "row"), count(r.Jobs, "message"))
		for _, part := range []struct {
			n    int
			text string
		}{{r.Unselected, "not selected"}, {r.Duplicates, "with the recipient or id of an earlier row and the same contents"}} {
			if part.n > 0 {
				fmt.Fprintf(out, ", %d %s", part.n, part.text)
			}
		}
		fmt.Fprintln(out)
	}
	if r.Rejected > 0 {
		fmt.Fprintf(out, "%s rejected", count(r.Rejected, "row"))
		if r.Conflicts > 0 {
			fmt.Fprintf(out, " (%d with the recipient or id of an earlier row and other contents)", r.Conflicts)
		}
		if r.RejectedFile != "" {
			fmt.Fprintf(out, "; all of them with line, field and reason: %s", r.RejectedFile)
		}
		fmt.Fprintln(out)
	}
	if r.Doubtful > 0 {
		fmt.Fprintf(out, "%s in doubt, sent all the same\n", count(r.Doubtful, "number"))
	}
	if r.Sample == nil {
		return
	}
	fmt.Fprintf(out, "template %s/%s from %s to %s, job %s/%s:\n", s.template, s.language, s.from, r.Sample.To, s.campaign, r.Sample.ID)
	for l := range strings.Lines(r.Sample.Text) {
		fmt.Fprintf(out, "  │ %s\n", strings.TrimRight(l, "\n"))
	}
	for _, line := range s.reached() {
		fmt.Fprintln(out, line)
	}
	if pace := s.pace.String(); pace != "" {
		fmt.Fprintf(out, "about %s: sent %s\n", time.Duration(r.ETASeconds)*time.Second, pace)
		return
	}
	of := map[string]string{sender.SourceOperator: " (wacast sender set)", sender.SourceAPI: " (the API's level of the number)"}[r.MPSSource]
	fmt.Fprintf(out, "about %s at %s a second%s\n", time.Duration(r.ETASeconds)*time.Second, count(r.MPS, "message"), of)
}

// reached says what the flags of this run say of recipients and their answers.
func (s *sending) reached() (lines []string) {
	var spec campaign.Spec
	s.reach.change(&spec)
	for _, line := range []string{reachOf(spec.Window), answersOf(spec.Answers)} {
		if line != "" {
			lines = append(lines, line)
		}
	}
	if s.replyBy != "" {
		lines = append(lines, "no answer by "+s.replyBy+" counts as none")
	}
	return lines
}

// finish prints what became of the run, and says how it ends.
func (s *sending) finish(err error) error {
	r := &s.result
	if err != nil && r.Published == 0 {
		return err
	}
	if jsonOutput(s.cmd) {
		err = errors.Join(err, printJSON(s.cmd, r))
	} else {
		s.printResult()
	}
	if err != nil {
		return err
	}
	if r.Rejected > 0 || r.Outcomes != nil && refusedOutcomes(r.Outcomes) > 0 {
		return exitError(exitPartial)
	}
	return nil
}

func (s *sending) printResult() {
	r, out := &s.result, s.text()
	switch {
	case r.Plan != "" && r.DryRun:
		fmt.Fprintf(out, "nothing was published; to send just this: wacast campaign start %s --plan %s\n", s.origin, r.Plan)
	case r.DryRun:
		fmt.Fprintln(out, "dry run: nothing was published")
	case r.Jobs == 0:
		fmt.Fprintln(out, "nothing to send")
	default:
		fmt.Fprintf(out, "published %s in %.1f s", count(r.Published, "message"), r.Seconds)
		if r.Already > 0 {
			fmt.Fprintf(out, "; %d of them were already", r.Already)
		}
		fmt.Fprintln(out)
	}
	if r.Outcomes != nil {
		_ = printProgress(out, r.Outcomes) // nobody can be told
		printReasons(out, r.Reasons)
	}
}
