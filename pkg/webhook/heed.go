package webhook

import (
	"context"
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/policy"
	"github.com/wacast/wacast/pkg/recipient"
)

// heed has the book know what statuses say of recipients: their other names, whether
// messages reach them, and what they want. It comes before the events, so that nothing
// is on record that was not heeded; to tell the book twice changes nothing.
func (p *Processor) heed(plans []plan) bool {
	for i := range plans {
		pl := &plans[i]
		if who := pl.recipient(); pl.mark != 0 && who != (recipient.Person{}) {
			p.cfg.Book.Learn(who)
			if !p.try(p.recording, func(ctx context.Context) error { return p.reached(ctx, pl, who) }) {
				return false
			}
		}
		if !p.symptoms(pl) {
			return false
		}
	}
	return true
}

// symptoms stops what a failure says of more than its message: that the template is
// paused, or the account cannot pay.
func (p *Processor) symptoms(pl *plan) bool {
	if pl.mark&dedup.SeenFailed == 0 {
		return true
	}
	failed := pl.report.steps[stepFailed]
	for _, e := range failed.status.Errors {
		s, ok := policy.FailureSignal(e, failed.at)
		if !ok {
			continue
		}
		s = s.AsOf(p.cfg.Now())
		s.Template, s.Language = pl.about.Template, pl.about.Language
		if !p.failed(p.named(s, pl.about.From)) {
			return false
		}
	}
	return true
}

// recipient is whom the plan's message went to, by all names that are known.
func (p *plan) recipient() recipient.Person {
	who := recipient.Person{Number: string(p.about.To), WaID: string(p.about.WaID), UserID: p.about.UserID}
	for i := range p.report.steps {
		if s := p.report.steps[i].status; s != nil {
			if s.RecipientID != "" {
				who.WaID = s.RecipientID
			}
			if s.RecipientUserID != "" {
				who.UserID = s.RecipientUserID
			}
		}
	}
	return who
}

func (p *Processor) reached(ctx context.Context, pl *plan, who recipient.Person) error {
	if pl.mark&(dedup.SeenDelivered|dedup.SeenRead) != 0 {
		return p.cfg.Book.Delivered(ctx, who)
	}
	if pl.mark&dedup.SeenFailed == 0 {
		return nil
	}
	failed := pl.report.steps[stepFailed]
	for _, e := range failed.status.Errors {
		switch policy.OnRecipient(e.Code) {
		case policy.EffectOptOut:
			if err := p.optOut(ctx, pl, who, failed.at); err != nil {
				return err
			}
		case policy.EffectHold:
			if err := p.cfg.Book.HoldMarketing(ctx, who, failed.at.Add(policy.MarketingHold)); err != nil {
				return err
			}
		case policy.EffectUndeliverable:
			mark := pl.about.Campaign
			if mark == "" {
				mark = pl.about.ID
			}
			if _, err := p.cfg.Book.Undeliverable(ctx, who, mark); err != nil {
				return err
			}
		}
	}
	return nil
}

// optOut takes an opt-out that a refusal tells of. Its event comes before the failure,
// so that who finds that on record finds this too.
func (p *Processor) optOut(ctx context.Context, pl *plan, who recipient.Person, at time.Time) error {
	w := &wish{out: true, scope: recipient.Marketing, source: recipient.API, at: at}
	if err := p.grant(ctx, who, w); err != nil || pl.optOut != nil { // which is a step tried again
		return err
	}
	d := w.data(pl.about)
	d.Was, d.Outcome, d.Body, d.Reason = "", "", 0, ""
	complete(&d, pl.report.steps[stepFailed])
	ev := job.NewEvent(p.source, at, d)
	ev.Traceparent = pl.outcome.Traceparent
	pl.events = append([]job.Event{ev}, pl.events...)
	pl.optOut = &ev.Data
	return nil
}
