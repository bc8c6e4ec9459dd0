package worker

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/policy"
	"github.com/wacast/wacast/pkg/recipient"
	"github.com/wacast/wacast/pkg/template"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// Consent knows who may be written to, without a round trip; [recipient.Book] does.
type Consent interface {
	// Fresh reports whether what it knows is up to date. While it is not, nothing is sent.
	Fresh() bool
	// Check says whether a person takes a message from a number of ours.
	Check(p recipient.Person, from string, marketing bool) recipient.Verdict
	// Window is until when the customer service window between them is open.
	Window(number string, p recipient.Person) (until time.Time, open bool)
	// Canonical is what a person is counted by, whichever alias a message goes to.
	Canonical(p recipient.Person) recipient.ID
}

// person is what the item knows of its recipient.
func (it *item) person() recipient.Person {
	return recipient.Person{Number: string(it.job.To), UserID: it.job.UserID}
}

// consents asks whether the recipient may be written to, and ends the item where not.
// It is asked at the gate, which saves the slot, and again at the slot: what somebody
// said a second ago counts.
func (w *Worker) consents(it *item) bool {
	w.categorize(it)
	if w.cfg.Consent == nil {
		return true
	}
	p := it.person()
	v := w.cfg.Consent.Check(p, it.number.ID, it.marketing)
	if atSlot := !it.readyAt.IsZero(); v.OK {
		v = w.windowed(it, p, atSlot)
	}
	if !v.OK {
		w.end(it, suppressed(v))
	}
	return v.OK
}

// categorize takes the category that the platform has told of the item's template last,
// which may be news since its definition was read, or since the item came to the gate.
func (w *Worker) categorize(it *item) {
	t := &it.job.Template
	if told := w.cfg.Stops.Category(it.number.Account.WABA, t.Name, t.Language); told != "" {
		it.category, it.marketing = told, told == template.Marketing
	}
}

// windowed looks at the recipient's customer service window, and asks whether the
// campaign leaves them out for that. Before the slot it looks for such a campaign only.
func (w *Worker) windowed(it *item, p recipient.Person, atSlot bool) recipient.Verdict {
	spec, _ := w.cfg.Campaigns.Lookup(it.intake.id.Campaign)
	if asks := spec.Window != "" && spec.Window != campaign.WindowAny; asks || atSlot {
		it.window, _ = w.cfg.Consent.Window(it.number.ID, p)
	}
	switch {
	case spec.Window == campaign.WindowSkipOpen && it.inWindow():
		return recipient.Verdict{Reason: job.ReasonWindowOpen, Detail: "the recipient's customer service window is open" + until(it.window)}
	case spec.Window == campaign.WindowOnlyOpen && !it.inWindow():
		return recipient.Verdict{Reason: job.ReasonWindowClosed, Detail: "the recipient's customer service window is closed"}
	}
	return recipient.Verdict{OK: true}
}

// inWindow reports whether the recipient's customer service window is open.
func (it *item) inWindow() bool { return !it.window.IsZero() }

// suppressed is how a job ends whose recipient is not to get it.
func suppressed(v recipient.Verdict) ending {
	return ending{outcome: job.Suppressed, reason: cmp.Or(v.Reason, job.ReasonOptedOut), detail: v.Detail}
}

// until is a time as details have it.
func until(t time.Time) string { return ", until " + t.UTC().Format(time.RFC3339) }

var errStale = errors.New("opt-outs may be missing: what is known of consent is older than a second")

// informed reports whether it is known who may be written to.
func (w *Worker) informed() bool {
	if w.cfg.Consent == nil || w.cfg.Consent.Fresh() {
		if w.trouble.consent.err() != nil {
			_ = w.trouble.consent.note(nil)
		}
		return true
	}
	_ = w.trouble.consent.note(errStale)
	return false
}

// People takes down what the API tells of recipients; [recipient.Book] does.
type People interface {
	// Learn takes in that the aliases are one person. It returns at once.
	Learn(p recipient.Person)
	// OptOut records what a person does not want.
	OptOut(ctx context.Context, p recipient.Person, o recipient.OptOut) (changed bool, err error)
	// HoldMarketing keeps marketing from a person for a while.
	HoldMarketing(ctx context.Context, p recipient.Person, until time.Time) error
	// Undeliverable records that a message did not reach a person; the mark is its
	// campaign, or the job where it has none.
	Undeliverable(ctx context.Context, p recipient.Person, mark string) (bad bool, err error)
}

// learn takes in by what other names the API knows the recipient.
func (w *Worker) learn(it *item, accepted *whatsapp.Accepted) {
	same := it.job.To != "" && accepted.WaID == string(it.job.To[1:]) || accepted.WaID == ""
	if w.cfg.People == nil || same && (accepted.UserID == "" || accepted.UserID == it.job.UserID) {
		return
	}
	p := it.person()
	p.WaID, p.UserID = accepted.WaID, cmp.Or(p.UserID, accepted.UserID)
	w.cfg.People.Learn(p)
}

// consentTries is how often it is tried to write down what a refusal says of a
// recipient: for a minute, while NATS is away. The API would say it again.
const consentTries = 30

// told takes down what a refusal says of the recipient, before its outcome is on record
// and the job gone. It returns since when the recipient has opted out, if that is so.
func (w *Worker) told(it *item, err error) (optedOut time.Time) {
	effect := policy.OnRecipient(codeOf(err))
	if effect == policy.EffectNone || w.cfg.People == nil {
		return time.Time{}
	}
	now := time.Now()
	var retry pause
	for range consentTries {
		ctx, cancel := context.WithTimeout(w.recording, recordTimeout)
		failed := w.takeDown(ctx, effect, it, now)
		cancel()
		if failed == nil {
			if effect == policy.EffectOptOut {
				return now
			}
			return time.Time{}
		}
		if w.log.Warn("what the API says of a recipient is not written down yet", "effect", effect.String(), "error", failed); !retry.wait(w.recording) {
			break
		}
	}
	return time.Time{}
}

func (w *Worker) takeDown(ctx context.Context, effect policy.Effect, it *item, now time.Time) (err error) {
	p := it.person()
	switch effect {
	case policy.EffectOptOut:
		_, err = w.cfg.People.OptOut(ctx, p, recipient.OptOut{Scope: recipient.Marketing, Source: recipient.API, Since: now.UTC()})
	case policy.EffectHold:
		err = w.cfg.People.HoldMarketing(ctx, p, now.Add(policy.MarketingHold))
	case policy.EffectUndeliverable:
		_, err = w.cfg.People.Undeliverable(ctx, p, cmp.Or(it.job.Campaign, it.job.ID))
	}
	return err
}

// optOut is the event of an opt-out that the API told of.
func (it *item) optOut(source string) job.Event {
	ev := it.event(source, it.end.optedOut)
	d := &ev.Data
	d.Kind, d.Was, d.Outcome, d.Body, d.Reason = job.OptOut, "", "", 0, ""
	d.Scope, d.Detail = string(recipient.Marketing), string(recipient.API)
	return job.NewEvent(source, it.end.optedOut, *d)
}
