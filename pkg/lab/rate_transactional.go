package lab

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/producer"
)

// TransactionalFigures are those of single jobs that pass a backlog of bulk jobs.
type TransactionalFigures struct {
	Limit    int `json:"limit"`
	Replicas int `json:"replicas"`
	// Backlog is how many bulk jobs wait, Campaigns by how many they are shared.
	Backlog   int `json:"backlog"`
	Campaigns int `json:"campaigns"`
	// Jobs were published one by one, Missing of them did not come to the judge.
	Jobs    int `json:"jobs"`
	Missing int `json:"missing"`
	// P50, P99 and Max are the times from the call that publishes a job to the judge's
	// acceptance. First is that of the first job, which makes its queue known.
	P50   time.Duration `json:"p50_ns"`
	P99   time.Duration `json:"p99_ns"`
	Max   time.Duration `json:"max_ns"`
	First time.Duration `json:"first_ns"`
	// Use is the part of the limit that was used meanwhile, bulk jobs and all.
	Use float64 `json:"use"`
	// Late is how late this process's own timers were, at p99.
	Late time.Duration `json:"late_ns"`
}

const (
	transactionalCampaign = "confirmations"
	// probeEvery is the mean time between two transactional jobs.
	probeEvery = 200 * time.Millisecond
	// probePatience is how long the last ones may take.
	probePatience = 10 * time.Second
)

func (r *RateReport) measureTransactional(ctx context.Context, opts RateOptions) error {
	for _, campaigns := range opts.Campaigns {
		opts.say("transactional: publishing %d bulk jobs, campaigns %d", opts.Jobs, campaigns)
		figures, err := measureBacklog(ctx, opts, campaigns)
		if err != nil {
			return err
		}
		r.Transactional = append(r.Transactional, figures...)
	}
	return nil
}

// measureBacklog measures with the fewest and the most replicas behind one backlog,
// of which they send little.
func measureBacklog(ctx context.Context, opts RateOptions, campaigns int) (list []TransactionalFigures, err error) {
	limit := opts.Limits[0]
	t, err := newTrack(ctx, opts, limit, opts.Headrooms[0])
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.close(ctx)) }()
	if err := t.publish(ctx, opts.Jobs, campaigns); err != nil {
		return nil, err
	}
	for i, replicas := range slices.Compact([]int{slices.Min(opts.Replicas), slices.Max(opts.Replicas)}) {
		opts.say("transactional: replicas %d, campaigns %d", replicas, campaigns)
		f := TransactionalFigures{Limit: limit, Replicas: replicas, Campaigns: campaigns}
		f.Backlog = opts.Jobs - int(t.tally().accepted)
		if err := t.fleet.start(ctx, replicas); err != nil {
			return nil, err
		}
		if err := t.awaitSteady(ctx); err != nil {
			return nil, err
		}
		if err := t.probe(ctx, &f, fmt.Sprintf("probe-%d", i)); err != nil {
			return nil, err
		}
		list = append(list, f)
		t.fleet.stop()
	}
	return list, nil
}

// probe publishes single jobs and looks when they came to the judge.
func (t *track) probe(ctx context.Context, f *TransactionalFigures, name string) error {
	before, late := t.tally(), watchTimers()
	var published []time.Time
	for time.Since(before.at) < t.opts.Each {
		at := time.Now()
		if _, err := t.producer.Publish(ctx, probeJob(name, len(published))); err != nil && !errors.Is(err, producer.ErrNoAck) {
			return err
		}
		published = append(published, at)
		if err := pause(ctx, time.Duration(2*rand.Float64()*float64(probeEvery))); err != nil {
			return err
		}
	}
	after := t.tally()
	f.Jobs, f.Late = len(published), late()
	f.Use = float64(after.accepted-before.accepted) / after.at.Sub(before.at).Seconds() / float64(t.limit)
	waits, err := t.awaitProbes(ctx, name, published)
	if err != nil {
		return err
	}
	f.First = waits[0]
	f.Missing = len(published) - len(waits)
	var later []time.Duration
	for i, wait := range waits {
		if i > 0 {
			later = append(later, wait)
		}
	}
	f.P50, f.P99, f.Max = quantile(later, 0.5), quantile(later, 0.99), quantile(later, 1)
	return t.fleet.alive()
}

func probeJob(name string, i int) *job.Job {
	j := benchJob(i, 0)
	j.ID, j.Campaign, j.From, j.Lane = fmt.Sprintf("%s-%d", name, i), transactionalCampaign, Clinic, job.Transactional
	j.To = job.Phone(fmt.Sprintf("+54912%08d", i))
	return j
}

// awaitProbes returns how long each job took, by its number.
func (t *track) awaitProbes(ctx context.Context, name string, published []time.Time) (map[int]time.Duration, error) {
	deadline := time.Now().Add(probePatience)
	for {
		waits := make(map[int]time.Duration)
		for _, m := range t.sim.Messages(0) {
			token, ok := job.ParseToken(m.Token)
			var i int
			if _, err := fmt.Sscanf(token.Key.ID, name+"-%d", &i); !ok || err != nil || i >= len(published) {
				continue
			}
			waits[i] = m.At.Sub(published[i])
		}
		if len(waits) == len(published) || time.Now().After(deadline) {
			return waits, nil
		}
		if err := pause(ctx, pollEvery); err != nil {
			return nil, err
		}
	}
}
