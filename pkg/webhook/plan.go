package webhook

import (
	"fmt"
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
)

// plan is what a report adds to the record.
type plan struct {
	report  *report
	outcome job.Event // of the job; zero where it is gone
	// about is what each event says of the job: what the outcome does.
	about  job.EventData
	events []job.Event
	// mark are the bits to set in the ledger once the events are on record.
	mark dedup.Seen
	// seen are the bits that are set then.
	seen dedup.Seen
	// explicit are those of mark that a status said itself.
	explicit dedup.Seen
	late     int // failures after a delivery
	// optOut is what the failure says of the recipient's consent; nil for nothing.
	optOut *job.EventData
}

// makePlan decides what is new about an accepted job. It depends on nothing but what it
// is given, and gives an event the same id whenever it comes: the job's outcome
// event says which publication and attempt it is about.
func makePlan(source string, r *report, entry dedup.Entry, outcome job.Event) plan {
	p := plan{report: r, outcome: outcome}
	if r.isGone(&outcome) {
		p.outcome = job.Event{}
		outcome.Data = job.EventData{Campaign: r.token.Key.Campaign, ID: r.token.Key.ID, From: r.number, Attempt: r.token.Attempt}
	}
	p.about = outcome.Data
	p.about.WindowUntil = time.Time{} // which is news of the outcome
	if was := outcomeOf(&p.outcome.Data); p.outcome.ID != "" && was != job.Accepted {
		p.about.Attempt = entry.Attempt // the one that was accepted
		if entry.Seen&dedup.SeenDoubt != 0 && entry.Seen&dedup.SeenStatus == 0 {
			p.events = append(p.events, p.settledEvent(source, was))
		}
	}
	seen := entry.Seen
	var statuses []job.Event
	for i, t := range r.implied() {
		bit := steps[i].bit
		switch {
		case t.status == nil:
		case i == stepFailed && (seen|p.mark)&(dedup.SeenDelivered|dedup.SeenRead) != 0:
			p.late += t.times // it reached one of the recipient's devices
		case seen&bit == 0:
			p.mark |= bit
			if t.times > 0 {
				p.explicit |= bit
			}
			statuses = append(statuses, statusEvent(source, &p.about, steps[i].kind, t))
		}
	}
	// A report that says nothing new may be one whose processor died too early.
	if p.seen = seen | p.mark; failedWrongly(p.seen) && (!failedWrongly(seen) || p.mark == 0) {
		// Before the delivery, so that who finds that on record finds this too.
		p.events = append(p.events, p.withdrawal(source))
	}
	if seen&dedup.SeenStatus == 0 && p.mark != 0 && p.outcome.Data.Reason == job.ReasonHeld {
		p.events = append(p.events, p.released(source))
	}
	p.events = append(p.events, statuses...)
	if p.about.Attempt != r.token.Attempt && seen&dedup.SeenTwice == 0 {
		p.events = append(p.events, p.twiceEvent(source))
		p.mark |= dedup.SeenTwice
	}
	return p
}

// twice reports whether it is new that the API took two attempts of the job.
func (p *plan) twice() bool { return p.mark&dedup.SeenTwice != 0 }

// failedWrongly reports whether a failure is on record beside a delivery. Which of
// them came first does not matter: what reached a device has not failed.
func failedWrongly(seen dedup.Seen) bool {
	return seen&dedup.SeenFailed != 0 && seen&(dedup.SeenDelivered|dedup.SeenRead) != 0
}

// withdrawal takes the failure back, so that no message counts as both.
func (p *plan) withdrawal(source string) job.Event {
	data := p.about
	data.Kind, data.Was, data.Outcome = job.Settled, job.Failed, ""
	data.Reason, data.Code, data.Detail = job.ReasonWebhook, 0, "delivered after all"
	complete(&data, p.report.first)
	return job.NewEvent(source, p.report.first.at, data)
}

// released says that the platform keeps the message back no more: it was sent, or
// dropped.
func (p *plan) released(source string) job.Event {
	data := p.about
	data.Kind, data.Was, data.Outcome = job.Settled, job.Held, ""
	data.Reason, data.Code, data.Detail = job.ReasonWebhook, 0, "sent on, or dropped"
	complete(&data, p.report.first)
	ev := job.NewEvent(source, p.report.first.at, data)
	ev.ID += "/" + string(job.Held)
	return ev
}

// isGone reports whether what was found in the place of an outcome is not it.
func (r *report) isGone(outcome *job.Event) bool {
	return outcome.ID == "" || outcome.Key() != r.token.Key
}

// outcomeOf is what the event says the job ended in. One that was tried again may
// be unknown once more.
func outcomeOf(d *job.EventData) job.Kind {
	if d.Kind == job.Settled {
		return d.Outcome
	}
	return d.Kind
}

// implied are the report's statuses with those that a later one implies: what was
// read was delivered, and what was delivered was sent. A failure implies nothing.
func (r *report) implied() [len(steps)]told {
	all := r.steps
	for i := stepRead; i > stepSent; i-- {
		if all[i].status != nil && all[i-1].status == nil {
			all[i-1] = told{status: all[i].status, at: all[i].at}
		}
	}
	return all
}

// settledEvent says that a job that counted as something else was accepted.
func (p *plan) settledEvent(source string, was job.Kind) job.Event {
	data := p.about
	data.Kind, data.Was, data.Outcome = job.Settled, was, job.Accepted
	data.Reason, data.Code, data.Detail = job.ReasonWebhook, 0, ""
	if data.Attempt == p.report.token.Attempt {
		complete(&data, p.report.first)
	}
	return job.NewEvent(source, p.report.first.at, data)
}

// twiceEvent says that the API took another attempt of the job than the one it counts
// as accepted at: a second message, which a lost answer may cost a job that is tried
// again. It changes no count.
func (p *plan) twiceEvent(source string) job.Event {
	data := p.about
	data.Kind, data.Was, data.Outcome = job.Settled, job.Accepted, job.Accepted
	data.Reason, data.Code = job.ReasonWebhook, 0
	data.Detail = fmt.Sprintf("attempt %d was accepted too: two messages went out", data.Attempt)
	data.Attempt = p.report.token.Attempt
	complete(&data, p.report.first)
	ev := job.NewEvent(source, p.report.first.at, data)
	ev.ID += "/" + string(job.Accepted) // the attempt may have been settled as something else before
	return ev
}

// statusEvent is about the same publication as the outcome.
func statusEvent(source string, outcome *job.EventData, kind job.Kind, t told) job.Event {
	data := *outcome
	data.Kind, data.Was, data.Outcome, data.Body = kind, "", "", 0
	data.Reason, data.Code, data.Detail = "", 0, ""
	complete(&data, t)
	switch {
	case kind == job.Failed:
		data.Reason = job.ReasonDelivery
		if errs := t.status.Errors; len(errs) > 0 {
			data.Code, data.Detail = errs[0].Code, errs[0].Text()
		}
	case t.times == 0:
		data.Detail = "implied by " + string(t.status.Delivery)
	}
	return job.NewEvent(source, t.at, data)
}

// complete adds what the status knows of the message and its recipient.
func complete(data *job.EventData, t told) {
	if t.status.MessageID != "" {
		data.Wamid = job.Wamid(t.status.MessageID)
	}
	if t.status.RecipientID != "" {
		data.WaID = job.Phone(t.status.RecipientID)
	}
	if data.UserID == "" {
		data.UserID = t.status.RecipientUserID
	}
}
