package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/report"
)

// pollEvery is how often a campaign is looked at.
const pollEvery = time.Second

// waiter waits for the outcomes of a campaign.
type waiter struct {
	*sending
	view *app.View
	// ended is how many outcomes the campaign had before this run.
	ended uint64
}

func openWaiter(ctx context.Context, s *sending) (*waiter, error) {
	view, err := app.OpenView(ctx, s.cfg)
	if err != nil {
		return nil, err
	}
	w := &waiter{sending: s, view: view}
	p, err := view.Progress(ctx, s.campaign)
	if err != nil && !errors.Is(err, campaign.ErrUnknown) {
		view.Close()
		return nil, err
	}
	if err == nil {
		w.ended = p.Ended()
	}
	return w, nil
}

// await waits until nothing of the campaign is left and each message that this run
// has published has an outcome.
func (w *waiter) await(ctx context.Context) error {
	outcomes := w.ended + uint64(w.result.Published-w.result.Already)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		p, err := w.view.Progress(ctx, w.campaign)
		if err == nil {
			w.result.Outcomes = p
			if p.Left() == 0 && p.Ended() >= outcomes {
				w.screen.done()
				w.result.Reasons, err = reasons(ctx, w.view, p)
				return err
			}
			w.show(p)
		} else if !errors.Is(err, campaign.ErrUnknown) && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return hintError{errors.New("interrupted while waiting; all messages are published"), "wacast campaign status " + w.campaign}
		case <-tick.C:
		}
	}
}

func (w *waiter) show(p *report.Progress) {
	verb := "ended"
	if p.State != string(campaign.Open) {
		verb = fmt.Sprintf("%s is %s; ended", p.ID, p.State)
	}
	w.screen.progress(verb, int(p.Ended()), int(p.Published))
}

// refusedOutcomes counts the messages that were not accepted. A duplicate is what
// was accepted in an earlier run, or is counted with its own outcome.
func refusedOutcomes(p *report.Progress) uint64 {
	return p.Ended() - p.Accepted - p.Duplicate
}
