package policy

import (
	"errors"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// Do is what happens to the job.
type Do uint8

const (
	// Settle ends the job with the action's outcome and reason.
	Settle Do = iota + 1
	// Retry sends the job again after the action's delay.
	Retry
	// GiveBack puts the job back as if it had never been tried, and stops what the
	// action names.
	GiveBack
)

// String is the word for logs.
func (d Do) String() string {
	switch d {
	case Settle:
		return "settle"
	case Retry:
		return "retry"
	case GiveBack:
		return "give_back"
	}
	return "invalid"
}

// Scope is how far a finding reaches beyond the job.
type Scope uint8

const (
	// ScopeNone: this job alone.
	ScopeNone Scope = iota
	// ScopeRecipient: every job of this sender number to this recipient.
	ScopeRecipient
	// ScopeTemplate: every job with this template in this language, in this account.
	ScopeTemplate
	// ScopeNumber: every job of this sender number.
	ScopeNumber
	// ScopeAccount: every job of this account.
	ScopeAccount
	// ScopeApp: every job of every account behind this app.
	ScopeApp
	// ScopeCategory: every job of this account whose template is of a category.
	ScopeCategory
	// ScopePortfolio: every number of the account's business portfolio.
	ScopePortfolio
)

// String is the word for logs and metric labels.
func (s Scope) String() string {
	switch s {
	case ScopeNone:
		return "none"
	case ScopeRecipient:
		return "recipient"
	case ScopeTemplate:
		return "template"
	case ScopeNumber:
		return "number"
	case ScopeAccount:
		return "account"
	case ScopeApp:
		return "app"
	case ScopeCategory:
		return "category"
	case ScopePortfolio:
		return "portfolio"
	}
	return "invalid"
}

// Action is what to do about one send.
type Action struct {
	Do Do
	// Outcome is how the job ends, for Settle.
	Outcome job.Kind
	// Reason says why, whatever is done.
	Reason job.Reason
	// Stop is what must not send until a probe succeeds, for GiveBack; Category says
	// which templates of the account where that is their category.
	Stop     Scope
	Category string
	// Slow is whose rate must come down, for a Retry that the API throttled.
	Slow Scope
	// Hold is how long it sends nothing at all, where the API asked for that: its rate
	// comes down anyway, and most refusals are a matter of milliseconds.
	Hold time.Duration
	// Delay is how long to wait before jitter: with Retry until the job is sent
	// again, with GiveBack until the first probe of what is stopped; 0 leaves that to a
	// person.
	Delay time.Duration
	// CountsAttempt reports whether this send used up one of Limits.MaxAttempts.
	CountsAttempt bool
}

// DefaultMaxAttempts is how often a job is tried while the API has passing faults.
const DefaultMaxAttempts = 6

// Limits bounds what is tried again.
type Limits struct {
	// MaxAttempts is how many attempts count until a job is rejected. Defaults to
	// [DefaultMaxAttempts].
	MaxAttempts int
}

// Decide says what to do about a send that ended in a class.
//
// attempt counts from 1. For a class whose sends count as attempts ([Counts]) it is
// the job's attempt. For the others it is how many times in a row the job has met
// such an answer: the waits grow with it, and nothing ends because of it.
//
// retryAfter is how long the API asked to wait, 0 when it did not: no delay is
// shorter.
func Decide(class whatsapp.Class, attempt int, limits Limits, retryAfter time.Duration) Action {
	r := rowOf(class)
	if limits.MaxAttempts <= 0 {
		limits.MaxAttempts = DefaultMaxAttempts
	}
	a := r.action
	if a.Do == Settle {
		return a
	}
	if a.CountsAttempt && attempt >= limits.MaxAttempts {
		return Action{Do: Settle, Outcome: job.Rejected, Reason: job.ReasonAttempts, CountsAttempt: true}
	}
	a.Delay = max(r.wait.Wait(attempt), retryAfter)
	if a.Slow != ScopeNone {
		a.Hold = retryAfter
	}
	return a
}

// DecideError is [Decide] for what a send returned. It knows more than the class:
// how long the API asked to wait, and why an outcome is unknown.
func DecideError(err error, attempt int, limits Limits) Action {
	var e *whatsapp.Error
	if !errors.As(err, &e) {
		return Decide(whatsapp.ClassOf(err), attempt, limits, 0)
	}
	a := Decide(e.Class, attempt, limits, e.RetryAfter)
	if a.Outcome == job.Unknown {
		a.Reason = unknownReason(e)
	}
	if r, ok := stopCodes[e.Code]; ok && a.Do == GiveBack {
		a.Stop, a.Category, a.Reason, a.Delay = r.scope, r.category, r.reason, r.wait
		if r.wait > 0 {
			a.Delay = max(r.wait, e.RetryAfter)
		}
	}
	return a
}

func unknownReason(e *whatsapp.Error) job.Reason {
	switch {
	case e.Timeout():
		return job.ReasonTimeout
	case e.HTTPStatus != 0:
		return job.ReasonBadAnswer
	}
	return job.ReasonConnectionLost
}

// Counts reports whether a send that ended in a class uses up an attempt.
func Counts(class whatsapp.Class) bool { return rowOf(class).action.CountsAttempt }

// Conclusive reports whether a class tells whether an account, number or template
// works: a probe that ends in any other has to be made again.
func Conclusive(class whatsapp.Class) bool {
	switch class {
	case whatsapp.ClassTransient, whatsapp.ClassNotSent, whatsapp.ClassAmbiguous:
		return false
	}
	return true
}
