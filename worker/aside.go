package worker

import (
	"sync"
	"time"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/sender"
)

const (
	// templateDelay is how long a job of a stopped template is put aside for; the second
	// and the third time twice and four times as long. So the other templates of a queue
	// do not wait behind one that is stopped.
	templateDelay = time.Minute
	// A queue of which so many jobs in a row met a stopped template is looked through for
	// others only: [scanJobs] at a time, each [scanEvery].
	asideRow = 200
	// mostAside bounds how many jobs of a queue are put aside before it is treated so
	// although some go on.
	mostAside = 12_000
)

// stoppable is what, beside its number and account, a stop of keeps a job from being
// sent.
type stoppable struct{ template, language, category string }

// targets adds what is asked for to others.
func (s stoppable) targets(waba string, others ...sender.Target) []sender.Target {
	targets := append(append(make([]sender.Target, 0, 5), others...), sender.TemplateTarget(waba, s.template, ""), sender.TemplateTarget(waba, s.template, s.language))
	if s.category != "" {
		targets = append(targets, sender.CategoryTarget(waba, s.category))
	}
	return targets
}

// aside is what a queue's intake has given back because its template is stopped, with a
// long delay. Once the stop is over it is given back again, which ends the delay. It is
// safe for concurrent use.
type aside struct {
	mu   sync.Mutex
	away map[stoppable][]awayJob
	n    int
	// row counts the jobs that met a stop since one went on; met is what the last was.
	row   int
	met   stoppable
	until time.Time // when to look at the queue next
}

// awayJob is one that the server delivers again at a time.
type awayJob struct {
	delivery *queue.Delivery
	back     time.Time
}

// meet notes that a job met a stopped template, and returns how long it is to be put
// aside, so that there is one to probe with when the stop's time has come.
func (a *aside) meet(it *item, stop sender.Stop) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.row++
	a.met, a.until = it.stoppable(), time.Now().Add(scanEvery)
	delay := templateDelay << min(max(it.delivery.Delivered-1, 0), 2)
	if left := time.Until(stop.Until); left > 0 && left < delay {
		delay = max(left, time.Second)
	}
	return delay
}

// passed notes that a job of the queue may go on.
func (a *aside) passed() {
	a.mu.Lock()
	a.row = 0
	a.mu.Unlock()
}

// keep remembers a job that has been given back.
func (a *aside) keep(it *item, delay time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.away == nil {
		a.away = make(map[stoppable][]awayJob)
	}
	what := it.stoppable()
	a.away[what] = append(a.away[what], awayJob{it.delivery, time.Now().Add(delay)})
	a.n++
}

// any reports whether there are jobs to be called back.
func (a *aside) any() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.n > 0
}

// wait is how long the queue is left alone, and how many jobs may be taken then.
func (a *aside) wait(open func(stoppable) bool) (wait time.Duration, tries int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.row < asideRow && a.n < mostAside {
		return 0, maxFetch
	}
	if open(a.met) {
		a.row = 0
		return 0, maxFetch
	}
	return max(0, time.Until(a.until)), scanJobs
}

// take returns the jobs whose stops are over, and forgets those that are back.
func (a *aside) take(now time.Time, over func(stoppable) bool) (jobs []*queue.Delivery) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for what, away := range a.away {
		ended, kept := over(what), away[:0]
		for _, j := range away {
			switch {
			case !now.Before(j.back): // it may be with somebody
			case ended:
				jobs = append(jobs, j.delivery)
			default:
				kept = append(kept, j)
			}
		}
		a.n -= len(away) - len(kept)
		clear(away[len(kept):])
		if a.away[what] = kept; len(kept) == 0 {
			delete(a.away, what)
		}
	}
	return jobs
}

// putAside gives back a job whose template is stopped.
func (in *intake) putAside(it *item, stop sender.Stop) {
	in.w.metrics.returned.WithLabelValues(causeStop).Inc()
	in.w.end(it, ending{delay: in.aside.meet(it, stop), aside: true})
}

// setAside is how long the queue is left alone because its jobs met stopped templates, and
// how many may be taken then. The jobs of a cancelled campaign end all the same.
func (in *intake) setAside() (wait time.Duration, tries int) {
	if in.state() == campaign.Cancelled {
		return 0, maxFetch
	}
	return in.aside.wait(func(s stoppable) bool { return in.peek(s).OK })
}

func (in *intake) peek(s stoppable) sender.Verdict {
	return in.w.cfg.Stops.Peek(s.targets(in.line.number.Account.WABA)...)
}

// callBack ends the delays of the jobs whose template goes on, and of all when the
// campaign is cancelled or this worker leaves: others are to have them. Of a stop whose
// time has come one job is tried first, which is in the queue by then.
func (in *intake) callBack(now time.Time) {
	if in.line == nil || !in.aside.any() {
		return
	}
	all := in.w.intakeCtx.Err() != nil || in.state() == campaign.Cancelled
	giveBack(in.aside.take(now, func(s stoppable) bool {
		v := in.peek(s)
		return all || v.OK && !v.Probe
	}))
}
