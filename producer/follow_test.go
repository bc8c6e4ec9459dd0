package producer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/producer"
)

// record stores n events of a kind, of jobs from first on, as workers and webhooks do.
func record(js jetstream.JetStream, kind job.Kind, campaign string, first, n int) error {
	names := queue.Names{Namespace: "wacast"}
	for i := first; i < first+n; i++ {
		e := job.NewEvent("wacast/test", time.Unix(1, 0), job.EventData{Kind: kind, Campaign: campaign, ID: fmt.Sprintf("j%d", i), From: "106540352242922"})
		data, err := job.EncodeEvent(&e)
		if err != nil {
			return err
		}
		if _, err := js.Publish(context.Background(), names.EventSubject(kind, e.Data.From, e.Key()), data); err != nil {
			return err
		}
	}
	return nil
}

func recorded(t *testing.T, js jetstream.JetStream, kind job.Kind, campaign string, first, n int) {
	t.Helper()
	if err := record(js, kind, campaign, first, n); err != nil {
		t.Fatal(err)
	}
}

var errEnough = errors.New("enough")

// follow collects n events, named by campaign, job and kind, and the last place.
func follow(t *testing.T, nc *nats.Conn, cfg producer.FollowConfig, n int, during func(i int)) (got []string, last uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	err := producer.Follow(ctx, nc, cfg, func(_ context.Context, e *producer.Followed) error {
		got, last = append(got, e.Subject+" "+string(e.Data.Kind)), e.Sequence
		if during != nil {
			during(len(got))
		}
		if len(got) == n {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Fatalf("after %d events: %v", len(got), err)
	}
	return got, last
}

func TestFollow(t *testing.T) {
	t.Parallel()
	r := start(t, producer.Config{}, 1<<20)
	recorded(t, r.js, job.Accepted, "c1", 1, 3)
	recorded(t, r.js, job.Accepted, "c2", 1, 1)
	for range 2 { // on record twice
		recorded(t, r.js, job.Delivered, "c1", 1, 2)
	}
	recorded(t, r.js, job.Confirmed, "c1", 1, 1)
	all := []string{"c1/j1 accepted", "c1/j2 accepted", "c1/j3 accepted", "c2/j1 accepted", "c1/j1 delivered", "c1/j2 delivered", "c1/j1 confirmed"}
	for name, tt := range map[string]struct {
		cfg  producer.FollowConfig
		want []string
	}{
		"all":          {producer.FollowConfig{}, all},
		"a campaign":   {producer.FollowConfig{Campaign: "c2"}, all[3:4]},
		"some kinds":   {producer.FollowConfig{Kinds: []job.Kind{job.Delivered, job.Confirmed}}, all[4:]},
		"a number":     {producer.FollowConfig{From: "106540352242922", Kinds: []job.Kind{job.Confirmed}}, all[6:]},
		"from a place": {producer.FollowConfig{After: 4}, all[4:]},
	} {
		got, _ := follow(t, r.nc, tt.cfg, len(tt.want), nil)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):%s", name, diff)
		}
	}
	first, last := follow(t, r.nc, producer.FollowConfig{}, 2, nil)
	rest, last := follow(t, r.nc, producer.FollowConfig{After: last}, 6, func(i int) {
		if i == 5 { // all there is: what comes now is followed too
			recorded(t, r.js, job.Reply, "c3", 7, 1)
		}
	})
	if diff := cmp.Diff(append(all, "c3/j7 reply"), slices.Concat(first, rest)); diff != "" || last != 10 {
		t.Error("in two parts, up to", last, "(-want +got):", diff)
	}
}

// A server that restarts costs no event and no order.
func TestFollowOutlivesTheServer(t *testing.T) {
	t.Parallel()
	const n = 2000
	server := embedtest.NATS(t)
	nc := embedtest.Dial(t, server)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := queue.Ensure(t.Context(), js, settings(1<<20).Topology()); err != nil {
		t.Fatal(err)
	}
	recorded(t, js, job.Accepted, "c1", 1, n)
	got, _ := follow(t, nc, producer.FollowConfig{}, n, func(i int) {
		if i == 700 || i == 1500 {
			if err := server.Restart(); err != nil {
				t.Error(err)
			}
		}
	})
	for i := range got {
		if want := fmt.Sprintf("c1/j%d accepted", i+1); got[i] != want {
			t.Fatalf("event %d is %s, want %s", i, got[i], want)
		}
	}
}

func TestFollowTellsOfAGap(t *testing.T) {
	t.Parallel()
	r := start(t, producer.Config{}, 1<<20)
	recorded(t, r.js, job.Accepted, "c1", 1, 10)
	s, err := r.js.Stream(t.Context(), "WACAST_EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(t.Context(), jetstream.WithPurgeSequence(6)); err != nil { // as age does
		t.Fatal(err)
	}
	var gap *producer.GapError
	err = producer.Follow(t.Context(), r.nc, producer.FollowConfig{After: 3}, nil)
	if !errors.Is(err, producer.ErrGap) || !errors.As(err, &gap) || gap.Next != 5 {
		t.Fatalf("%v, want a gap to go on after 5", err)
	}
	if got, _ := follow(t, r.nc, producer.FollowConfig{After: gap.Next}, 5, nil); got[0] != "c1/j6 accepted" {
		t.Errorf("goes on with %s", got[0])
	}
	err = producer.Follow(t.Context(), r.nc, producer.FollowConfig{After: 11}, nil)
	if !errors.As(err, &gap) || gap.Next != 0 {
		t.Errorf("of another stream: %v, want a gap to begin anew", err)
	}
	if err := producer.Follow(t.Context(), bare(t, producer.Config{}).nc, producer.FollowConfig{}, nil); !errors.Is(err, producer.ErrNoStream) {
		t.Errorf("without a stream: %v", err)
	}
}
