package policy

import (
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// stopCode is what the refusals of one code stop, where the class of the code alone
// says too much or too little.
type stopCode struct {
	scope    Scope
	category string
	reason   job.Reason
	// wait is until one message is tried; 0 leaves it to whoever is named by back.
	wait time.Duration
	back Back
}

// stopCodes are the codes that say more than their class (fact sheet 2.4 and 3.6).
var stopCodes = map[int]stopCode{
	// Paused for quality, for 3 hours or 6, or by pacing until a person unpauses it: a
	// webhook tells which. Whoever gets none tries after the shorter pause.
	132015: {scope: ScopeTemplate, reason: job.ReasonTemplateStatus, wait: firstPause, back: BackWebhook},
	132016: {scope: ScopeTemplate, reason: job.ReasonTemplateStatus, back: BackPerson}, // for good
	// More messages make it worse.
	131048: {scope: ScopeNumber, reason: job.ReasonQuality, back: BackPerson},
	131031: {scope: ScopeAccount, reason: job.ReasonBanned, back: BackPerson},
	// Messages are accepted and fail later, so that a probe says nothing.
	131042: {scope: ScopeAccount, reason: job.ReasonAccount, back: BackPerson},
	// For one day to thirty, of which a webhook tells the end; a refused try costs nothing.
	368: {scope: ScopeAccount, reason: job.ReasonRestricted, wait: time.Hour, back: BackTime},
	// A token is replaced within moments.
	190: {scope: ScopeAccount, reason: job.ReasonAccount, wait: 10 * time.Second, back: BackTime},
	// For 7 days or 30; other templates may be sent.
	131064: {scope: ScopeCategory, category: categoryUtility, reason: job.ReasonMisclassified, wait: 24 * time.Hour, back: BackTime},
}

// FailureSignal says what a message's failure stops that was accepted before: the
// code of a failed status, or of an error that is about no message. It reports false for
// codes that are about one message or recipient, which stop nothing.
func FailureSignal(e whatsapp.StatusError, at time.Time) (Signal, bool) {
	r, ok := stopCodes[e.Code]
	if !ok {
		return Signal{}, false
	}
	s := Signal{Do: SignalStop, Scope: r.scope, Category: r.category, Reason: r.reason, Code: e.Code, At: at, Back: r.back}
	if r.wait > 0 {
		s.Until = at.Add(r.wait)
	}
	s.Text = e.Text()
	if row, known := whatsapp.Lookup(e.Code, 0); known {
		s.Text = row.Meaning + ". " + row.Remedy
	}
	return s, true
}
