package report_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/report"
)

// recordNewer stores an event of a job as a newer wacast might write it: of a kind and
// with fields that nobody here knows.
func (s *system) recordNewer(t *testing.T, kind job.Kind, campaign, id string, sequence uint64) {
	t.Helper()
	text := fmt.Sprintf(`{"specversion":"1.0","id":"%[2]s/%[3]s/%[1]s/new","source":"wacast/newer","type":"wacast.%[1]s.v2","subject":"%[2]s/%[3]s",`+
		`"time":"2027-01-01T00:00:00Z","datacontenttype":"application/json","shape":{"of":["things",{"to":"come"}]},`+
		`"data":{"kind":%[1]q,"campaign":%[2]q,"id":%[3]q,"from":%[4]q,"attempt":1,"reason":"of_tomorrow","stream":%[5]q,"sequence":%[6]d,"weight":0.5,"legs":[{"n":1}]}}`,
		kind, campaign, id, number, names.JobsStream(), sequence)
	if _, err := s.js.Publish(context.Background(), names.EventSubject(kind, number, job.Key{Campaign: campaign, ID: id}), []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// Kinds and fields of a newer wacast among the events change no figure, and keep nobody
// from reading the rest.
func TestEventsOfANewerBuildAreReadOver(t *testing.T) {
	t.Parallel()
	s, r := start(t)
	s.record(t, published("c1", "1-3", 3), outcome("c1", job.Accepted, 1))
	s.recordNewer(t, "forwarded", "c1", "j1", 1)
	s.recordNewer(t, job.Rejected, "c1", "j2", 2) // a kind that is known, with what is not
	s.recordNewer(t, "forwarded", "c1", "j2", 2)
	s.record(t, outcome("c1", job.Unknown, 3), settled("c1", job.Unknown, job.Accepted, 3, 1))

	want := &report.Accounts{ID: "c1", OK: true, TotalFrom: report.TotalPublished, Total: 3, Jobs: 3, Ended: 3,
		Outcomes: map[job.Kind]uint64{job.Accepted: 2, job.Rejected: 1, job.Unknown: 0}}
	got := verify(t, r, "c1", 3)
	got.Expected = nil
	if diff := cmp.Diff(want.Outcomes, got.Outcomes); diff != "" || !got.OK || got.Ended != want.Ended || got.Total != want.Total {
		t.Errorf("%+v (-want +got):%s", got, diff)
	}
	if p := progress(t, r, "c1"); p.Accepted != 2 || p.Rejected != 1 || p.Unknown != 0 || p.Published != 3 {
		t.Errorf("%+v", p)
	}
	var jobs []string
	if err := r.Jobs(t.Context(), "c1", func(j *report.Job) error {
		jobs = append(jobs, fmt.Sprint(j.Outcome.ID, " ", j.Outcome.Kind, " ", j.Outcome.Reason))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(jobs)
	if len(jobs) != 3 || jobs[1] != "j2 rejected of_tomorrow" {
		t.Errorf("%q", jobs)
	}
}
