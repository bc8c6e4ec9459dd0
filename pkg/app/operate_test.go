package app_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/report"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/simulator"
)

// operator changes things until the test ends.
func (r *rig) operator() *app.Operator {
	r.t.Helper()
	o, err := app.OpenOperator(r.t.Context(), r.config(), "ana@host")
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(o.Close)
	return o
}

// streams makes the streams, as a worker does when it starts, and leaves none.
func (r *rig) streams() {
	r.t.Helper()
	if _, err := queue.Ensure(r.t.Context(), r.jetStream(), ptr(r.config()).Topology()); err != nil {
		r.t.Fatal(err)
	}
}

func ptr[T any](v T) *T { return &v }

// balanced fails the test unless the accounts of a campaign are right.
func (r *rig) balanced(o *app.Operator, id string, total uint64) *report.Accounts {
	r.t.Helper()
	a, err := o.Verify(r.t.Context(), id, total)
	if err != nil {
		r.t.Fatal(err)
	}
	if !a.OK || a.Total != total {
		r.t.Errorf("the accounts of %s differ, or are not of %d: %+v", id, total, *a)
	}
	return a
}

// A campaign that is cancelled while it runs: what is in flight ends as it does,
// the rest as cancelled, nothing is lost and nothing counted twice.
func TestCancelCampaignThatRuns(t *testing.T) {
	const n = 600
	r := newRig(t, simulator.Config{MPS: 100, Latency: simulator.Latency{Base: 50 * time.Millisecond}})
	r.ready("one")
	r.ready("two")
	o := r.operator()
	r.publish(newJobs(numberA, "c1", 0, n)...)
	r.eventually(func() (bool, string) { return r.sim.Stats().Accepted > 20, "not begun" })
	c, err := o.CancelCampaign(t.Context(), "c1", "wrong text", patience)
	if err != nil {
		t.Fatal(err)
	}
	if c.Held > 0 || c.Purged == 0 {
		t.Errorf("%d held, %d purged; want none and most", c.Held, c.Purged)
	}
	p := r.await(o.View, "c1", ended(n))
	stats := r.sim.Stats()
	if p.Accepted != uint64(stats.Accepted) || p.Accepted+p.Cancelled != n || stats.Duplicates > 0 {
		t.Errorf("%+v; the simulator accepted %d", p, stats.Accepted)
	}
	r.balanced(o, "c1", n)
	// What comes later is not sent either.
	r.publish(newJobs(numberA, "c1", n, 5)...)
	p = r.await(o.View, "c1", ended(n+5))
	if p.Cancelled != n+5-p.Accepted || r.sim.Stats().Accepted != stats.Accepted {
		t.Errorf("published after the cancel: %+v", p)
	}
	r.balanced(o, "c1", n+5)
	if err := o.PauseCampaign(t.Context(), "c1", "too late"); !errors.Is(err, campaign.ErrCancelled) {
		t.Errorf("pause of a cancelled campaign = %v, want ErrCancelled", err)
	}
}

// A pause leaves jobs that the server takes for being with a worker: a cancel must not
// wait for those in vain.
func TestCancelCampaignThatIsPaused(t *testing.T) {
	const n = 600
	r := newRig(t, simulator.Config{MPS: 100, Latency: simulator.Latency{Base: 50 * time.Millisecond}})
	r.ready("one")
	o := r.operator()
	r.publish(newJobs(numberA, "c1", 0, n)...)
	r.eventually(func() (bool, string) { return r.sim.Stats().Accepted > 20, "not begun" })
	if err := o.PauseCampaign(t.Context(), "c1", "wrong text"); err != nil {
		t.Fatal(err)
	}
	if p, err := o.Progress(t.Context(), "c1"); err != nil || p.Rate == 0 || p.Left() == 0 || p.ETASeconds != nil {
		t.Errorf("paused: %+v, %v; want a rate and no time left", p, err)
	}
	stood := r.sim.Stats().Accepted
	r.eventually(func() (bool, string) {
		now := r.sim.Stats().Accepted
		still := now == stood
		stood = now
		return still, "messages still go out"
	})
	began := time.Now()
	c, err := o.CancelCampaign(t.Context(), "c1", "wrong text", patience)
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); c.Held > 0 || c.Purged == 0 || took > patience/2 {
		t.Errorf("%d held, %d purged after %v; want none and most, soon", c.Held, c.Purged, took)
	}
	p := r.await(o.View, "c1", ended(n))
	if p.Accepted+p.Cancelled != n || r.sim.Stats().Duplicates > 0 {
		t.Errorf("%+v", p)
	}
	r.balanced(o, "c1", n)
}

// Without a worker the queues and schedules are emptied just the same, and a second
// cancel finds nothing.
func TestCancelCampaignThatWaits(t *testing.T) {
	r := newRig(t, simulator.Config{})
	r.streams()
	o := r.operator()
	r.publish(append(newJobs(numberA, "c1", 0, 40), newJobs(numberB, "c1", 40, 20)...)...)
	r.publish(newJobs(numberA, "c2", 0, 5)...)
	for range 2 {
		c, err := o.CancelCampaign(t.Context(), "c1", "wrong text", patience)
		if err != nil {
			t.Fatal(err)
		}
		if c.After.Cancelled != 60 || c.After.Left() != 0 || c.Held != 0 {
			t.Errorf("%+v", *c.After)
		}
		r.balanced(o, "c1", 60)
	}
	r.balanced(o, "c2", 5)
	if _, err := o.CancelCampaign(t.Context(), "c3", "", patience); !errors.Is(err, campaign.ErrUnknown) {
		t.Errorf("cancel of a campaign nobody knows = %v, want ErrUnknown", err)
	}
}

// A cancel that ended between the purge and its record is made good by the next one.
func TestCancelThatWasInterrupted(t *testing.T) {
	r := newRig(t, simulator.Config{})
	r.streams()
	o := r.operator()
	r.publish(newJobs(numberA, "c1", 0, 30)...)
	names := queue.Names{Namespace: r.config().Namespace}
	events, err := queue.NewEvents(r.jetStream(), names)
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	queues, err := queue.NewQueues(r.jetStream(), queue.QueuesConfig{Names: names})
	if err != nil {
		t.Fatal(err)
	}
	defer queues.Close()
	intent := job.NewEvent("wacast/test", time.Now(), job.EventData{
		Kind: job.CampaignChanged, Campaign: "c1", From: numberA, Lane: job.Bulk, Count: 30, Stream: names.JobsStream(), Sequence: 30,
	})
	if _, err := events.Record(t.Context(), []job.Event{intent}); err != nil {
		t.Fatal(err)
	}
	if n, err := queues.Purge(t.Context(), queue.ID{Sender: numberA, Lane: job.Bulk, Campaign: "c1"}, 30); n != 30 || err != nil {
		t.Fatal(n, err)
	}
	if a, err := o.Verify(t.Context(), "c1", 0); err != nil || a.Missing != 30 {
		t.Errorf("before: %+v, %v; want 30 missing", a, err)
	}
	if _, err := o.CancelCampaign(t.Context(), "c1", "again", patience); err != nil {
		t.Fatal(err)
	}
	r.balanced(o, "c1", 30)
}

// A number, an account, a template, a campaign and everything can be paused; nothing
// is sent then, and all of it when it goes on.
func TestPauseAndResume(t *testing.T) {
	const n = 20
	r := newRig(t, simulator.Config{})
	r.ready("one")
	o := r.operator()
	cfg := o.Config()
	for i, scope := range []struct {
		scope sender.Scope
		name  string
	}{
		{sender.ScopeAll, ""}, {sender.ScopeNumber, numberA}, {sender.ScopeTemplate, "appointment"}, {sender.ScopeAccount, sender.DefaultWABA}, {"campaign", ""},
	} {
		id := fmt.Sprintf("c%d", i)
		before := r.sim.Stats().Requests
		targets, err := cfg.Targets(scope.scope, scope.name)
		if err != nil {
			t.Fatal(err)
		}
		if scope.scope != "campaign" {
			err = o.Pause(t.Context(), targets, "wrong text")
			r.publish(newJobs(numberA, id, 0, n)...)
		} else {
			r.publish(newJobs(numberB, id, 0, n)...)
			err = o.PauseCampaign(t.Context(), id, "wrong text")
			before = r.sim.Stats().Requests // some may be on their way
		}
		if err != nil {
			t.Fatal(err)
		}
		s, err := o.Status(t.Context())
		if err != nil || !s.Halted() && scope.scope != "campaign" {
			t.Errorf("%s: status %+v, %v; want something stopped", scope.scope, s, err)
		}
		if scope.scope != "campaign" && (s.Stopped[0].By != "ana@host" || s.Stopped[0].Detail != "wrong text") {
			t.Errorf("%s: stopped %+v", scope.scope, s.Stopped)
		}
		time.Sleep(300 * time.Millisecond) // for what must not happen, there is no signal
		if got := r.sim.Stats().Requests; got != before && scope.scope != "campaign" {
			t.Errorf("%s: %d requests while it is paused", scope.scope, got-before)
		}
		if scope.scope != "campaign" {
			resumed, err := o.Resume(t.Context(), targets, "")
			if err != nil || len(resumed) != 1 {
				t.Errorf("resume %s = %v, %v", scope.scope, resumed, err)
			}
		} else if ok, err := o.ResumeCampaign(t.Context(), id, ""); !ok || err != nil {
			t.Errorf("resume campaign = %v, %v", ok, err)
		}
		if p := r.await(o.View, id, accepted(n)); p.Accepted != n || p.Published != n {
			t.Errorf("%s: %+v, want all accepted once", scope.scope, p)
		}
	}
	if resumed, err := o.Resume(t.Context(), []sender.Target{sender.Everything()}, ""); len(resumed) > 0 || err != nil {
		t.Errorf("resume of what is not stopped = %v, %v", resumed, err)
	}
}

// A job is cancelled where it waits: put off, it ends at once; queued, when a worker
// meets it. Neither is sent, and each has one outcome.
func TestCancelJob(t *testing.T) {
	r := newRig(t, simulator.Config{})
	r.ready("one")
	o := r.operator()
	later := newJob(numberA, "c1", 1)
	later.SendAt = time.Now().Add(time.Hour)
	r.publish(later)
	r.await(o.View, "c1", func(p *report.Progress) bool { return p.Scheduled == 1 && p.Left() == 1 }) // the original is acked
	r.balanced(o, "c1", 1)
	if ended, err := o.CancelJob(t.Context(), later.Key(), "moved"); !ended || err != nil {
		t.Errorf("cancel of a scheduled job: ended %v, %v", ended, err)
	}
	p := r.await(o.View, "c1", ended(1))
	if p.Cancelled != 1 || p.Published != 1 {
		t.Errorf("%+v, want 1 cancelled", p)
	}
	if _, err := o.CancelJob(t.Context(), later.Key(), ""); !errors.Is(err, app.ErrNotNow) {
		t.Errorf("cancel of a cancelled job = %v, want ErrNotNow", err)
	}

	if err := o.Pause(t.Context(), []sender.Target{{Scope: sender.ScopeNumber, Name: numberB}}, "wait"); err != nil {
		t.Fatal(err)
	}
	queued := newJobs(numberB, "c1", 10, 3)
	r.publish(queued...)
	if ended, err := o.CancelJob(t.Context(), queued[1].Key(), "moved"); ended || err != nil {
		t.Errorf("cancel of a queued job: ended %v, %v", ended, err)
	}
	if _, err := o.Resume(t.Context(), []sender.Target{{Scope: sender.ScopeNumber, Name: numberB}}, ""); err != nil {
		t.Fatal(err)
	}
	p = r.await(o.View, "c1", ended(4))
	if p.Cancelled != 2 || p.Accepted != 2 || r.sim.Stats().Accepted != 2 {
		t.Errorf("%+v, want 2 cancelled and 2 accepted", p)
	}
	r.balanced(o, "c1", 4)
	if _, err := o.CancelJob(t.Context(), queued[0].Key(), ""); !errors.Is(err, app.ErrNotNow) {
		t.Errorf("cancel of an accepted job = %v, want ErrNotNow", err)
	}
	if _, err := o.CancelJob(t.Context(), job.Key{Campaign: "c1", ID: "nobody"}, ""); !errors.Is(err, app.ErrNoJob) {
		t.Errorf("cancel of no job = %v, want ErrNoJob", err)
	}
}

// Rejected jobs are tried once more, one by itself and the others all together, and
// count as what came of it.
func TestResendAndReplay(t *testing.T) {
	const n = 12
	r := newRig(t, simulator.Config{Faults: []simulator.Rule{{Kind: simulator.Error, Code: 131026}}})
	r.ready("one")
	o := r.operator()
	jobs := newJobs(numberA, "c1", 0, n)
	r.publish(jobs...)
	r.await(o.View, "c1", ended(n))
	if err := r.sim.SetFaults(nil); err != nil {
		t.Fatal(err)
	}
	no := errors.New("no")
	if _, err := o.ResendJob(t.Context(), jobs[3].Key(), func(job.Kind) error { return no }); !errors.Is(err, no) {
		t.Errorf("a resend that nobody wants = %v", err)
	}
	sure := func(was job.Kind) error {
		if was != job.Rejected {
			t.Errorf("asked about a job that was %s", was)
		}
		return nil
	}
	if was, err := o.ResendJob(t.Context(), jobs[3].Key(), sure); was != job.Rejected || err != nil {
		t.Errorf("resend = %s, %v", was, err)
	}
	r.await(o.View, "c1", func(p *report.Progress) bool { return p.Accepted == 1 })
	filter := app.LetterFilter{DeadFilter: queue.DeadFilter{Campaign: "c1"}, Code: 131026}
	dry, err := o.ReplayDead(t.Context(), filter, false, true)
	if err != nil || dry.Replayed != n-1 || len(dry.First) != n-1 || dry.First[0].Code != 131026 {
		t.Errorf("dry run %+v, %v; want %d, shown each", dry, err, n-1)
	}
	if none, err := o.ReplayDead(t.Context(), app.LetterFilter{Code: 1}, false, false); err != nil || none.Replayed != 0 {
		t.Errorf("of another code: %+v, %v", none, err)
	}
	if done, err := o.ReplayDead(t.Context(), filter, false, false); err != nil || done.Replayed != n-1 {
		t.Errorf("replay %+v, %v", done, err)
	}
	p := r.await(o.View, "c1", func(p *report.Progress) bool { return p.Accepted == n })
	if p.Rejected != 0 || p.Published != n || p.Left() != 0 {
		t.Errorf("%+v, want %d accepted", p, n)
	}
	r.balanced(o, "c1", n)
	if left, err := o.ReplayDead(t.Context(), app.LetterFilter{}, true, false); err != nil || left.Replayed != 0 {
		t.Errorf("letters are left: %+v, %v", left, err)
	}
	if stats := r.sim.Stats(); stats.Accepted != n || stats.Duplicates != 0 {
		t.Errorf("the simulator accepted %d, %d twice", stats.Accepted, stats.Duplicates)
	}
}

func TestExplain(t *testing.T) {
	r := newRig(t, simulator.Config{})
	r.ready("one")
	o := r.operator()
	sent := newJob(numberA, "c1", 1)
	r.publish(sent)
	r.await(o.View, "c1", accepted(1))
	story := explain(t, o, sent.Key())
	if story.State != "accepted" || len(story.Waits) > 0 || !strings.HasPrefix(story.Ledger, "accepted, attempt 1") {
		t.Errorf("%+v", story)
	}
	var what []string
	for _, s := range story.Steps {
		what = append(what, s.What)
		if strings.Contains(fmt.Sprint(s), string(sent.To[1:])) {
			t.Errorf("the whole number is in %+v", s)
		}
	}
	if got := strings.Join(what, ", "); got != "claimed, accepted" {
		t.Errorf("steps %s", got)
	}

	if err := o.PauseCampaign(t.Context(), "c1", "wrong text"); err != nil {
		t.Fatal(err)
	}
	queued, later := newJob(numberA, "c1", 2), newJob(numberA, "c2", 3)
	later.SendAt = time.Now().Add(time.Hour)
	r.publish(queued, later)
	r.await(o.View, "c2", func(p *report.Progress) bool { return p.Scheduled == 1 })
	r.eventually(func() (bool, string) { // the worker may look at it just now
		story := explain(t, o, queued.Key())
		return story.State == "waiting" && len(story.Waits) == 1 && strings.Contains(story.Waits[0].For, "paused") && !story.Waits[0].Since.IsZero(),
			fmt.Sprintf("%+v", story)
	})
	story = explain(t, o, later.Key())
	if story.State != "waiting" || len(story.Waits) != 1 || story.Waits[0].For != "its send_at" || story.Waits[0].Until.Sub(later.SendAt).Abs() > time.Second {
		t.Errorf("%+v", story)
	}
	if _, err := o.Explain(context.Background(), job.Key{ID: "nobody"}); !errors.Is(err, app.ErrNoJob) {
		t.Errorf("no job: %v", err)
	}
}

func explain(t *testing.T, o *app.Operator, key job.Key) *app.Story {
	t.Helper()
	s, err := o.Explain(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
