package app

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/sender"
)

const (
	// workerRate is how many messages a second a worker is relied upon to send. On one
	// core it sends two or three times as many where nothing else runs.
	workerRate = 4000
	// fullInFlight is the share of its requests under way that a worker is meant to use.
	fullInFlight = 0.7
)

// useful reports how many workers would have something to do, for autoscaling. The
// length of a queue says nothing of that: it is the numbers' limits that bound the
// rate, and one worker can mostly use them up.
type useful struct {
	busy        func(ctx context.Context) ([]queue.Depth, error)
	paces       *paces
	latency     func() time.Duration
	maxInFlight int
	paused      func(campaign string) bool
	desc        *prometheus.Desc
}

func newUseful(busy func(context.Context) ([]queue.Depth, error), p *paces, latency func() time.Duration, maxInFlight int, paused func(string) bool) *useful {
	return &useful{busy: busy, paces: p, latency: latency, maxInFlight: maxInFlight, paused: paused, desc: prometheus.NewDesc("wacast_workers_useful",
		"Workers that would have something to do: what the numbers with jobs may send together, over what a worker does; 0 while there are no jobs. It does not grow with the queue.", nil, nil)}
}

// Describe implements [prometheus.Collector].
func (u *useful) Describe(ch chan<- *prometheus.Desc) { ch <- u.desc }

// Collect implements [prometheus.Collector].
func (u *useful) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	depths, err := u.busy(ctx)
	if err != nil {
		return
	}
	var numbers []string
	known := make(map[string]bool)
	for _, d := range depths {
		if d.Queued > 0 && !known[d.Sender] && !u.paused(d.Campaign) {
			known[d.Sender] = true
			numbers = append(numbers, d.Sender)
		}
	}
	rate := 0.0
	for id, p := range u.paces.of(ctx, numbers) {
		if !u.stopped(id, p.Account) {
			rate += p.Effective
		}
	}
	ch <- prometheus.MustNewConstMetric(u.desc, prometheus.GaugeValue, float64(usefulWorkers(rate, u.latency(), u.maxInFlight)))
}

// stopped reports whether no worker helps a number, because it is stopped.
func (u *useful) stopped(id, account string) bool {
	return slices.ContainsFunc(u.paces.stops.List(), func(s sender.Stop) bool {
		return s.Scope == sender.ScopeAll || s.Scope == sender.ScopeAccount && s.Name == account || s.Scope == sender.ScopeNumber && s.Name == id
	})
}

// usefulWorkers is how many workers it takes to send at a rate: each has so many
// requests under way, none of which is answered before the latency is over.
func usefulWorkers(rate float64, latency time.Duration, maxInFlight int) int {
	byCore := rate / workerRate
	byAnswers := rate * latency.Seconds() / (fullInFlight * float64(maxInFlight))
	return int(math.Ceil(max(byCore, byAnswers)))
}
