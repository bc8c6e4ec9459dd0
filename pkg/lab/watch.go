package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/recipient"
	"github.com/wacast/wacast/pkg/report"
)

// watch shows the progress, and what comes in, until it is over.
func (d *demo) watch(ctx context.Context, over func([]*report.Progress) bool) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		all, err := d.progress(ctx)
		if err != nil {
			return err
		}
		if err := d.feed(ctx); err != nil {
			return err
		}
		d.screen.progress(all)
		if over(all) {
			d.screen.done()
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not everything came that was waited for: %w", context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// deliver waits until the platform has told what became of every message it took.
func (d *demo) deliver(ctx context.Context) error {
	taken := d.rig.sim.Stats().Accepted
	return d.watch(ctx, func(all []*report.Progress) bool {
		var read uint64
		for _, p := range all {
			read += p.Read
		}
		return read >= uint64(taken) && d.rig.sim.Webhooks().Pending == 0
	})
}

// patience is how much longer than its time a missing answer may take to be counted.
const patience = 5 * time.Second

// listen waits until everybody has answered who will, and who does not is counted.
func (d *demo) listen(ctx context.Context) error {
	wanted := len(d.Recipients.OptOut)
	return d.watch(ctx, func(all []*report.Progress) bool {
		for i, p := range all {
			by := d.Campaigns[i].replyBy
			if !by.IsZero() && p.Confirmed+p.Declined+p.NoAnswer < p.Accepted && time.Since(by) < patience {
				return false
			}
		}
		return d.optedOut >= wanted && d.rig.sim.Webhooks().Pending == 0
	})
}

// feed shows who has opted out since it was called last.
func (d *demo) feed(ctx context.Context) error {
	filter := queue.Filter{Kinds: []job.Kind{job.OptOut}, After: d.heard}
	return d.events.Read(ctx, filter, func(e *queue.Recorded) error {
		d.heard = e.Sequence
		d.optedOut++
		d.screen.news("  ✋ %s %s", cmp.Or(e.Data.To, "+"+e.Data.WaID), wish(&e.Data))
		return nil
	})
}

// wish is how somebody opted out, and of what.
func wish(d *job.EventData) string {
	what := "no more messages"
	if d.Scope == string(recipient.Marketing) {
		what = "no more promotions"
	}
	switch recipient.Source(d.Detail) {
	case recipient.Keyword:
		return "writes the word: " + what
	case recipient.Button:
		return "taps the button: " + what
	}
	return "says so to WhatsApp: " + what
}

func (d *demo) progress(ctx context.Context) ([]*report.Progress, error) {
	var all []*report.Progress
	for _, p := range d.Campaigns {
		if d.stored[p.ID] == 0 {
			continue // not yet
		}
		progress, err := d.view.Progress(ctx, p.ID)
		if err != nil {
			return nil, err
		}
		all = append(all, progress)
	}
	return all, nil
}

// ended asks for acks too: they follow the outcomes a moment later.
func (d *demo) ended(all []*report.Progress) bool {
	for _, p := range all {
		if p.Ended() < d.stored[p.ID] || p.Left() > 0 {
			return false
		}
	}
	return true
}

// Verdicts of the demo.
var (
	errLost    = errors.New("jobs were lost")
	errDoubled = errors.New("messages were sent twice")
	errHarried = errors.New("messages went to people who had opted out")
)

// Result is what the demo came to.
type Result struct {
	// Campaigns are how they stand at the end.
	Campaigns []*report.Progress `json:"campaigns"`
	// Seconds is how long the first round took, without the second one.
	Seconds float64 `json:"seconds"`
	// OptedOut is how many people have opted out.
	OptedOut uint64 `json:"opted_out"`
	// Simulator is what an independent judge has seen.
	Simulator Seen `json:"simulator"`
}

// Seen is the simulator's count of messages.
type Seen struct {
	// Accepted messages, those among them whose answer got lost.
	Accepted uint64 `json:"accepted"`
	// Duplicates are jobs it accepted a second time.
	Duplicates uint64 `json:"duplicates"`
	// Throttled messages came faster than the number may send.
	Throttled uint64 `json:"throttled"`
	// Unwanted messages went to somebody who had opted out before.
	Unwanted uint64 `json:"unwanted"`
}

// unwanted counts the messages of the last campaign to people who have opted out.
func (d *demo) unwanted() (n uint64) {
	out := make(map[string]bool)
	for _, one := range d.Recipients.OptOut {
		out[one.To] = true
	}
	last := d.Campaigns[len(d.Campaigns)-1]
	for _, m := range d.rig.sim.Messages(0) {
		if m.Template == last.Template && out[m.To] {
			n++
		}
	}
	return n
}

// report shows what became of the jobs and compares it with what the simulator
// has seen.
func (d *demo) report(ctx context.Context, first pace) (*Result, error) {
	all, err := d.progress(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		reasons, err := d.view.Reasons(ctx, p.ID)
		if err != nil {
			return nil, err
		}
		d.screen.outcome(p, reasons)
	}
	stats := d.rig.sim.Stats()
	r := &Result{
		Campaigns: all, Seconds: first.took.Seconds(), OptedOut: uint64(d.optedOut),
		Simulator: Seen{
			Accepted: uint64(stats.Accepted), Duplicates: uint64(stats.Duplicates), Throttled: uint64(stats.Refused[codeThroughput]), Unwanted: d.unwanted(),
		},
	}
	_, unknown := r.sent()
	d.screen.line("\nThe first three: %d messages accepted in %.1f s, %.1f a second; the number may send %d.", first.messages, r.Seconds, float64(first.messages)/r.Seconds, demoMPS)
	d.screen.line("The simulator saw %d messages, %d twice, %d refused for their rate. It lost the answers of %d, which webhooks settled; %d are unknown.",
		r.Simulator.Accepted, r.Simulator.Duplicates, r.Simulator.Throttled, stats.AnswersLost, unknown)
	if err := r.judge(d.stored); err != nil {
		return r, err
	}
	d.screen.line("%d people have opted out, and got nothing after that.", r.OptedOut)
	d.screen.line("Nothing was lost, nothing was sent twice.")
	return r, nil
}

// codeThroughput is the Cloud API's code for a number that sends too fast.
const codeThroughput = 130429

// sent counts the messages that went out, by what wacast knows of them.
func (r *Result) sent() (accepted, unknown uint64) {
	for _, p := range r.Campaigns {
		accepted += p.Accepted
		unknown += p.Unknown
	}
	return accepted, unknown
}

// judge compares what is on record with the publications of each campaign and
// with what the simulator has seen.
func (r *Result) judge(stored map[string]uint64) error {
	var errs []error
	if n := r.Simulator.Duplicates; n > 0 {
		errs = append(errs, fmt.Errorf("%w: %d", errDoubled, n))
	}
	if n := r.Simulator.Unwanted; n > 0 {
		errs = append(errs, fmt.Errorf("%w: %d", errHarried, n))
	}
	for _, p := range r.Campaigns {
		if p.Ended() != stored[p.ID] || p.Left() != 0 {
			errs = append(errs, fmt.Errorf("%w: campaign %s has %d publications and %d outcomes, %d are left", errLost, p.ID, stored[p.ID], p.Ended(), p.Left()))
		}
	}
	// An unknown one was taken or not: an answer that got lost may have been a refusal.
	if accepted, unknown := r.sent(); r.Simulator.Accepted < accepted || r.Simulator.Accepted > accepted+unknown {
		errs = append(errs, fmt.Errorf("%w: the simulator took %d, on record are %d accepted and %d unknown", errLost, r.Simulator.Accepted, accepted, unknown))
	}
	return errors.Join(errs...)
}
