package queue_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	publish(t, r.publisher(t, queue.PublisherConfig{}), bulk, 2)
	ds := fetch(t, r.open(t, bulk), 2, long)
	d, err := queue.NewDead(r.js, r.names)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	letters := []queue.Letter{
		{Delivery: ds[0], Reason: job.ReasonRefused, Code: 131009, Detail: "parameter 1\r\nNats-Rollup: all"},
		{Delivery: ds[1], Reason: job.ReasonInvalidJob},
	}
	for range 2 { // putting the same letters again changes nothing
		if err := d.Put(context.Background(), letters); err != nil {
			t.Fatal(err)
		}
	}
	s, err := r.js.Stream(context.Background(), "WACAST_DEAD")
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.GetMsg(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if string(m.Data) != "j1" || m.Subject != "wacast.dead.refused.106540352242922.c1" {
		t.Errorf("letter %q on %s", m.Data, m.Subject)
	}
	for _, name := range []string{"Nats-Sequence", "Nats-Stream", "Nats-Subject", "Nats-Time-Stamp"} {
		delete(m.Header, name) // the server's, of a direct get
	}
	want := map[string][]string{
		"Nats-Msg-Id": {"WACAST_JOBS/1/refused"}, "Wacast-Reason": {"refused"}, "Wacast-Code": {"131009"},
		"Wacast-Detail": {"parameter 1  Nats-Rollup: all"}, "Wacast-Subject": {"wacast.jobs.106540352242922.bulk.c1"},
		"Wacast-Stream": {"WACAST_JOBS"}, "Wacast-Sequence": {"1"},
	}
	if diff := cmp.Diff(want, map[string][]string(m.Header)); diff != "" {
		t.Error(diff)
	}

	counts, err := d.Count(context.Background(), "c1")
	if err != nil {
		t.Fatal(err)
	}
	byReason := make(map[job.Reason]uint64)
	for _, c := range counts {
		byReason[c.Reason] += c.Letters
	}
	if diff := cmp.Diff(map[job.Reason]uint64{job.ReasonRefused: 1, job.ReasonInvalidJob: 1}, byReason); diff != "" {
		t.Error(diff)
	}
	if other, err := d.Count(context.Background(), "c2"); err != nil || len(other) != 0 {
		t.Errorf("Count of another campaign = %v, %v", other, err)
	}
}
