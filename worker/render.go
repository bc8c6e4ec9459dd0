package worker

import (
	"errors"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/template"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// render fills the item's template. It ends an item that does not fit and reports
// false.
func (w *Worker) render(it *item) bool {
	t := &it.job.Template
	if t.Vars != nil {
		params, err := w.expand(it.job)
		if err != nil {
			w.refuse(it, ending{outcome: job.Rejected, reason: job.ReasonBadParameters, detail: err.Error()})
			return false
		}
		filled := *t
		filled.Vars, filled.Params = nil, params
		t = &filled
	}
	rendered, err := w.fill(it, t)
	if err != nil {
		w.refuse(it, ending{outcome: job.Rejected, reason: refusal(err), detail: err.Error()})
		return false
	}
	it.message = whatsapp.Message{To: string(it.job.To), Recipient: it.job.UserID, Template: rendered}
	return true
}

func (w *Worker) fill(it *item, t *job.Template) (whatsapp.Template, error) {
	definition, err := w.cfg.Templates.Definition(it.number.Account.WABA, t.Name, t.Language)
	if err != nil {
		return whatsapp.Template{}, err
	}
	if err := definition.Sendable(); err != nil {
		return whatsapp.Template{}, err
	}
	return definition.Render(t)
}

func (w *Worker) expand(j *job.Job) (*job.Params, error) {
	expressions, err := w.cfg.Templates.Expressions(j.Campaign)
	if err != nil {
		return nil, err
	}
	return expressions.Params(j.Template.Vars)
}

// refusal names why a template was not rendered.
func refusal(err error) job.Reason {
	switch {
	case errors.Is(err, template.ErrUnknown):
		return job.ReasonUnknownTemplate
	case errors.Is(err, template.ErrNotApproved):
		return job.ReasonTemplateNotApproved
	}
	return job.ReasonBadParameters
}
