package producer_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nats-io/nats.go"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/producer"
)

const roomy = 16 << 20

// untimed leaves out what differs from run to run.
var untimed = cmpopts.IgnoreFields(producer.Stats{}, "Elapsed")

func TestPublishAllTellsTheBadAndPublishesTheGood(t *testing.T) {
	t.Parallel()
	r := start(t, producer.Config{}, roomy)
	errRow := errors.New("row 4: no such column")
	var size int64
	source := func(yield func(*job.Job, error) bool) {
		for n := 1; n <= 6; n++ {
			j, err := numbered(n), error(nil)
			switch n {
			case 2:
				j.To = "5550100"
			case 4:
				j, err = nil, errRow
			case 5:
				j.Template.Vars = map[string]any{"text": strings.Repeat("x", job.MaxSize)}
			default:
				data, err := job.Encode(j)
				if err != nil {
					t.Error(err)
				}
				size += int64(len(data))
			}
			if !yield(j, err) {
				return
			}
		}
	}
	var rejected []producer.Rejection
	stats, err := r.PublishAll(context.Background(), source, func(r producer.Rejection) { rejected = append(rejected, r) })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(producer.Stats{Published: 3, Rejected: 3, Bytes: size}, stats, untimed); diff != "" {
		t.Error("stats (-want +got):", diff)
	}
	if stats.Elapsed <= 0 || stats.Rate() <= 0 {
		t.Errorf("elapsed %v, %v a second", stats.Elapsed, stats.Rate())
	}
	if n := r.stored(t); n != 3 {
		t.Errorf("the stream holds %d jobs, want 3", n)
	}
	var invalid *job.InvalidError
	if len(rejected) != 3 || rejected[0].Number != 2 || rejected[1].Number != 4 || rejected[2].Number != 5 {
		t.Fatalf("rejected %+v, want numbers 2, 4 and 5", rejected)
	}
	if !errors.As(rejected[0].Err, &invalid) || invalid.Fields[0].Field != "to" {
		t.Errorf("job 2: %v, want an InvalidError about to", rejected[0].Err)
	}
	if !errors.Is(rejected[1].Err, errRow) {
		t.Errorf("job 4: %v, want %v", rejected[1].Err, errRow)
	}
	if !errors.Is(rejected[2].Err, job.ErrTooLarge) {
		t.Errorf("job 5: %v, want ErrTooLarge", rejected[2].Err)
	}
}

func TestPublishAllNeedsNobodyToTell(t *testing.T) {
	t.Parallel()
	r := start(t, producer.Config{}, roomy)
	bad := func(yield func(*job.Job, error) bool) { yield(new(job.Job), nil) }
	stats, err := r.PublishAll(context.Background(), bad, nil)
	if err != nil || stats.Rejected != 1 || stats.Published != 0 {
		t.Errorf("stats %+v, %v, want one rejected", stats, err)
	}
}

func TestPublishingTwiceStoresOnce(t *testing.T) {
	t.Parallel()
	r := start(t, producer.Config{}, roomy)
	const n = 300
	for i, want := range []int{0, n} {
		stats, err := r.PublishAll(context.Background(), count(n), nil)
		if err != nil {
			t.Fatal(err)
		}
		if stats.Published != n || stats.Duplicates != want {
			t.Errorf("run %d: %d published, %d duplicates, want %d and %d", i+1, stats.Published, stats.Duplicates, n, want)
		}
	}
	receipt, err := r.Publish(context.Background(), numbered(7))
	if err != nil || !receipt.Duplicate {
		t.Errorf("Publish again = %+v, %v, want a duplicate", receipt, err)
	}
	if got := r.stored(t); got != n {
		t.Errorf("the stream holds %d jobs, want %d", got, n)
	}
}

// The source is asked for another job only while fewer than MaxInFlight have no
// ack. The stand-in for the stream acks nothing until it has got that many.
func TestPublishAllHoldsTheSourceBack(t *testing.T) {
	t.Parallel()
	const most, n = 3, 100
	r := bare(t, producer.Config{MaxInFlight: most})
	var held []*nats.Msg
	var acked atomic.Int64
	sub, err := r.nc.Subscribe("wacast.jobs.>", func(m *nats.Msg) {
		if held = append(held, m); len(held) < most && acked.Load()+int64(len(held)) < n {
			return
		}
		for _, m := range held {
			acked.Add(1)
			_ = m.Respond(fmt.Appendf(nil, `{"stream":"WACAST_JOBS","seq":%d}`, acked.Load()))
		}
		held = nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsubscribe()
	events, err := r.nc.Subscribe("wacast.events.>", func(m *nats.Msg) { _ = m.Respond([]byte(`{"stream":"WACAST_EVENTS","seq":1}`)) })
	if err != nil {
		t.Fatal(err)
	}
	defer events.Unsubscribe()
	furthest := int64(0)
	source := func(yield func(*job.Job, error) bool) {
		for j, err := range count(n) {
			if !yield(j, err) {
				return
			}
			var id int64
			fmt.Sscanf(j.ID, "appt-%d", &id)
			furthest = max(furthest, id-acked.Load())
		}
	}
	stats, err := r.PublishAll(context.Background(), source, nil)
	if err != nil || stats.Published != n {
		t.Fatalf("stats %+v, %v, want all %d published", stats, err, n)
	}
	if furthest < 1 || furthest > most {
		t.Errorf("%d jobs were without an ack, want 1 to %d", furthest, most)
	}
}

func TestPublishAllIntoAFullStream(t *testing.T) {
	t.Parallel()
	r := start(t, producer.Config{}, 16<<10)
	asked := 0
	source := func(yield func(*job.Job, error) bool) {
		for j, err := range count(100_000) {
			asked++
			if !yield(j, err) {
				return
			}
		}
	}
	stats, err := r.PublishAll(context.Background(), source, nil)
	if !errors.Is(err, producer.ErrFull) {
		t.Fatalf("error %v, want ErrFull", err)
	}
	stored := r.stored(t)
	if stats.Published != stored || stored == 0 {
		t.Errorf("%d published, the stream holds %d, want as many and more than none", stats.Published, stored)
	}
	if want := fmt.Sprintf("published %d, then: ", stored); !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %q, want it to begin with %q", err, want)
	}
	if asked == 100_000 {
		t.Error("the whole source was read for a full stream")
	}
	if _, err := r.Publish(context.Background(), numbered(1_000_000)); !errors.Is(err, producer.ErrFull) {
		t.Errorf("Publish = %v, want ErrFull", err)
	}
}

func TestPublishAllWithoutAStream(t *testing.T) {
	t.Parallel()
	r := bare(t, producer.Config{})
	stats, err := r.PublishAll(context.Background(), count(5), nil)
	if !errors.Is(err, producer.ErrNoStream) || stats.Published != 0 {
		t.Errorf("stats %+v, %v, want ErrNoStream", stats, err)
	}
}

func TestPublishAllIsCancelled(t *testing.T) {
	t.Parallel()
	r := start(t, producer.Config{}, roomy)
	errCause := errors.New("an operator's interrupt")
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	asked := 0
	source := func(yield func(*job.Job, error) bool) {
		for j, err := range count(1000) {
			if asked++; asked == 5 {
				cancel(errCause)
			}
			if !yield(j, err) {
				return
			}
		}
	}
	stats, err := r.PublishAll(ctx, source, nil)
	if !errors.Is(err, errCause) {
		t.Errorf("error %v, want the cause", err)
	}
	if asked != 5 || stats.Published != 4 || r.stored(t) != 4 {
		t.Errorf("%d asked for, %d published, %d stored, want 5, 4 and 4", asked, stats.Published, r.stored(t))
	}
	if _, err := r.Publish(ctx, numbered(1)); err != nil && !errors.Is(err, errCause) {
		t.Errorf("Publish = %v, want the cause or an ack that came first", err)
	}
}

// A context that ends while the last acks come in takes nothing from a run that
// is through.
func TestPublishAllIsCancelledTooLate(t *testing.T) {
	t.Parallel()
	r := start(t, producer.Config{}, roomy)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	source := func(yield func(*job.Job, error) bool) {
		for j, err := range count(20) {
			if !yield(j, err) {
				return
			}
		}
		cancel()
	}
	stats, err := r.PublishAll(ctx, source, nil)
	if err != nil || stats.Published != 20 {
		t.Errorf("stats %+v, %v, want 20 published", stats, err)
	}
}

func TestPublishFromManyGoroutines(t *testing.T) {
	t.Parallel()
	r := start(t, producer.Config{MaxInFlight: 16}, roomy)
	const runs, n = 4, 200
	part := func(k int) iter.Seq2[*job.Job, error] {
		return func(yield func(*job.Job, error) bool) {
			for i := range n {
				if !yield(numbered(k*n+i), nil) {
					return
				}
			}
		}
	}
	var all sync.WaitGroup
	for k := range runs {
		all.Go(func() {
			stats, err := r.PublishAll(context.Background(), part(k), nil)
			if err != nil || stats.Published != n || stats.Duplicates != 0 {
				t.Errorf("part %d: %+v, %v", k, stats, err)
			}
		})
	}
	all.Wait()
	if got := r.stored(t); got != runs*n {
		t.Errorf("the stream holds %d jobs, want %d", got, runs*n)
	}
}

func TestNewRefusesABadNamespace(t *testing.T) {
	t.Parallel()
	r := bare(t, producer.Config{})
	if _, err := producer.New(r.nc, producer.Config{Namespace: "No Good"}); err == nil || !strings.Contains(err.Error(), "WACAST_NAMESPACE") {
		t.Errorf("New = %v, want an error that names WACAST_NAMESPACE", err)
	}
}
