package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/report"
)

// View answers questions about a running wacast from what JetStream holds. It
// changes nothing.
type View struct {
	cfg      Config // what it was opened with; zero where it was given a connection
	nc       *nats.Conn
	js       jetstream.JetStream
	names    queue.Names
	events   *queue.Events
	queues   *queue.Queues
	later    *queue.Later
	dead     *queue.Dead
	reporter *report.Reporter
	senders  *queue.Bucket
	specs    *queue.Bucket
}

// OpenView connects, and fails at once where nothing answers.
func OpenView(ctx context.Context, cfg Config) (*View, error) {
	nc, err := DialOnce(cfg)
	if err != nil {
		return nil, err
	}
	v, err := NewView(ctx, nc, cfg.Namespace)
	if err != nil {
		nc.Close()
		return nil, err
	}
	v.cfg = cfg
	return v, nil
}

// NewView is [OpenView] on a connection, which the view closes. With an error the
// connection stays the caller's.
func NewView(ctx context.Context, nc *nats.Conn, namespace string) (*View, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("jetstream: %w", err)
	}
	v := &View{nc: nc, js: js, names: queue.Names{Namespace: namespace}}
	if err := v.open(ctx); err != nil {
		v.closeReaders()
		return nil, err
	}
	v.reporter = report.New(v.events, v.queues, v.later)
	return v, nil
}

// open opens the buckets first: without them there are no streams either, which
// is said once.
func (v *View) open(ctx context.Context) (err error) {
	js, names := v.js, v.names
	if v.senders, err = queue.OpenBucket(ctx, js, names.SendersBucket()); err != nil {
		return err
	}
	if v.specs, err = queue.OpenBucket(ctx, js, names.CampaignsBucket()); err != nil {
		return err
	}
	if v.events, err = queue.NewEvents(js, names); err != nil {
		return err
	}
	if v.queues, err = queue.NewQueues(js, queue.QueuesConfig{Names: names}); err != nil {
		return err
	}
	if v.later, err = queue.NewLater(js, names); err != nil {
		return err
	}
	v.dead, err = queue.NewDead(js, names)
	return err
}

// Close ends the view and its connection.
func (v *View) Close() {
	v.closeReaders()
	v.nc.Close()
}

func (v *View) closeReaders() {
	if v.dead != nil {
		v.dead.Close()
	}
	if v.later != nil {
		v.later.Close()
	}
	if v.queues != nil {
		v.queues.Close()
	}
	if v.events != nil {
		v.events.Close()
	}
}

// Progress tells how a campaign stands, with its rate and the time left.
func (v *View) Progress(ctx context.Context, id string) (*report.Progress, error) {
	p, err := v.reporter.Progress(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := v.reporter.Measure(ctx, p, time.Now()); err != nil {
		return nil, err
	}
	return p, v.state(ctx, p)
}

// state adds what the campaign's spec says. A campaign that has jobs but no spec
// yet is open, as it will be on sight.
func (v *View) state(ctx context.Context, p *report.Progress) error {
	p.State = string(campaign.Open)
	if p.ID == job.NoCampaign {
		return nil
	}
	value, err := v.specs.Get(ctx, p.ID)
	if errors.Is(err, queue.ErrNoKey) {
		return v.known(ctx, p)
	}
	if err != nil {
		return err
	}
	spec, err := campaign.Decode(p.ID, value)
	if err != nil {
		return err
	}
	p.State, p.Reason, p.PerDay, p.Spread = string(spec.State), spec.Reason, spec.PerDay, spec.Spread
	if spec.State == campaign.Paused && p.Left() > 0 {
		p.ETASeconds = nil // until somebody resumes it
	}
	if spec.Expected > 0 {
		p.Expected = &spec.Expected
	}
	return nil
}

// known wants a campaign without a spec to have, or have had, a job. All that there
// was of it may be lost, and then its producer's word is left.
func (v *View) known(ctx context.Context, p *report.Progress) error {
	if p.Published > 0 {
		return nil
	}
	counts, err := v.events.Counts(ctx, p.ID)
	if err != nil || len(counts) > 0 {
		return err
	}
	err = v.events.Read(ctx, queue.Filter{Campaign: p.ID, Kinds: []job.Kind{job.Published}}, func(*queue.Recorded) error { return errEnough })
	switch {
	case errors.Is(err, errEnough):
		return nil
	case err == nil:
		err = fmt.Errorf("%w: %s", campaign.ErrUnknown, p.ID)
	}
	return err
}

// Counts counts a campaign's events by kind, which is cheaper than its progress.
func (v *View) Counts(ctx context.Context, id string) (map[job.Kind]uint64, error) {
	return v.events.Counts(ctx, id)
}

// Reasons counts why a campaign's jobs ended other than accepted.
func (v *View) Reasons(ctx context.Context, id string) (map[report.Ending]uint64, error) {
	return v.reporter.Reasons(ctx, id)
}
