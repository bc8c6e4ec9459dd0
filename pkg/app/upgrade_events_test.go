package app_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/simulator"
)

// recordNewer stores what a newer wacast might write beside a job's events: one of a kind
// that nobody here knows.
func (r *rig) recordNewer(j *job.Job) {
	r.t.Helper()
	key := j.Key()
	text := fmt.Sprintf(`{"specversion":"1.0","id":"%[1]s/forwarded/new","source":"wacast/newer","type":"wacast.forwarded.v2","subject":%[1]q,`+
		`"time":"2027-01-01T00:00:00Z","datacontenttype":"application/json","shape":{"of":["things"]},`+
		`"data":{"kind":"forwarded","campaign":%[2]q,"id":%[3]q,"from":%[4]q,"to":%[5]q,"attempt":1,"reason":"of_tomorrow","weight":0.5,"legs":[{"n":1}]}}`,
		key.String(), key.Campaign, key.ID, numberA, string(j.To))
	r.publishRaw(r.names().EventSubject("forwarded", numberA, key), text)
}

// addFields stores all events of a campaign once more, with fields that nobody here
// knows, in place of what they were.
func (r *rig) addFields(campaign string) {
	r.t.Helper()
	s, err := r.jetStream().Stream(r.t.Context(), r.names().EventsStream())
	must(r.t, err)
	last := s.CachedInfo().State.LastSeq
	for n := uint64(1); n <= last; n++ {
		m, err := s.GetMsg(r.t.Context(), n)
		must(r.t, err)
		data := bytes.Replace(m.Data, []byte(`"data":{`), []byte(`"of_tomorrow":[{"a":1}],"data":{"newer":{"than":["this"]},`), 1)
		must(r.t, s.DeleteMsg(r.t.Context(), n))
		r.publishRaw(m.Subject, string(data))
	}
}

// The events of a newer wacast, with kinds and fields that this one does not know, keep
// nobody from anything: the ledger is made anew of them and sends nothing twice, the
// accounts close, a job is explained, a person exported and forgotten.
func TestEventsOfANewerBuild(t *testing.T) {
	const n = 20
	r := newRig(t, simulator.Config{}, "WACAST_SEND_TIMEOUT=1s")
	r.ready("one")
	o := r.operator()
	jobs := newJobs(numberA, "spring", 0, n)
	r.publish(jobs...)
	r.await(o.View, "spring", accepted(n))
	r.addFields("spring")
	for _, j := range jobs {
		r.recordNewer(j)
	}
	r.emptyRedis()
	for _, j := range jobs {
		r.publishRaw(r.jobSubject(numberA, "spring"), encode(t, j))
	}
	p := r.await(o.View, "spring", ended(2*n))
	if stats := r.sim.Stats(); p.Accepted != n || p.Duplicate != n || stats.Accepted != n || stats.Duplicates != 0 {
		t.Errorf("%+v; the simulator accepted %d, %d of them twice", p, stats.Accepted, stats.Duplicates)
	}
	closes := func() {
		if a, err := o.Verify(t.Context(), "spring", n); err != nil || !a.OK {
			t.Errorf("the accounts differ: %+v, %v", a, err)
		}
	}
	closes()

	s, err := o.Explain(t.Context(), jobs[0].Key())
	must(t, err)
	if s.State != "accepted" && s.State != "duplicate" || !strings.Contains(fmt.Sprint(s.Steps), "forwarded") {
		t.Errorf("explained as %+v", s)
	}
	d, err := o.Export(t.Context(), forgotten())
	must(t, err)
	if !slices.ContainsFunc(d.Events, func(e job.Event) bool { return e.Data.Kind == "forwarded" }) {
		t.Errorf("exported are %d events, and the newer one is not among them", len(d.Events))
	}
	if _, err := o.Forget(t.Context(), forgotten(), "asked for it", patience); err != nil {
		t.Fatal(err)
	}
	if d, err = o.Export(t.Context(), forgotten()); err != nil || len(d.Events) > 0 {
		t.Errorf("the person was forgotten, and is in %d events: %v", len(d.Events), err)
	}
	closes()
}
