package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/report"
	"github.com/wacast/wacast/pkg/sender"
)

// Waiting is a queue that has jobs, and what they wait for. Without queued jobs it is
// about those of a campaign that are put off.
type Waiting struct {
	report.Backlog
	// Scheduled counts the jobs that are put off; those of both lanes, where none is
	// queued.
	Scheduled uint64 `json:"scheduled"`
	Why       Why    `json:"why"`
}

// waiting tells of each queue what it waits for.
func (v *View) waiting(ctx context.Context, stops *sender.Stops, backlog []report.Backlog, putOff []queue.PutOff) ([]Waiting, error) {
	asked, err := v.ask(ctx, sendersOf(backlog))
	around := &surroundings{view: v, stops: stops, noWorker: errors.Is(err, errNoWorker), specs: make(map[string]*campaign.Spec), rates: make(map[string]float64)}
	if err == nil {
		around.missing, around.paces = asked.Missing, asked.Paces
	}
	list := []Waiting{}
	queued := make(map[[2]string]bool)
	for _, b := range backlog {
		s, err := around.of(ctx, b)
		if err != nil {
			return nil, err
		}
		queued[[2]string{b.Sender, b.Campaign}] = true
		list = append(list, Waiting{Backlog: b, Why: s.why()})
	}
	for _, p := range putOff {
		if queued[[2]string{p.Sender, p.Campaign}] || !slices.Contains([]string{queue.KindSendAt, queue.KindWindow, queue.KindRetry}, p.Kind) {
			continue
		}
		b := report.Backlog{Sender: p.Sender, Campaign: p.Campaign}
		s, err := around.of(ctx, b)
		if err != nil {
			return nil, err
		}
		s.putOffFor = p.Kind
		list = append(list, Waiting{Backlog: b, Scheduled: p.Jobs, Why: s.why()})
	}
	return list, nil
}

func sendersOf(backlog []report.Backlog) (senders []string) {
	for _, b := range backlog {
		senders = append(senders, b.Sender)
	}
	slices.Sort(senders)
	return slices.Compact(senders)
}

// surroundings are what queues share, read once.
type surroundings struct {
	view     *View
	stops    *sender.Stops
	noWorker bool
	missing  map[string]string
	paces    map[string]Pace
	specs    map[string]*campaign.Spec
	rates    map[string]float64
}

func (a *surroundings) of(ctx context.Context, b report.Backlog) (*situation, error) {
	s := &situation{noWorker: a.noWorker, missing: a.missing, inFlight: b.InFlight, now: time.Now()}
	s.limit, _ = a.stops.Limit(b.Sender)
	if p, ok := a.paces[b.Sender]; ok {
		s.pace = &p
	}
	if h, ok := a.stops.Held(b.Sender, b.Campaign); ok {
		s.hold = &h
	}
	var err error
	if s.spec, err = a.spec(ctx, b.Campaign); err != nil {
		return nil, err
	}
	if s.stop, err = a.stop(ctx, b, s.spec); err != nil {
		return nil, err
	}
	s.rate, err = a.rate(ctx, b.Campaign)
	return s, err
}

func (a *surroundings) spec(ctx context.Context, id string) (*campaign.Spec, error) {
	if spec, ok := a.specs[id]; ok || !job.ValidCampaign(id) {
		return spec, nil
	}
	spec, err := a.view.spec(ctx, id)
	a.specs[id] = spec
	return spec, err
}

// rate is measured of so many campaigns as have series of their own.
func (a *surroundings) rate(ctx context.Context, id string) (float64, error) {
	if rate, ok := a.rates[id]; ok || len(a.rates) >= maxCampaignSeries {
		return rate, nil
	}
	p := &report.Progress{ID: id}
	if err := a.view.reporter.Measure(ctx, p, time.Now()); err != nil {
		return 0, err
	}
	a.rates[id] = p.Rate
	return p.Rate, nil
}

// stop is the widest stop that covers a queue.
func (a *surroundings) stop(ctx context.Context, b report.Backlog, spec *campaign.Spec) (*sender.Stop, error) {
	account := a.view.account(b.Sender)
	if p, ok := a.paces[b.Sender]; ok {
		account = p.Account
	}
	var name string // of the template, once it matters
	for _, stop := range a.stops.List() {
		covers := stop.Target() == sender.Everything() || stop.Scope == sender.ScopeAccount && stop.Name == account ||
			stop.Scope == sender.ScopeNumber && stop.Name == b.Sender
		if stop.Scope == sender.ScopeTemplate {
			var err error
			if name == "" {
				if name, err = a.template(ctx, b, spec); err != nil {
					return nil, err
				}
			}
			covers = name != "" && sender.TemplateTarget(account, name, "").Covers(stop.Target())
		}
		if covers {
			return &stop, nil
		}
	}
	return nil, nil
}

// template is what a queue's oldest job sends; empty where that is not to be told.
func (a *surroundings) template(ctx context.Context, b report.Backlog, spec *campaign.Spec) (string, error) {
	if spec != nil && spec.Template != "" {
		return spec.Template, nil
	}
	v, id := a.view, queue.ID{Sender: b.Sender, Lane: job.Lane(b.Lane), Campaign: b.Campaign}
	stream, err := v.js.Stream(ctx, v.names.JobsStream())
	if err != nil {
		return "", fmt.Errorf("find the oldest job: %w", err)
	}
	m, err := stream.GetMsg(ctx, 1, jetstream.WithGetMsgSubject(v.names.JobSubject(id)))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("find the oldest job: %w", err)
	}
	j, err := job.Decode(m.Data)
	if err != nil {
		return "", nil // it will be rejected
	}
	return j.Template.Name, nil
}

// account is that of a number as far as these settings know, and the one account
// where they know none.
func (v *View) account(number string) string {
	if d, err := v.cfg.directory(); err == nil {
		if n, err := d.Lookup(number); err == nil {
			return n.Account.WABA
		}
	}
	return sender.DefaultWABA
}

// spec reads a campaign; nil for one that nobody has seen.
func (v *View) spec(ctx context.Context, id string) (*campaign.Spec, error) {
	value, err := v.specs.Get(ctx, id)
	if errors.Is(err, queue.ErrNoKey) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return campaign.Decode(id, value)
}

// stopsTimeout bounds the reading of what is stopped.
const stopsTimeout = 10 * time.Second

// readStops reads what is stopped, limited and held, as it is now.
func (v *View) readStops(ctx context.Context) (*sender.Stops, error) {
	stops := sender.NewStops(v.senders, "", slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithTimeout(ctx, stopsTimeout)
	defer cancel()
	var running sync.WaitGroup
	running.Go(func() { _ = stops.Run(ctx) }) // ends with the context only
	defer running.Wait()
	select {
	case <-stops.Ready():
		cancel()
		return stops, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("read what is stopped: %w", context.Cause(ctx))
	}
}
