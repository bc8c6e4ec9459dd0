package worker_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/whatsapp"
	"github.com/wacast/wacast/worker"
)

// notes reads what the stream of claims says, oldest first.
func (r *rig) notes() (all []queue.ClaimNote) {
	r.t.Helper()
	claims := must[*queue.Claims](r.t)(queue.NewClaims(r.js, queue.Names{Namespace: r.cfg.Namespace}, ""))
	defer claims.Close()
	err := claims.Read(r.t.Context(), 0, 0, time.Time{}, func(b *queue.ClaimBatch) error {
		if b.Owner != "tested" {
			r.t.Errorf("the owner of a claim is %q", b.Owner)
		}
		all = append(all, b.Notes...)
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}

// When a request leaves, its claim is in the stream from which a lost ledger is
// restored, with everything the ledger needs.
func TestClaimsAreOnRecordBeforeTheRequest(t *testing.T) {
	var r *rig
	r = newRig(t, func(token job.Token) error {
		for _, n := range r.notes() {
			if n.Key == token.Key && n.Attempt == token.Attempt && !n.Return {
				return nil
			}
		}
		t.Errorf("%v is sent before its claim is on record", token.Key)
		return nil
	})
	r.start()
	jobs := make([]*job.Job, 30)
	for i := range jobs {
		jobs[i] = newJob(fmt.Sprintf("j%d", i), job.Hold)
	}
	r.publish(jobs...)
	r.eventually("all requests", func() bool { return r.sentCount() == len(jobs) })
	r.idle()
	for _, n := range r.notes() {
		if n.Stream != (queue.Names{Namespace: r.cfg.Namespace}).JobsStream() || n.Sequence == 0 || n.Body == 0 {
			t.Errorf("note %+v does not say which publication it is of", n)
		}
	}
}

// What is given back is on record too: the attempt that is open then.
func TestReturnsAreOnRecord(t *testing.T) {
	throttled := &whatsapp.Error{Class: whatsapp.ClassThrottledPair, HTTPStatus: 400, Code: 131056}
	for name, tt := range map[string]struct {
		answers []error
		notes   []string
	}{
		"throttled": {[]error{throttled, nil}, []string{"claim 1", "return 1", "claim 1"}},
		"transient": {[]error{errTransient, nil}, []string{"claim 1", "return 2", "claim 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			var n atomic.Int64
			r := newRig(t, func(job.Token) error { return tt.answers[n.Add(1)-1] })
			r.start()
			r.publish(newJob("a", job.Hold))
			r.eventually("an acceptance", func() bool { return len(r.history("a")) == 1 })
			var got []string
			for _, n := range r.notes() {
				word := "claim"
				if n.Return {
					word = "return"
				}
				got = append(got, fmt.Sprintf("%s %d", word, n.Attempt))
			}
			if !slices.Equal(got, tt.notes) {
				t.Errorf("notes %q, want %q", got, tt.notes)
			}
		})
	}
}

// brokenClaims refuses while down is set.
type brokenClaims struct {
	to    worker.Claims
	down  atomic.Bool
	tries atomic.Int64
}

func (b *brokenClaims) Record(ctx context.Context, lease time.Duration, notes []queue.ClaimNote) error {
	b.tries.Add(1)
	if b.down.Load() {
		return errors.New("the stream is full")
	}
	return b.to.Record(ctx, lease, notes)
}

// Nothing is sent whose claim is not on record; the claims are given back, the worker
// says what is wrong, and goes on by itself.
func TestNothingIsSentWithoutItsClaim(t *testing.T) {
	r := newRig(t, nil)
	broken := &brokenClaims{to: r.cfg.Claims}
	broken.down.Store(true)
	r.cfg.Claims = broken
	r.start()
	r.publish(newJob("a", job.Hold), newJob("b", job.Hold))
	r.eventually("some tries", func() bool { return broken.tries.Load() >= 3 })
	if n := r.sentCount(); n != 0 {
		t.Errorf("%d requests without a claim on record", n)
	}
	if err := r.running.Trouble(); err == nil || !strings.Contains(err.Error(), "the stream is full") {
		t.Errorf("trouble: %v", err)
	}
	broken.down.Store(false)
	r.awaitHistory("a", "accepted 1 ")
	r.awaitHistory("b", "accepted 1 ")
	if err := r.running.Trouble(); err != nil {
		t.Errorf("trouble still: %v", err)
	}
}

// emptyJournal has nothing to replay.
type emptyJournal struct{}

func (emptyJournal) Ends(context.Context) (events, claims uint64, err error) { return 0, 0, nil }
func (emptyJournal) Events(context.Context, uint64, uint64, time.Time, func(dedup.Record) error) error {
	return nil
}
func (emptyJournal) Claims(context.Context, uint64, uint64, time.Time, func(dedup.Record) error) error {
	return nil
}

// While the ledger may have lost entries nothing is sent and nothing given back; then
// everything goes on.
func TestALedgerThatIsNotWholeIsWaitedFor(t *testing.T) {
	r := newRig(t, nil)
	keeper := dedup.NewKeeper(r.cfg.Ledger, emptyJournal{}, dedup.KeeperOptions{Every: 20 * time.Millisecond, Lease: time.Second})
	r.start()
	r.publish(newJob("a", job.Hold), newJob("b", job.Hold))
	r.eventually("the trouble", func() bool {
		err := r.running.Trouble()
		return err != nil && strings.Contains(err.Error(), "read back from the streams")
	})
	if r.sentCount() != 0 || r.entry("a").State != dedup.None {
		t.Errorf("%d requests, entry %+v", r.sentCount(), r.entry("a"))
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = keeper.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	r.awaitHistory("a", "accepted 1 ")
	r.awaitHistory("b", "accepted 1 ")
	r.eventually("the end of the trouble", func() bool { return r.running.Trouble() == nil })
}
