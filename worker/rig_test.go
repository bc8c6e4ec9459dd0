package worker_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/whatsapp"
	"github.com/wacast/wacast/worker"
)

// number sends the tests' jobs.
const number = "106540352242922"

// rig is one worker over real servers, an API that a test answers for, and what
// the test looks at.
type rig struct {
	t       *testing.T
	cfg     worker.Config
	js      jetstream.JetStream
	dead    *queue.Dead
	clock   *heardClock
	answer  func(token job.Token) error // nil accepts
	running *worker.Worker

	mu   sync.Mutex
	sent []job.Token
}

// heardClock is what webhooks were heard of.
type heardClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *heardClock) HeardSince(string) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *heardClock) hear(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

// newRig makes a worker that waits 300 ms for what is unknown, and does not start it.
func newRig(t *testing.T, answer func(job.Token) error) *rig {
	t.Helper()
	return newRigWith(t, answer, 30*time.Second)
}

// newRigWith is [newRig] with a lease.
func newRigWith(t *testing.T, answer func(job.Token) error, lease time.Duration) *rig {
	t.Helper()
	t.Parallel()
	r := &rig{t: t, answer: answer, clock: new(heardClock)}
	r.cfg, r.js = newConfigWith(t, r, 1000, lease)
	r.cfg.UnknownDeadline, r.cfg.Clock, r.cfg.SendTimeout = 300*time.Millisecond, r.clock, min(2*time.Second, lease/2)
	r.dead = r.cfg.Dead
	return r
}

// Send is the API.
func (r *rig) Send(_ context.Context, _, _ string, m *whatsapp.Message) (whatsapp.Accepted, error) {
	token, ok := job.ParseToken(m.CallbackData)
	if !ok {
		r.t.Errorf("%q is no token", m.CallbackData)
	}
	r.mu.Lock()
	r.sent = append(r.sent, token)
	r.mu.Unlock()
	if r.answer != nil {
		if err := r.answer(token); err != nil {
			return whatsapp.Accepted{}, err
		}
	}
	return whatsapp.Accepted{MessageID: "wamid." + token.Key.ID, Status: whatsapp.StatusAccepted}, nil
}

// start runs the worker until the test ends.
func (r *rig) start() {
	r.t.Helper()
	r.running = must[*worker.Worker](r.t)(worker.New(r.cfg))
	r.running.Start()
	r.t.Cleanup(func() { _ = r.running.Stop(context.Background()) })
}

// requests are the attempts that were sent of a job, in their order.
func (r *rig) requests(id string) (attempts []int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.sent {
		if t.Key.ID == id {
			attempts = append(attempts, t.Attempt)
		}
	}
	return attempts
}

func (r *rig) sentCount() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.sent)
}

// publish publishes jobs.
func (r *rig) publish(jobs ...*job.Job) {
	r.t.Helper()
	publish(r.t, r.js, r.cfg.Namespace, slices.Values(jobs))
}

// newJob is a job of campaign c.
func newJob(id string, policy job.OnUnknown) *job.Job {
	return &job.Job{
		V: 1, ID: id, Campaign: "c", From: number, To: "+5491155550100", OnUnknown: policy,
		Template: job.Template{Name: "appointment", Language: "es_AR"},
	}
}

// eventually waits until something holds: the streams of a real server have no
// signal for it.
func (r *rig) eventually(what string, ok func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("it never came: %s; history %v, sent %v, trouble %v", what, r.history("a"), r.sent, r.running.Trouble())
		}
	}
}

// history is what is on record of a job: each event's kind, attempt and reason, and
// of one that settles it what it was and is.
func (r *rig) history(id string) (lines []string) {
	r.t.Helper()
	for _, ev := range r.events(id) {
		line := fmt.Sprintf("%s %d %s", ev.Data.Kind, ev.Data.Attempt, ev.Data.Reason)
		if ev.Data.Kind == job.Settled {
			line += fmt.Sprintf(" %s>%s", ev.Data.Was, ev.Data.Outcome)
		}
		lines = append(lines, line)
	}
	return lines
}

func (r *rig) events(id string) []job.Event {
	r.t.Helper()
	return must[[]job.Event](r.t)(r.cfg.Events.Find(r.t.Context(), job.Key{Campaign: "c", ID: id}, "", time.Time{}))
}

// awaitHistory waits until a job's history is as wanted, and nothing of it is in
// the streams of jobs any more.
func (r *rig) awaitHistory(id string, want ...string) {
	r.t.Helper()
	r.eventually(fmt.Sprintf("%q", want), func() bool { return slices.Equal(r.history(id), want) })
}

// idle waits until the streams hold nothing to be sent. What is just moving from one
// of them to the other may not be seen.
func (r *rig) idle() {
	r.t.Helper()
	r.eventually("the end of all jobs", func() bool {
		depths := must[[]queue.Depth](r.t)(r.cfg.Queues.Depths(r.t.Context()))
		return len(depths) == 0 && r.waiting() == 0
	})
}

// waiting counts the unknown jobs that wait for their deadline.
func (r *rig) waiting() uint64 {
	r.t.Helper()
	return must[map[string]uint64](r.t)(r.cfg.Later.Waiting(r.t.Context(), ""))[queue.KindUnknown]
}

// letters are the dead letters there are.
func (r *rig) letters() (all []queue.StoredLetter) {
	r.t.Helper()
	err := r.dead.Read(r.t.Context(), queue.DeadFilter{}, func(l *queue.StoredLetter) error {
		all = append(all, *l)
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}

// entry is how the ledger has a job.
func (r *rig) entry(id string) dedup.Entry {
	r.t.Helper()
	return must[[]dedup.Entry](r.t)(r.cfg.Ledger.Lookup(r.t.Context(), []dedup.Subject{{Key: job.Key{Campaign: "c", ID: id}}}))[0]
}

// attest is what a receiver does with a status of an attempt, first of all.
func (r *rig) attest(id string, attempt int) dedup.Entry {
	r.t.Helper()
	evidence := []dedup.Evidence{{Key: job.Key{Campaign: "c", ID: id}, Attempt: attempt, Seen: dedup.SeenSent}}
	return must[[]dedup.Entry](r.t)(r.cfg.Ledger.Attest(r.t.Context(), evidence))[0]
}

var (
	errLost      = &whatsapp.Error{Class: whatsapp.ClassAmbiguous, HTTPStatus: 502, Err: errors.New("no Cloud API answer")}
	errTransient = &whatsapp.Error{Class: whatsapp.ClassTransient, HTTPStatus: 500, Code: 131016}
	errRefused   = &whatsapp.Error{Class: whatsapp.ClassRefusedMessage, HTTPStatus: 400, Code: 131009}
)

// first fails the first attempts of every job.
func first(n int, err error) func(job.Token) error {
	return func(t job.Token) error {
		if t.Attempt <= n {
			return err
		}
		return nil
	}
}
