package worker_test

import (
	"slices"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/policy"
	"github.com/wacast/wacast/pkg/queue"
)

// While webhooks are silent, the deadline of an unknown outcome stands still; then
// the job is left to a person, whole, and is not sent again.
func TestHoldWaitsForWebhooks(t *testing.T) {
	r := newRig(t, first(9, errLost))
	r.start()
	r.publish(newJob("a", job.Hold))
	r.awaitHistory("a", "unknown 1 bad_answer")
	r.eventually("the schedule", func() bool { return r.waiting() == 1 })
	event := r.events("a")[0]
	time.Sleep(4 * r.cfg.UnknownDeadline) // that nothing happens has no signal
	r.clock.hear(event.Time.Add(-time.Millisecond))
	time.Sleep(2 * r.cfg.UnknownDeadline)
	if got := r.letters(); len(got) != 0 || r.entry("a").State != dedup.Unknown {
		t.Errorf("with silent webhooks there are letters %+v, entry %+v", got, r.entry("a"))
	}
	r.clock.hear(event.Time.Add(time.Second))
	r.eventually("a letter", func() bool { return len(r.letters()) > 0 })
	r.idle()
	got := r.letters()
	if len(got) != 1 || got[0].Reason != job.ReasonBadAnswer || got[0].Outcome != job.Unknown || got[0].Attempt != 1 ||
		got[0].Stream != event.Data.Stream || got[0].Sequence != event.Data.Sequence {
		t.Errorf("letters %+v, want one that says what is on record", got)
	}
	if e := r.entry("a"); e.State != dedup.Unknown || e.Event == 0 || !slices.Equal(r.requests("a"), []int{1}) {
		t.Errorf("entry %+v, requests %v", e, r.requests("a"))
	}
	if got := r.history("a"); len(got) != 1 {
		t.Errorf("history %v, want the one outcome", got)
	}
}

// With resend, an unknown outcome is tried once more after its deadline. How that
// ends corrects the outcome on record and is no second one.
func TestResend(t *testing.T) {
	tests := []struct {
		name    string
		answer  func(job.Token) error
		history []string
		tries   int
		letters int
		state   dedup.State
	}{
		{"accepted", first(1, errLost), []string{"unknown 1 bad_answer", "settled 2  unknown>accepted"}, 2, 0, dedup.Accepted},
		{"refused", func(t job.Token) error {
			if t.Attempt == 1 {
				return errLost
			}
			return errRefused
		}, []string{"unknown 1 bad_answer", "settled 2 refused unknown>rejected"}, 2, 1, dedup.Rejected},
		{"unknown again and again", first(9, errLost), []string{
			"unknown 1 bad_answer", "settled 2 bad_answer unknown>unknown", "settled 3 bad_answer unknown>unknown",
		}, 3, 1, dedup.Unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, tt.answer)
			r.cfg.Limits = policy.Limits{MaxAttempts: 3}
			r.clock.hear(time.Now().Add(time.Hour))
			r.start()
			r.publish(newJob("a", job.Resend))
			r.awaitHistory("a", tt.history...)
			r.eventually("the letters", func() bool { return len(r.letters()) == tt.letters })
			r.idle()
			if got := r.requests("a"); len(got) != tt.tries || got[0] != 1 || got[tt.tries-1] != tt.tries {
				t.Errorf("requests %v, want %d attempts", got, tt.tries)
			}
			events := r.events("a")
			for _, ev := range events {
				if ev.Data.Stream != events[0].Data.Stream || ev.Data.Sequence != events[0].Data.Sequence {
					t.Errorf("an event names another publication: %+v", ev.Data)
				}
			}
			if e := r.entry("a"); e.State != tt.state || e.Event == 0 || e.Attempt != tt.tries {
				t.Errorf("entry %+v, want %s at %d", e, tt.state, tt.tries)
			}
		})
	}
}

// A webhook that comes before the deadline settles the job. Where the receiver died
// before it said so, the deadline does.
func TestEvidenceBeforeTheDeadline(t *testing.T) {
	r := newRig(t, first(1, errLost))
	r.clock.hear(time.Now().Add(time.Hour))
	r.cfg.UnknownDeadline = time.Second
	r.start()
	r.publish(newJob("a", job.Resend))
	r.eventually("the unknown entry", func() bool { return r.entry("a").State == dedup.Unknown })
	if e := r.attest("a", 1); e.State != dedup.Accepted {
		t.Errorf("the evidence made it %+v", e)
	}
	r.awaitHistory("a", "unknown 1 bad_answer", "settled 1 webhook unknown>accepted")
	r.idle()
	if e := r.entry("a"); e.State != dedup.Accepted || e.Seen != 0 || !slices.Equal(r.requests("a"), []int{1}) || len(r.letters()) != 0 {
		t.Errorf("entry %+v, requests %v, letters %v", e, r.requests("a"), r.letters())
	}
}

// A webhook may overtake the answer it is about. Whatever the answer then says, the
// message was taken.
func TestEvidenceBeforeTheAnswer(t *testing.T) {
	for name, tt := range map[string]struct {
		answer  error
		history []string
	}{
		"accepted":  {nil, []string{"accepted 1 "}},
		"lost":      {errLost, []string{"unknown 1 bad_answer", "settled 1 webhook unknown>accepted"}},
		"transient": {errTransient, []string{"accepted 1 webhook"}},
	} {
		t.Run(name, func(t *testing.T) {
			var r *rig
			r = newRig(t, func(token job.Token) error {
				r.attest(token.Key.ID, token.Attempt)
				return tt.answer
			})
			r.clock.hear(time.Now().Add(time.Hour))
			r.start()
			r.publish(newJob("a", job.Resend))
			r.awaitHistory("a", tt.history...)
			r.idle()
			if e := r.entry("a"); e.State != dedup.Accepted || e.Event == 0 || len(r.requests("a")) != 1 {
				t.Errorf("entry %+v, requests %v", e, r.requests("a"))
			}
		})
	}
}

// What a person wants to be tried once more goes the same way, whatever it was.
func TestResendAndReplayByAPerson(t *testing.T) {
	for _, tt := range []struct {
		name, kind string
		was        job.Kind
		answer     func(job.Token) error
		first      string
		second     string
	}{
		{"unknown", queue.KindResend, job.Unknown, first(1, errLost), "unknown 1 bad_answer", "settled 2  unknown>accepted"},
		{"rejected", queue.KindReplay, job.Rejected, first(1, errRefused), "rejected 1 refused", "settled 2  rejected>accepted"},
		{"rejected, then unknown", queue.KindReplay, job.Rejected, func(t job.Token) error {
			return []error{errRefused, errLost}[min(t.Attempt, 2)-1]
		}, "rejected 1 refused", "settled 2 bad_answer rejected>unknown"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, tt.answer)
			r.cfg.UnknownDeadline = time.Hour
			r.start()
			j := newJob("a", job.Hold)
			r.publish(j)
			r.awaitHistory("a", tt.first)
			r.eventually("the settled entry", func() bool { return r.entry("a").State.Final() })
			event := r.events("a")[0]
			again := queue.Scheduled{
				Kind: tt.kind, Queue: queue.IDOf(j), Job: "a", Stream: event.Data.Stream, Sequence: event.Data.Sequence,
				Attempt: 1, Was: tt.was, Data: must[[]byte](t)(job.Encode(j)),
			}
			if err := r.cfg.Later.ScheduleAll(t.Context(), []queue.Scheduled{again}); err != nil {
				t.Fatal(err)
			}
			r.awaitHistory("a", tt.first, tt.second)
			if got := r.requests("a"); !slices.Equal(got, []int{1, 2}) {
				t.Errorf("requests %v", got)
			}
			// The same once more is too late, and changes nothing.
			again.At = time.Now()
			if err := r.cfg.Later.ScheduleAll(t.Context(), []queue.Scheduled{again}); err != nil {
				t.Fatal(err)
			}
			r.eventually("the end of all jobs", func() bool {
				return len(must[[]queue.Depth](t)(r.cfg.Queues.Depths(t.Context()))) == 0
			})
			if got := r.history("a"); len(got) != 2 || len(r.requests("a")) != 2 {
				t.Errorf("history %v, requests %v", got, r.requests("a"))
			}
		})
	}
}

// A webhook may tell of the first attempt while the second is in flight. The job is
// accepted, whatever the second's answer is.
func TestEvidenceOfTheFirstAttemptDuringTheSecond(t *testing.T) {
	for name, tt := range map[string]struct {
		answer  error
		history []string
		attempt int
	}{
		"accepted":  {nil, []string{"unknown 1 bad_answer", "settled 2  unknown>accepted"}, 2},
		"refused":   {errRefused, []string{"unknown 1 bad_answer", "settled 2 refused unknown>rejected"}, 1},
		"lost":      {errLost, []string{"unknown 1 bad_answer", "settled 2 bad_answer unknown>unknown", "settled 1 webhook unknown>accepted"}, 1},
		"transient": {errTransient, []string{"unknown 1 bad_answer", "settled 1 webhook unknown>accepted"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var r *rig
			r = newRig(t, func(token job.Token) error {
				if token.Attempt == 1 {
					return errLost
				}
				r.attest(token.Key.ID, 1)
				return tt.answer
			})
			r.clock.hear(time.Now().Add(time.Hour))
			r.start()
			r.publish(newJob("a", job.Resend))
			r.awaitHistory("a", tt.history...)
			r.idle()
			e := r.entry("a")
			if e.State != dedup.Accepted || e.Attempt != tt.attempt || e.Event == 0 || !slices.Equal(r.requests("a"), []int{1, 2}) {
				t.Errorf("entry %+v, requests %v", e, r.requests("a"))
			}
			// The receiver, which has the evidence, corrects what is on record so.
			if doubt := e.Seen&dedup.SeenDoubt != 0; doubt != (tt.answer == errRefused) {
				t.Errorf("in doubt %v", doubt)
			}
		})
	}
}
