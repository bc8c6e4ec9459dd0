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
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

func (r *rig) claims(tb testing.TB, owner string) *queue.Claims {
	tb.Helper()
	c, err := queue.NewClaims(r.js, r.names, owner)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	return c
}

// notes are claims of the jobs from n on.
func notes(n, count int) []queue.ClaimNote {
	all := make([]queue.ClaimNote, count)
	for i := range all {
		all[i] = queue.ClaimNote{
			Key: job.Key{Campaign: "c1", ID: fmt.Sprintf("row-%07d", n+i)}, Attempt: 1, Body: uint16(n + i),
			Stream: "WACAST_JOBS", Sequence: uint64(n + i + 1),
		}
	}
	return all
}

// readClaims reads all of it; what Read passes is its own.
func readClaims(tb testing.TB, c *queue.Claims, after, upTo uint64, since time.Time) []queue.ClaimBatch {
	tb.Helper()
	var all []queue.ClaimBatch
	err := c.Read(context.Background(), after, upTo, since, func(b *queue.ClaimBatch) error {
		one := *b
		one.Notes = append([]queue.ClaimNote(nil), b.Notes...)
		all = append(all, one)
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

func TestClaimsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	one, two := r.claims(t, "worker-1"), r.claims(t, "host.with dots")
	if last, err := one.Ends(context.Background()); last != 0 || err != nil {
		t.Errorf("Ends of nothing = %d, %v", last, err)
	}
	mixed := []queue.ClaimNote{
		{Key: job.Key{Campaign: "c1", ID: "a"}, Attempt: 1, Body: 65535, Stream: "WACAST_JOBS", Sequence: 1 << 40},
		{Key: job.Key{ID: "b"}, Attempt: 300, Stream: "WACAST_JOBS", Sequence: 1},
		{Return: true, Key: job.Key{ID: strings.Repeat("x", 128)}, Attempt: 2, Body: 1, Stream: "WACAST_LATER", Sequence: 1<<64 - 1},
		{Key: job.Key{Campaign: "c1", ID: "a"}, Stream: "WACAST_JOBS", Sequence: 7},
	}
	for _, err := range []error{
		one.Record(context.Background(), 90*time.Second, mixed),
		one.Record(context.Background(), time.Second, nil),
		two.Record(context.Background(), time.Second, notes(0, 20)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := r.messages(t, "WACAST_CLAIMS"); n != 2 {
		t.Errorf("%d messages, want one for each batch", n)
	}
	r.restart(t)
	middle := time.Now()
	if err := one.Record(context.Background(), time.Second, notes(20, 1)); err != nil {
		t.Fatal(err)
	}
	want := []queue.ClaimBatch{
		{Owner: "worker-1", Lease: 90 * time.Second, Sequence: 1, Notes: mixed},
		{Owner: "_", Lease: time.Second, Sequence: 2, Notes: notes(0, 20)},
		{Owner: "worker-1", Lease: time.Second, Sequence: 3, Notes: notes(20, 1)},
	}
	untimed := cmpopts.IgnoreFields(queue.ClaimBatch{}, "Stored")
	for _, tt := range []struct {
		name        string
		after, upTo uint64
		since       time.Time
		want        []queue.ClaimBatch
	}{
		{name: "all", want: want}, {name: "after", after: 1, want: want[1:]}, {name: "up to", upTo: 2, want: want[:2]},
		{name: "between", after: 1, upTo: 2, want: want[1:2]}, {name: "after the end", after: 3}, {name: "since", since: middle, want: want[2:]},
		{name: "after and since", after: 1, since: middle, want: want[2:]}, {name: "beyond", upTo: 99, want: want},
	} {
		if diff := cmp.Diff(tt.want, readClaims(t, two, tt.after, tt.upTo, tt.since), untimed); diff != "" {
			t.Error(tt.name, diff)
		}
	}
	if last, err := two.Ends(context.Background()); last != 3 || err != nil {
		t.Errorf("Ends = %d, %v", last, err)
	}
}

func TestClaimsTooManyForOneMessage(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	c := r.claims(t, "w")
	all := notes(0, 50_000)
	for i := range all {
		all[i].Key.ID = strings.Repeat("x", 100) + all[i].Key.ID
	}
	if err := c.Record(context.Background(), time.Second, all); err != nil {
		t.Fatal(err)
	}
	var got []queue.ClaimNote
	for _, b := range readClaims(t, c, 0, 0, time.Time{}) {
		got = append(got, b.Notes...)
	}
	if diff := cmp.Diff(all, got); diff != "" {
		t.Error(diff)
	}
	if n := r.messages(t, "WACAST_CLAIMS"); n < 5 || n > 16 {
		t.Errorf("%d messages of 1 MB for 6 MB", n)
	}
}

func TestClaimsNobodyCanRead(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	c := r.claims(t, "w")
	if err := c.Record(context.Background(), time.Second, notes(0, 2)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.js.Publish(context.Background(), "wacast.claims.other", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	read := 0
	err := c.Read(context.Background(), 0, 0, time.Time{}, func(*queue.ClaimBatch) error { read++; return nil })
	if read != 1 || err == nil || !strings.Contains(err.Error(), "message 2") {
		t.Errorf("read %d, %v; want one, and an error that names the other", read, err)
	}
	errEnough := errors.New("enough")
	if err := c.Read(context.Background(), 0, 0, time.Time{}, func(*queue.ClaimBatch) error { return errEnough }); !errors.Is(err, errEnough) {
		t.Errorf("Read = %v, want the function's error", err)
	}
	if err := r.claims(t, "").Record(context.Background(), time.Second, notes(0, 1)); err == nil {
		t.Error("claims of nobody were recorded")
	}
}

// Sending waits for claims to be stored, so one whose ack does not come is published
// again long before an event would be.
func TestLostClaimsAreRecordedAgainAtOnce(t *testing.T) {
	embedtest.Virtual(t, func(t *testing.T, nc *nats.Conn, _ *redis.Client) {
		js := must[jetstream.JetStream](t)(jetstream.New(nc))
		claims := must[*queue.Claims](t)(queue.NewClaims(js, names, "w"))
		defer claims.Close()
		var came []time.Duration
		began := time.Now()
		must[*nats.Subscription](t)(nc.Subscribe("wacast.claims.>", func(m *nats.Msg) {
			if came = append(came, time.Since(began)); len(came) == 3 {
				_ = m.Respond([]byte(`{"stream":"WACAST_CLAIMS","seq":7}`))
			}
		}))
		if err := claims.Record(t.Context(), time.Second, []queue.ClaimNote{{Key: job.Key{Campaign: "c", ID: "j"}, Attempt: 1, Stream: "WACAST_JOBS", Sequence: 1}}); err != nil {
			t.Fatal(err)
		}
		if len(came) != 3 || came[1] > 300*time.Millisecond || came[2] > 800*time.Millisecond {
			t.Errorf("it came after %v, want a second time after 0.3 s and a third after 0.8 s at most", came)
		}
	})
}
