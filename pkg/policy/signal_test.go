package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/whatsapp"
)

var (
	happened = time.Date(2026, 9, 21, 12, 0, 0, 0, time.UTC)
	received = happened.Add(2 * time.Second)
	ends     = happened.Add(72 * time.Hour)
	coupon   = whatsapp.TemplateRef{ID: "7", Name: "coupon", Language: "es_AR"}
)

func status(event, title string) whatsapp.TemplateStatus {
	return whatsapp.TemplateStatus{Template: coupon, Event: event, Title: title}
}

// onTemplate is a signal about the template of the tests.
func onTemplate(do SignalDo, back Back, lasts time.Duration) Signal {
	s := Signal{Do: do, Scope: ScopeTemplate, Template: "coupon", Language: "es_AR", Reason: job.ReasonTemplateStatus, Back: back}
	if lasts > 0 {
		s.Until = happened.Add(lasts)
	}
	return s
}

func onAccount(do SignalDo, reason job.Reason, back Back, until time.Time) Signal {
	return Signal{Do: do, Scope: ScopeAccount, Reason: reason, Back: back, Until: until}
}

// nowOf is a note of the category that the template has.
func nowOf(category string) Signal {
	s := edited
	s.NewCategory = category
	return s
}

func portfolio(limit int) Signal {
	return Signal{Do: SignalLimit, Scope: ScopePortfolio, Limit: whatsapp.MessagingLimit{Recipients: limit, Known: true}}
}

func restricted(kind string, until time.Time) whatsapp.AccountUpdate {
	return whatsapp.AccountUpdate{Event: whatsapp.AccountRestriction, Restrictions: []whatsapp.Restriction{{Type: kind, Until: until}}}
}

var (
	noted     = Signal{Do: SignalNote, Scope: ScopeAccount}
	quality   = Signal{Do: SignalNote, Scope: ScopeTemplate, Template: "coupon", Language: "es_AR", Reason: job.ReasonQuality}
	edited    = Signal{Do: SignalNote, Scope: ScopeTemplate, Template: "coupon", Language: "es_AR"}
	noUtility = Signal{Do: SignalStop, Scope: ScopeCategory, Category: "UTILITY", Reason: job.ReasonMisclassified, Back: BackTime, Until: ends}
	ofNumber  = Signal{Do: SignalNote, Scope: ScopeNumber, Number: "447700900123"}
	upgraded  = Signal{Do: SignalLimit, Scope: ScopeNumber, Number: "447700900123", Level: "HIGH"}
	unlimited = whatsapp.MessagingLimit{Known: true}
	noneTold  = time.Time{}
	banOf     = func(state string) whatsapp.AccountUpdate {
		return whatsapp.AccountUpdate{Event: whatsapp.AccountBan, Ban: state}
	}
	eventOf      = func(event string) whatsapp.AccountUpdate { return whatsapp.AccountUpdate{Event: event} }
	numberEvents = func(event string, limit whatsapp.MessagingLimit) whatsapp.NumberQuality {
		return whatsapp.NumberQuality{Display: "447700900123", Event: event, Limit: limit}
	}
)

// The table, row by row.
var signalRows = []struct {
	name   string
	notice whatsapp.Notice
	want   []Signal
}{
	{"approved", status("APPROVED", ""), []Signal{onTemplate(SignalResume, "", 0)}},
	{"unpaused", status("APPROVED", "UNPAUSE"), []Signal{onTemplate(SignalResume, "", 0)}},
	{"unpaused, the event another", status("PAUSED", "UNPAUSE"), []Signal{onTemplate(SignalResume, "", 0)}},
	{"reinstated", status("REINSTATED", ""), []Signal{onTemplate(SignalResume, "", 0)}},
	{"first pause", status("PAUSED", "FIRST_PAUSE"), []Signal{onTemplate(SignalStop, BackTime, 3*time.Hour)}},
	{"second pause", status("PAUSED", "SECOND_PAUSE"), []Signal{onTemplate(SignalStop, BackTime, 6*time.Hour)}},
	{"pacing", status("PAUSED", "RATE_LIMITING_PAUSE"), []Signal{onTemplate(SignalStop, BackWebhook, 0)}},
	{"paused, nobody says for what", status("PAUSED", ""), []Signal{onTemplate(SignalStop, BackWebhook, 0)}},
	{"disabled", status("DISABLED", "DISABLED"), []Signal{onTemplate(SignalStop, BackPerson, 0)}},
	{"rejected", status("REJECTED", ""), []Signal{onTemplate(SignalStop, BackWebhook, 0)}},
	{"in review", status("PENDING", ""), []Signal{onTemplate(SignalStop, BackWebhook, 0)}},
	{"being deleted", status("PENDING_DELETION", ""), []Signal{onTemplate(SignalStop, BackPerson, 0)}},
	{"deleted", status("DELETED", ""), []Signal{onTemplate(SignalStop, BackPerson, 0)}},
	{"archived", status("ARCHIVED", ""), []Signal{onTemplate(SignalStop, BackPerson, 0)}},
	{"flagged", status("FLAGGED", ""), []Signal{onTemplate(SignalNote, "", 0)}},
	{"locked", status("LOCKED", ""), []Signal{onTemplate(SignalNote, "", 0)}},
	{"in appeal", status("IN_APPEAL", ""), []Signal{onTemplate(SignalNote, "", 0)}},
	{"too many templates", status("LIMIT_EXCEEDED", ""), []Signal{onTemplate(SignalNote, "", 0)}},
	{"an event we do not know", status("MELTED", "FIRST_PAUSE"), []Signal{onTemplate(SignalNote, "", 0)}},
	{"all languages", whatsapp.TemplateStatus{Template: whatsapp.TemplateRef{Name: "coupon"}, Event: "REJECTED"},
		[]Signal{{Do: SignalStop, Scope: ScopeTemplate, Template: "coupon", Reason: job.ReasonTemplateStatus, Back: BackWebhook}}},
	{"a template without a name", whatsapp.TemplateStatus{Event: "PAUSED", Title: "FIRST_PAUSE"},
		[]Signal{{Do: SignalNote, Scope: ScopeAccount, Reason: job.ReasonTemplateStatus}}},

	{"quality", whatsapp.TemplateQuality{Template: coupon, Was: "GREEN", Now: "RED"}, []Signal{quality}},
	{"category", whatsapp.TemplateCategory{Template: coupon, Was: "UTILITY", Now: "MARKETING"}, []Signal{nowOf("MARKETING")}},
	{"category to come", whatsapp.TemplateCategory{Template: coupon, Now: "UTILITY", Correct: "MARKETING", At: ends}, []Signal{nowOf("UTILITY")}},
	{"components", whatsapp.TemplateComponents{Template: coupon}, []Signal{edited}},

	{"upgrade", numberEvents("THROUGHPUT_UPGRADE", unlimited), []Signal{upgraded, portfolio(0)}},
	{"upgrade alone", numberEvents("THROUGHPUT_UPGRADE", whatsapp.MessagingLimit{}), []Signal{upgraded}},
	{"onboarding", numberEvents("ONBOARDING", whatsapp.MessagingLimit{Recipients: 250, Known: true}), []Signal{ofNumber, portfolio(250)}},
	{"number flagged", numberEvents("FLAGGED", whatsapp.MessagingLimit{}), []Signal{{Do: SignalNote, Scope: ScopeNumber, Number: "447700900123", Reason: job.ReasonQuality}}},
	{"name", whatsapp.NumberName{Display: "447700900123", Decision: "APPROVED"}, []Signal{ofNumber}},
	{"capability", whatsapp.Capability{Limit: whatsapp.MessagingLimit{Recipients: 2000, Known: true}}, []Signal{portfolio(2000)}},
	{"capability unlimited", whatsapp.Capability{Limit: unlimited}, []Signal{portfolio(0)}},
	{"another capability", whatsapp.Capability{}, []Signal{{Do: SignalNote, Scope: ScopePortfolio}}},

	{"violation", whatsapp.AccountUpdate{Event: "ACCOUNT_VIOLATION", Violation: "ADULT"}, []Signal{noted}},
	{"no templates", restricted("RESTRICTED_BIZ_INITIATED_MESSAGING", ends), []Signal{onAccount(SignalStop, job.ReasonRestricted, BackTime, ends)}},
	{"no templates, without an end", restricted("RESTRICTED_BIZ_INITIATED_MESSAGING", noneTold), []Signal{onAccount(SignalStop, job.ReasonRestricted, BackPerson, noneTold)}},
	{"no utility templates", restricted("RESTRICTED_UTILITY_TEMPLATES", ends), []Signal{noUtility}},
	{"no new numbers", restricted("RESTRICTED_ADD_PHONE_NUMBER_ACTION", ends), []Signal{onAccount(SignalNote, job.ReasonRestricted, "", noneTold)}},
	{"no answers", restricted("RESTRICTED_CUSTOMER_INITIATED_MESSAGING", ends), []Signal{onAccount(SignalNote, job.ReasonRestricted, "", noneTold)}},
	{"no direct sends", restricted("RESTRICTED_DIRECT_SEND_UTILITY_TEMPLATES", ends), []Signal{onAccount(SignalNote, job.ReasonRestricted, "", noneTold)}},
	{"no restriction is told", eventOf("ACCOUNT_RESTRICTION"), []Signal{onAccount(SignalNote, job.ReasonRestricted, "", noneTold)}},
	{"disabled account", banOf("DISABLE"), []Signal{onAccount(SignalStop, job.ReasonBanned, BackWebhook, noneTold)}},
	{"reinstated account", banOf("REINSTATE"), []Signal{onAccount(SignalResume, job.ReasonBanned, "", noneTold)}},
	{"to be disabled", banOf("SCHEDULE_FOR_DISABLE"), []Signal{onAccount(SignalNote, job.ReasonBanned, "", noneTold)}},
	{"a state we do not know", banOf("X"), []Signal{onAccount(SignalNote, job.ReasonBanned, "", noneTold)}},
	{"deleted account", eventOf("ACCOUNT_DELETED"), []Signal{onAccount(SignalStop, job.ReasonAccount, BackPerson, noneTold)}},
	{"offboarded", eventOf("ACCOUNT_OFFBOARDED"), []Signal{onAccount(SignalStop, job.ReasonAccount, BackWebhook, noneTold)}},
	{"reconnected", eventOf("ACCOUNT_RECONNECTED"), []Signal{onAccount(SignalResume, job.ReasonAccount, "", noneTold)}},
	{"prices", eventOf("VOLUME_BASED_PRICING_TIER_UPDATE"), []Signal{noted}},
	{"a partner", eventOf("PARTNER_REMOVED"), []Signal{noted}},
	{"alert", whatsapp.Alert{Severity: "CRITICAL", Type: "PROFILE_PICTURE_LOST"}, []Signal{noted}},
	{"review", whatsapp.Review{Decision: "REJECTED"}, []Signal{noted}},
	{"security", whatsapp.Security{Event: "PIN_RESET_REQUEST"}, []Signal{noted}},
}

func TestSignals(t *testing.T) {
	for _, tt := range signalRows {
		t.Run(tt.name, func(t *testing.T) {
			u := whatsapp.Update{Kind: whatsapp.UpdateOther, Account: "1", Time: happened, Notice: tt.notice}
			got := Signals(&u, received)
			for i := range tt.want {
				tt.want[i].Account, tt.want[i].At = "1", happened
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(Signal{}, "Text")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, s := range got {
				checkSignal(t, s)
			}
		})
	}
}

// checkSignal holds what is true of every signal.
func checkSignal(t *testing.T, s Signal) {
	t.Helper()
	if s.Text == "" || strings.Contains(s.String(), "447700900123") {
		t.Errorf("text: %v", s)
	}
	if s.At.IsZero() || s.At.After(received) {
		t.Errorf("at %v: %v", s.At, s)
	}
	stops := s.Do == SignalStop
	if stops != (s.Back != "") || !stops && !s.Until.IsZero() || s.Back == BackTime && s.Until.IsZero() || s.Back == BackPerson && !s.Until.IsZero() {
		t.Errorf("the way back of %v: %q until %v", s, s.Back, s.Until)
	}
	if (stops || s.Do == SignalResume) && !slices.Contains(job.Reasons(), s.Reason) {
		t.Errorf("reason %q: %v", s.Reason, s)
	}
	if s.Do.String() == "invalid" || s.Scope.String() == "invalid" {
		t.Errorf("no words: %v", s)
	}
}

// All templateEvents are rows of the test, so that a new one is tested too.
func TestEveryTemplateEventIsTested(t *testing.T) {
	tested := make(map[string]bool)
	for _, tt := range signalRows {
		if n, ok := tt.notice.(whatsapp.TemplateStatus); ok {
			tested[n.Event] = true
			tested[n.Title] = true
		}
	}
	for event := range templateEvents {
		if event != whatsapp.TemplateUnpaused && !tested[event] {
			t.Errorf("%s is not tested", event)
		}
	}
	for title := range pauses {
		if !tested[title] {
			t.Errorf("%s is not tested", title)
		}
	}
}

// A signal without a time, or with one yet to come, happened when it was received.
func TestSignalTime(t *testing.T) {
	for _, at := range []time.Time{{}, received.Add(time.Hour)} {
		u := whatsapp.Update{Kind: whatsapp.UpdateOther, Time: at, Notice: status("PAUSED", "FIRST_PAUSE")}
		if s := Signals(&u, received)[0]; !s.At.Equal(received) || !s.Until.Equal(received.Add(3*time.Hour)) {
			t.Errorf("at %v until %v", s.At, s.Until)
		}
	}
}

// Other updates say nothing of the platform; errors of a number that are about no
// message do.
func TestSignalsOfOtherUpdates(t *testing.T) {
	for _, kind := range []whatsapp.UpdateKind{whatsapp.UpdateStatus, whatsapp.UpdateMessage, whatsapp.UpdateCall, whatsapp.UpdatePreference, whatsapp.UpdateOther, whatsapp.UpdateBroken} {
		if got := Signals(&whatsapp.Update{Kind: kind, Errors: []whatsapp.StatusError{{Code: 131031}}}, received); got != nil {
			t.Errorf("%v: %v", kind, got)
		}
	}
	u := whatsapp.Update{Kind: whatsapp.UpdateErrors, Account: "1", Number: "100", Time: happened, Errors: []whatsapp.StatusError{{Code: 131031}, {Code: 130429, Title: "Rate limit hit"}, {Code: 132015}}}
	var got []string
	for _, s := range Signals(&u, received) {
		got = append(got, fmt.Sprint(s.Do, " ", s.Scope, " ", s.Code))
	}
	if diff := cmp.Diff([]string{"stop account 131031", "note number 130429", "note number 132015"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What the codes stop, by the answer to a send and by a failure that comes later.
func TestStopCodes(t *testing.T) {
	tests := []struct {
		code     int
		scope    Scope
		category string
		reason   job.Reason
		wait     time.Duration
		back     Back
	}{
		{132015, ScopeTemplate, "", job.ReasonTemplateStatus, 3 * time.Hour, BackWebhook},
		{132016, ScopeTemplate, "", job.ReasonTemplateStatus, 0, BackPerson},
		{131048, ScopeNumber, "", job.ReasonQuality, 0, BackPerson},
		{131031, ScopeAccount, "", job.ReasonBanned, 0, BackPerson},
		{131042, ScopeAccount, "", job.ReasonAccount, 0, BackPerson},
		{368, ScopeAccount, "", job.ReasonRestricted, time.Hour, BackTime},
		{190, ScopeAccount, "", job.ReasonAccount, 10 * time.Second, BackTime},
		{131064, ScopeCategory, "UTILITY", job.ReasonMisclassified, 24 * time.Hour, BackTime},
	}
	for _, tt := range tests {
		row, known := whatsapp.Lookup(tt.code, 0)
		want := Action{Do: GiveBack, Stop: tt.scope, Category: tt.category, Reason: tt.reason, Delay: tt.wait}
		if diff := cmp.Diff(want, DecideError(&whatsapp.Error{Code: tt.code, Class: row.Class}, 1, Limits{})); diff != "" || !known {
			t.Errorf("%d (-want +got):\n%s", tt.code, diff)
		}
		s, ok := FailureSignal(whatsapp.StatusError{Code: tt.code}, happened)
		wanted := Signal{Do: SignalStop, Scope: tt.scope, Category: tt.category, Reason: tt.reason, Code: tt.code, Back: tt.back, At: happened}
		if tt.wait > 0 {
			wanted.Until = happened.Add(tt.wait)
		}
		if diff := cmp.Diff(wanted, s, cmpopts.IgnoreFields(Signal{}, "Text")); diff != "" || !ok || s.Text == "" {
			t.Errorf("%d (-want +got):\n%s", tt.code, diff)
		}
	}
	if len(tests) != len(stopCodes) {
		t.Errorf("%d codes are tested of %d", len(tests), len(stopCodes))
	}
	for _, c := range whatsapp.Codes() {
		if _, ok := FailureSignal(whatsapp.StatusError{Code: c.Code}, happened); ok != (stopCodes[c.Code] != stopCode{}) {
			t.Errorf("%d: %v", c.Code, ok)
		}
	}
	err := fmt.Errorf("send: %w", &whatsapp.Error{Code: 368, Class: whatsapp.ClassRefusedAccount, RetryAfter: 5 * time.Hour})
	if a := DecideError(err, 1, Limits{}); a.Delay != 5*time.Hour {
		t.Errorf("the API asked for 5 hours: %v", a.Delay)
	}
	if a := DecideError(errors.New("x"), 1, Limits{}); a.Stop != ScopeNone {
		t.Errorf("%+v", a)
	}
}
