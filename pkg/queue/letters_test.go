package queue_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

func (r *rig) dead(tb testing.TB) *queue.Dead {
	tb.Helper()
	d, err := queue.NewDead(r.js, r.names)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(d.Close)
	return d
}

func letters(tb testing.TB, d *queue.Dead, filter queue.DeadFilter) []queue.StoredLetter {
	tb.Helper()
	var all []queue.StoredLetter
	err := d.Read(context.Background(), filter, func(l *queue.StoredLetter) error {
		if time.Since(l.Stored) > time.Minute {
			tb.Errorf("letter %d was stored %v", l.Place, l.Stored)
		}
		all = append(all, *l)
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

func TestDeadLettersCanBeReadAndRemoved(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	p := r.publisher(t, queue.PublisherConfig{})
	bodies := []string{`{"id":"a","metadata":{"id":"b"}}`, `{"id":"b","v":99}`, `"b`}
	for i, body := range bodies {
		if _, err := p.Publish(context.Background(), bulk, key(bulk, i), []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	put(t, r.later(t), queue.Scheduled{
		Kind: queue.KindReplay, Queue: now, Job: "c", Stream: "WACAST_JOBS", Sequence: 1000, Attempt: 1, Was: job.Rejected, Data: []byte(`{"id":"c"}`),
	})
	ds := fetch(t, r.open(t, bulk), 3, long)
	again := fetch(t, watched(t, r, now), 1, long)[0]
	d := r.dead(t)
	put := []queue.Letter{
		{Delivery: ds[0], Attempt: 2, Outcome: job.Rejected, Reason: job.ReasonRefused, Code: 131009, Detail: "parameter 1"},
		{Delivery: ds[1], Outcome: job.Unknown, Reason: job.ReasonTimeout},
		{Delivery: ds[2], Reason: job.ReasonInvalidJob},
		{Delivery: again, Attempt: 2, Outcome: job.Rejected, Reason: job.ReasonRefused},
		{Delivery: again, Attempt: 3, Outcome: job.Rejected, Reason: job.ReasonRefused},
	}
	for range 2 {
		if err := d.Put(context.Background(), put); err != nil {
			t.Fatal(err)
		}
	}
	want := []queue.StoredLetter{
		{Place: 1, Reason: job.ReasonRefused, Code: 131009, Detail: "parameter 1", Queue: bulk, Stream: "WACAST_JOBS", Sequence: 1, Attempt: 2, Outcome: job.Rejected, Data: []byte(bodies[0])},
		{Place: 2, Reason: job.ReasonTimeout, Queue: bulk, Stream: "WACAST_JOBS", Sequence: 2, Outcome: job.Unknown, Data: []byte(bodies[1])},
		{Place: 3, Reason: job.ReasonInvalidJob, Queue: bulk, Stream: "WACAST_JOBS", Sequence: 3, Data: []byte(bodies[2])},
		{Place: 4, Reason: job.ReasonRefused, Queue: now, Stream: "WACAST_JOBS", Sequence: 1000, Attempt: 2, Outcome: job.Rejected, Data: []byte(`{"id":"c"}`)},
		{Place: 5, Reason: job.ReasonRefused, Queue: now, Stream: "WACAST_JOBS", Sequence: 1000, Attempt: 3, Outcome: job.Rejected, Data: []byte(`{"id":"c"}`)},
	}
	r.restart(t)
	for _, tt := range []struct {
		filter queue.DeadFilter
		want   []queue.StoredLetter
	}{
		{queue.DeadFilter{}, want}, {queue.DeadFilter{Campaign: "c1"}, want[:3]}, {queue.DeadFilter{Campaign: job.NoCampaign}, want[3:]},
		{queue.DeadFilter{Campaign: "c1", ID: "b"}, want[1:2]}, {queue.DeadFilter{ID: "c", Reason: job.ReasonRefused}, want[3:]},
		{queue.DeadFilter{Reason: job.ReasonTimeout}, want[1:2]}, {queue.DeadFilter{Campaign: "c2"}, nil},
	} {
		if diff := cmp.Diff(tt.want, letters(t, d, tt.filter), cmpopts.IgnoreFields(queue.StoredLetter{}, "Stored")); diff != "" {
			t.Errorf("%+v: %s", tt.filter, diff)
		}
	}
	for range 2 { // the second finds it gone
		if err := d.Remove(context.Background(), 4); err != nil {
			t.Fatal(err)
		}
	}
	if left := letters(t, d, queue.DeadFilter{}); len(left) != 4 || left[3].Place != 5 {
		t.Errorf("left: %+v", left)
	}
	errEnough := errors.New("enough")
	if err := d.Read(context.Background(), queue.DeadFilter{}, func(*queue.StoredLetter) error { return errEnough }); !errors.Is(err, errEnough) {
		t.Errorf("Read = %v, want the function's error", err)
	}
}

// Letters may be large; a reader must not hold more of them than a few megabytes.
func TestDeadLettersOfAnySize(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{JobsMaxBytes: 256 << 20})
	p, d := r.publisher(t, queue.PublisherConfig{}), r.dead(t)
	const n = 40 // more than is read at once
	body := []byte(strings.Repeat("x", 1<<20-4096))
	for i := range n {
		if _, err := p.Publish(context.Background(), bulk, key(bulk, i), body); err != nil {
			t.Fatal(err)
		}
	}
	q := r.open(t, bulk)
	for done := 0; done < n; {
		for _, one := range fetch(t, q, 8, long) {
			if err := d.Put(context.Background(), []queue.Letter{{Delivery: one, Reason: job.ReasonInvalidJob}}); err != nil {
				t.Fatal(err)
			}
			done++
		}
	}
	for i, l := range letters(t, d, queue.DeadFilter{}) {
		if l.Truncated != len(body) || len(l.Data) < 1<<20-16<<10 || l.Place != uint64(i+1) {
			t.Fatalf("letter %d of %d bytes, once %d", l.Place, len(l.Data), l.Truncated)
		}
	}
	if got := fmt.Sprint(len(letters(t, d, queue.DeadFilter{Campaign: "c1"}))); got != fmt.Sprint(n) {
		t.Errorf("%s letters, want %d", got, n)
	}
}

func TestRemoveWithoutAStream(t *testing.T) {
	t.Parallel()
	if err := bare(t).dead(t).Remove(context.Background(), 1); !errors.Is(err, queue.ErrNoStream) {
		t.Errorf("Remove = %v, want ErrNoStream", err)
	}
}
