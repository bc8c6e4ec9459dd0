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

func backlog(t *testing.T, r *report.Reporter, now time.Time) []report.Backlog {
	t.Helper()
	list, err := r.Backlog(context.Background(), now)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestBacklog(t *testing.T) {
	t.Parallel()
	s, r := start(t)
	if list := backlog(t, r, time.Now()); list == nil || len(list) != 0 {
		t.Errorf("backlog of an idle system is %v, want an empty list, which is no null in JSON", list)
	}
	before := time.Now()
	s.publish(t, bulk("c1"), 5)
	s.publish(t, queue.ID{Sender: number, Lane: job.Transactional, Campaign: job.NoCampaign}, 2)
	s.take(t, bulk("c1"), 2)
	s.putOff(t, queue.KindSendAt, bulk("c2"), "later") // waits for its time, not for a worker
	after := time.Now()
	const hour = 3600.0
	list := backlog(t, r, after.Add(time.Hour))
	want := []report.Backlog{
		{Sender: number, Lane: "bulk", Campaign: "c1", Queued: 3, InFlight: 2, OldestSeconds: hour},
		{Sender: number, Lane: "transactional", Campaign: "_", Queued: 2, OldestSeconds: hour},
	}
	if diff := cmp.Diff(want, list, cmpopts.EquateApprox(0, after.Sub(before).Seconds()+0.001)); diff != "" {
		t.Error("(-want +got):", diff)
	}
	for _, b := range backlog(t, r, before.Add(-time.Hour)) {
		if b.OldestSeconds != 0 {
			t.Errorf("a clock that is behind makes an age of %v s, want 0", b.OldestSeconds)
		}
	}
}
