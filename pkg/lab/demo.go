package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/simulator"
	"github.com/wacast/wacast/pkg/template"
	"github.com/wacast/wacast/producer"
)

// Clinic is the phone number id that the demo sends from.
const Clinic = "106540352242922"

const (
	// demoMPS keeps the demo slow enough to watch.
	demoMPS = 60
	// demoTimeout bounds the demo; it takes about eleven seconds.
	demoTimeout = 2 * time.Minute
	pollEvery   = 200 * time.Millisecond
)

// DemoOptions say where the demo shows itself.
type DemoOptions struct {
	Out io.Writer
	// Live redraws the progress in place, as a terminal can.
	Live bool
	// Log gets what the worker says; nil keeps it quiet.
	Log *slog.Logger
}

// Demo runs the campaigns and reports. The error says that something was
// lost or doubled, or could not run at all; then there may be no result.
func Demo(ctx context.Context, opts DemoOptions) (*Result, error) {
	ctx, cancel := context.WithTimeout(ctx, demoTimeout)
	defer cancel()
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	s, err := readScript()
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	fmt.Fprintln(opts.Out, "SaludCenter sends three campaigns, its patients answer, and a fourth skips who has opted out.")
	fmt.Fprintln(opts.Out, "NATS, Redis, a worker, a receiver of webhooks and a simulator of the WhatsApp Cloud API run in this process.")
	r, err := newRig(ctx, s.templates, s.simulator(), opts.Log)
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	d := &demo{script: s, rig: r, stored: make(map[string]uint64), screen: screen{out: opts.Out, live: opts.Live}}
	result, err := d.run(ctx)
	if err = errors.Join(err, r.close(ctx)); err != nil {
		return result, fmt.Errorf("demo: %w", err)
	}
	return result, nil
}

// simulator misbehaves for some of the recipients: three are not on WhatsApp, and
// four messages are accepted while their answers get lost. Its webhooks tell of
// those too, if not at once. Some people answer what they read.
func (s *script) simulator() simulator.Config {
	return simulator.Config{
		MPS: demoMPS, Latency: simulator.Latency{Base: 80 * time.Millisecond, Spread: 120 * time.Millisecond}, Seed: 1,
		Faults: []simulator.Rule{
			{Kind: simulator.Error, Code: 131026, Recipients: s.Recipients.NotOnWhatsApp},
			{Kind: simulator.LostAfter, Recipients: s.Recipients.AnswerLost},
		},
		Webhook: simulator.Webhook{
			Secret:    "simulated",
			Sent:      simulator.Latency{Base: 700 * time.Millisecond, Spread: 200 * time.Millisecond},
			Delivered: simulator.Latency{Base: 800 * time.Millisecond, Spread: 300 * time.Millisecond},
			Read:      simulator.Latency{Base: time.Second, Spread: 500 * time.Millisecond},
			Answers:   s.people(),
		},
	}
}

// demo is one run.
type demo struct {
	*script
	rig    *rig
	screen screen

	js       jetstream.JetStream
	events   *queue.Events
	view     *app.View
	producer *producer.Producer
	// stored counts the publications of each campaign, which must all end.
	stored map[string]uint64
	// heard is the last event of the feed, optedOut counts what it told.
	heard    uint64
	optedOut int
}

func (d *demo) run(ctx context.Context) (*Result, error) {
	nc, err := d.rig.nats.Connect()
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	if d.js, err = jetstream.New(nc); err != nil {
		return nil, err
	}
	if d.events, err = queue.NewEvents(d.js, d.names()); err != nil {
		return nil, err
	}
	defer d.events.Close()
	if d.producer, err = producer.New(nc, producer.Config{}); err != nil {
		return nil, err
	}
	defer d.producer.Close()
	if d.view, err = d.openView(ctx); err != nil {
		return nil, err
	}
	defer d.view.Close()
	if err := d.create(ctx); err != nil {
		return nil, err
	}
	first, err := d.send(ctx)
	if err != nil {
		return nil, err
	}
	return d.report(ctx, first)
}

// openView gives the view a connection of its own, which it closes.
func (d *demo) openView(ctx context.Context) (*app.View, error) {
	nc, err := d.rig.nats.Connect()
	if err != nil {
		return nil, err
	}
	view, err := app.NewView(ctx, nc, d.rig.cfg.Namespace)
	if err != nil {
		nc.Close()
	}
	return view, err
}

func (d *demo) names() queue.Names { return queue.Names{Namespace: d.rig.cfg.Namespace} }

// pace is how fast the first round went.
type pace struct {
	messages int64
	took     time.Duration
}

// send publishes the first campaigns, and the first of them again; then, once people
// have answered, the last one.
func (d *demo) send(ctx context.Context) (pace, error) {
	start := time.Now()
	for _, p := range d.Campaigns {
		if p.AnswersWithin > 0 {
			p.replyBy = start.Add(time.Duration(p.AnswersWithin))
		}
	}
	if err := d.round(ctx, false); err != nil {
		return pace{}, err
	}
	first := pace{d.rig.sim.Stats().Accepted, time.Since(start)}
	if err := d.publishAgain(ctx, d.Campaigns[0]); err != nil {
		return first, err
	}
	if err := d.watch(ctx, d.ended); err != nil {
		return first, err
	}
	if err := d.listen(ctx); err != nil {
		return first, err
	}
	if err := d.round(ctx, true); err != nil {
		return first, err
	}
	return first, d.deliver(ctx)
}

// round publishes the campaigns that wait for answers, or the others, and shows them
// until they are through.
func (d *demo) round(ctx context.Context, afterAnswers bool) error {
	for _, p := range d.Campaigns {
		if p.AfterAnswers != afterAnswers {
			continue
		}
		if afterAnswers {
			d.screen.line("\n%s:", p.Title)
		}
		if err := d.publish(ctx, p); err != nil {
			return err
		}
	}
	return d.watch(ctx, d.ended)
}

// create puts the campaigns with their expressions where the workers find them,
// and shows what the first recipient of each will read.
func (d *demo) create(ctx context.Context) error {
	definitions, err := template.Parse(d.templates)
	if err != nil {
		return err
	}
	catalog, err := template.NewCatalog(definitions)
	if err != nil {
		return err
	}
	bucket, err := queue.OpenBucket(ctx, d.js, d.names().CampaignsBucket())
	if err != nil {
		return err
	}
	store := campaign.NewStore(campaign.Config{Bucket: bucket})
	for _, p := range d.Campaigns {
		params := make(map[string]string)
		for key, expression := range p.Expressions {
			if key != "to" && key != "where" {
				params[key] = expression
			}
		}
		spec := campaign.Spec{ID: p.ID, State: campaign.Open, Template: p.Template, Language: p.Language, Params: params}
		if err := store.Put(ctx, spec); err != nil {
			return err
		}
		preview, err := p.preview(catalog)
		if err != nil {
			return fmt.Errorf("preview of %s: %w", p.ID, err)
		}
		if !p.AfterAnswers {
			d.screen.preview(p.Title, preview)
		}
	}
	return nil
}

func (d *demo) publish(ctx context.Context, p *plan) error {
	stats, err := d.producer.PublishAll(ctx, p.jobs(Clinic), func(r producer.Rejection) {
		d.screen.line("  not published: %v", r.Err)
	})
	if err != nil {
		return err
	}
	d.stored[p.ID] += uint64(stats.Published - stats.Duplicates)
	d.screen.line("%-13s %d jobs published to JetStream, %d rows refused, %d recipients twice in the file",
		p.ID, stats.Published-stats.Duplicates, stats.Rejected, stats.Duplicates)
	return nil
}

// publishAgain publishes a campaign a second time as a system does that crashed
// and knows nothing of message ids: plain NATS, so that JetStream keeps it all,
// and the ledger in Redis is what keeps it from being sent again.
func (d *demo) publishAgain(ctx context.Context, p *plan) error {
	again := uint64(0)
	seen := make(map[string]bool)
	for j, err := range p.jobs(Clinic) {
		if err != nil || seen[j.ID] {
			continue
		}
		seen[j.ID] = true
		data, err := job.Encode(j)
		if err != nil {
			return err
		}
		if _, err := d.js.Publish(ctx, d.names().JobSubject(queue.IDOf(j)), data); err != nil {
			return err
		}
		again++
	}
	d.stored[p.ID] += again
	d.screen.line("\n%s: all %d jobs are published a second time, as a system does after a crash.", p.ID, again)
	return nil
}
