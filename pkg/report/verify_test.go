package report_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/report"
)

// record stores events as they are.
func (s *system) record(t *testing.T, data ...job.EventData) {
	t.Helper()
	var events []job.Event
	for _, d := range data {
		if d.Stream == "" {
			d.Stream = names.JobsStream()
		}
		if d.From == "" {
			d.From = number
		}
		events = append(events, job.NewEvent("wacast/test", time.Now(), d))
	}
	if _, err := s.events.Record(context.Background(), events); err != nil {
		t.Fatal(err)
	}
}

// outcome is what a worker records of publication n, job jn.
func outcome(campaign string, kind job.Kind, n uint64) job.EventData {
	return job.EventData{Kind: kind, Campaign: campaign, ID: fmt.Sprintf("j%d", n), Sequence: n, Attempt: 1}
}

func settled(campaign string, was, is job.Kind, n uint64, attempt int) job.EventData {
	d := outcome(campaign, job.Settled, n)
	d.Was, d.Outcome, d.Attempt = was, is, attempt
	return d
}

func published(campaign, sequences string, n int) job.EventData {
	return job.EventData{Kind: job.Published, Campaign: campaign, Lane: job.Bulk, Count: n, Sequences: sequences}
}

func purged(campaign string, n int, upTo uint64) job.EventData {
	return job.EventData{Kind: job.Cancelled, Campaign: campaign, Reason: job.ReasonCancelled, Count: n, Sequence: upTo}
}

func verify(t *testing.T, r *report.Reporter, campaign string, expected uint64) *report.Accounts {
	t.Helper()
	a, err := r.Verify(context.Background(), campaign, expected)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestVerify(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		events   []job.EventData
		queued   int // of the campaign, from sequence 1 on
		expected uint64
		want     report.Accounts
	}{
		"nothing": {want: report.Accounts{OK: true, TotalFrom: report.TotalUnknown}},
		"all ended": {
			events: []job.EventData{published("c1", "1-3", 3), outcome("c1", job.Accepted, 1), outcome("c1", job.Rejected, 2), outcome("c1", job.Duplicate, 3)},
			want: report.Accounts{OK: true, TotalFrom: report.TotalPublished, Total: 3, Jobs: 2, Ended: 3,
				Outcomes: map[job.Kind]uint64{job.Accepted: 1, job.Rejected: 1, job.Duplicate: 1}},
		},
		"some wait": {
			events: []job.EventData{published("c1", "1-2,5", 3), outcome("c1", job.Accepted, 5)}, queued: 2,
			want: report.Accounts{OK: true, TotalFrom: report.TotalPublished, Total: 3, Jobs: 3, Ended: 1, Present: 2,
				Outcomes: map[job.Kind]uint64{job.Accepted: 1}},
		},
		"an outcome that is not acked yet": {
			events: []job.EventData{published("c1", "1-2", 2), outcome("c1", job.Accepted, 1)}, queued: 2,
			want: report.Accounts{OK: true, TotalFrom: report.TotalPublished, Total: 2, Jobs: 2, Ended: 1, Present: 1,
				Outcomes: map[job.Kind]uint64{job.Accepted: 1}},
		},
		"lost": {
			events: []job.EventData{published("c1", "1-3", 3), published("c1", "7-9", 3), outcome("c1", job.Accepted, 1), outcome("c1", job.Accepted, 8)},
			want: report.Accounts{TotalFrom: report.TotalPublished, Total: 6, Jobs: 2, Ended: 2, Missing: 4, MissingSequences: "2-3,7,9",
				Outcomes: map[job.Kind]uint64{job.Accepted: 2}},
		},
		"purged": {
			events: []job.EventData{published("c1", "1-5", 5), outcome("c1", job.Accepted, 1), purged("c1", 4, 5)},
			want: report.Accounts{OK: true, TotalFrom: report.TotalPublished, Total: 5, Jobs: 5, Ended: 1, Purged: 4,
				Outcomes: map[job.Kind]uint64{job.Accepted: 1}},
		},
		"purged, and one beside that was not": {
			events: []job.EventData{published("c1", "1-5,9", 6), outcome("c1", job.Accepted, 1), purged("c1", 4, 5)},
			want: report.Accounts{TotalFrom: report.TotalPublished, Total: 6, Jobs: 5, Ended: 1, Purged: 4, Missing: 1, MissingSequences: "9",
				Outcomes: map[job.Kind]uint64{job.Accepted: 1}},
		},
		"not all reported": {
			events: []job.EventData{published("c1", "1", 1), outcome("c1", job.Accepted, 1), outcome("c1", job.Accepted, 2)},
			want: report.Accounts{OK: true, TotalFrom: report.TotalPublished, Total: 2, Jobs: 2, Unreported: 1, Ended: 2,
				Outcomes: map[job.Kind]uint64{job.Accepted: 2}},
		},
		"a report that cannot be": {
			events: []job.EventData{published("c1", "1-18446744073709551615", 1), outcome("c1", job.Accepted, 1)},
			want:   report.Accounts{OK: true, TotalFrom: report.TotalUnknown, Total: 1, Jobs: 1, Ended: 1, Outcomes: map[job.Kind]uint64{job.Accepted: 1}},
		},
		"fewer than expected": {
			events: []job.EventData{outcome("c1", job.Accepted, 1), outcome("c1", job.Duplicate, 2)}, expected: 3,
			want: report.Accounts{TotalFrom: report.TotalExpected, Total: 3, Expected: new(uint64(3)), Jobs: 1, Ended: 2, Missing: 2, NeverPublished: 2,
				Outcomes: map[job.Kind]uint64{job.Accepted: 1, job.Duplicate: 1}},
		},
		"one lost, and fewer published than expected": {
			events: []job.EventData{published("c1", "1-2", 2), outcome("c1", job.Accepted, 1)}, expected: 5,
			want: report.Accounts{TotalFrom: report.TotalPublished, Total: 2, Expected: new(uint64(5)), Jobs: 1, Ended: 1, Missing: 4,
				NeverPublished: 3, MissingSequences: "2", Outcomes: map[job.Kind]uint64{job.Accepted: 1}},
		},
		"fewer than expected, and not all reported": {
			events: []job.EventData{published("c1", "1", 1), outcome("c1", job.Accepted, 1), outcome("c1", job.Accepted, 2)}, expected: 5,
			want: report.Accounts{TotalFrom: report.TotalPublished, Total: 2, Expected: new(uint64(5)), Jobs: 2, Unreported: 1, Ended: 2, Missing: 3,
				Outcomes: map[job.Kind]uint64{job.Accepted: 2}},
		},
		"more than expected": {
			events: []job.EventData{published("c1", "1-2", 2), outcome("c1", job.Accepted, 1), outcome("c1", job.Accepted, 2)}, expected: 1,
			want: report.Accounts{TotalFrom: report.TotalPublished, Total: 2, Expected: new(uint64(1)), Jobs: 2, Ended: 2, Surplus: 1,
				Outcomes: map[job.Kind]uint64{job.Accepted: 2}},
		},
		"settled": {
			events: []job.EventData{published("c1", "1-3", 3), outcome("c1", job.Unknown, 1), outcome("c1", job.Unknown, 2), outcome("c1", job.Rejected, 3),
				settled("c1", job.Unknown, job.Accepted, 1, 1), settled("c1", job.Rejected, job.Accepted, 3, 2)},
			want: report.Accounts{OK: true, TotalFrom: report.TotalPublished, Total: 3, Jobs: 3, Ended: 3,
				Outcomes: map[job.Kind]uint64{job.Accepted: 2, job.Unknown: 1, job.Rejected: 0}},
		},
		"of another campaign": {
			events: []job.EventData{published("c2", "1-9", 9), outcome("c2", job.Accepted, 1), outcome("c1", job.Accepted, 10)},
			want:   report.Accounts{OK: true, TotalFrom: report.TotalUnknown, Total: 1, Jobs: 1, Ended: 1, Outcomes: map[job.Kind]uint64{job.Accepted: 1}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, r := start(t)
			if tt.queued > 0 {
				s.publish(t, bulk("c1"), tt.queued)
			}
			s.record(t, tt.events...)
			tt.want.ID = "c1"
			if diff := cmp.Diff(&tt.want, verify(t, r, "c1", tt.expected), cmpopts.EquateEmpty()); diff != "" {
				t.Error("(-want +got):", diff)
			}
		})
	}
}

// What a lost publication of nobody's was is found among all there are.
func TestVerifyNamesWhatNobodyReported(t *testing.T) {
	t.Parallel()
	s, r := start(t)
	s.publish(t, bulk("c1"), 2)   // 1 and 2
	s.publish(t, bulk("gone"), 3) // 3 to 5
	s.publish(t, bulk("c2"), 1)   // 6
	s.record(t, outcome("c2", job.Accepted, 3))
	if _, err := s.queues.Purge(context.Background(), bulk("gone"), 5); err != nil {
		t.Fatal(err)
	}
	a := verify(t, r, "c1", 4)
	if a.OK || a.Missing != 2 || a.MissingSequences != "4-5" {
		t.Errorf("missing %d, %q, ok %v; want 2, 4-5, false", a.Missing, a.MissingSequences, a.OK)
	}
}

// recordOften records what the stream takes for a new event, as it does with an
// outcome that comes when the id of the first is forgotten.
func (s *system) recordOften(t *testing.T, d job.EventData) {
	t.Helper()
	d.Stream, d.From = names.JobsStream(), number
	ev := job.NewEvent("wacast/test", time.Now(), d)
	data, err := job.AppendEvent(nil, &ev)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.js.Publish(t.Context(), names.EventSubject(d.Kind, d.From, ev.Key()), data); err != nil {
		t.Fatal(err)
	}
}

// A publication ends once, and a job is accepted once.
func TestVerifyFindsWhatHappenedTwice(t *testing.T) {
	t.Parallel()
	s, r := start(t)
	again := outcome("c1", job.Accepted, 4)
	again.ID = "j1"
	s.record(t, published("c1", "1-4", 4), outcome("c1", job.Accepted, 1), outcome("c1", job.Accepted, 2),
		outcome("c1", job.Unknown, 3), again)
	s.recordOften(t, outcome("c1", job.Rejected, 2))
	a := verify(t, r, "c1", 0)
	want := []report.Repeat{{Sequence: 2, Job: "c1/j2", Outcomes: []job.Kind{job.Accepted, job.Rejected}}}
	if diff := cmp.Diff(want, a.EndedTwice); diff != "" {
		t.Error("ended twice (-want +got):", diff)
	}
	if diff := cmp.Diff([]string{"c1/j1"}, a.SentTwice); diff != "" {
		t.Error("sent twice (-want +got):", diff)
	}
	if a.OK || a.Ended != 4 {
		t.Errorf("ok %v, %d ended; want false, 4", a.OK, a.Ended)
	}
}

// Jobs that are put off are where they were published.
func TestVerifyCountsWhatIsPutOff(t *testing.T) {
	t.Parallel()
	s, r := start(t)
	s.record(t, published("c1", "1-3", 3), outcome("c1", job.Unknown, 3))
	s.putOff(t, queue.KindSendAt, bulk("c1"), "j1")
	s.putOff(t, queue.KindRetry, bulk("c1"), "j2")
	s.putOff(t, queue.KindUnknown, bulk("c1"), "j3")
	a := verify(t, r, "c1", 0)
	if !a.OK || a.Present != 2 || a.Ended != 1 {
		t.Errorf("%+v, want 2 present and 1 ended", a)
	}
}

// Two messages of a job that was tried again after a lost answer are told, and are
// what its policy permits.
func TestVerifyTellsOfASecondMessage(t *testing.T) {
	t.Parallel()
	s, r := start(t)
	s.record(t, published("c1", "1-1", 1), outcome("c1", job.Unknown, 1),
		settled("c1", job.Unknown, job.Accepted, 1, 2), settled("c1", job.Accepted, job.Accepted, 1, 1))
	a := verify(t, r, "c1", 0)
	if diff := cmp.Diff([]string{"c1/j1"}, a.SentAgain); diff != "" || !a.OK || len(a.SentTwice) > 0 || a.Outcomes[job.Accepted] != 1 {
		t.Errorf("accounts %+v (-want +got):%s", a, diff)
	}
}
