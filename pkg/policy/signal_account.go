package policy

import (
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// account is the table of an account's events. What is not in it is a note.
func account(n whatsapp.AccountUpdate) []Signal {
	s := Signal{Scope: ScopeAccount, Text: "the account: " + n.Event + more(n.Detail)}
	switch n.Event {
	case whatsapp.AccountViolation:
		s.Text = "the account has violated a policy" + more(n.Violation) + "; this is a warning, which restrictions may follow"
	case whatsapp.AccountRestriction:
		return restrictions(n.Restrictions)
	case whatsapp.AccountBan:
		return []Signal{ban(n)}
	case whatsapp.AccountDeleted:
		s.Do, s.Reason, s.Back, s.Text = SignalStop, job.ReasonAccount, BackPerson, "the account is deleted; take it out of the settings"
	case whatsapp.AccountOffboarded:
		s.Do, s.Reason, s.Back, s.Text = SignalStop, job.ReasonAccount, BackWebhook, "the account was taken away from this app; have it connected again"
	case whatsapp.AccountReconnected:
		s.Do, s.Reason, s.Text = SignalResume, job.ReasonAccount, "the account is connected again"
	}
	return []Signal{s}
}

func ban(n whatsapp.AccountUpdate) Signal {
	s := Signal{Scope: ScopeAccount, Reason: job.ReasonBanned}
	switch n.Ban {
	case whatsapp.BanDisabled:
		s.Do, s.Back, s.Text = SignalStop, BackWebhook, "the account is disabled"+since(n.BanDate)+"; appeal in WhatsApp Manager"
	case whatsapp.BanLifted:
		s.Do, s.Text = SignalResume, "the account is reinstated"
	case whatsapp.BanScheduled:
		s.Text = "the account will be disabled" + since(n.BanDate) + "; appeal in WhatsApp Manager"
	default:
		s.Text = "the account's ban" + more(n.Ban)
	}
	return s
}

// restrictions is the table of what an account may not do any more.
func restrictions(list []whatsapp.Restriction) []Signal {
	if len(list) == 0 {
		return []Signal{{Scope: ScopeAccount, Reason: job.ReasonRestricted, Text: "the account is restricted, and it is not told in what; look at WhatsApp Manager"}}
	}
	signals := make([]Signal, len(list))
	for i, r := range list {
		signals[i] = restriction(r)
	}
	return signals
}

func restriction(r whatsapp.Restriction) Signal {
	s := Signal{Scope: ScopeAccount, Reason: job.ReasonRestricted, Text: "the account is restricted" + more(r.Type)}
	switch r.Type {
	case whatsapp.RestrictedMessaging:
		s.Do, s.Text = SignalStop, "the account may send no templates, for violating a policy; appeal in WhatsApp Manager if that is wrong"
	case whatsapp.RestrictedUtility:
		s.Do, s.Scope, s.Category = SignalStop, ScopeCategory, categoryUtility
		s.Reason, s.Text = job.ReasonMisclassified, "the account may send no utility templates, for using them as marketing; correct the categories"
	}
	if s.Do != SignalStop {
		if !r.Until.IsZero() {
			s.Text += " until " + r.Until.Format(time.RFC3339)
		}
		return s
	}
	s.Until, s.Back = r.Until, BackTime
	if r.Until.IsZero() {
		s.Back = BackPerson
	}
	return s
}

func since(date string) string {
	if date == "" {
		return ""
	}
	return " (" + date + ")"
}
