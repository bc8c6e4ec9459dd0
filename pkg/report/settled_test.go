package report_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/report"
)

// What settled events and purges change, beside what is counted.
func TestProgressIsCorrected(t *testing.T) {
	t.Parallel()
	s, r := start(t)
	s.record(t, published("c1", "1-20", 20),
		outcome("c1", job.Unknown, 1), outcome("c1", job.Unknown, 2), outcome("c1", job.Unknown, 3), outcome("c1", job.Rejected, 4),
		outcome("c1", job.Cancelled, 5),
		settled("c1", job.Unknown, job.Accepted, 1, 1), settled("c1", "", job.Accepted, 2, 1), settled("c1", job.Rejected, job.Accepted, 4, 2),
		purged("c1", 10, 15), purged("c1", 5, 20), purged("c2", 7, 21), outcome("c2", job.Unknown, 22))
	want := &report.Progress{ID: "c1", Published: 20, Accepted: 3, Unknown: 1, Cancelled: 16}
	if diff := cmp.Diff(want, progress(t, r, "c1")); diff != "" {
		t.Error("(-want +got):", diff)
	}
	unknown, err := r.Unknown(context.Background())
	if err != nil || unknown != 2 {
		t.Errorf("%d unknown of all campaigns, %v; want 2", unknown, err)
	}
	s.record(t, settled("c2", job.Unknown, job.Rejected, 22, 1))
	if unknown, err = r.Unknown(context.Background()); err != nil || unknown != 1 {
		t.Errorf("%d unknown once another one is settled, %v; want 1", unknown, err)
	}
}

func TestReasonsAreSettledToo(t *testing.T) {
	t.Parallel()
	s, r := start(t)
	unknown, rejected := outcome("c1", job.Unknown, 1), settled("c1", job.Unknown, job.Rejected, 2, 2)
	unknown.Reason, rejected.Reason, rejected.Code = job.ReasonTimeout, job.ReasonRecipient, 131026
	other, kept := outcome("c1", job.Unknown, 2), outcome("c1", job.Unknown, 3)
	other.Reason, kept.Reason = job.ReasonTimeout, job.ReasonTimeout
	s.record(t, unknown, other, kept, settled("c1", job.Unknown, job.Accepted, 1, 1), rejected, purged("c1", 12, 9))
	got, err := r.Reasons(context.Background(), "c1")
	want := map[report.Ending]uint64{
		{Kind: job.Unknown, Reason: job.ReasonTimeout}:                  1,
		{Kind: job.Rejected, Reason: job.ReasonRecipient, Code: 131026}: 1,
		{Kind: job.Cancelled, Reason: job.ReasonCancelled}:              12,
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, "(-want +got):", diff)
	}
}

// A message that failed and was delivered after all counts as delivered, in its
// campaign's status and in the list of its jobs, and the accounts stay as they are.
func TestFailureIsTakenBack(t *testing.T) {
	t.Parallel()
	s, r := start(t)
	s.record(t, outcome("c1", job.Unknown, 1), settled("c1", job.Unknown, job.Accepted, 1, 1), outcome("c1", job.Failed, 1), outcome("c1", job.Accepted, 2),
		outcome("c1", job.Failed, 2), settled("c1", job.Failed, "", 1, 1), settled("c1", job.Failed, "", 1, 1), outcome("c1", job.Delivered, 1))
	want := &report.Progress{ID: "c1", Published: 2, Accepted: 2, Delivered: 1, Failed: 1}
	if diff := cmp.Diff(want, progress(t, r, "c1")); diff != "" {
		t.Error("(-want +got):", diff)
	}
	a := verify(t, r, "c1", 2)
	if diff := cmp.Diff(map[job.Kind]uint64{job.Accepted: 2, job.Unknown: 0}, a.Outcomes); !a.OK || diff != "" {
		t.Errorf("accounts %+v (-want +got): %s", a, diff)
	}
	got := make(map[string]string)
	err := r.Jobs(context.Background(), "c1", func(j *report.Job) error {
		got[j.Outcome.ID] = string(j.Outcome.Kind) + " " + string(j.Status)
		return nil
	})
	if diff := cmp.Diff(map[string]string{"j1": "accepted delivered", "j2": "accepted failed"}, got); err != nil || diff != "" {
		t.Error(err, "(-want +got):", diff)
	}
}

func TestUnknownJobs(t *testing.T) {
	t.Parallel()
	s, r := start(t)
	timeout := outcome("c1", job.Unknown, 2)
	timeout.Reason = job.ReasonTimeout
	s.record(t, outcome("c1", job.Unknown, 1), timeout, outcome("c1", job.Unknown, 3), outcome("c2", job.Unknown, 4),
		settled("c1", job.Unknown, job.Accepted, 1, 1), settled("c1", job.Unknown, job.Unknown, 3, 2))
	got, err := r.UnknownJobs(context.Background(), "c1")
	want := []report.UnknownJob{
		{ID: "j2", Campaign: "c1", From: number, Reason: job.ReasonTimeout, Attempt: 1, Stream: names.JobsStream(), Sequence: 2},
		{ID: "j3", Campaign: "c1", From: number, Attempt: 2, Stream: names.JobsStream(), Sequence: 3},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(report.UnknownJob{}, "Since")); err != nil || diff != "" {
		t.Error(err, "(-want +got):", diff)
	}
}

func TestJobs(t *testing.T) {
	t.Parallel()
	s, r := start(t)
	copied := outcome("c1", job.Duplicate, 7)
	copied.ID = "j1"
	failed := outcome("c1", job.Failed, 4)
	failed.Code = 131026
	s.record(t,
		outcome("c1", job.Duplicate, 9), // its own outcome is forgotten
		outcome("c1", job.Accepted, 1), copied, outcome("c1", job.Delivered, 1), outcome("c1", job.Sent, 1), outcome("c1", job.Failed, 1),
		outcome("c1", job.Unknown, 2), settled("c1", job.Unknown, job.Accepted, 2, 1), outcome("c1", job.Read, 2),
		outcome("c1", job.Rejected, 3), outcome("c1", job.Accepted, 4), failed, purged("c1", 3, 20), outcome("c2", job.Accepted, 21))
	type row struct {
		ID      string
		Outcome job.Kind
		Status  job.Kind
		Code    int
	}
	var got []row
	err := r.Jobs(context.Background(), "c1", func(j *report.Job) error {
		got = append(got, row{j.Outcome.ID, j.Outcome.Kind, j.Status, j.StatusCode})
		return nil
	})
	want := []row{
		{"j1", job.Accepted, job.Delivered, 0}, {"j4", job.Accepted, job.Failed, 131026}, {"j3", job.Rejected, "", 0},
		{"j2", job.Accepted, job.Read, 0}, {"j9", job.Duplicate, "", 0},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, "(-want +got):", diff)
	}
}

func TestSteps(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	unknown := job.NewEvent("wacast/w1", at.Add(time.Second), job.EventData{
		Kind: job.Unknown, Campaign: "c1", ID: "j1", To: "+5491155550100", Attempt: 1, Reason: job.ReasonTimeout, Stream: "WACAST_JOBS", Sequence: 7,
	})
	accepted := job.NewEvent("wacast/webhook", at.Add(time.Minute), job.EventData{
		Kind: job.Settled, Was: job.Unknown, Outcome: job.Accepted, Campaign: "c1", ID: "j1", Attempt: 1, Stream: "WACAST_JOBS", Sequence: 7,
		Wamid: "wamid.HBgNNTQ5MTE1NTU1MDEwMBUCABEYEjQ1",
	})
	key := job.Key{Campaign: "c1", ID: "j1"}
	batch := &queue.ClaimBatch{Owner: "w1", Stored: at, Notes: []queue.ClaimNote{
		{Key: key, Attempt: 1, Stream: "WACAST_JOBS", Sequence: 7}, {Key: job.Key{ID: "j1"}, Attempt: 1},
	}}
	got := append(report.EventSteps([]job.Event{unknown, accepted, accepted}), report.ClaimSteps(batch, key)...)
	report.SortSteps(got)
	want := []report.Step{
		{At: at, What: "claimed", Attempt: 1, By: "w1", Publication: "WACAST_JOBS/7"},
		{At: at.Add(time.Second), What: "unknown", Attempt: 1, Reason: job.ReasonTimeout, By: "wacast/w1", Publication: "WACAST_JOBS/7", To: "+549********00"},
		{At: at.Add(time.Minute), What: "unknown settled: accepted", Attempt: 1, By: "wacast/webhook", Publication: "WACAST_JOBS/7", Message: "…EYEjQ1"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want +got):", diff)
	}
}
