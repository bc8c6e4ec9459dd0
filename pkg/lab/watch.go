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

func (d *demo) ended(all []*report.Progress) bool {
	for _, p := range all {
		if p.Ended() < d.stored[p.ID] {
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

// report shows what became of the jobs and compares it with what the simulator,
// an independent judge, has seen.
func (d *demo) report(ctx context.Context, took time.Duration) error {
	all, err := d.progress(ctx)
	if err != nil {
		return err
	}
	var accepted, unknown uint64
	for _, p := range all {
		reasons, err := d.view.Reasons(ctx, p.ID)
		if err != nil {
			return err
		}
		d.screen.outcome(p, reasons)
		accepted += p.Accepted
		unknown += p.Unknown
	}
	stats := d.rig.sim.Stats()
	d.screen.line("\n%d messages accepted in %.1f s, %.1f a second; the number may send %d.", accepted, took.Seconds(), float64(stats.Accepted)/took.Seconds(), demoMPS)
	d.screen.line("The simulator saw %d messages, %d twice, %d refused for their rate; of %d it took the answer was lost: unknown, and not sent again.",
		stats.Accepted, stats.Duplicates, stats.Refused[codeThroughput], unknown)
	return d.judge(all, stats.Duplicates, uint64(stats.Accepted), accepted, unknown)
}

// codeThroughput is the Cloud API's code for a number that sends too fast.
const codeThroughput = 130429

func (d *demo) judge(all []*report.Progress, duplicates int64, seen, accepted, unknown uint64) error {
	var errs []error
	if duplicates > 0 {
		errs = append(errs, fmt.Errorf("%w: %d", errDoubled, duplicates))
	}
	for _, p := range all {
		if p.Ended() != d.stored[p.ID] || p.Left() != 0 {
			errs = append(errs, fmt.Errorf("%w: campaign %s has %d publications and %d outcomes", errLost, p.ID, d.stored[p.ID], p.Ended()))
		}
	}
	if seen != accepted+unknown {
		errs = append(errs, fmt.Errorf("%w: the simulator took %d, on record are %d accepted and %d unknown", errLost, seen, accepted, unknown))
	}
	if len(errs) == 0 {
		d.screen.line("Nothing was lost, nothing was sent twice.")
	}
	return errors.Join(errs...)
}
