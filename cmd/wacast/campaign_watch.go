package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/report"
)

func newCampaignWatch() *cobra.Command {
	return &cobra.Command{
		Use: "watch ID", Short: "Shows how a campaign goes on, until nothing of it is left", Args: oneArg("the campaign's id"),
		Long: `Shows how a campaign goes on, until it has had jobs and none of them waits any
more; one that was closed with --expected, until so many were published too. On a
terminal it redraws what wacast campaign status shows; elsewhere it prints a line
every few seconds, and with --output json an object a line whenever something has
changed. Ctrl-C ends the watching, not the campaign.

Exit code 3 says that not all jobs were accepted.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := campaignOrNone(args[0]); err != nil {
				return err
			}
			view, err := openView(cmd)
			if err != nil {
				return err
			}
			defer view.Close()
			w := &watch{cmd: cmd, screen: newMeter(cmd.OutOrStdout())}
			return w.run(cmd.Context(), view, args[0])
		},
	}
}

// watch shows one campaign again and again.
type watch struct {
	cmd    *cobra.Command
	screen *meter
	drawn  int    // lines on the terminal
	last   []byte // what was printed as JSON
}

func (w *watch) run(ctx context.Context, view *app.View, id string) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		p, err := view.Progress(ctx, id)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if over(p) {
			return w.end(ctx, view, p)
		}
		if err := w.show(p); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// over reports whether a campaign has come to its end, as far as anybody can say: one
// that is open may get more jobs.
func over(p *report.Progress) bool {
	return p.Ended() > 0 && p.Left() == 0 && (p.Expected == nil || p.Jobs() >= *p.Expected)
}

func (w *watch) show(p *report.Progress) error {
	switch {
	case jsonOutput(w.cmd):
		return w.object(p)
	case w.screen.live:
		return w.draw(p)
	}
	w.screen.progress(fmt.Sprintf("%s is %s: %.1f a second, %s; ended", p.ID, p.State, p.Rate, remaining(p)), int(p.Ended()), int(p.Published))
	return nil
}

// object prints what has changed since it was called last.
func (w *watch) object(p *report.Progress) error {
	line, err := json.Marshal(p)
	if err != nil || bytes.Equal(line, w.last) {
		return err
	}
	w.last = line
	_, err = fmt.Fprintf(w.cmd.OutOrStdout(), "%s\n", line)
	return err
}

// draw shows everything, in the place of what it has shown before.
func (w *watch) draw(p *report.Progress) error {
	var text bytes.Buffer
	if w.drawn > 0 {
		fmt.Fprintf(&text, "\x1b[%dA\x1b[J", w.drawn)
	}
	from := text.Len()
	if err := printProgress(&text, p); err != nil {
		return err
	}
	w.drawn = bytes.Count(text.Bytes()[from:], []byte("\n"))
	_, err := w.cmd.OutOrStdout().Write(text.Bytes())
	return err
}

// end shows how the campaign has ended, and why some of it did not get through.
func (w *watch) end(ctx context.Context, view *app.View, p *report.Progress) error {
	why, err := reasons(ctx, view, p)
	if err != nil {
		return err
	}
	if jsonOutput(w.cmd) {
		err = w.object(p)
	} else if err = w.draw(p); err == nil {
		printReasons(w.cmd.OutOrStdout(), why)
	}
	if err == nil && refusedOutcomes(p) > 0 {
		return exitError(exitPartial)
	}
	return err
}
