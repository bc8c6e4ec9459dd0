package app

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/sender"
)

// Why is what a queue waits for.
type Why struct {
	// Reason is one word of a closed list, the constants below.
	Reason string `json:"reason"`
	// Text says it for people, with what to do about it.
	Text string `json:"text"`
	// By is who has stopped it, Since and Until from when to when it waits, where that
	// is known.
	By    string    `json:"by,omitempty"`
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
}

// What a queue waits for, beside the reasons of [sender.Hold].
const (
	WhyNoWorker  = "no_worker"        // nobody sends
	WhyCancelled = "cancelled"        // its campaign is
	WhyPaused    = "paused"           // an operator says so
	WhyAccount   = "account_stopped"  // the API refused the account
	WhyNumber    = "number_stopped"   // or the number
	WhyTemplate  = "template_stopped" // or the template, or its category
	WhyLedger    = "ledger"           // Redis is being brought up to date
	WhyTrouble   = "worker_trouble"   // something else that a worker needs is away
	WhyThrottled = "throttled"        // the API asked for a pause
	WhyRate      = "rate_limit"       // it moves, as fast as its number may
	WhyTime      = "send_at"          // its jobs' time has not come
	WhyWindow    = "window"           // nor that of its campaign's window
	WhyRetry     = "retry"            // nor that of another attempt
	WhyUnclear   = "unclear"          // nothing is known that keeps it
)

// situation is all that is known of a queue and what it needs.
type situation struct {
	inFlight  uint64
	spec      *campaign.Spec // nil for none
	stop      *sender.Stop   // the widest that covers it; nil for none
	hold      *sender.Hold   // nil for none
	noWorker  bool
	missing   map[string]string // what workers miss
	pace      *Pace             // nil where no worker has told
	limit     sender.Limit
	rate      float64 // its campaign's outcomes a second
	now       time.Time
	putOffFor string // a kind of [queue.Later], where all of it is put off
}

// why says what a queue waits for, the first thing that would have to change.
func (s *situation) why() Why {
	switch {
	case s.spec != nil && s.spec.State == campaign.Cancelled:
		return Why{Reason: WhyCancelled, Text: "its campaign is cancelled: " + s.spec.Reason, By: s.spec.By, Since: s.spec.Since}
	case s.noWorker:
		return Why{Reason: WhyNoWorker, Text: "no worker answers: none runs, or each waits for Redis; start one with wacast worker"}
	case s.spec != nil && s.spec.State == campaign.Paused:
		return Why{
			Reason: WhyPaused, Text: "its campaign is paused: " + s.spec.Reason + "; wacast resume --campaign " + s.spec.ID,
			By: s.spec.By, Since: s.spec.Since,
		}
	case s.stop != nil:
		return whyStopped(s.stop)
	case len(s.missing) > 0:
		return whyMissing(s.missing)
	case s.putOffFor != "":
		return whyPutOff(s.putOffFor)
	case s.hold != nil:
		return s.whyHeld()
	}
	return s.whyPaced()
}

func whyStopped(stop *sender.Stop) Why {
	w := Why{By: stop.By, Since: stop.Since, Until: stop.Until}
	what := string(stop.Scope) + " " + stop.Name
	if stop.Scope == sender.ScopeAll {
		what = "everything"
	}
	if stop.Reason == job.ReasonPaused {
		w.Reason, w.Text = WhyPaused, what+" is paused: "+stop.Detail
		return w
	}
	w.Reason = map[sender.Scope]string{sender.ScopeAccount: WhyAccount, sender.ScopeTemplate: WhyTemplate, sender.ScopeCategory: WhyTemplate}[stop.Scope]
	if w.Reason == "" {
		w.Reason = WhyNumber
	}
	w.Text = fmt.Sprintf("%s is stopped: %s", what, stop.Reason)
	if stop.Code != 0 {
		w.Text += fmt.Sprintf(" %d", stop.Code)
	}
	return w
}

// whyMissing tells of the ledger alone while that is all that is missing.
func whyMissing(missing map[string]string) Why {
	if text, ok := missing["ledger"]; ok && len(missing) == 1 {
		return Why{Reason: WhyLedger, Text: "what was sent before is being restored: " + text}
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		parts = append(parts, name+": "+missing[name])
	}
	return Why{Reason: WhyTrouble, Text: "a worker cannot work: " + strings.Join(parts, "; ")}
}

func whyPutOff(kind string) Why {
	switch kind {
	case queue.KindWindow:
		return Why{Reason: WhyWindow, Text: "its campaign's window is closed"}
	case queue.KindRetry:
		return Why{Reason: WhyRetry, Text: "another attempt is due later"}
	}
	return Why{Reason: WhyTime, Text: "the time of its jobs (send_at) has not come"}
}

func (s *situation) whyHeld() Why {
	text := map[job.Reason]string{
		job.ReasonPortfolioLimit: "the business portfolio has written to as many people in 24 hours as it may; what is for those goes on",
		job.ReasonDailyLimit:     "as many messages were sent in 24 hours as may be: " + s.dailyLimit(),
		job.ReasonSpread:         "the campaign is spread over a period",
	}[s.hold.Reason]
	if text == "" {
		text = string(s.hold.Reason)
	}
	return Why{Reason: string(s.hold.Reason), Text: text, Since: s.hold.Since, Until: s.hold.Until}
}

// dailyLimit names the limits that may have been met.
func (s *situation) dailyLimit() string {
	var parts []string
	if s.limit.PerDay > 0 {
		parts = append(parts, fmt.Sprintf("%d of the number (wacast sender set)", s.limit.PerDay))
	}
	if s.spec != nil && s.spec.PerDay > 0 {
		parts = append(parts, fmt.Sprintf("%d of the campaign (wacast send --per-day)", s.spec.PerDay))
	}
	return strings.Join(parts, ", ")
}

// whyPaced is about queues that nothing keeps from being sent.
func (s *situation) whyPaced() Why {
	p := s.pace
	switch {
	case p == nil:
		if s.moves() {
			return Why{Reason: WhyRate, Text: fmt.Sprintf("it moves: %.1f a second", s.rate)}
		}
	case p.HoldSeconds > 0:
		hold := time.Duration(p.HoldSeconds * float64(time.Second))
		return Why{
			Reason: WhyThrottled, Text: fmt.Sprintf("the API refused the number for its rate (130429): nothing of it is sent for %s", hold.Round(100*time.Millisecond)),
			Until: s.now.Add(hold).UTC(),
		}
	case p.Share < 1:
		return Why{Reason: WhyRate, Text: fmt.Sprintf("its number is sent for at %.1f a second of %d: lowered after 130429, it recovers by itself", p.Effective, p.MPS)}
	case s.moves():
		return Why{Reason: WhyRate, Text: fmt.Sprintf("it moves; its number may send %.1f a second, all queues together (limit %d, %s)", p.Effective, p.MPS, s.limit.Source)}
	}
	return Why{Reason: WhyUnclear, Text: "nothing that is known keeps it: it may have just come, or wait its turn behind its number's other queues; if that lasts for a minute, the workers' logs tell more"}
}

func (s *situation) moves() bool { return s.inFlight > 0 || s.rate > 0 }
