package webhook

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/policy"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// Stops is told what the platform stops, and what it lets numbers send; [sender.Stops]
// is.
type Stops interface {
	PlatformStop(ctx context.Context, stop sender.Stop) (changed bool, err error)
	PlatformResume(ctx context.Context, t sender.Target, reason job.Reason, at time.Time) (changed bool, err error)
	// SetCategory says which category a template has.
	SetCategory(ctx context.Context, waba, template, language string, c sender.Category) error
	Limits
}

var _ Stops = (*sender.Stops)(nil)

// Limits is told what the platform lets numbers send; [sender.Stops] is.
type Limits interface {
	// Told is what the platform has told of a number, and Limited lists the numbers of
	// which anything is known.
	Told(number string) (sender.Limit, bool)
	Limited() []string
	SetLimit(ctx context.Context, number string, l sender.Limit) error
	SetPortfolio(ctx context.Context, name string, l sender.PortfolioLimit) error
}

// Accounts knows whose numbers are whose; [sender.Directory] does.
type Accounts interface {
	Lookup(number string) (sender.Number, error)
	Accounts() []*sender.Account
}

// news is what the platform tells of a template, a number or an account.
type news struct {
	hook   *hook
	update *whatsapp.Update
}

// counted is what an update counts as.
func (n news) counted() string {
	if n.update.Kind == whatsapp.UpdateErrors {
		return updateErrors
	}
	return updateSignal
}

// obey does what the platform's signals ask for, each once: one that is repeated after
// its end must not stop anything again.
func (p *Processor) obey(all []news) bool {
	for _, n := range all {
		n.hook.tally[n.counted()]++
		for _, s := range policy.Signals(n.update, n.hook.delivery.Stored) {
			if !p.carryOut(p.named(s.AsOf(p.cfg.Now()), n.update.Number)) {
				return false
			}
		}
	}
	return true
}

// signal is one with the names that wacast has for what it is about.
type signal struct {
	policy.Signal
	// account is that of the settings; nil where it is none of ours.
	account *sender.Account
	// number is a phone number id; empty where it is not known.
	number string
}

// named finds the account and the number of a signal. Settings without an id for their
// account serve whichever there is, and the one number of an account is the one that is
// meant.
func (p *Processor) named(s policy.Signal, number string) signal {
	named := signal{Signal: s, number: number}
	accounts := p.cfg.Accounts.Accounts()
	for _, a := range accounts {
		// A failure is of a number of ours, and tells no account.
		if a.WABA == s.Account || s.Account == "" && p.isOf(number, a) || a.WABA == sender.DefaultWABA && len(accounts) == 1 {
			named.account = a
		}
	}
	if named.account != nil && number == "" && len(named.account.Numbers) == 1 {
		named.number = named.account.Numbers[0]
	}
	return named
}

func (p *Processor) isOf(number string, a *sender.Account) bool {
	n, err := p.cfg.Accounts.Lookup(number)
	return err == nil && n.Account == a
}

// carryOut does what a signal asks for, and records and counts it.
func (p *Processor) carryOut(s signal) bool {
	ev := s.event(p.source)
	known := false
	if !p.try(p.recording, func(ctx context.Context) (err error) {
		if known, err = p.knows(ctx, s.mark(), decision{}, &ev); err == nil && !known {
			err = p.act(ctx, s)
		}
		return err
	}) {
		return false
	}
	if known {
		return true
	}
	return p.announce(s, ev)
}

// announce tells people of a signal.
func (p *Processor) announce(s signal, ev job.Event) bool {
	p.cfg.Log.Warn("the platform tells", "what", s.Do, "scope", s.Scope, "account", s.Account, "template", s.Template, "language", s.Language, "says", s.Text)
	p.cfg.Metrics.signals.WithLabelValues(s.Do.String()).Inc()
	return p.record([]job.Event{ev})
}

// failed stops what the failure of a message is a sign of, which many failures are. Of
// those that are told too late to stop anything, one an hour of their time is announced.
func (p *Processor) failed(s signal) bool {
	if s.Outdated {
		s.At = s.At.Truncate(time.Hour)
		mark := s.mark()
		if p.outdated[mark] {
			return true
		}
		if len(p.outdated) >= maxOutdated {
			clear(p.outdated)
		}
		p.outdated[mark] = true
		return p.carryOut(s)
	}
	changed := false
	if !p.try(p.recording, func(ctx context.Context) (err error) {
		changed, err = p.halt(ctx, s)
		return err
	}) {
		return false
	}
	return !changed || p.announce(s, s.event(p.source))
}

// maxOutdated bounds what is remembered of failures that were told too late.
const maxOutdated = 1000

func (p *Processor) act(ctx context.Context, s signal) error {
	if s.account == nil { // of an account that is not ours nothing is sent
		return nil
	}
	if s.NewCategory != "" && s.Template != "" {
		if err := p.cfg.Stops.SetCategory(ctx, s.account.WABA, s.Template, s.Language, sender.Category{Name: s.NewCategory, At: s.At}); err != nil {
			return err
		}
	}
	switch {
	case s.Do == policy.SignalLimit && s.Scope == policy.ScopePortfolio:
		return p.cfg.Stops.SetPortfolio(ctx, s.account.Group(), sender.PortfolioLimit{Recipients: s.Limit.Recipients, Source: sender.SourceAPI})
	case s.Do == policy.SignalLimit:
		return p.askAgain(ctx, s)
	case s.Do == policy.SignalStop:
		_, err := p.halt(ctx, s)
		return err
	case s.Do == policy.SignalResume:
		return p.resume(ctx, s)
	}
	return nil
}

func (p *Processor) halt(ctx context.Context, s signal) (changed bool, err error) {
	t, ok := s.target()
	if !ok {
		return false, nil
	}
	return p.cfg.Stops.PlatformStop(ctx, sender.Stop{
		Scope: t.Scope, Name: t.Name, Reason: s.Reason, Code: s.Code, Detail: s.Text, At: s.At, Until: s.Until, WayBack: string(s.Back),
	})
}

func (p *Processor) resume(ctx context.Context, s signal) error {
	t, ok := s.target()
	if !ok {
		return nil
	}
	_, err := p.cfg.Stops.PlatformResume(ctx, t, s.Reason, s.At)
	return err
}

// askAgain makes what is known of the account's numbers old, so that a worker asks the
// API for their levels: the signal tells of one of them, and does not say which.
func (p *Processor) askAgain(ctx context.Context, s signal) error {
	numbers := s.account.Numbers
	if s.number != "" {
		numbers = []string{s.number}
	} else if len(numbers) == 0 {
		numbers = p.cfg.Stops.Limited()
	}
	for _, n := range numbers {
		told, ok := p.cfg.Stops.Told(n)
		if !ok {
			continue // it is asked for anyway
		}
		told.Source, told.Since = sender.SourceAPI, time.Unix(1, 0)
		if err := p.cfg.Stops.SetLimit(ctx, n, told); err != nil {
			return err
		}
	}
	return nil
}

// target is what a signal stops or resumes; false where nobody knows its name.
func (s *signal) target() (sender.Target, bool) {
	if s.account == nil {
		return sender.Target{}, false
	}
	waba := s.account.WABA
	switch s.Scope {
	case policy.ScopeTemplate:
		return sender.TemplateTarget(waba, s.Template, s.Language), s.Template != ""
	case policy.ScopeCategory:
		return sender.CategoryTarget(waba, s.Category), s.Category != ""
	case policy.ScopeNumber:
		return sender.Target{Scope: sender.ScopeNumber, Name: s.number}, s.number != ""
	case policy.ScopeAccount:
		return sender.Target{Scope: sender.ScopeAccount, Name: waba}, true
	}
	return sender.Target{}, false
}

// mark tells a signal from all others.
func (s *signal) mark() string {
	said := strings.Join([]string{s.Scope.String(), s.Account, s.Number, s.number, s.Template, s.Language, s.Category, s.Text}, "/")
	sum := sha256.Sum256([]byte(said))
	return fmt.Sprintf("sig.%x.%d", sum[:12], s.At.Unix())
}

// waba is the id of the account, where it is one of ours.
func (s *signal) waba() string {
	if s.account == nil {
		return ""
	}
	return s.account.WABA
}

// event says what the platform told.
func (s *signal) event(source string) job.Event {
	d := job.EventData{Kind: job.AccountChanged, From: s.number, Reason: s.Reason, Code: s.Code, Template: s.Template, Language: s.Language}
	switch s.Scope {
	case policy.ScopeTemplate, policy.ScopeCategory:
		d.Kind = job.TemplateChanged
	case policy.ScopeNumber:
		d.Kind = job.SenderChanged
	}
	d.Detail = cmp.Or(s.Account, s.waba(), "an account") + ": " + s.Text
	if s.Outdated {
		d.Detail += " (told too late to stop anything)"
	}
	ev := job.NewEvent(source, s.At, d)
	ev.ID += "/" + s.mark()
	return ev
}
