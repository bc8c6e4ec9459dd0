package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/template"
	"github.com/wacast/wacast/producer"
)

func newSend() *cobra.Command {
	var o sendOptions
	c := &cobra.Command{
		Use: "send", Short: "Sends a template to the recipients of a file, or to one", Args: noArgs,
		Long: `Sends a template to the recipients of a file: CSV whose first line names the
columns, or NDJSON. Expressions such as {{.name}} take values from a row. Without
--file it sends one message, and --to is the telephone number.

It reads the file, shows how many messages there are, the first of them and how long
they take, and asks before it publishes any. Rows that are wrong go to
FILE.rejected.csv with line, field and reason, anew in each run; all others are sent.

A message is known by its campaign and recipient, or --id: running the same command
again, or after an interruption, sends nothing twice.

Exit code 3 says that some rows were wrong or, with --wait, that not all messages
were accepted.`,
		Example: `  wacast send --campaign reminders --from 106540352242922 --template appointment_confirmation --language es_AR \
    --file rows.csv --to '{{.phone}}' --param 'body.1={{.name}}' --param 'body.2={{.date}}' --where '{{eq .city "La Plata"}}'`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runSend(cmd, &o) },
	}
	f := c.Flags()
	o.add(f)
	f.BoolVar(&o.dryRun, "dry-run", false, "check the file and show the plan, publish nothing")
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	f.BoolVar(&o.wait, "wait", false, "wait until the campaign's messages have outcomes, and show them")
	return c
}

// sending is one run of wacast send.
type sending struct {
	*sendOptions
	cmd        *cobra.Command
	cfg        app.Config
	recipe     *producer.Recipe
	definition *template.Definition
	screen     *meter
	result     sendResult
}

// gcPercent keeps the collector's reserve small, for what a run remembers of
// millions of rows is most of its heap and holds no pointers.
const gcPercent = 25

func runSend(cmd *cobra.Command, o *sendOptions) error {
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	recipe, err := o.recipe()
	if err != nil {
		return o.blame(err)
	}
	s := &sending{sendOptions: o, cmd: cmd, recipe: recipe, screen: newMeter(cmd.ErrOrStderr())}
	if s.cfg, err = settings(cmd); err != nil {
		return err
	}
	if err := s.useTemplate(); err != nil {
		return err
	}
	s.result = sendResult{Campaign: o.campaign, DryRun: o.dryRun, MPS: s.cfg.DefaultMPS, MPSSource: sender.SourceDefault}
	src, err := openSource(cmd, o)
	if err != nil {
		return err
	}
	defer src.Close()
	if !o.dryRun && !o.yes && src.once {
		return usageError{hintError{errors.New("standard input cannot be read twice, so it cannot be shown before it is sent"), "give --yes, or --dry-run, or a file"}}
	}
	return s.run(cmd.Context(), src)
}

// useTemplate has every row checked by the template's definition, where the
// settings name a folder of them.
func (s *sending) useTemplate() error {
	folder := s.cfg.TemplatesOf(s.from)
	if folder == "" {
		s.definition = template.Unchecked(s.template, s.language)
		s.screen.line("wacast: warning: no template definitions (WACAST_TEMPLATES), so parameters are not checked against the template")
	} else {
		var err error
		if s.definition, err = definitionIn(folder, s.template, s.language); err != nil {
			return err
		}
	}
	s.recipe.Check = func(t *job.Template) error {
		_, err := s.definition.Render(t)
		return err
	}
	return nil
}

// run connects before it reads: a file of millions of rows takes a while.
func (s *sending) run(ctx context.Context, src *source) error {
	if s.dryRun {
		return s.finish(s.plan(ctx, src))
	}
	nc, err := app.DialOnce(s.cfg)
	if err != nil {
		return err
	}
	defer nc.Close()
	p, err := producer.New(nc, producer.Config{Namespace: s.cfg.Namespace, Full: s.full, Log: logger(s.cmd, s.cfg)})
	if err != nil {
		return err
	}
	defer p.Close()
	awaitStreams(s.cmd, nc, s.cfg)
	var w *waiter
	if s.wait {
		if w, err = openWaiter(ctx, s); err != nil {
			return err
		}
		defer w.view.Close()
	}
	if !src.once {
		if err := s.plan(ctx, src); err != nil || s.result.Jobs == 0 {
			return s.finish(err)
		}
		if !s.yes {
			s.screen.done()
			if err := confirm(s.cmd, fmt.Sprintf("Send %s?", count(s.result.Jobs, "message")), "nothing was sent"); err != nil {
				return err
			}
		}
	}
	err = s.pace.apply(ctx, s.cfg, s.campaign, s.result.Jobs)
	if err == nil {
		err = s.reach.apply(ctx, s.cfg, s.campaign)
	}
	if err == nil {
		err = s.publish(ctx, p, src)
	}
	if err == nil {
		err = s.complete(ctx)
	}
	if err == nil && w != nil {
		err = w.await(ctx)
	}
	return s.finish(err)
}

// publish reads the file again and publishes what the plan has counted.
func (s *sending) publish(ctx context.Context, p *producer.Producer, src *source) error {
	rows, err := s.openRows(src)
	if err != nil {
		return err
	}
	pass := &producer.Pass{Rows: rows, Recipe: s.recipe, Limit: s.limit}
	if src.once {
		pass.Rejected = func(_ producer.Row, bad *producer.RowError) { s.screen.line("rejected: %v", bad) }
	}
	stats, err := p.PublishAll(withTrace(ctx), func(yield func(*job.Job, error) bool) {
		n := 0
		for j := range pass.Jobs() {
			if !yield(j, nil) {
				return
			}
			n++
			s.screen.progress("published", n, s.result.Jobs)
		}
	}, func(r producer.Rejection) { s.screen.line("rejected: message %d: %v", r.Number, r.Err) })
	s.screen.done()
	planned := cmp.Or(s.result.Jobs, stats.Published)
	if src.once {
		s.result.Counts = pass.Counts()
	}
	s.result.Rejected += stats.Rejected
	s.result.Published, s.result.Already, s.result.Seconds = stats.Published, stats.Duplicates, stats.Elapsed.Seconds()
	if err == nil {
		err = cmp.Or(pass.Err(), src.changed())
	}
	if err != nil {
		return hintError{fmt.Errorf("stopped after %d of %s: %w", stats.Published, count(planned, "message"), rootCause(err)),
			"run the same command again to go on: nothing is sent twice"}
	}
	return nil
}

// rootCause drops what PublishAll says beside the cause.
func rootCause(err error) error {
	if errors.Is(err, context.Canceled) {
		return errors.New("interrupted")
	}
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}

func (s *sending) full(wait time.Duration) {
	s.screen.line("the stream is full; going on when workers have sent some (next try in %s)", wait)
}
