package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/report"
	"github.com/wacast/wacast/pkg/simulator"
)

func accepted(n uint64) func(*report.Progress) bool {
	return func(p *report.Progress) bool { return p.Accepted >= n && p.Left() == 0 }
}

func ended(n uint64) func(*report.Progress) bool {
	return func(p *report.Progress) bool { return p.Ended() >= n && p.Left() == 0 }
}

// Two replicas share the work and the limit; the same jobs published again, without
// message ids, are sent to nobody and use no slots.
func TestEachJobOnceOverTwoReplicas(t *testing.T) {
	const n, mps = 600, 300
	r := newRig(t, simulator.Config{MPS: mps, Latency: simulator.Latency{Base: 20 * time.Millisecond, Spread: 20 * time.Millisecond}})
	one, two := r.ready("one"), r.ready("two")
	v := r.view()
	jobs := newJobs(numberA, "reminders", 0, n)
	r.publish(jobs...)
	p := r.await(v, "reminders", ended(n))
	if p.Accepted != n || p.Published != n {
		t.Errorf("progress %+v, want %d accepted", p, n)
	}
	stats := r.sim.Stats()
	if stats.Accepted != n || stats.Duplicates != 0 {
		t.Errorf("the simulator accepted %d, %d of them twice; want %d, 0", stats.Accepted, stats.Duplicates, n)
	}
	// The simulator refuses what is over the limit; jitter of a busy machine may
	// provoke a few such refusals, an unshared limit would provoke hundreds.
	if over := stats.Numbers[numberA].Throttled; over > n/20 {
		t.Errorf("%d of %d requests were over the limit", over, stats.Requests)
	}

	slots := slotsUsed(t, one) + slotsUsed(t, two)
	for _, j := range jobs {
		data, err := job.Encode(j)
		if err != nil {
			t.Fatal(err)
		}
		r.publishRaw(r.jobSubject(numberA, "reminders"), string(data))
	}
	p = r.await(v, "reminders", ended(2*n))
	if p.Duplicate != n || p.Accepted != n {
		t.Errorf("published again: %+v, want %d duplicates", p, n)
	}
	if got := r.sim.Stats().Requests; got != stats.Requests {
		t.Errorf("%d requests after publishing again, %d before", got, stats.Requests)
	}
	if got := slotsUsed(t, one) + slotsUsed(t, two); got != slots {
		t.Errorf("duplicates used %d slots", got-slots)
	}
}

// slotsUsed is how many jobs of an app have had a slot.
func slotsUsed(t *testing.T, a *app.App) (n uint64) {
	t.Helper()
	families, err := a.Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "wacast_slot_wait_seconds" {
			continue
		}
		for _, m := range f.GetMetric() {
			n += m.GetHistogram().GetSampleCount()
		}
	}
	return n
}

// A job is rejected for what is wrong with it, in a dead letter, and blocks nobody.
func TestBadJobsEndWithReasons(t *testing.T) {
	r := newRig(t, simulator.Config{})
	r.ready("one")
	v := r.view()
	subject := r.jobSubject(numberA, "mixed")
	encoded := func(j *job.Job) string {
		data, err := job.Encode(j)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	past := newJob(numberA, "mixed", 1)
	past.ExpiresAt = time.Now().Add(-time.Minute)
	conflict := newJob(numberA, "mixed", 2)
	r.publish(conflict, newJob(numberA, "mixed", 3))
	r.await(v, "mixed", accepted(2))
	conflict.Template.Params.Body = job.Positional("somebody else", "another time")

	r.publishRaw(subject, "not json")
	r.publishRaw(subject, `{"v":1,"id":"a b","campaign":"mixed"}`)
	r.publishRaw(subject, encoded(newJob(numberA, "other", 4)))
	r.publishRaw(subject, encoded(past))
	r.publishRaw(subject, encoded(conflict))
	empty := newJob(numberA, "mixed", 5)
	empty.Template.Params.Body = job.Positional("", "23 de noviembre")
	r.publishRaw(subject, encoded(empty))

	p := r.await(v, "mixed", ended(8))
	if p.Accepted != 2 || p.Rejected != 5 || p.Expired != 1 {
		t.Errorf("progress %+v, want 2 accepted, 5 rejected, 1 expired", p)
	}
	reasons, err := v.Reasons(t.Context(), "mixed")
	if err != nil {
		t.Fatal(err)
	}
	for ending, want := range map[report.Ending]uint64{
		{Kind: job.Rejected, Reason: job.ReasonInvalidJob}:      2,
		{Kind: job.Rejected, Reason: job.ReasonSubjectMismatch}: 1,
		{Kind: job.Rejected, Reason: job.ReasonConflict}:        1,
		{Kind: job.Rejected, Reason: job.ReasonBadParameters}:   1,
		{Kind: job.Expired, Reason: job.ReasonExpired}:          1,
	} {
		if reasons[ending] != want {
			t.Errorf("%+v: %d, want %d (all: %v)", ending, reasons[ending], want, reasons)
		}
	}
	if got := r.deadLetters("mixed"); got != 5 {
		t.Errorf("%d dead letters, want 5", got)
	}
}

// A job of a newer version stays in its queue for a newer worker.
func TestNewerJobIsHandedBack(t *testing.T) {
	r := newRig(t, simulator.Config{})
	r.ready("one")
	v := r.view()
	r.publishRaw(r.jobSubject(numberA, "future"), `{"v":2,"id":"x","shape":"unknown"}`)
	r.publish(newJob(numberA, "future", 1))
	p := r.await(v, "future", func(p *report.Progress) bool { return p.Accepted == 1 && p.InFlight == 1 })
	if p.Rejected != 0 || r.deadLetters("future") != 0 {
		t.Errorf("progress %+v with %d dead letters; the newer job must wait", p, r.deadLetters("future"))
	}
	if !strings.Contains(r.log.String(), "needs a newer wacast") {
		t.Errorf("the log does not say so:\n%s", r.log)
	}
}

// Where the answer is lost after the request was written, nobody knows whether the
// API took the message: the outcome is unknown and nothing is sent again.
func TestLostAnswersAreUnknown(t *testing.T) {
	const n = 200
	r := newRig(t, simulator.Config{Seed: 7, Faults: []simulator.Rule{
		{Kind: simulator.LostAfter, Share: 0.1},
		{Kind: simulator.LostBefore, Share: 0.05},
		{Kind: simulator.HTML502, Share: 0.05},
	}})
	r.ready("one")
	v := r.view()
	r.publish(newJobs(numberA, "lossy", 0, n)...)
	p := r.await(v, "lossy", ended(n))
	stats := r.sim.Stats()
	lost := stats.Faults[simulator.LostAfter]
	faulty := lost + stats.Faults[simulator.LostBefore] + stats.Faults[simulator.HTML502]
	if lost == 0 || int64(p.Unknown) != faulty || p.Accepted+p.Unknown != n {
		t.Errorf("progress %+v with faults %v, want each of them unknown and the rest accepted", p, stats.Faults)
	}
	if stats.Duplicates != 0 || stats.Accepted != int64(p.Accepted)+lost {
		t.Errorf("the simulator accepted %d, %d twice; on record are %d and %d lost answers", stats.Accepted, stats.Duplicates, p.Accepted, lost)
	}
	if got := r.deadLetters("lossy"); got != 0 {
		t.Errorf("%d dead letters before any deadline", got)
	}
}

// A passing fault is tried again and costs nothing but time.
func TestTransientRefusalsAreRetried(t *testing.T) {
	const n = 50
	r := newRig(t, simulator.Config{Seed: 3, Faults: []simulator.Rule{{Kind: simulator.Error, Code: 131016, Share: 0.3, Times: 30}}}, "WACAST_MAX_ATTEMPTS=10")
	r.ready("one")
	v := r.view()
	r.publish(newJobs(numberA, "shaky", 0, n)...)
	p := r.await(v, "shaky", ended(n))
	stats := r.sim.Stats()
	if p.Accepted != n || stats.Refused[131016] == 0 || stats.Duplicates != 0 {
		t.Errorf("progress %+v, refusals %v, duplicates %d; want all accepted once after refusals", p, stats.Refused, stats.Duplicates)
	}
}

// A refusal that stays ends in a rejection once the attempts are used up.
func TestAttemptsAreBounded(t *testing.T) {
	r := newRig(t, simulator.Config{Faults: []simulator.Rule{{Kind: simulator.Error, Code: 131016}}}, "WACAST_MAX_ATTEMPTS=2")
	r.ready("one")
	v := r.view()
	r.publish(newJob(numberA, "hopeless", 1))
	r.await(v, "hopeless", ended(1))
	reasons, err := v.Reasons(t.Context(), "hopeless")
	if err != nil {
		t.Fatal(err)
	}
	want := report.Ending{Kind: job.Rejected, Reason: job.ReasonAttempts, Code: 131016}
	if reasons[want] != 1 || r.sim.Stats().Refused[131016] != 2 {
		t.Errorf("endings %v after %d refusals, want %+v after 2", reasons, r.sim.Stats().Refused[131016], want)
	}
}

// A job for later waits in the schedule and goes out at its time.
func TestSendAt(t *testing.T) {
	r := newRig(t, simulator.Config{})
	r.ready("one")
	v := r.view()
	soon, later := newJob(numberA, "timed", 1), newJob(numberA, "timed", 2)
	soon.SendAt = time.Now().Add(2 * time.Second)
	later.SendAt = time.Now().Add(12 * time.Second) // beyond what a delayed nak is used for
	r.publish(soon, later)
	r.await(v, "timed", func(p *report.Progress) bool { return p.Scheduled == 1 && p.Published == 2 })
	r.await(v, "timed", accepted(2))
	if got := r.sim.Messages(0); len(got) != 2 || got[0].At.Before(soon.SendAt) || got[1].At.Before(later.SendAt) {
		t.Errorf("sent at %v, due at %s and %s", got, soon.SendAt, later.SendAt)
	}
}

// A transactional job does not wait behind a backlog of bulk jobs.
func TestTransactionalGoesFirst(t *testing.T) {
	r := newRig(t, simulator.Config{MPS: 20})
	r.ready("one")
	v := r.view()
	// Several campaigns, each with jobs that are held ready: first come, first
	// served would be several seconds.
	for i := range 10 {
		r.publish(newJobs(numberA, fmt.Sprintf("coupons-%d", i), 100*i, 60)...)
	}
	r.await(v, "coupons-0", func(p *report.Progress) bool { return p.Accepted > 2 })
	urgent := newJob(numberA, "confirmations", 9999)
	urgent.Lane = job.Transactional
	published := time.Now()
	r.publish(urgent)
	r.await(v, "confirmations", accepted(1))
	for _, m := range r.sim.Messages(0) {
		if key, _ := job.ParseToken(m.Token); key.Key.Campaign == "confirmations" && m.At.Sub(published) > time.Second {
			t.Errorf("the transactional job waited %s behind 600 bulk jobs at 20 a second", m.At.Sub(published))
		}
	}
}

// What is too long to be a dead letter beside its headers is cut there, and blocks
// nobody.
func TestOversizedMessageBlocksNobody(t *testing.T) {
	r := newRig(t, simulator.Config{})
	r.ready("one")
	v := r.view()
	r.publishRaw(r.jobSubject(numberA, "huge"), strings.Repeat("x", 120<<10))
	r.publish(newJobs(numberA, "healthy", 0, 20)...)
	r.await(v, "healthy", accepted(20))
	if p := r.await(v, "huge", ended(1)); p.Rejected != 1 || r.deadLetters("huge") != 1 {
		t.Errorf("progress %+v with %d dead letters, want a rejection and its letter", p, r.deadLetters("huge"))
	}
}

// A job that was accepted and whose ack was lost is not expired when it comes back
// too late: its outcome stands.
func TestOutcomeStandsAfterExpiry(t *testing.T) {
	r := newRig(t, simulator.Config{})
	r.ready("one")
	v := r.view()
	j := newJob(numberA, "expiring", 1)
	j.ExpiresAt = time.Now().Add(3 * time.Second)
	r.publish(j)
	r.await(v, "expiring", accepted(1))
	r.eventually(func() (bool, string) { return time.Now().After(j.ExpiresAt), "not expired yet" })
	data, err := job.Encode(j)
	if err != nil {
		t.Fatal(err)
	}
	r.publishRaw(r.jobSubject(numberA, "expiring"), string(data))
	if p := r.await(v, "expiring", ended(2)); p.Accepted != 1 || p.Duplicate != 1 || p.Expired != 0 {
		t.Errorf("progress %+v, want 1 accepted and 1 duplicate", p)
	}
}

// Every publication of a job that waits for its time has an outcome of its own.
func TestScheduledTwice(t *testing.T) {
	r := newRig(t, simulator.Config{})
	r.ready("one")
	v := r.view()
	j := newJob(numberA, "timed", 1)
	j.SendAt = time.Now().Add(15 * time.Second)
	r.publish(j)
	r.await(v, "timed", func(p *report.Progress) bool { return p.Scheduled == 1 && p.Left() == 1 })
	again, err := job.Encode(j)
	if err != nil {
		t.Fatal(err)
	}
	r.publishRaw(r.jobSubject(numberA, "timed"), string(again))
	j.Template.Params.Body = job.Positional("somebody else", "x")
	other, err := job.Encode(j)
	if err != nil {
		t.Fatal(err)
	}
	r.publishRaw(r.jobSubject(numberA, "timed"), string(other))
	p := r.await(v, "timed", func(p *report.Progress) bool { return p.Ended() == 3 && p.Left() == 0 })
	if p.Accepted != 1 || p.Duplicate != 1 || p.Rejected != 1 || r.sim.Stats().Accepted != 1 {
		t.Errorf("progress %+v, want 1 accepted, 1 duplicate, 1 conflict", p)
	}
}
