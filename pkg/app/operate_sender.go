package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/sender"
)

// SenderState is how a number stands.
type SenderState struct {
	Number  string `json:"number"`
	Account string `json:"account"`
	// MPS is its limit, Source where that comes from: operator, api, or default.
	MPS    int    `json:"mps"`
	Source string `json:"source"`
	// Level is what the API calls its throughput; empty where it was not told.
	Level  string `json:"level"`
	PerDay int    `json:"per_day"`
	By     string `json:"by"`
	// Pace is how fast it is sent for; null where no worker tells.
	Pace *Pace `json:"pace"`
	// Recipients are how many people its portfolio may begin to write to in 24 hours, 0
	// for as many as it likes; null where that is not known.
	Portfolio  string `json:"portfolio"`
	Recipients *int   `json:"recipients"`
	// Stops are those that keep it from sending: not those of templates.
	Stops    []sender.Stop `json:"stops"`
	Queued   uint64        `json:"queued"`
	InFlight uint64        `json:"in_flight"`
}

// Senders tells how every number stands: those that accounts list, that have jobs, or
// of which anything was said.
func (o *Operator) Senders(ctx context.Context) ([]SenderState, error) {
	stops, err := o.readStops(ctx)
	if err != nil {
		return nil, err
	}
	depths, err := o.queues.Depths(ctx)
	if err != nil {
		return nil, err
	}
	queued, inFlight := make(map[string]uint64), make(map[string]uint64)
	for _, d := range depths {
		queued[d.Sender] += d.Queued
		inFlight[d.Sender] += d.InFlight
	}
	directory, err := o.cfg.directory()
	if err != nil {
		return nil, err
	}
	ids := knownNumbers(directory, stops, queued)
	asked, err := o.ask(ctx, ids)
	if err != nil {
		asked = new(answer) // what a worker would tell is left open
	}
	list := make([]SenderState, 0, len(ids))
	for _, id := range ids {
		s := SenderState{Number: id, Queued: queued[id], InFlight: inFlight[id]}
		n, err := directory.Lookup(id)
		if err != nil {
			n = sender.Number{ID: id, Account: new(sender.Account), MPS: o.cfg.DefaultMPS}
		}
		if p, ok := asked.Paces[id]; ok {
			s.Pace, n.Account = &p, sameAccount(directory, n.Account, p.Account)
		}
		s.fill(stops, n)
		list = append(list, s)
	}
	return list, nil
}

// sameAccount is the account that a worker names: these settings may know none.
func sameAccount(d *sender.Directory, known *sender.Account, waba string) *sender.Account {
	for _, a := range d.Accounts() {
		if a.WABA == waba {
			return a
		}
	}
	if known.WABA != "" {
		return known
	}
	return &sender.Account{WABA: waba}
}

// fill adds what is said of a number.
func (s *SenderState) fill(stops *sender.Stops, n sender.Number) {
	l := limitOf(stops, n)
	s.Account, s.MPS, s.Source, s.Level, s.PerDay, s.By = n.Account.WABA, l.MPS, l.Source, l.Level, l.PerDay, l.By
	if s.Pace != nil {
		s.MPS = s.Pace.MPS // its default may be another one there
	}
	s.Portfolio = n.Account.Group()
	if p, ok := stops.Portfolio(s.Portfolio); ok {
		s.Recipients = &p.Recipients
	}
	s.Stops = []sender.Stop{}
	covering := []sender.Target{sender.Everything(), {Scope: sender.ScopeAccount, Name: s.Account}, {Scope: sender.ScopeNumber, Name: s.Number}}
	for _, stop := range stops.List() {
		if slices.ContainsFunc(covering, func(t sender.Target) bool { return t.Covers(stop.Target()) }) {
			s.Stops = append(s.Stops, stop)
		}
	}
}

// knownNumbers are those that settings, jobs or other people's words name.
func knownNumbers(d *sender.Directory, stops *sender.Stops, queued map[string]uint64) []string {
	ids := stops.Limited()
	for _, a := range d.Accounts() {
		ids = append(ids, a.Numbers...)
	}
	for id := range queued {
		if job.ValidSender(id) {
			ids = append(ids, id)
		}
	}
	for _, s := range stops.List() {
		if s.Scope == sender.ScopeNumber {
			ids = append(ids, s.Name)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// NumberLimit is what a number may send as far as is known: an operator's word, the
// API's, or the default of the settings.
func NumberLimit(ctx context.Context, cfg Config, id string) (sender.Limit, error) {
	v, err := OpenView(ctx, cfg)
	if err != nil {
		return sender.Limit{}, err
	}
	defer v.Close()
	stops, err := v.readStops(ctx)
	if err != nil {
		return sender.Limit{}, err
	}
	l := limitOf(stops, sender.Number{ID: id, MPS: cfg.DefaultMPS})
	if l.Source == "" {
		l.Source = sender.SourceDefault
	}
	return l, nil
}

// ErrNoSender marks a number that nobody knows.
var ErrNoSender = errors.New("no such number")

// SenderChange is what an operator says of a number; nil leaves it as it is.
type SenderChange struct {
	// MPS is messages a second, PerDay the most in 24 hours, 0 for no such limit, and
	// Recipients the most people its portfolio may begin to write to in 24 hours, 0
	// for as many as it likes.
	MPS, PerDay, Recipients *int
	// Auto forgets what operators have said before.
	Auto bool
}

// SetSender limits a number, on every worker within a moment, and returns how it
// stands then. One that nobody knows is [ErrNoSender].
func (o *Operator) SetSender(ctx context.Context, id string, change SenderChange) (*SenderState, error) {
	was, err := o.senderState(ctx, id)
	if err != nil {
		return nil, err
	}
	stops, err := o.readStops(ctx)
	if err != nil {
		return nil, err
	}
	if err := o.setLimit(ctx, stops, id, change); err != nil {
		return nil, err
	}
	if err := o.setPortfolio(ctx, stops, was.Portfolio, change); err != nil {
		return nil, err
	}
	if err := o.noteTarget(ctx, sender.Target{Scope: sender.ScopeNumber, Name: id}, "", change.String()+" by "+o.by); err != nil {
		return nil, err
	}
	return o.senderState(ctx, id)
}

func (o *Operator) senderState(ctx context.Context, id string) (*SenderState, error) {
	all, err := o.Senders(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		if s.Number == id {
			return &s, nil
		}
	}
	return nil, fmt.Errorf("%w: %s", ErrNoSender, id)
}

func (o *Operator) setLimit(ctx context.Context, stops *sender.Stops, id string, change SenderChange) error {
	said, _ := stops.Said(id)
	if change.Auto {
		said = sender.Limit{}
	}
	if change.MPS != nil {
		said.MPS = *change.MPS
	}
	if change.PerDay != nil {
		said.PerDay = *change.PerDay
	}
	shared := sender.NewStops(o.senders, o.by, slog.New(slog.DiscardHandler))
	if said.MPS == 0 && said.PerDay == 0 {
		return shared.ClearLimit(ctx, id)
	}
	said.Source, said.By, said.Since = sender.SourceOperator, o.by, time.Now().UTC()
	return shared.SetLimit(ctx, id, said)
}

func (o *Operator) setPortfolio(ctx context.Context, stops *sender.Stops, name string, change SenderChange) error {
	switch {
	case change.Recipients == nil && !change.Auto:
		return nil
	case name == "":
		if change.Recipients == nil {
			return nil
		}
		return errors.New("the number's account is not known here, and so neither is its portfolio; give the settings of the workers, or ask while one runs")
	case change.Recipients == nil:
		return stops.ClearPortfolio(ctx, name)
	}
	return stops.SetPortfolio(ctx, name, sender.PortfolioLimit{Recipients: *change.Recipients, Source: sender.SourceOperator, By: o.by})
}

// String is the change in words.
func (c SenderChange) String() string {
	var parts []string
	if c.Auto {
		parts = append(parts, "limits: automatic")
	}
	for _, p := range []struct {
		value *int
		what  string
	}{{c.MPS, "messages a second"}, {c.PerDay, "messages a day"}, {c.Recipients, "recipients a day of its portfolio"}} {
		if p.value != nil {
			parts = append(parts, cmp.Or(strings.TrimPrefix(fmt.Sprint(*p.value), "0"), "any number of")+" "+p.what)
		}
	}
	return strings.Join(parts, ", ")
}
