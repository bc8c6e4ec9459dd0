package queue_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// history is what a delivery tells of what became of its job before.
type history struct {
	Body, Kind, Stream string
	Sequence           uint64
	Attempt            int
	Was                job.Kind
}

func historyOf(d *queue.Delivery) history {
	return history{string(d.Data), d.Kind, d.Stream, d.Sequence, d.Attempt, d.Was}
}

// watched opens a queue that hears of what is due.
func watched(t *testing.T, r *rig, id queue.ID) *queue.Queue {
	t.Helper()
	qs := r.queues(t)
	watch(t, qs)
	q, err := qs.Open(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// takeDue fetches and acks n deliveries.
func takeDue(t *testing.T, q *queue.Queue, n int) []history {
	t.Helper()
	var all []history
	for deadline := time.Now().Add(long); len(all) < n; {
		if time.Now().After(deadline) {
			t.Fatalf("due: %+v, want %d", all, n)
		}
		for _, d := range fetch(t, q, n-len(all), long) {
			all = append(all, historyOf(d))
			if err := d.Ack(); err != nil {
				t.Fatal(err)
			}
		}
	}
	return all
}

// However often a job is put off, its deliveries name the publication it came in.
func TestWhatIsPutOffKeepsItsPublication(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	publish(t, r.publisher(t, queue.PublisherConfig{}), bulk, 2)
	l := r.later(t)
	ds := fetch(t, r.open(t, bulk), 2, long)
	if diff := cmp.Diff(history{Body: "j2", Stream: "WACAST_JOBS", Sequence: 2}, historyOf(ds[1])); diff != "" {
		t.Error(diff)
	}
	put(t, l, queue.Scheduled{
		Kind: queue.KindSendAt, Queue: bulk, Job: "j2", At: time.Now().Add(300 * time.Millisecond),
		Stream: ds[1].Stream, Sequence: ds[1].Sequence, Data: ds[1].Data,
	})
	for _, d := range ds {
		if err := d.Ack(); err != nil {
			t.Fatal(err)
		}
	}
	r.restart(t)
	q := watched(t, r, bulk)
	d := fetch(t, q, 1, long)[0]
	if diff := cmp.Diff(history{Body: "j2", Kind: queue.KindSendAt, Stream: "WACAST_JOBS", Sequence: 2}, historyOf(d)); diff != "" {
		t.Error(diff)
	}
	if stream, sequence := d.Place(); stream != "WACAST_LATER" || sequence != 2 || d.Published.Before(time.Now().Add(-time.Minute)) {
		t.Errorf("the message itself: %s %d, %v", stream, sequence, d.Published)
	}
	put(t, l, queue.Scheduled{
		Kind: queue.KindUnknown, Queue: bulk, Job: "j2", At: time.Now().Add(-time.Hour),
		Stream: d.Stream, Sequence: d.Sequence, Attempt: 3, Was: job.Unknown, Data: d.Data,
	})
	if err := d.Ack(); err != nil {
		t.Fatal(err)
	}
	want := []history{{Body: "j2", Kind: queue.KindUnknown, Stream: "WACAST_JOBS", Sequence: 2, Attempt: 3, Was: job.Unknown}}
	if diff := cmp.Diff(want, takeDue(t, q, 1)); diff != "" {
		t.Error(diff)
	}
}

// Anybody may publish jobs, and must not choose which publication an outcome names.
func TestAnOriginIsBelievedOfWhatWasPutOffAlone(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	header := nats.Header{"Wacast-Kind": {"replay"}, "Wacast-Stream": {"WACAST_JOBS"}, "Wacast-Sequence": {"99"}, "Wacast-Was": {"rejected"}, "Wacast-Attempt": {"9"}}
	for _, subject := range []string{r.names.JobSubject(bulk), r.names.DueSubject(bulk)} {
		m := nats.NewMsg(subject)
		m.Data = []byte("body")
		if m.Header = header; strings.Contains(subject, ".due.") {
			m.Header = nats.Header{"Wacast-Stream": {"WACAST_JOBS"}, "Wacast-Sequence": {"0"}} // of an earlier build, or nobody's
		}
		if _, err := r.js.PublishMsg(context.Background(), m); err != nil {
			t.Fatal(err)
		}
	}
	got := make(map[history]bool)
	for _, h := range takeDue(t, watched(t, r, bulk), 2) {
		got[h] = true
	}
	want := map[history]bool{{Body: "body", Stream: "WACAST_LATER", Sequence: 1}: true, {Body: "body", Stream: "WACAST_JOBS", Sequence: 1}: true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A job may wait for the same thing again, within the minutes in which the server
// remembers message ids: the later wait must not be taken for a copy of the first.
func TestAJobWaitsForTheSameThingAgain(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	q, l := watched(t, r, bulk), r.later(t)
	wait := queue.Scheduled{Kind: queue.KindUnknown, Queue: bulk, Job: "j1", Attempt: 1, Was: job.Unknown, Data: []byte("body")}
	want := history{Body: "body", Kind: queue.KindUnknown, Stream: "WACAST_JOBS", Sequence: 77, Attempt: 1, Was: job.Unknown}
	begin := time.Now()
	for i := range 3 {
		wait.At = begin.Add(time.Duration(i) * time.Millisecond)
		put(t, l, wait)
		if diff := cmp.Diff([]history{want}, takeDue(t, q, 1)); diff != "" {
			t.Error(i, diff)
		}
	}
	// The same wait again is a repetition.
	put(t, l, wait)
	if n := r.messages(t, "WACAST_LATER"); n != 0 {
		t.Errorf("%d messages, want none: it has been there", n)
	}
	wait.Kind, wait.At = queue.KindReplay, time.Time{}
	put(t, l, wait)
	want.Kind = queue.KindReplay
	if diff := cmp.Diff([]history{want}, takeDue(t, q, 1)); diff != "" {
		t.Error("of no time:", diff)
	}
}

func TestWhatIsPutOffMustSayWhatItIs(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	for _, s := range []queue.Scheduled{
		{Kind: queue.KindSendAt, Queue: bulk, Job: "j1", Stream: "WACAST_JOBS"},
		{Kind: queue.KindSendAt, Queue: bulk, Job: "j1", Sequence: 1},
	} {
		if err := r.later(t).ScheduleAll(context.Background(), []queue.Scheduled{s}); err == nil {
			t.Errorf("%+v was put off", s)
		}
	}
}

func TestCancelTakesOneWaitBack(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	q, l := watched(t, r, bulk), r.later(t)
	soon := time.Now().Add(time.Second)
	for n := range 3 {
		put(t, l, queue.Scheduled{Kind: queue.KindUnknown, Queue: bulk, Job: fmt.Sprintf("j%d", n), At: soon, Data: fmt.Appendf(nil, "%d", n)})
	}
	put(t, l, queue.Scheduled{Kind: queue.KindSendAt, Queue: bulk, Job: "j1", At: soon, Data: []byte("other")})
	for range 2 { // the second finds nothing
		if err := l.Cancel(context.Background(), queue.KindUnknown, bulk.Sender, key(bulk, 1)); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, h := range takeDue(t, q, 3) {
		got = append(got, h.Body)
	}
	if s := strings.Join(got, " "); strings.Contains(s, "1") || len(got) != 3 {
		t.Errorf("due: %s, want 0, 2 and other", s)
	}
	eventually(t, "nothing is left", func() bool { return r.messages(t, "WACAST_LATER") == 0 })
}

func TestPurgeOfWhatIsPutOff(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	l := r.later(t)
	hour := time.Now().Add(time.Hour)
	other := queue.ID{Sender: bulk.Sender, Lane: job.Bulk, Campaign: "c2"}
	for n := range 100 {
		put(t, l, queue.Scheduled{Kind: queue.KindSendAt, Queue: bulk, Job: fmt.Sprintf("j%d", n), At: hour})
	}
	put(t, l, queue.Scheduled{Kind: queue.KindSendAt, Queue: other, Job: "j1", At: hour})
	put(t, l, queue.Scheduled{Kind: queue.KindUnknown, Queue: bulk, Job: "j1", At: hour})
	put(t, l, queue.Scheduled{Kind: queue.KindRetry, Queue: bulk, Job: "j1", At: hour})
	if n, err := l.Purge(context.Background(), "c1", queue.KindSendAt, queue.KindWindow, queue.KindRetry); n != 101 || err != nil {
		t.Errorf("Purge = %d, %v, want 101", n, err)
	}
	left, err := l.Waiting(context.Background(), "")
	if diff := cmp.Diff(map[string]uint64{queue.KindSendAt: 1, queue.KindUnknown: 1}, left); diff != "" || err != nil {
		t.Error(err, diff)
	}
	// What was purged may be put off anew.
	put(t, l, queue.Scheduled{Kind: queue.KindSendAt, Queue: bulk, Job: "j1", At: hour.Add(time.Hour)})
	if n := r.messages(t, "WACAST_LATER"); n != 3 {
		t.Errorf("%d messages, want 3", n)
	}
}
