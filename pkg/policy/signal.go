package policy

import (
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// SignalDo is what a signal asks for.
type SignalDo uint8

const (
	// SignalNote tells people, and nothing else.
	SignalNote SignalDo = iota + 1
	// SignalStop stops what it names.
	SignalStop
	// SignalResume ends what the platform stopped for the same reason, and no operator's
	// pause.
	SignalResume
	// SignalLimit changes a limit.
	SignalLimit
)

// String is the word for logs and metric labels.
func (d SignalDo) String() string {
	switch d {
	case SignalNote:
		return "note"
	case SignalStop:
		return "stop"
	case SignalResume:
		return "resume"
	case SignalLimit:
		return "limit"
	}
	return "invalid"
}

// Back is how a stop ends. A person may end any.
type Back string

// The ways back.
const (
	// BackTime: one message is tried at its end, and lifts it if it is accepted.
	BackTime Back = "time"
	// BackWebhook: the platform tells, and one message is tried where it has an end.
	BackWebhook Back = "webhook"
	// BackPerson: somebody has to mend something that no webhook tells of.
	BackPerson Back = "person"
)

// How long the platform pauses a template for its quality (fact sheet 3.6).
const (
	firstPause  = 3 * time.Hour
	secondPause = 6 * time.Hour
)

const categoryUtility = "UTILITY"

// Signal is what to do about something that the platform told of more than one
// message.
type Signal struct {
	Do SignalDo
	// Scope is what it is about, and the names say which one: Template with Language
	// for ScopeTemplate (all languages where none is told), Category for ScopeCategory,
	// Number for ScopeNumber. Number is a telephone number as people write it, since no
	// id is told; empty where the caller knows the number. ScopeNone is about nothing
	// that could be named.
	Scope              Scope
	Account, Number    string
	Template, Language string
	Category           string
	// Reason is why, for stops; a resume ends the stops of its reason alone.
	Reason job.Reason
	// Code is that of the failure, where it is one.
	Code int
	// Text says it for people, with what to do.
	Text string
	// At is when the platform says it happened: what is older changes nothing.
	At time.Time
	// Until is when a stop may end by itself; zero for never.
	Until time.Time
	Back  Back
	// Limit is the new messaging limit, for ScopePortfolio, and Level the new throughput,
	// for ScopeNumber.
	Limit whatsapp.MessagingLimit
	Level string
	// NewCategory is the category that the template has from now on; empty where nothing
	// is told of it.
	NewCategory string
	// Outdated marks what would have stopped something if it had been told in time.
	Outdated bool
}

// maxAge is how old what the platform tells may be to stop anything: webhooks are
// repeated for a week.
const maxAge = time.Hour

// AsOf is the signal as it is at a time. What would stop something for a time that is
// over, or tells of no such time and is old, is a note: whatever is still wrong, the next
// message's refusal says. An end that is told and has not come says that it still holds;
// that of a failure is a guess.
func (s Signal) AsOf(now time.Time) Signal {
	if s.Do != SignalStop {
		return s
	}
	told := !s.Until.IsZero() && s.Code == 0
	if told && now.Before(s.Until) || !told && now.Sub(s.At) <= maxAge {
		return s
	}
	s.Do, s.Outdated = SignalNote, true
	return s
}

// String hides the telephone number.
func (s Signal) String() string { return s.Do.String() + " " + s.Scope.String() + ": " + s.Text }

// GoString hides as String does.
func (s Signal) GoString() string { return s.String() }

// Signals say what to do about an update that was received at a time. It is pure, and
// complete: what is not known here is a note. An update of another kind has none.
func Signals(u *whatsapp.Update, received time.Time) []Signal {
	at := u.Time
	if at.IsZero() || at.After(received) {
		at = received // a time yet to come would hide what happens until then
	}
	var list []Signal
	switch n := u.Notice.(type) {
	case whatsapp.TemplateStatus:
		list = []Signal{templateStatus(n, at)}
	case whatsapp.TemplateQuality:
		list = []Signal{aboutTemplate(n.Template, job.ReasonQuality, "the template's quality is "+n.Now+was(n.Was)+qualityAdvice(n.Now))}
	case whatsapp.TemplateCategory:
		list = []Signal{templateCategory(n)}
	case whatsapp.TemplateComponents:
		list = []Signal{aboutTemplate(n.Template, "", "the template was edited; bring its definition anew with wacast template pull")}
	case whatsapp.NumberQuality:
		list = numberQuality(n)
	case whatsapp.NumberName:
		list = []Signal{{Scope: ScopeNumber, Number: n.Display, Text: "the number's new name: " + n.Decision + more(n.Reason)}}
	case whatsapp.Capability:
		list = capability(n.Limit)
	case whatsapp.AccountUpdate:
		list = account(n)
	case whatsapp.Alert:
		list = []Signal{{Scope: ScopeAccount, Text: "alert (" + n.Severity + "): " + n.Type + more(n.Description)}}
	case whatsapp.Review:
		list = []Signal{{Scope: ScopeAccount, Text: "the account's review: " + n.Decision}}
	case whatsapp.Security:
		list = []Signal{{Scope: ScopeAccount, Text: "security: " + n.Event + "; if it was nobody of yours, look at WhatsApp Manager"}}
	case nil:
		list = failures(u, at)
	}
	for i := range list {
		s := &list[i]
		s.Account, s.At = u.Account, at
		if s.Do == 0 {
			s.Do = SignalNote
		}
	}
	return list
}

// failures are the errors of a number that are about no message.
func failures(u *whatsapp.Update, at time.Time) []Signal {
	if u.Kind != whatsapp.UpdateErrors {
		return nil
	}
	var list []Signal
	for _, e := range u.Errors {
		s, ok := FailureSignal(e, at)
		if !ok || s.Scope == ScopeTemplate { // of which nobody knows the name
			s = Signal{Scope: ScopeNumber, Code: e.Code, Text: e.Text()}
		}
		list = append(list, s)
	}
	return list
}

// aboutTemplate is a note of a template.
func aboutTemplate(t whatsapp.TemplateRef, reason job.Reason, text string) Signal {
	return Signal{Scope: ScopeTemplate, Template: t.Name, Language: t.Language, Reason: reason, Text: text}
}

// templateEvent is one line of the table of template events.
type templateEvent struct {
	do   SignalDo
	back Back
	text string
}

// templateEvents is that table. What is not in it is a note.
var templateEvents = map[string]templateEvent{
	whatsapp.TemplateApproved:   {do: SignalResume, text: "the template is approved"},
	whatsapp.TemplateUnpaused:   {do: SignalResume, text: "the template is no longer paused"},
	whatsapp.TemplateReinstated: {do: SignalResume, text: "the template is reinstated"},
	whatsapp.TemplatePaused: {SignalStop, BackWebhook,
		"the template is paused; look at it in WhatsApp Manager, where it may have to be unpaused"},
	whatsapp.TemplateRejected: {SignalStop, BackWebhook, "the template is rejected; correct it and have it approved again"},
	whatsapp.TemplatePending:  {SignalStop, BackWebhook, "the template is in review; it goes on once it is approved"},
	whatsapp.TemplateDisabled: {SignalStop, BackPerson, "the template is disabled for good; create a new one with other content"},
	whatsapp.TemplateArchived: {SignalStop, BackPerson, "the template is archived; unarchive it in WhatsApp Manager, then resume it"},
	whatsapp.TemplatePendingDeletion: {SignalStop, BackPerson,
		"the template is being deleted; messages on their way are still tried for 30 days"},
	whatsapp.TemplateDeleted: {SignalStop, BackPerson, "the template is deleted; use another one"},
	whatsapp.TemplateFlagged: {SignalNote, "", "the template is flagged for its quality and may be paused or disabled; look who gets it"},
	whatsapp.TemplateInAppeal: {SignalNote, "",
		"an appeal for the template is under way; whatever stopped it stays until it is approved"},
	whatsapp.TemplateLocked:        {SignalNote, "", "the template is locked and cannot be edited"},
	whatsapp.TemplateLimitExceeded: {SignalNote, "", "the account has as many templates as it may; delete some"},
}

// pauses are the titles that say more of a pause than its event.
var pauses = map[string]struct {
	lasts time.Duration
	back  Back
	text  string
}{
	whatsapp.TitleFirstPause:  {firstPause, BackTime, "the template is paused for 3 hours for its quality; the third time it is disabled"},
	whatsapp.TitleSecondPause: {secondPause, BackTime, "the template is paused for 6 hours for its quality; the next time it is disabled"},
	whatsapp.TitleRateLimitingPause: {0, BackWebhook,
		"the template is paused by pacing: unpause it in WhatsApp Manager, 5 minutes after the pause at the earliest"},
}

func templateStatus(n whatsapp.TemplateStatus, at time.Time) Signal {
	event := n.Event
	if n.Title == whatsapp.TitleUnpause {
		event = whatsapp.TemplateUnpaused
	}
	e, ok := templateEvents[event]
	if !ok {
		e = templateEvent{do: SignalNote, text: "the template's status is " + n.Event}
	}
	s := aboutTemplate(n.Template, job.ReasonTemplateStatus, e.text)
	s.Do, s.Back, s.NewCategory = e.do, e.back, n.Category
	if p, ok := pauses[n.Title]; ok && event == whatsapp.TemplatePaused {
		s.Back, s.Text = p.back, p.text
		if p.lasts > 0 {
			s.Until = at.Add(p.lasts)
		}
	}
	s.Text += more(n.Reason) + more(n.Recommendation)
	if s.Do == SignalStop && n.Template.Name == "" {
		s.Do, s.Scope, s.Back, s.Until = SignalNote, ScopeAccount, "", time.Time{} // of nobody knows which
	}
	return s
}

func templateCategory(n whatsapp.TemplateCategory) Signal {
	text := "the template's category is " + n.Now + was(n.Was)
	if n.Was == "" && n.Correct != "" {
		text += ", and it will be " + n.Correct
		if !n.At.IsZero() {
			text += " from " + n.At.Format(time.RFC3339)
		}
	}
	s := aboutTemplate(n.Template, "", text+"; the category makes the price and who may be written to")
	s.NewCategory = n.Now // be it that it is about to change: that is told again then
	return s
}

func numberQuality(n whatsapp.NumberQuality) []Signal {
	s := Signal{Scope: ScopeNumber, Number: n.Display, Text: "the number: " + n.Event}
	switch n.Event {
	case whatsapp.NumberUpgraded:
		s.Do, s.Level, s.Text = SignalLimit, whatsapp.LevelHigh, "the number's throughput was upgraded to 1,000 messages a second"
	case whatsapp.NumberFlagged:
		s.Reason, s.Text = job.ReasonQuality, "the number is flagged for its quality; look who gets its messages"
	}
	list := []Signal{s}
	if n.Limit.Known {
		list = append(list, capability(n.Limit)...)
	}
	return list
}

func capability(limit whatsapp.MessagingLimit) []Signal {
	if !limit.Known {
		return []Signal{{Scope: ScopePortfolio, Text: "the account's capabilities have changed"}}
	}
	return []Signal{{Do: SignalLimit, Scope: ScopePortfolio, Limit: limit, Text: "the messaging limit has changed"}}
}

func was(before string) string {
	if before == "" {
		return ""
	}
	return " (was " + before + ")"
}

func more(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

func qualityAdvice(quality string) string {
	if quality == "RED" {
		return "; it will be paused if that lasts: look who gets it"
	}
	return ""
}
