package main

import (
	"strings"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/sender"
)

// Each stop tells who, why, since when, until when, how it ends and what to do.
func TestPrintStop(t *testing.T) {
	since := time.Date(2026, 9, 21, 12, 0, 0, 0, time.Local)
	soon := time.Now().Add(time.Hour)
	template := sender.TemplateTarget("1", "coupon", "es_AR")
	platform := sender.Stop{Scope: template.Scope, Name: template.Name, Reason: job.ReasonTemplateStatus, Detail: "the template is paused", By: sender.ByPlatform, Since: since}
	with := func(until time.Time, back string) sender.Stop {
		s := platform
		s.Until, s.WayBack = until, back
		return s
	}
	const whole = "STOPPED template 1/coupon/es_AR: template_status, since 2026-09-21 12:00:00 by platform, "
	category := sender.CategoryTarget("1", "utility")
	for _, tt := range []struct {
		name string
		stop sender.Stop
		want []string
	}{
		{"until a time", with(soon, sender.BackTime), []string{whole + "next try at " + soon.Format(time.TimeOnly), "  the template is paused", "goes on by itself", "--template coupon --account 1"}},
		{"a day later", with(since.AddDate(100, 0, 0), sender.BackTime), []string{whole + "next try at 2126-09-21 12:00:00"}},
		{"a webhook", with(time.Time{}, sender.BackWebhook), []string{whole + "until a webhook ends it", "goes on by itself"}},
		{"a webhook or a try", with(soon, sender.BackWebhook), []string{whole + "until a webhook ends it, or a try at " + soon.Format(time.TimeOnly)}},
		{"a person", with(time.Time{}, sender.BackPerson), []string{whole + "until a person lifts it", "When it is mended: wacast resume --template coupon --account 1"}},
		{"a category", sender.Stop{Scope: category.Scope, Name: category.Name, Reason: job.ReasonMisclassified, Code: 131064, By: "worker-1", Since: since, Until: soon, WayBack: sender.BackTime},
			[]string{"STOPPED category 1/UTILITY: misclassified 131064", "by worker-1", "wacast resume --account 1"}},
	} {
		var out strings.Builder
		printStop(&out, tt.stop)
		for _, want := range tt.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: %q is not in\n%s", tt.name, want, out.String())
			}
		}
	}
}
