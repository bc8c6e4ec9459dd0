package app

import (
	"strings"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/sender"
)

// Every cause, and which of two is told: the one that has to change first.
func TestWhy(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	later := now.Add(time.Hour)
	paused := &campaign.Spec{ID: "c1", State: campaign.Paused, Reason: "wrong date", By: "ana", Since: now}
	stop := func(scope sender.Scope, name string, reason job.Reason, code int) *sender.Stop {
		return &sender.Stop{Scope: scope, Name: name, Reason: reason, Code: code, Detail: "detail", By: "worker-1", Since: now, Until: later}
	}
	hold := func(reason job.Reason) *sender.Hold {
		return &sender.Hold{Reason: reason, Until: later, By: "worker-1", Since: now}
	}
	full := &Pace{MPS: 80, Effective: 78.8, Share: 1}
	tests := []struct {
		name  string
		s     situation
		want  string
		words string
		by    string
		until time.Time
	}{
		{"cancelled", situation{spec: &campaign.Spec{State: campaign.Cancelled, Reason: "no more", By: "ana"}, noWorker: true}, WhyCancelled, "cancelled: no more", "ana", time.Time{}},
		{"nobody sends", situation{noWorker: true, spec: paused, hold: hold(job.ReasonSpread)}, WhyNoWorker, "wacast worker", "", time.Time{}},
		{"the campaign is paused", situation{spec: paused, stop: stop(sender.ScopeNumber, "100", job.ReasonNumber, 133010)}, WhyPaused, "wrong date; wacast resume --campaign c1", "ana", time.Time{}},
		{"everything is paused", situation{stop: &sender.Stop{Scope: sender.ScopeAll, Name: "all", Reason: job.ReasonPaused, Detail: "token leaked", By: "ana"}}, WhyPaused, "everything is paused: token leaked", "ana", time.Time{}},
		{"the number is paused", situation{stop: &sender.Stop{Scope: sender.ScopeNumber, Name: "100", Reason: job.ReasonPaused, By: "ana"}}, WhyPaused, "number 100 is paused", "ana", time.Time{}},
		{"the account is stopped", situation{stop: stop(sender.ScopeAccount, "1", job.ReasonAccount, 190)}, WhyAccount, "account 1 is stopped: account_refused 190", "worker-1", later},
		{"the number is stopped", situation{stop: stop(sender.ScopeNumber, "100", job.ReasonNumber, 131057)}, WhyNumber, "number 100 is stopped: number_refused 131057", "worker-1", later},
		{"the template is stopped", situation{stop: stop(sender.ScopeTemplate, "1/coupon", job.ReasonTemplate, 132015)}, WhyTemplate, "template 1/coupon is stopped: template_refused 132015", "worker-1", later},
		{"a stop outlasts a restoring", situation{stop: stop(sender.ScopeAccount, "1", job.ReasonAccount, 190), missing: map[string]string{"ledger": "x"}}, WhyAccount, "", "worker-1", later},
		{"the ledger", situation{missing: map[string]string{"ledger": "12 of 256 parts"}, hold: hold(job.ReasonSpread)}, WhyLedger, "being restored: 12 of 256 parts", "", time.Time{}},
		{"Redis is away", situation{missing: map[string]string{"redis": "no answer", "ledger": "unknown"}}, WhyTrouble, "ledger: unknown; redis: no answer", "", time.Time{}},
		{"send_at", situation{putOffFor: queue.KindSendAt}, WhyTime, "send_at", "", time.Time{}},
		{"a window", situation{putOffFor: queue.KindWindow}, WhyWindow, "window is closed", "", time.Time{}},
		{"another attempt", situation{putOffFor: queue.KindRetry}, WhyRetry, "attempt", "", time.Time{}},
		{"the portfolio", situation{hold: hold(job.ReasonPortfolioLimit), pace: full, inFlight: 1}, "portfolio_limit", "as many people", "", later},
		{"the day", situation{hold: hold(job.ReasonDailyLimit), limit: sender.Limit{PerDay: 500}, spec: &campaign.Spec{PerDay: 20}}, "daily_limit", "500 of the number (wacast sender set), 20 of the campaign", "", later},
		{"the spread", situation{hold: hold(job.ReasonSpread)}, "spread", "over a period", "", later},
		{"held by the API", situation{pace: &Pace{MPS: 80, Share: .5, Effective: 39.4, HoldSeconds: 3}, now: now}, WhyThrottled, "130429", "", now.Add(3 * time.Second)},
		{"a lowered share", situation{pace: &Pace{MPS: 80, Share: .5, Effective: 39.4}, rate: 39}, WhyRate, "39.4 a second of 80: lowered after 130429", "", time.Time{}},
		{"its rate", situation{pace: full, limit: sender.Limit{Source: sender.SourceAPI}, rate: 78}, WhyRate, "78.8 a second, all queues together (limit 80, api)", "", time.Time{}},
		{"it moves, and no worker tells", situation{rate: 5}, WhyRate, "5.0 a second", "", time.Time{}},
		{"nothing is known", situation{pace: full}, WhyUnclear, "just come", "", time.Time{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.s.why()
			if got.Reason != tt.want || !strings.Contains(got.Text, tt.words) || got.By != tt.by || !got.Until.Equal(tt.until) {
				t.Errorf("why() = %+v; want %s with %q, by %q, until %s", got, tt.want, tt.words, tt.by, tt.until)
			}
		})
	}
}
