package lab

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wacast/wacast/pkg/report"
)

// watch shows the progress until every publication has ended.
func (d *demo) watch(ctx context.Context) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		all, err := d.progress(ctx)
		if err != nil {
			return err
		}
		d.screen.progress(all)
		if d.ended(all) {
			d.screen.done()
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not all jobs ended: %w", context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// deliver waits until the platform has told what became of every message it took.
func (d *demo) deliver(ctx context.Context) error {
	if err := d.rig.sim.AwaitWebhooks(ctx); err != nil {
		return err
	}
	for taken := d.rig.sim.Stats().Accepted; ; {
		all, err := d.progress(ctx)
		if err != nil {
			return err
		}
		var read uint64
		for _, p := range all {
			read += p.Read
		}
		if read >= uint64(taken) {
			d.screen.progress(all)
			d.screen.done()
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not all statuses came: %w", context.Cause(ctx))
		case <-time.After(pollEvery):
		}
	}
}

func (d *demo) progress(ctx context.Context) ([]*report.Progress, error) {
	var all []*report.Progress
	for _, p := range d.Campaigns {
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
)

// Result is what the demo came to.
type Result struct {
	// Campaigns are how they stand at the end.
	Campaigns []*report.Progress `json:"campaigns"`
	// Seconds is how long the first round took, without the second one.
	Seconds float64 `json:"seconds"`
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
}

// report shows what became of the jobs and compares it with what the simulator
// has seen.
func (d *demo) report(ctx context.Context, took time.Duration) (*Result, error) {
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
		Campaigns: all, Seconds: took.Seconds(),
		Simulator: Seen{Accepted: uint64(stats.Accepted), Duplicates: uint64(stats.Duplicates), Throttled: uint64(stats.Refused[codeThroughput])},
	}
	accepted, unknown := r.sent()
	d.screen.line("\n%d messages accepted in %.1f s, %.1f a second; the number may send %d.", accepted, r.Seconds, float64(r.Simulator.Accepted)/r.Seconds, demoMPS)
	d.screen.line("The simulator saw %d messages, %d twice, %d refused for their rate. It lost the answers of %d, which webhooks settled; %d are unknown.",
		r.Simulator.Accepted, r.Simulator.Duplicates, r.Simulator.Throttled, stats.AnswersLost, unknown)
	if err := r.judge(d.stored); err != nil {
		return r, err
	}
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
