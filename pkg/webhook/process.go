package webhook

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// maxReports is the most jobs that go through a step together.
const maxReports = 1000

const (
	// A webhook that tells of a job without an outcome on record comes again after
	// these waits. The worker that sent the message is about to record it; after a
	// crash another one does, once the claim's lease is over.
	firstReturn = time.Second
	lastReturn  = 15 * time.Second
	// patience is how long that goes on. Then a person has to look.
	patience = 24 * time.Hour
	// whyPatience is what that person reads.
	whyPatience = "no_outcome"
)

// process brings webhooks to their end, or gives them back.
func (p *Processor) process(deliveries []*queue.HookDelivery) {
	defer hold(deliveries)()
	if p.caughtUp = p.caughtUp || p.catchUp(oldest(deliveries)); !p.caughtUp {
		giveBack(deliveries)
		return
	}
	p.size = sizeOf(deliveries)
	b := newBatch(p.cfg.Namespace, p.cfg.Key, deliveries)
	p.makeRoom(b)
	// What people want and what the platform tells need no ledger, and act at once.
	if !p.prefer(b) || !p.obey(b.news) || !p.match(b) {
		giveBack(deliveries)
		return
	}
	for part := range slices.Chunk(b.reports, maxReports) {
		if !p.settle(part) {
			giveBack(deliveries)
			return
		}
	}
	if !p.hear(b) {
		giveBack(deliveries)
		return
	}
	for i, h := range b.hooks {
		if !p.release(h) {
			giveBack(deliveries[i:])
			return
		}
	}
	if b.lost() {
		sleep(p.fetch, lostPause)
	}
}

// lostPause keeps webhooks from going round and round while the ledger is rebuilt.
const lostPause = time.Second

var errLost = errors.New("entries may be lost, the ledger is being rebuilt")

// sizeOf is the mean size of webhooks.
func sizeOf(deliveries []*queue.HookDelivery) int {
	sum := 0
	for _, d := range deliveries {
		sum += len(d.Body)
	}
	return sum / len(deliveries)
}

// try repeats a step until it works, or until there is no time for another try.
func (p *Processor) try(t *trouble, step func(ctx context.Context) error) bool {
	var retry pause
	for {
		ctx, cancel := context.WithTimeout(p.work, stepTimeout)
		err := step(ctx)
		cancel()
		if p.work.Err() != nil {
			return false
		}
		if t.note(err) == nil {
			return true
		}
		if !retry.wait(p.fetch) {
			return false
		}
	}
}

// settle takes reports through the steps: evidence to the ledger, events to the
// stream, and back to the ledger that they are there.
func (p *Processor) settle(reports []*report) bool {
	evidence := make([]dedup.Evidence, len(reports))
	for i, r := range reports {
		evidence[i] = r.evidence()
	}
	var entries []dedup.Entry
	if !p.try(p.ledger, func(ctx context.Context) (err error) {
		entries, err = p.cfg.Ledger.Attest(ctx, evidence)
		return err
	}) {
		return false
	}
	if slices.ContainsFunc(entries, func(e dedup.Entry) bool { return e.NotWhole }) {
		_ = p.whole.note(errLost)
	} else {
		_ = p.whole.note(nil)
	}
	if !p.overrule(reports, entries) {
		return false
	}
	plans, ok := p.plan(reports, entries)
	if !ok || !p.heed(plans) {
		return false
	}
	var events []job.Event
	for i := range plans {
		events = append(events, plans[i].events...)
	}
	return p.record(events) && p.mark(plans)
}

func (p *Processor) record(events []job.Event) bool {
	return len(events) == 0 || p.try(p.recording, func(ctx context.Context) error {
		_, err := p.cfg.Events.Record(ctx, events)
		return err
	})
}

// plan decides what each report adds, once it is known what became of its job.
func (p *Processor) plan(reports []*report, entries []dedup.Entry) ([]plan, bool) {
	var accepted []int
	var sequences []uint64
	for i, r := range reports {
		if p.judge(r, entries[i]) {
			accepted = append(accepted, i)
			sequences = append(sequences, entries[i].Event)
		}
	}
	var outcomes []job.Event
	if len(sequences) > 0 && !p.try(p.recording, func(ctx context.Context) (err error) {
		outcomes, err = p.cfg.Events.At(ctx, sequences)
		return err
	}) {
		return nil, false
	}
	plans := make([]plan, 0, len(accepted))
	planned := make(map[job.Key]dedup.Seen) // a job may be there once for each attempt
	for i, at := range accepted {
		r := reports[at]
		if r.isGone(&outcomes[i]) && r.isFresh() {
			p.wait(r)
			continue
		}
		entries[at].Seen |= planned[r.token.Key]
		pl := makePlan(p.source, r, entries[at], outcomes[i])
		pl.traced()
		planned[r.token.Key] |= pl.mark
		plans = append(plans, pl)
	}
	return plans, true
}

// wait has a report's webhooks come again.
func (p *Processor) wait(r *report) {
	p.cfg.Metrics.update(updateWaiting, r.first.times)
	for _, h := range r.hooks {
		h.waits = true
	}
}

// judge reports whether a job's statuses can be recorded now. Those of a job that is
// being sent, or whose outcome is not on record, come again.
func (p *Processor) judge(r *report, e dedup.Entry) bool {
	switch {
	case e.NotWhole:
		p.wait(r)
		for _, h := range r.hooks {
			h.lost = true
		}
	case e.State == dedup.Accepted && e.Event != 0:
		return true
	case e.State == dedup.None:
		// The ledger's window is over: nobody knows the job's outcome any more.
		p.cfg.Metrics.update(updateForgotten, r.first.times)
	case contradicted(e):
		// The API says that it took what it had refused, or what was never sent.
		p.cfg.Metrics.update(updateContradiction, r.first.times)
		for _, h := range r.hooks {
			h.odd = updateContradiction
		}
	default:
		p.wait(r)
	}
	return false
}

// mark tells the ledger what is on record now, and counts it.
func (p *Processor) mark(plans []plan) bool {
	var marks []dedup.Evidence
	var marked []*plan
	for i := range plans {
		if pl := &plans[i]; pl.mark != 0 {
			marks = append(marks, dedup.Evidence{Key: pl.report.token.Key, Attempt: pl.report.token.Attempt, Seen: pl.mark})
			marked = append(marked, pl)
		}
	}
	var changes []dedup.Change
	if len(marks) > 0 && !p.try(p.ledger, func(ctx context.Context) (err error) {
		changes, err = p.cfg.Ledger.Mark(ctx, marks)
		return err
	}) {
		return false
	}
	// Another processor may have recorded the failure, or the delivery, meanwhile.
	var withdrawn []job.Event
	for i, pl := range marked {
		if failedWrongly(changes[i].Entry.Seen) && !failedWrongly(pl.seen) {
			back := pl.withdrawal(p.source)
			back.Traceparent = pl.outcome.Traceparent
			withdrawn = append(withdrawn, back)
		}
	}
	if !p.record(withdrawn) {
		return false
	}
	for i := range plans {
		p.count(&plans[i])
	}
	return true
}

func (p *Processor) count(pl *plan) {
	p.trace(pl)
	m, recorded := p.cfg.Metrics, 0
	number := pl.outcome.Data.From
	for i := range steps {
		if pl.mark&steps[i].bit != 0 && number != "" {
			m.statuses.WithLabelValues(number, string(steps[i].kind)).Inc()
		}
		if pl.explicit&steps[i].bit != 0 {
			recorded++
		}
	}
	if pl.optOut != nil {
		m.said(pl.optOut)
	}
	m.update(updateRecorded, recorded)
	m.update(updateLate, pl.late)
	m.update(updateDuplicate, pl.report.known()-recorded-pl.late)
	if number == "" {
		return
	}
	if pl.twice() {
		m.twice.WithLabelValues(number).Inc()
	}
	if pl.mark&dedup.SeenFailed != 0 {
		m.failed(number, pl.report.steps[stepFailed].status.Errors)
	}
	p.heard.note(number, pl.outcome.Time)
	if pl.explicit&dedup.SeenDelivered != 0 {
		m.took(number, pl.report.steps[stepDelivered].at.Sub(pl.outcome.Time))
	}
}

// release lets a webhook go: away, or back for another time.
func (p *Processor) release(h *hook) bool {
	d := h.delivery
	if h.waits && (h.lost || time.Since(d.Stored) < patience) {
		_ = d.Nak(backoff(d.Delivered, firstReturn, lastReturn)) // an unheard nak only costs the wait
		return true
	}
	if h.waits {
		h.odd = whyPatience
	}
	if h.odd != "" {
		if !p.try(p.recording, func(ctx context.Context) error { return p.cfg.Quarantine.Quarantine(ctx, d, h.odd) }) {
			return false
		}
		p.cfg.Metrics.body(resultQuarantined)
	}
	for result, n := range h.tally {
		p.cfg.Metrics.update(result, n)
	}
	p.cfg.Metrics.forged.Add(float64(h.forged))
	switch h.odd {
	case resultUndecodable, resultNotWhatsApp:
		p.cfg.Metrics.body(h.odd)
	default:
		p.cfg.Metrics.body(resultProcessed)
	}
	_ = d.Ack() // a lost ack costs another look at what is on record already
	return true
}
