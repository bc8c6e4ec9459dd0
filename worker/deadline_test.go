package worker_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// answers gives the rig the book of answers, which the test shares.
func (r *rig) answers() *campaign.AnswerBook {
	r.t.Helper()
	names := queue.Names{Namespace: r.cfg.Namespace}
	book := campaign.NewAnswerBook(must[*queue.Bucket](r.t)(queue.OpenBucket(r.t.Context(), r.js, names.AnswersBucket())), "tested")
	r.cfg.Answers = book
	return book
}

// newDue is a job whose answer is due soon.
func newDue(id string, in time.Duration) *job.Job {
	j := newJob(id, job.Hold)
	j.ReplyBy = time.Now().Add(in).UTC().Truncate(time.Millisecond)
	return j
}

// deadlines counts those that wait for their time.
func (r *rig) deadlines() uint64 {
	r.t.Helper()
	return must[map[string]uint64](r.t)(r.cfg.Later.Waiting(r.t.Context(), ""))[queue.KindReply]
}

// overdue counts those whose time has come and that no worker has done with.
func (r *rig) overdue() (n uint64) {
	r.t.Helper()
	for _, d := range must[[]queue.Depth](r.t)(r.cfg.Queues.Discover(r.t.Context())) {
		if d.Lane == queue.DeadlineLane {
			n += d.Due
		}
	}
	return n
}

// give writes an answer down as webhooks do.
func (r *rig) give(id string, answer job.Kind) {
	r.t.Helper()
	bucket := must[*queue.Bucket](r.t)(queue.OpenBucket(r.t.Context(), r.js, queue.Names{Namespace: r.cfg.Namespace}.AnswersBucket()))
	value := must[[]byte](r.t)(json.Marshal(campaign.Answer{Answer: answer, At: time.Now()}))
	if err := bucket.Put(r.t.Context(), campaign.AnswerKey(job.Key{Campaign: "c", ID: id}), value); err != nil {
		r.t.Fatal(err)
	}
}

// Whoever does not answer by the deadline has given no answer; who did, or was written
// to too late, has none recorded. A deadline is no job: no count has it.
func TestDeadlinesOfAnswers(t *testing.T) {
	r := newRig(t, nil)
	r.answers()
	late := newDue("late", -time.Minute)
	silent, answered, never := newDue("silent", 3*time.Second), newDue("answered", 3*time.Second), newJob("never", job.Hold)
	silent.Metadata = []byte(`{"appointment":"8812"}`)
	r.start()
	r.publish(late, silent, answered, never)
	await(t, r.cfg.Events, "c", job.Accepted, 4)
	r.idle()
	if got := r.deadlines(); got != 2 {
		t.Fatalf("%d deadlines wait, want 2", got)
	}
	standing := func(when string) {
		t.Helper()
		depths := must[[]queue.Depth](t)(r.cfg.Queues.Depths(t.Context()))
		if counts := must[map[job.Kind]uint64](t)(r.cfg.Events.Counts(t.Context(), "c")); counts[job.Accepted] != 4 || len(depths) != 0 {
			t.Errorf("%s: %v and queues %+v, want 4 accepted and nothing left", when, counts, depths)
		}
		err := r.cfg.Queues.Present(t.Context(), "", func(stream string, sequence uint64, _ time.Time) error {
			t.Errorf("%s: publication %s/%d counts as waiting", when, stream, sequence)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	standing("before the deadline")
	r.give("answered", job.Confirmed)
	r.awaitHistory("silent", "accepted 1 ", "no_answer 0 ")
	r.eventually("the end of all deadlines", func() bool { return r.deadlines()+r.overdue() == 0 })
	standing("after the deadline")
	for _, id := range []string{"late", "answered", "never"} {
		if got := r.history(id); !slices.Equal(got, []string{"accepted 1 "}) {
			t.Errorf("history of %s: %v", id, got)
		}
	}
	events := r.events("silent")
	said, about := events[1], events[0].Data
	if d := said.Data; !said.Time.Equal(silent.ReplyBy) || d.To != silent.To || string(d.Metadata) != `{"appointment":"8812"}` || d.Lane != job.Bulk ||
		d.From != number || d.Template != "appointment" || d.Stream != about.Stream || d.Sequence != about.Sequence {
		t.Errorf("event %+v at %s", d, said.Time)
	}
	if got := r.requests("silent"); len(got) != 1 {
		t.Errorf("it was sent %d times", len(got))
	}
}

// No pause or stop keeps a deadline: its message has been sent.
func TestDeadlinesPassWhileACampaignIsPaused(t *testing.T) {
	r := newRig(t, nil)
	r.answers()
	operator := r.campaigns()
	r.start()
	r.publish(newDue("a", 2*time.Second))
	await(t, r.cfg.Events, "c", job.Accepted, 1)
	if err := operator.Change(t.Context(), "c", func(s *campaign.Spec) error { return s.Pause("", "ana", time.Now()) }); err != nil {
		t.Fatal(err)
	}
	r.publish(newJob("b", job.Hold))
	r.awaitHistory("a", "accepted 1 ", "no_answer 0 ")
	if got := r.history("b"); len(got) != 0 {
		t.Errorf("a job of the paused campaign: %v", got)
	}
}

// A worker that was killed anywhere between the event and the ack leaves one deadline.
func TestDeadlinesSurviveADeadWorker(t *testing.T) {
	const sequence = 1
	tests := []struct {
		name string
		left func(r *rig, s dedup.Subject, record func(), schedule func())
	}{
		{"an event", func(_ *rig, _ dedup.Subject, record, _ func()) { record() }},
		{"an event and the schedule", func(_ *rig, _ dedup.Subject, record, schedule func()) { record(); schedule() }},
		{"all but the ack", func(r *rig, s dedup.Subject, record, schedule func()) {
			record()
			schedule()
			r.settle(dedup.Settlement{Subject: s, Nonce: 7, Attempt: 1, State: dedup.Accepted, Event: 1})
		}},
		{"an entry that a webhook has settled", func(r *rig, s dedup.Subject, record, _ func()) {
			record()
			r.settle(dedup.Settlement{Subject: s, Nonce: 7, Attempt: 1, State: dedup.Accepted, Event: 1})
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRigWith(t, nil, time.Second)
			r.answers()
			j := newDue("a", 4*time.Second)
			s := dedup.Subject{Key: j.Key(), Body: j.BodyHash(), Publication: dedup.PublicationOf((queue.Names{Namespace: r.cfg.Namespace}).JobsStream(), sequence)}
			r.publish(j)
			claims := must[[]dedup.Claim](t)(r.cfg.Ledger.Claim(t.Context(), []dedup.ClaimRequest{{Subject: s, Nonce: 7}}))
			if claims[0].Verdict != dedup.Yours {
				t.Fatal(claims[0].Verdict)
			}
			record := func() {
				must[[]uint64](t)(r.cfg.Events.Record(t.Context(), []job.Event{job.NewEvent("dead", time.Now(), job.EventData{
					Kind: job.Accepted, Campaign: "c", ID: "a", From: number, Lane: job.Bulk, Attempt: 1,
					Stream: (queue.Names{Namespace: r.cfg.Namespace}).JobsStream(), Sequence: sequence,
				})}))
			}
			schedule := func() {
				id := queue.IDOf(j)
				id.Lane = queue.DeadlineLane
				err := r.cfg.Later.ScheduleAll(t.Context(), []queue.Scheduled{{
					Kind: queue.KindReply, Queue: id, Job: "a", At: j.ReplyBy, Was: job.Accepted, Data: must[[]byte](t)(job.Encode(j)),
					Stream: (queue.Names{Namespace: r.cfg.Namespace}).JobsStream(), Sequence: sequence,
				}})
				if err != nil {
					t.Fatal(err)
				}
			}
			tt.left(r, s, record, schedule)
			r.start()
			r.idle()
			if got := r.deadlines(); got != 1 {
				t.Errorf("%d deadlines wait, want 1", got)
			}
			r.awaitHistory("a", "accepted 1 ", "no_answer 0 ")
			r.eventually("the end of all deadlines", func() bool { return r.deadlines()+r.overdue() == 0 })
			if got := r.history("a"); len(got) != 2 || r.sentCount() != 0 {
				t.Errorf("history %v, %d sent", got, r.sentCount())
			}
		})
	}
}

// A deadline that comes twice, or whose worker died halfway, is recorded once.
func TestMissingAnswersAreRecordedOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		written, recorded bool // before
	}{
		"nothing": {false, false}, "the answer written down": {true, false}, "all but the ack": {true, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			book := r.answers()
			j := newDue("a", -time.Second)
			s := queue.Scheduled{
				Kind: queue.KindReply, Queue: queue.ID{Sender: number, Lane: queue.DeadlineLane, Campaign: "c"}, Job: "a", At: j.ReplyBy,
				Was: job.Accepted, Data: must[[]byte](t)(job.Encode(j)), Stream: (queue.Names{Namespace: r.cfg.Namespace}).JobsStream(), Sequence: 1,
			}
			if tt.written {
				if stands, first, err := book.Miss(t.Context(), j.Key(), j.ReplyBy); stands != job.NoAnswer || !first || err != nil {
					t.Fatal(stands, first, err)
				}
			}
			if tt.recorded {
				ev := job.NewEvent("dead", j.ReplyBy, job.EventData{Kind: job.NoAnswer, Campaign: "c", ID: "a", From: number})
				must[[]uint64](t)(r.cfg.Events.Record(t.Context(), []job.Event{ev}))
			}
			if err := r.cfg.Later.ScheduleAll(t.Context(), []queue.Scheduled{s}); err != nil {
				t.Fatal(err)
			}
			r.start()
			r.awaitHistory("a", "no_answer 0 ")
			r.eventually("the end of all deadlines", func() bool { return r.deadlines()+r.overdue() == 0 })
			s.At = s.At.Add(time.Millisecond) // another message
			if err := r.cfg.Later.ScheduleAll(t.Context(), []queue.Scheduled{s}); err != nil {
				t.Fatal(err)
			}
			r.eventually("the end of all deadlines", func() bool { return r.deadlines()+r.overdue() == 0 })
			if got := r.history("a"); len(got) != 1 {
				t.Errorf("history %v", got)
			}
		})
	}
}
