package queue_test

import (
	"bytes"
	"context"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/embed"
	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// secretNumber is what must be found nowhere once it is erased.
const secretNumber = "5491155550177"

// TestErasedIsGoneFromDisk looks for a number in the server's own files: it is there
// before, and in none once the messages that held it are erased.
func TestErasedIsGoneFromDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server, err := embed.StartNATS(embed.NATSOptions{Dir: dir, Port: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	nc := embedtest.Dial(t, server)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{server: server, nc: nc, js: js, names: names}
	if _, err := queue.Ensure(t.Context(), js, queue.Settings{Names: names, JobsMaxBytes: 64 << 20}.Topology()); err != nil {
		t.Fatal(err)
	}
	spreadNumber(t, r)
	if n := holding(t, dir); n == 0 {
		t.Fatal("no file holds the number; the test looks in the wrong place")
	}
	var places []queue.Place
	var waiting []string
	err = r.queues(t).EachWaiting(t.Context(), func(w *queue.WaitingJob) error {
		if bytes.Contains(w.Data, []byte(secretNumber)) {
			places = append(places, w.Place)
			waiting = append(waiting, w.Stream+"/"+w.Kind+"/"+w.Queue.String())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"WACAST_JOBS//" + bulk.String(), "WACAST_JOBS//" + now.String(), "WACAST_JOBS/unknown/" + bulk.String(), "WACAST_JOBS/send_at/" + bulk.String()}
	if diff := cmp.Diff(want, waiting); diff != "" {
		t.Error("waiting (-want +got):", diff)
	}
	odd := 0
	err = r.webhooks(t).EachOdd(t.Context(), func(h *queue.OddHook) error {
		if bytes.Contains(h.Body, []byte(secretNumber)) && h.Why == "broken" {
			odd++
			places = append(places, h.Places...)
		}
		return nil
	})
	if err != nil || odd != 2 {
		t.Errorf("%d webhooks in quarantine hold the number, %v; want 2", odd, err)
	}
	for _, l := range letters(t, r.dead(t), queue.DeadFilter{}) {
		places = append(places, r.names.DeadPlace(&l))
	}
	before := r.messages(t, names.JobsStream()) + r.messages(t, names.LaterStream()) + r.messages(t, names.WebhooksStream()) + r.messages(t, names.DeadStream())
	for range 2 { // the second time finds nothing to do
		if err := queue.Erase(t.Context(), nc, places...); err != nil {
			t.Fatal(err)
		}
	}
	after := r.messages(t, names.JobsStream()) + r.messages(t, names.LaterStream()) + r.messages(t, names.WebhooksStream()) + r.messages(t, names.DeadStream())
	if before-after != uint64(len(places)) {
		t.Errorf("%d messages are gone, want %d", before-after, len(places))
	}
	if flying, err := r.queues(t).InFlight(t.Context(), now.Campaign); err != nil || flying != 0 {
		t.Errorf("%d jobs in flight, %v; want none: what was is erased", flying, err)
	}
	server.Close()
	if n := holding(t, dir); n > 0 {
		t.Errorf("%d files still hold the number", n)
	}
}

// spreadNumber puts the number into every stream but that of the events, among others.
func spreadNumber(t *testing.T, r *rig) {
	t.Helper()
	p, later := r.publisher(t, queue.PublisherConfig{}), r.later(t)
	body := []byte(`{"to":"+` + secretNumber + `"}`)
	for n, data := range [][]byte{[]byte(`{"to":"+5491155550100"}`), body, []byte(`{"to":"+5491155550100"}`)} {
		if _, err := p.Publish(t.Context(), bulk, key(bulk, n), data); err != nil {
			t.Fatal(err)
		}
	}
	in := func(kind, id string, data []byte) queue.Scheduled {
		return queue.Scheduled{Kind: kind, Queue: bulk, Job: id, At: time.Now().Add(time.Hour), Stream: "WACAST_JOBS", Sequence: 9, Data: data}
	}
	// Their ids hold the number too, as those that wacast send builds do.
	put(t, later, in(queue.KindUnknown, secretNumber, body))
	put(t, later, in(queue.KindSendAt, secretNumber, body))
	put(t, later, in(queue.KindSendAt, "other", []byte("{}")))
	if _, err := p.Publish(t.Context(), now, key(now, 9), body); err != nil {
		t.Fatal(err)
	}
	letter := fetch(t, r.open(t, now), 1, long)[0] // in flight while it is erased
	if err := r.dead(t).Put(t.Context(), []queue.Letter{{Delivery: letter, Reason: job.ReasonAttempts, Outcome: job.Rejected}}); err != nil {
		t.Fatal(err)
	}
	large := make([]byte, 3<<20)
	if _, err := rand.NewChaCha8([32]byte{1}).Read(large); err != nil {
		t.Fatal(err)
	}
	w := r.webhooks(t)
	store(t, w, queue.Hook{Body: append(large, secretNumber...)})
	if err := w.Quarantine(context.Background(), hooks(t, opened(t, w.Inbox), 1)[0], "broken"); err != nil {
		t.Fatal(err)
	}
	// One that has been in no other box, where it would lie on the disk until the
	// server has use for the place.
	odd := &nats.Msg{Subject: "wacast.webhooks.odd", Header: nats.Header{queue.HeaderDetail: {"broken"}}, Data: []byte(`{"wa_id":"` + secretNumber + `"`)}
	if _, err := r.js.PublishMsg(t.Context(), odd); err != nil {
		t.Fatal(err)
	}
}

// holding counts the files that hold the number.
func holding(t *testing.T, dir string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if bytes.Contains(data, []byte(secretNumber)) {
			n++
			t.Log("found in", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
