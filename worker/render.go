package worker

import (
	"errors"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/template"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// render fills the item's template. It ends an item that does not fit, or whose recipient
// does not want it, and reports false.
func (w *Worker) render(it *item) bool {
	definition, err := w.definition(it)
	if err != nil {
		w.refuse(it, ending{outcome: job.Rejected, reason: refusal(err), detail: err.Error()})
		return false
	}
	it.category, it.marketing = definition.Category(), definition.Marketing()
	if !w.consents(it) {
		return false
	}
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
	rendered, err := definition.Render(t)
	if err != nil {
		w.refuse(it, ending{outcome: job.Rejected, reason: refusal(err), detail: err.Error()})
		return false
	}
	if len(w.cfg.PayloadKey) > 0 {
		rendered = definition.WithPayloads(rendered, func(author string) (string, bool) {
			return job.SignPayload(w.cfg.PayloadKey, it.job.Key(), it.open, author)
		})
	}
	it.message = whatsapp.Message{To: string(it.job.To), Recipient: it.job.UserID, Template: rendered}
	return true
}

// definition is the item's template, if that may be sent.
func (w *Worker) definition(it *item) (*template.Definition, error) {
	t := &it.job.Template
	definition, err := w.cfg.Templates.Definition(it.number.Account.WABA, t.Name, t.Language)
	if err == nil {
		err = definition.Sendable()
	}
	return definition, err
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
