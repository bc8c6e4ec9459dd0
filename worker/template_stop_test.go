package worker_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/template"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// in is a job with the template in a language.
func in(id, language string) *job.Job {
	j := newJob(id, job.Hold)
	j.Template.Language = language
	return j
}

// A refusal of a template stops it in its language alone, and nothing is lost of it.
func TestAStoppedTemplateStopsItsLanguage(t *testing.T) {
	var paused atomic.Bool
	paused.Store(true)
	r := newRig(t, func(token job.Token) error {
		if paused.Load() && token.Key.ID[0] == 'p' {
			return &whatsapp.Error{Class: whatsapp.ClassRefusedTemplate, HTTPStatus: 400, Code: 132015}
		}
		return nil
	})
	r.start()
	r.publish(in("p", "es_AR"))
	target := sender.TemplateTarget("1", "appointment", "es_AR")
	r.eventually("the stop", func() bool {
		list := r.cfg.Stops.List()
		return len(list) == 1 && list[0].Target() == target && list[0].Reason == job.ReasonTemplateStatus && list[0].Code == 132015
	})
	for i := range 40 {
		r.publish(in(fmt.Sprintf("p%d", i), "es_AR"))
	}
	r.publish(in("other", "en"))
	r.awaitHistory("other", "accepted 1 ")
	time.Sleep(time.Second) // that nothing happens has no signal
	if sent := r.sentCount(); sent > 3 {
		t.Errorf("%d requests while the template is stopped", sent)
	}
	paused.Store(false)
	if lifted, err := r.cfg.Stops.PlatformResume(t.Context(), target, job.ReasonTemplateStatus, time.Now()); !lifted || err != nil {
		t.Fatal(lifted, err)
	}
	r.publish(in("px", "es_AR"))
	r.awaitHistory("px", "accepted 1 ") // the others come back within a minute
	if counts := r.counts(); counts[job.Rejected]+counts[job.Expired] != 0 {
		t.Errorf("%v", counts)
	}
}

// What is stopped waits, even where the definition says already that it may not be
// sent; what is stopped for its category leaves the others of the queue alone.
func TestStoppedTemplatesAreNotRejected(t *testing.T) {
	r := newRig(t, nil)
	text := `{"data": [
		{"name": "appointment", "language": "es_AR", "status": "PAUSED", "category": "UTILITY", "components": [{"type": "BODY", "text": "Hola"}]},
		{"name": "reminder", "language": "es_AR", "status": "APPROVED", "category": "UTILITY", "components": [{"type": "BODY", "text": "Hola"}]},
		{"name": "promo", "language": "es", "status": "APPROVED", "category": "MARKETING", "components": [{"type": "BODY", "text": "Hola"}]}]}`
	r.cfg.Templates = definitions{catalog: must[*template.Catalog](t)(template.LoadDir(fstest.MapFS{"t.json": {Data: []byte(text)}}))}
	for _, target := range []sender.Target{sender.TemplateTarget("1", "appointment", ""), sender.CategoryTarget("1", "utility")} {
		if err := r.cfg.Stops.Refused(t.Context(), target, job.ReasonTemplateStatus, 0, "told", 0); err != nil {
			t.Fatal(err)
		}
	}
	reminder := newJob("reminder", job.Hold)
	reminder.Template.Name = "reminder"
	r.start()
	r.publish(newJob("a", job.Hold), reminder, newPromo("promo", ana))
	r.awaitHistory("promo", "accepted 1 ")
	time.Sleep(500 * time.Millisecond) // that nothing happens has no signal
	if a, b := r.history("a"), r.history("reminder"); len(a)+len(b) != 0 || r.sentCount() != 1 {
		t.Errorf("history %v and %v, %d requests", a, b, r.sentCount())
	}
	depths := must[[]queue.Depth](t)(r.cfg.Queues.Depths(t.Context()))
	if len(depths) != 1 || depths[0].Queued+depths[0].InFlight != 2 {
		t.Errorf("left: %+v", depths)
	}
}
