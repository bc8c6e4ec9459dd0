package webhook

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/policy"
	"github.com/wacast/wacast/pkg/recipient"
)

// unmatched is the label of replies that are about no job.
const unmatched = "none"

// people registers the metrics of what people do, and of what the platform tells.
func (m *Metrics) people(f promauto.Factory) {
	m.replies = f.NewCounterVec(prometheus.CounterOpts{
		Name: "wacast_replies_total", Help: "Messages from people, by what they were tied to their job by.",
	}, []string{"match"})
	m.answers = f.NewCounterVec(prometheus.CounterOpts{
		Name: "wacast_answers_total", Help: "Answers to jobs, each once; one that changes counts as both.",
	}, []string{"answer"})
	m.consent = f.NewCounterVec(prometheus.CounterOpts{
		Name: "wacast_consent_changes_total", Help: "Opt-outs and opt-ins that came in by webhook, by where they came from.",
	}, []string{"change", "source"})
	m.signals = f.NewCounterVec(prometheus.CounterOpts{
		Name: "wacast_signals_total", Help: "What the platform told of templates, numbers and accounts, by kind.",
	}, []string{"kind"})
	m.forged = f.NewCounter(prometheus.CounterOpts{
		Name: "wacast_forged_payloads_total", Help: "Taps whose payload claims to be one of wacast's and is not.",
	})
	for _, match := range []job.Match{job.MatchPayload, job.MatchContext, job.MatchLatest, unmatched} {
		m.replies.WithLabelValues(string(match))
	}
	for _, answer := range []job.Kind{job.Confirmed, job.Declined} {
		m.answers.WithLabelValues(string(answer))
	}
	for _, change := range []job.Kind{job.OptOut, job.OptIn} {
		for _, source := range []recipient.Source{recipient.Keyword, recipient.Button, recipient.Preferences} {
			m.consent.WithLabelValues(string(change), string(source))
		}
	}
	m.consent.WithLabelValues(string(job.OptOut), string(recipient.API))
	for _, do := range []policy.SignalDo{policy.SignalNote, policy.SignalStop, policy.SignalResume, policy.SignalLimit} {
		m.signals.WithLabelValues(do.String())
	}
}

// said counts an event of what somebody did.
func (m *Metrics) said(d *job.EventData) {
	switch d.Kind {
	case job.Reply:
		match := string(d.Match)
		if match == "" {
			match = unmatched
		}
		m.replies.WithLabelValues(match).Inc()
	case job.Confirmed, job.Declined:
		m.answers.WithLabelValues(string(d.Kind)).Inc()
	case job.OptOut, job.OptIn:
		m.consent.WithLabelValues(string(d.Kind), d.Detail).Inc()
	}
}
