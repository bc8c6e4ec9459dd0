package report_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/report"
)

// accounts are all that is counted of a campaign.
type accounts struct {
	Progress *report.Progress
	Accounts *report.Accounts
	Reasons  map[report.Ending]uint64
	Unknown  uint64
}

func accountsOf(t *testing.T, r *report.Reporter, campaign string) accounts {
	t.Helper()
	reasons, err := r.Reasons(context.Background(), campaign)
	if err != nil {
		t.Fatal(err)
	}
	unknown, err := r.Unknown(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return accounts{Progress: progress(t, r, campaign), Accounts: verify(t, r, campaign, 0), Reasons: reasons, Unknown: unknown}
}

// erase puts erased events in the place of those of some jobs; kept leaves the former
// ones where they are, as when the command was killed in between.
func (s *system) erase(t *testing.T, kept bool, ids ...string) {
	t.Helper()
	gone := make(map[string]bool)
	for _, id := range ids {
		gone[id] = true
	}
	var events []queue.Recorded
	done := make(map[uint64]bool)
	err := s.events.Read(t.Context(), queue.Filter{}, func(e *queue.Recorded) error {
		for _, place := range report.ErasedPlaces(&e.Data) {
			done[place] = true
		}
		if gone[e.Data.ID] {
			events = append(events, *e)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.events.Record(t.Context(), report.Erase(events, done, "wacast/test", time.Now())); err != nil {
		t.Fatal(err)
	}
	if kept {
		return
	}
	stream, err := s.js.Stream(t.Context(), names.EventsStream())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if err := stream.SecureDeleteMsg(t.Context(), e.Sequence); err != nil {
			t.Fatal(err)
		}
	}
}

// The accounts are the same whoever is forgotten: the first, each one alone, all; and
// also between the two steps that this takes.
func TestErasedEventsKeepTheAccounts(t *testing.T) {
	t.Parallel()
	all := []string{"j1", "j2", "j3", "j4", "j5", "j6", "j7"}
	tests := map[string][]string{
		"accepted": {"j1"}, "settled": {"j2"}, "unknown": {"j3"}, "rejected": {"j4"}, "failed and delivered": {"j5"},
		"cancelled": {"j6"}, "duplicate": {"j7"}, "all": all, "some": {"j2", "j3", "j6"},
	}
	for name, ids := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, r := start(t)
			s.history(t)
			want := accountsOf(t, r, "c1")
			if !want.Accounts.OK || want.Accounts.Ended != 7 || want.Accounts.Missing != 0 || want.Progress.Replies != 1 || want.Unknown != 1 {
				t.Fatalf("before: %+v %+v", want.Accounts, want.Progress)
			}
			s.erase(t, true, ids...)
			if diff := cmp.Diff(want.Accounts, verify(t, r, "c1", 0)); diff != "" {
				t.Error("cut short (-want +got):", diff)
			}
			s.erase(t, false, ids...)
			if diff := cmp.Diff(want, accountsOf(t, r, "c1"), cmpopts.EquateEmpty()); diff != "" {
				t.Error("(-want +got):", diff)
			}
			s.nothingOf(t, ids)
			if left := jobsOf(t, r, "c1"); left != len(all)-len(ids) {
				t.Errorf("%d jobs are named after %d of 7 are erased", left, len(ids))
			}
		})
	}
}

// history records seven jobs of a campaign, each with another fate.
func (s *system) history(t *testing.T) {
	t.Helper()
	timeout, refused := outcome("c1", job.Unknown, 3), outcome("c1", job.Rejected, 4)
	timeout.Reason, refused.Reason, refused.Code = job.ReasonTimeout, job.ReasonRecipient, 131026
	status := func(kind job.Kind, n uint64) job.EventData {
		d := outcome("c1", kind, n)
		d.Sequence, d.Stream = 0, "-"
		return d
	}
	s.record(t, published("c1", "1-7", 7), outcome("c1", job.Accepted, 1), outcome("c1", job.Unknown, 2),
		settled("c1", job.Unknown, job.Accepted, 2, 1), timeout, refused, outcome("c1", job.Accepted, 5), outcome("c1", job.Cancelled, 6),
		outcome("c1", job.Duplicate, 7), status(job.Sent, 1), status(job.Delivered, 1), status(job.Read, 1), status(job.Reply, 1),
		status(job.Failed, 5), settled("c1", job.Failed, "", 5, 1), status(job.Delivered, 5))
	s.recordOften(t, settled("c1", job.Unknown, job.Accepted, 2, 1)) // on record twice, counted once
}

func jobsOf(t *testing.T, r *report.Reporter, campaign string) (n int) {
	t.Helper()
	err := r.Jobs(context.Background(), campaign, func(j *report.Job) error {
		if strings.Contains(j.Outcome.ID, "erased") {
			t.Errorf("job %s is named", j.Outcome.ID)
		}
		n++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// nothingOf fails the test when an event still names one of the jobs.
func (s *system) nothingOf(t *testing.T, ids []string) {
	t.Helper()
	err := s.events.Scan(t.Context(), queue.Filter{}, func(raw *queue.Raw) error {
		for _, id := range ids {
			if strings.Contains(string(raw.Data), `c1/`+id) || strings.Contains(string(raw.Data), `"id":"`+id+`"`) {
				t.Errorf("event %d names %s: %s", raw.Sequence, id, raw.Data)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
