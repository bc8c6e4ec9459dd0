package report_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/report"
)

func progress(t *testing.T, r *report.Reporter, campaign string) *report.Progress {
	t.Helper()
	p, err := r.Progress(context.Background(), campaign)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Each figure is counted from a number of its own, and those of other campaigns
// are not among them.
func TestProgressCounts(t *testing.T) {
	t.Parallel()
	s, r := start(t)
	n := 0
	for _, kind := range append(job.Outcomes(), job.Held, job.Sent, job.Delivered, job.Read, job.Failed) {
		n++
		s.ended(t, "c1", kind, n, job.EventData{Attempt: 1})
	}
	s.ended(t, "other", job.Accepted, 1, job.EventData{})
	s.publish(t, bulk("c1"), 20)
	s.publish(t, queue.ID{Sender: number, Lane: job.Transactional, Campaign: "c1"}, 4)
	s.publish(t, bulk("other"), 3)
	s.take(t, bulk("c1"), 5)
	for i, kind := range []string{queue.KindSendAt, queue.KindWindow, queue.KindRetry, queue.KindUnknown, queue.KindReply} {
		s.putOff(t, kind, bulk("c1"), kind)
		if i < 2 {
			s.putOff(t, kind, bulk("other"), kind)
		}
	}
	want := &report.Progress{
		ID: "c1", Published: 28 + 24 + 3, Queued: 19, Scheduled: 3, InFlight: 5,
		Accepted: 1, Rejected: 2, Expired: 3, Suppressed: 4, Cancelled: 5, Duplicate: 6, Unknown: 7,
		Held: 8, Sent: 9, Delivered: 10, Read: 11, Failed: 12,
	}
	got := progress(t, r, "c1")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("c1 (-want +got):", diff)
	}
	if got.Ended() != 28 || got.Left() != 27 || got.Published != got.Ended()+got.Left() {
		t.Errorf("%d ended and %d left of %d, want 28 and 27 of 55", got.Ended(), got.Left(), got.Published)
	}
	if diff := cmp.Diff(&report.Progress{ID: "other", Published: 6, Queued: 3, Scheduled: 2, Accepted: 1}, progress(t, r, "other")); diff != "" {
		t.Error("other (-want +got):", diff)
	}
	if diff := cmp.Diff(&report.Progress{ID: "none"}, progress(t, r, "none")); diff != "" {
		t.Error("none (-want +got):", diff)
	}
}

func TestProgressOfJobsWithoutACampaign(t *testing.T) {
	t.Parallel()
	s, r := start(t)
	s.ended(t, job.NoCampaign, job.Accepted, 2, job.EventData{})
	s.ended(t, "c1", job.Accepted, 1, job.EventData{})
	s.publish(t, bulk(job.NoCampaign), 3)
	s.putOff(t, queue.KindSendAt, bulk(""), "later")
	want := &report.Progress{ID: job.NoCampaign, Published: 6, Queued: 3, Scheduled: 1, Accepted: 2}
	if diff := cmp.Diff(want, progress(t, r, job.NoCampaign)); diff != "" {
		t.Error("(-want +got):", diff)
	}
}

func TestMeasure(t *testing.T) {
	t.Parallel()
	s, r := start(t)
	s.ended(t, "c1", job.Accepted, 20, job.EventData{})
	s.ended(t, "c1", job.Rejected, 4, job.EventData{})
	s.ended(t, "c1", job.Delivered, 7, job.EventData{}) // no outcome
	s.ended(t, "other", job.Accepted, 3, job.EventData{})
	now, later := time.Now(), time.Now().Add(time.Minute)
	for name, c := range map[string]struct {
		left report.Progress
		now  time.Time
		rate float64
		eta  *float64
	}{
		"has just begun":               {report.Progress{Queued: 40, InFlight: 8}, now, 24, new(2.0)},
		"more is scheduled":            {report.Progress{Queued: 24, Scheduled: 9}, now, 24, new(1.0)},
		"the last are in flight":       {report.Progress{InFlight: 12}, now, 24, new(0.5)},
		"nothing is left":              {report.Progress{}, now, 24, new(0.0)},
		"the rest waits for its time":  {report.Progress{Scheduled: 5}, now, 24, nil},
		"nothing moves":                {report.Progress{Queued: 40}, later, 0, nil},
		"nothing moves, all is in air": {report.Progress{InFlight: 1}, later, 0, nil},
		"is over":                      {report.Progress{}, later, 0, new(0.0)},
	} {
		t.Run(name, func(t *testing.T) {
			p := c.left
			p.ID = "c1"
			if err := r.Measure(context.Background(), &p, c.now); err != nil {
				t.Fatal(err)
			}
			if p.Rate != c.rate {
				t.Errorf("rate %v, want %v", p.Rate, c.rate)
			}
			if diff := cmp.Diff(c.eta, p.ETASeconds); diff != "" {
				t.Error("ETA (-want +got):", diff)
			}
		})
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	s, r := start(t)
	s.ended(t, "c1", job.Accepted, 5, job.EventData{})
	s.ended(t, "c1", job.Rejected, 2, job.EventData{Reason: job.ReasonRecipient, Code: 131026})
	s.ended(t, "c1", job.Rejected, 3, job.EventData{Reason: job.ReasonRecipient, Code: 131030})
	s.ended(t, "c1", job.Rejected, 1, job.EventData{Reason: job.ReasonBadParameters})
	s.ended(t, "c1", job.Duplicate, 4, job.EventData{Reason: job.ReasonAlreadySettled})
	s.ended(t, "c1", job.Unknown, 1, job.EventData{Reason: job.ReasonTimeout})
	s.ended(t, "c1", job.Failed, 1, job.EventData{Code: 131047}) // no outcome
	s.ended(t, "other", job.Unknown, 1, job.EventData{Reason: job.ReasonTimeout})
	got, err := r.Reasons(context.Background(), "c1")
	if err != nil {
		t.Fatal(err)
	}
	want := map[report.Ending]uint64{
		{Kind: job.Rejected, Reason: job.ReasonRecipient, Code: 131026}: 2,
		{Kind: job.Rejected, Reason: job.ReasonRecipient, Code: 131030}: 3,
		{Kind: job.Rejected, Reason: job.ReasonBadParameters}:           1,
		{Kind: job.Duplicate, Reason: job.ReasonAlreadySettled}:         4,
		{Kind: job.Unknown, Reason: job.ReasonTimeout}:                  1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want +got):", diff)
	}
}

func TestUnknown(t *testing.T) {
	t.Parallel()
	s, r := start(t)
	for _, step := range []struct {
		what       string
		campaign   string
		kind       job.Kind
		more, want int
	}{
		{"at first", "", job.Accepted, 1, 0},
		{"of a campaign", "c1", job.Unknown, 3, 3},
		{"of none", job.NoCampaign, job.Unknown, 1, 4},
		{"settled", "c1", job.Settled, 2, 2},
		{"settled again by a second webhook", "c1", job.Settled, 5, 0},
	} {
		s.ended(t, step.campaign, step.kind, step.more, job.EventData{})
		got, err := r.Unknown(context.Background())
		if err != nil || got != uint64(step.want) {
			t.Errorf("%s: %d unknown, %v, want %d", step.what, got, err, step.want)
		}
	}
}

// The fields are what others read, whatever they are called here.
func TestProgressAsJSON(t *testing.T) {
	t.Parallel()
	data, err := json.Marshal(report.Progress{})
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"id", "state", "reason", "published", "expected", "queued", "scheduled", "in_flight", "accepted", "rejected", "expired", "suppressed",
		"cancelled", "duplicate", "unknown", "held", "sent", "delivered", "read", "failed", "replies", "confirmed", "declined",
		"no_answer", "per_day", "spread", "rate", "eta_seconds",
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(fields))); diff != "" {
		t.Error("(-want +got):", diff)
	}
	if eta, ok := fields["eta_seconds"]; !ok || eta != nil {
		t.Errorf("eta_seconds is %v before it is measured, want null", eta)
	}
}

func TestWithoutStreams(t *testing.T) {
	t.Parallel()
	s, err := open(embedtest.Connect(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	r, ctx := report.New(s.events, s.queues, s.later), context.Background()
	for what, ask := range map[string]func() error{
		"Progress": func() error { _, err := r.Progress(ctx, "c1"); return err },
		"Measure":  func() error { return r.Measure(ctx, &report.Progress{ID: "c1"}, time.Now()) },
		"Unknown":  func() error { _, err := r.Unknown(ctx); return err },
		"Reasons":  func() error { _, err := r.Reasons(ctx, "c1"); return err },
		"Backlog":  func() error { _, err := r.Backlog(ctx, time.Now()); return err },
	} {
		if err := ask(); !errors.Is(err, queue.ErrNoStream) {
			t.Errorf("%s = %v, want ErrNoStream", what, err)
		}
	}
}

// A job that has an outcome and is tried once more is not counted a second time.
func TestProgressLeavesOutWhatIsTriedOnceMore(t *testing.T) {
	t.Parallel()
	s, r := start(t)
	s.ended(t, "c1", job.Unknown, 2, job.EventData{Attempt: 1})
	s.publish(t, bulk("c1"), 3)
	jobs := []queue.Scheduled{
		{Kind: queue.KindUnknown, Job: "j1", Sequence: 1}, {Kind: queue.KindResend, Job: "j2", Sequence: 2, Was: job.Unknown},
		{Kind: queue.KindRetry, Job: "j9", Sequence: 9},
	}
	for i := range jobs {
		jobs[i].Queue, jobs[i].Stream, jobs[i].Attempt, jobs[i].Data = bulk("c1"), names.JobsStream(), 1, []byte("{}")
	}
	if err := s.later.ScheduleAll(context.Background(), jobs); err != nil {
		t.Fatal(err)
	}
	s.awaitDue(t, len(jobs))
	if p := progress(t, r, "c1"); p.Queued != 3+1 || p.InFlight != 0 || p.Unknown != 2 || p.Published != 3+1+2 {
		t.Errorf("%+v, want 4 queued and 2 unknown", p)
	}
	s.take(t, bulk("c1"), 6)
	if p := progress(t, r, "c1"); p.Left() != 3+1 || p.Published != 3+1+2 {
		t.Errorf("in flight %+v, want 4 left", p)
	}
}

// awaitDue waits until so many jobs that were put off are due.
func (s *system) awaitDue(t *testing.T, n int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) { // the server's own schedules
		depths, err := s.queues.Depths(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		due := uint64(0)
		for _, d := range depths {
			due += d.Due
		}
		if due == uint64(n) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d are due, want %d", due, n)
		}
	}
}
