package policy

import (
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// row is one line of the table: an action, and the wait that becomes its delay.
type row struct {
	action Action
	wait   Backoff
}

// once is a wait that does not grow here. Stops grow where they are kept.
func once(d time.Duration) Backoff { return Backoff{First: d, Limit: d} }

// rowOf is the table. A class it does not know, such as the zero class, may have
// been accepted for all anybody knows.
func rowOf(class whatsapp.Class) row {
	switch class {
	case whatsapp.ClassAccepted:
		return settle(job.Accepted, "")
	case whatsapp.ClassRefusedMessage:
		return settle(job.Rejected, job.ReasonRefused)
	case whatsapp.ClassRefusedRecipient:
		return settle(job.Rejected, job.ReasonRecipient)

	// A template rarely recovers by itself within minutes, and sending a paused one
	// hurts its number (fact sheet 8.13).
	case whatsapp.ClassRefusedTemplate:
		return stop(ScopeTemplate, job.ReasonTemplate, 5*time.Minute)
	// Among these is the spam restriction, which is no reason to hurry.
	case whatsapp.ClassRefusedNumber:
		return stop(ScopeNumber, job.ReasonNumber, time.Minute)
	// A token is often replaced within moments; a probe of it sends no message.
	case whatsapp.ClassRefusedAccount:
		return stop(ScopeAccount, job.ReasonAccount, 10*time.Second)
	// An upgrade takes up to a minute, a template's sync up to ten (fact sheet 2.5).
	case whatsapp.ClassUnavailableNumber:
		return stop(ScopeNumber, job.ReasonNumber, time.Minute)
	case whatsapp.ClassUnavailableTemplate:
		return stop(ScopeTemplate, job.ReasonTemplate, 10*time.Minute)

	// A throttled job did nothing wrong, so it uses up no attempt.
	case whatsapp.ClassThrottledNumber:
		return retry(ScopeNumber, job.ReasonThrottled, Backoff{First: time.Second, Factor: 2, Limit: 30 * time.Second})
	// Meta: 4^X seconds after the X-th failure, X from 0 to 4 (fact sheet 2.5).
	case whatsapp.ClassThrottledPair:
		return retry(ScopeRecipient, job.ReasonThrottled, Backoff{First: time.Second, Factor: 4, Limit: 256 * time.Second})
	// The call limit is of an hour: no rate helps that is used up (fact sheet 3.4).
	case whatsapp.ClassThrottledAccount:
		return stop(ScopeAccount, job.ReasonThrottled, time.Minute)
	case whatsapp.ClassThrottledApp:
		return stop(ScopeApp, job.ReasonThrottled, time.Minute)

	// Meta asks for some tries, then five minutes (fact sheet 2.4, code 2).
	case whatsapp.ClassTransient:
		r := retry(ScopeNone, job.ReasonTransient, Backoff{First: time.Second, Factor: 2, Limit: 5 * time.Minute})
		r.action.CountsAttempt = true
		return r
	// A dead network must not use up the attempts of a whole campaign.
	case whatsapp.ClassNotSent:
		return retry(ScopeNone, job.ReasonNotSent, Backoff{First: time.Second, Factor: 2, Limit: 30 * time.Second})
	}
	return settle(job.Unknown, job.ReasonConnectionLost)
}

func settle(outcome job.Kind, reason job.Reason) row {
	return row{action: Action{Do: Settle, Outcome: outcome, Reason: reason, CountsAttempt: true}}
}

func stop(scope Scope, reason job.Reason, probe time.Duration) row {
	return row{action: Action{Do: GiveBack, Reason: reason, Stop: scope}, wait: once(probe)}
}

func retry(slow Scope, reason job.Reason, wait Backoff) row {
	return row{action: Action{Do: Retry, Reason: reason, Slow: slow}, wait: wait}
}
