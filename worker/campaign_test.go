package worker_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// campaigns gives the rig a real store of campaigns, and returns another process's.
func (r *rig) campaigns() *campaign.Store {
	r.t.Helper()
	bucket := must[*queue.Bucket](r.t)(queue.OpenBucket(r.t.Context(), r.js, queue.Names{Namespace: r.cfg.Namespace}.CampaignsBucket()))
	store := campaign.NewStore(campaign.Config{Bucket: bucket})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = store.Run(ctx) }()
	r.t.Cleanup(func() { cancel(); <-ended })
	<-store.Ready()
	r.cfg.Campaigns = store
	return campaign.NewStore(campaign.Config{Bucket: bucket})
}

// publishMany publishes n jobs of campaign c.
func (r *rig) publishMany(n int) {
	r.t.Helper()
	jobs := make([]*job.Job, n)
	for i := range jobs {
		jobs[i] = newJob(fmt.Sprintf("j%d", i), job.Hold)
	}
	r.publish(jobs...)
}

// counts are a campaign's events by kind.
func (r *rig) counts() map[job.Kind]uint64 {
	r.t.Helper()
	return must[map[job.Kind]uint64](r.t)(r.cfg.Events.Counts(r.t.Context(), "c"))
}

// A pause acts within half a second with jobs in hand; a resume goes on with what is
// there and publishes nothing again.
func TestPauseInTheMiddle(t *testing.T) {
	const n = 1500
	r := newRig(t, nil)
	operator := r.campaigns()
	r.publishMany(n)
	r.start()
	r.eventually("some requests", func() bool { return r.sentCount() > 100 })
	for range 2 {
		err := operator.Change(t.Context(), "c", func(s *campaign.Spec) error { return s.Pause("", "ana", time.Now()) })
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(500 * time.Millisecond)
		sent := r.sentCount()
		time.Sleep(300 * time.Millisecond)
		if now := r.sentCount(); now != sent {
			t.Errorf("%d requests half a second after the pause", now-sent)
		}
		err = operator.Change(t.Context(), "c", func(s *campaign.Spec) error { return s.Resume("", "ana", time.Now()) })
		if err != nil {
			t.Fatal(err)
		}
		r.eventually("more requests", func() bool { return r.sentCount() > min(sent+100, n-1) })
	}
	await(t, r.cfg.Events, "c", job.Accepted, n)
	r.idle()
	if _, last, err := r.cfg.Queues.Ends(t.Context()); err != nil || last != n || r.sentCount() != n {
		t.Errorf("%d publications, %d requests, %v; want %d of each", last, r.sentCount(), err, n)
	}
}

// A cancel with jobs in hand: those on their way end as they do, all others as
// cancelled; what is published later too.
func TestCancelInTheMiddle(t *testing.T) {
	const n = 2000
	r := newRig(t, nil)
	r.cfg.CancelGrace = 5 * time.Second
	operator := r.campaigns()
	r.publishMany(n)
	r.start()
	r.eventually("some requests", func() bool { return r.sentCount() > 100 })
	err := operator.Change(t.Context(), "c", func(s *campaign.Spec) error { s.Cancel("wrong text", "ana", time.Now()); return nil })
	if err != nil {
		t.Fatal(err)
	}
	r.eventually("nothing in flight", func() bool {
		n, err := r.cfg.Queues.InFlight(t.Context(), "c")
		return err == nil && n == 0
	})
	if counts := r.counts(); counts[job.Accepted]+counts[job.Cancelled] >= n {
		t.Errorf("%v: nothing was left to be removed at once", counts)
	}
	r.publish(newJob("late", job.Hold))
	r.eventually("all outcomes", func() bool { c := r.counts(); return c[job.Accepted]+c[job.Cancelled] == n+1 })
	r.idle()
	counts := r.counts()
	if int(counts[job.Accepted]) != r.sentCount() || r.sentCount() > n/2 || len(r.letters()) != 0 {
		t.Errorf("%v, %d requests, %d letters", counts, r.sentCount(), len(r.letters()))
	}
}
