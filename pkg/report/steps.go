package report

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// Step is one thing that happened to a job. It holds no telephone number.
type Step struct {
	At time.Time `json:"at"`
	// What happened, such as accepted or claimed.
	What    string     `json:"what"`
	Attempt int        `json:"attempt,omitempty"`
	Reason  job.Reason `json:"reason,omitempty"`
	Code    int        `json:"code,omitempty"`
	Detail  string     `json:"detail,omitempty"`
	// By is who did it: a worker, a webhook or a person.
	By string `json:"by,omitempty"`
	// Publication is the one it happened to, as stream/sequence.
	Publication string `json:"publication,omitempty"`
	// To is the recipient and Message WhatsApp's id of the message, both masked.
	To      string `json:"to,omitempty"`
	Message string `json:"message,omitempty"`
}

// EventSteps are the steps that events tell, each once.
func EventSteps(events []job.Event) []Step {
	var steps []Step
	seen := make(map[string]bool)
	for i := range events {
		e := &events[i]
		if seen[e.ID] {
			continue
		}
		seen[e.ID] = true
		d := &e.Data
		s := Step{
			At: e.Time, What: string(d.Kind), Attempt: d.Attempt, Reason: d.Reason, Code: d.Code, Detail: d.Detail, By: e.Source,
			Publication: publicationOf(d.Stream, d.Sequence), To: d.To.String(), Message: d.Wamid.String(),
		}
		switch {
		case d.Match != "":
			s.Detail = said(d)
		case d.Kind == job.Settled && d.Was == job.Failed:
			s.What = "failed settled: delivered"
		case d.Kind == job.Settled && !corrects(d):
			s.What = string(d.Was) + " no more"
		case d.Kind == job.Settled:
			s.What = string(wasOf(d)) + " settled: " + string(d.Outcome)
		case d.Kind == job.CampaignChanged:
			s.What = "cancel asked for"
		}
		steps = append(steps, s)
	}
	return steps
}

// said is what a recipient's word says, and what tied it to the job. Free text stays in
// the event: it may hold anything.
func said(d *job.EventData) string {
	parts := []string{"by " + string(d.Match)}
	if d.Payload != "" {
		parts = append(parts, "payload "+strconv.Quote(d.Payload))
	}
	for _, word := range []string{d.Scope, d.Detail} {
		if word != "" {
			parts = append(parts, word)
		}
	}
	if !d.WindowUntil.IsZero() {
		parts = append(parts, "window open until "+d.WindowUntil.UTC().Format(time.RFC3339))
	}
	return strings.Join(parts, ", ")
}

// ClaimSteps are the steps that a batch of claims tells of a job.
func ClaimSteps(b *queue.ClaimBatch, key job.Key) []Step {
	var steps []Step
	for i := range b.Notes {
		n := &b.Notes[i]
		if n.Key != key {
			continue
		}
		s := Step{At: b.Stored, What: "claimed", Attempt: n.Attempt, By: b.Owner, Publication: publicationOf(n.Stream, n.Sequence)}
		if n.Return {
			s.What = "given back"
		}
		steps = append(steps, s)
	}
	return steps
}

// SortSteps puts steps in the order of their times.
func SortSteps(steps []Step) {
	slices.SortStableFunc(steps, func(a, b Step) int { return cmp.Compare(a.order(), b.order()) })
}

// order is the latest that a step can have been: the platform tells whole seconds, and
// a message was not delivered before it was sent.
func (s *Step) order() int64 {
	at := s.At.UnixNano()
	if s.At.Nanosecond() == 0 {
		at += int64(time.Second - time.Nanosecond)
	}
	return at
}

func publicationOf(stream string, sequence uint64) string {
	if sequence == 0 {
		return ""
	}
	return stream + "/" + strconv.FormatUint(sequence, 10)
}

// Details are what a step says beside what happened, for people.
func (s *Step) Details() []string {
	code := ""
	if s.Code != 0 {
		code = "code " + strconv.Itoa(s.Code)
	}
	to := ""
	if s.To != "" {
		to = "to " + s.To
	}
	by := ""
	if s.By != "" {
		by = "by " + s.By
	}
	return []string{string(s.Reason), code, s.Detail, to, s.Message, by, s.Publication}
}
