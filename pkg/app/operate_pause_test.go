package app

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/sender"
)

// Who resumes a template means its languages, and who resumes an account its
// categories, but neither its numbers nor its templates.
func TestCoveredBy(t *testing.T) {
	account := sender.Target{Scope: sender.ScopeAccount, Name: "1"}
	coupon := sender.TemplateTarget("1", "coupon", "")
	spanish, other := sender.TemplateTarget("1", "coupon", "es_AR"), sender.TemplateTarget("1", "other", "es_AR")
	utility, number := sender.CategoryTarget("1", "UTILITY"), sender.Target{Scope: sender.ScopeNumber, Name: "100"}
	var stopped []sender.Stop
	for _, target := range []sender.Target{account, account, number, utility, spanish, coupon, other} {
		stopped = append(stopped, sender.Stop{Scope: target.Scope, Name: target.Name, Reason: job.ReasonAccount})
	}
	for _, tt := range []struct{ named, want []sender.Target }{
		{[]sender.Target{account}, []sender.Target{account, utility}},
		{[]sender.Target{coupon}, []sender.Target{spanish, coupon}},
		{[]sender.Target{number, number}, []sender.Target{number}},
		{[]sender.Target{sender.Everything()}, nil},
	} {
		if diff := cmp.Diff(tt.want, coveredBy(tt.named, stopped)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tt.named, diff)
		}
	}
}

// The event of a change names the template and its language.
func TestChangeOf(t *testing.T) {
	got := changeOf(sender.TemplateTarget("1", "coupon", "es_AR"))
	if got.Kind != job.TemplateChanged || got.Template != "coupon" || got.Language != "es_AR" {
		t.Errorf("%+v", got)
	}
	if got := changeOf(sender.CategoryTarget("1", "utility")); got.Kind != job.AccountChanged || got.Detail != "category 1/UTILITY " {
		t.Errorf("%+v", got)
	}
}
