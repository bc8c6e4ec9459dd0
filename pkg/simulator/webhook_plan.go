package simulator

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// status is what a webhook says of a message.
type status uint8

const (
	sent status = iota
	delivered
	read
	failed
	other // no status: the update's notice has news
)

// statusNames are indexed by status.
var statusNames = []string{"sent", "delivered", "read", "failed"}

// notice is what is kept of a message until its last status is through.
type notice struct {
	id, token, person string
	byUserID          bool // person is a business-scoped user id
	code              int32
	number            *number
	category          string
	early             *early
	news              *news
}

// early is what an answer waits for.
type early struct {
	left atomic.Int32
	done chan struct{}
}

func (e *early) posted() {
	if e.left.Add(-1) == 0 {
		close(e.done)
	}
}

// step is one status of a message to come.
type step struct {
	status
	was   status        // the status that it takes the place of
	due   time.Duration // from the acceptance
	stamp time.Duration // what its timestamp says, from the acceptance
	early bool
	bare  bool // without the token

	numberless, sparse bool
}

// plan is the statuses of one message, in the order in which they are queued.
type plan struct {
	steps []step
	code  int32
	read  time.Duration // when the person has read it, from the acceptance
}

// draw is a number in [0, 1) of its own for every salt.
func draw(n, salt uint64) float64 { return float64(mix(n^mix(salt))>>11) / (1 << 53) }

// newPlan is what happens without faults: each status after its time.
func newPlan(cfg *Webhook, answer time.Duration, n uint64) plan {
	p := plan{steps: make([]step, 0, 6)}
	due := answer
	for i, l := range []Latency{cfg.Sent, cfg.Delivered, cfg.Read} {
		due = max(due, answer+l.Base+time.Duration(draw(n, uint64(i))*float64(l.Spread)))
		p.steps = append(p.steps, step{status: status(i), was: status(i), due: due, stamp: due})
	}
	p.read = due
	return p
}

// hold delays a message that was held for quality assessment until it is released, or
// dropped with a code.
func (p *plan) hold(rule *Rule) {
	for i := range p.steps {
		p.steps[i].due += time.Duration(rule.Delay)
		p.steps[i].stamp += time.Duration(rule.Delay)
	}
	p.read += time.Duration(rule.Delay)
	if rule.Code != 0 {
		p.failAt(sent, rule.Code)
	}
}

// apply changes the plan as a rule says.
func (p *plan) apply(f *hookFault, n uint64) {
	switch f.Kind {
	case Early:
		p.each(f, func(s *step) { s.due, s.stamp, s.early = 0, 0, true })
	case Late:
		p.each(f, func(s *step) { s.due += time.Duration(f.Delay) })
	case Twice:
		p.repeat(f)
	case Shuffled:
		p.shuffle(f, n)
	case Missing:
		p.keep(func(s step) bool { return !f.concerns(s.was) })
	case Failed:
		p.fail(f)
	case Tokenless:
		p.each(f, func(s *step) { s.bare = true })
	case Numberless:
		p.each(f, func(s *step) { s.numberless = true })
	case Sparse:
		p.each(f, func(s *step) { s.sparse = true })
	}
}

func (p *plan) each(f *hookFault, change func(*step)) {
	for i := range p.steps {
		if f.concerns(p.steps[i].was) {
			change(&p.steps[i])
		}
	}
}

func (p *plan) keep(kept func(step) bool) {
	left := p.steps[:0]
	for _, s := range p.steps {
		if kept(s) {
			left = append(left, s)
		}
	}
	p.steps = left
}

func (p *plan) repeat(f *hookFault) {
	for _, s := range p.steps[:len(p.steps):len(p.steps)] {
		if f.concerns(s.was) {
			s.due += time.Duration(f.Delay)
			p.steps = append(p.steps, s)
		}
	}
}

// shuffle turns the places of the concerned steps round, so that none of them
// keeps its own.
func (p *plan) shuffle(f *hookFault, n uint64) {
	var places []int
	for i, s := range p.steps {
		if f.concerns(s.was) {
			places = append(places, i)
		}
	}
	if len(places) < 2 {
		return
	}
	by := 1 + int(draw(n, 1<<32)*float64(len(places)-1))
	old := slices.Clone(p.steps)
	for i, place := range places {
		moved := old[places[(i+by)%len(places)]]
		moved.due = old[place].due
		p.steps[place] = moved
	}
}

func (p *plan) fail(f *hookFault) {
	at := delivered
	if len(f.Statuses) == 1 {
		at = status(slices.Index(statusNames, f.Statuses[0]))
	}
	p.failAt(at, f.Code)
}

// failAt puts failed in the place of a status.
func (p *plan) failAt(at status, code int) {
	p.code = int32(code)
	p.keep(func(s step) bool { return s.was <= at })
	for i := range p.steps {
		if p.steps[i].was == at {
			p.steps[i].status = failed
		}
	}
}

// priced is the category that a status names.
func priced(endpoint string, req *request, t *template) string {
	switch {
	case req.Template == nil:
		return "service"
	case t != nil && t.category != "":
		return strings.ToLower(t.category)
	case endpoint == marketingMessages:
		return marketing
	}
	return "utility"
}

const marketing = "marketing"

// Codes that a message fails with because it is marketing.
const (
	codeTooMuch = 131049 // the person gets too much of it, or is in the United States
	codeStopped = 131050
)

// spares reports whether a rule's code cannot befall a message: only marketing fails
// with some codes. Where templates are not judged, nobody knows what is marketing.
func (f *hookFault) spares(t *template, category string) bool {
	return (f.Code == codeTooMuch || f.Code == codeStopped) && t != nil && category != marketing
}
