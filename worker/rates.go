package worker

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wacast/wacast/pkg/sender"
)

// shownFor is how long the rates of a number that no account lists are shown after it
// had jobs: anybody may publish for one, and none has a series for ever.
const shownFor = time.Hour

// rates show what numbers may send and what of it is given out, as it is when somebody
// looks: of those that accounts list always, and of others that have had jobs.
type rates struct {
	w                *Worker
	limit, effective *prometheus.Desc
}

func newRates(w *Worker) *rates {
	return &rates{
		w:         w,
		limit:     prometheus.NewDesc("wacast_rate_limit", "Messages a second the number may send.", []string{"sender"}, nil),
		effective: prometheus.NewDesc("wacast_rate_effective", "Messages a second that slots are given out for, over all replicas.", []string{"sender"}, nil),
	}
}

// Describe implements [prometheus.Collector].
func (r *rates) Describe(ch chan<- *prometheus.Desc) {
	ch <- r.limit
	ch <- r.effective
}

// Collect implements [prometheus.Collector]. While Redis is away, nobody knows what is
// given out: then there is no figure rather than an old one.
func (r *rates) Collect(ch chan<- prometheus.Metric) {
	numbers := r.numbers()
	ids := make([]string, len(numbers))
	for i, n := range numbers {
		ids[i] = n.ID
	}
	ctx, cancel := context.WithTimeout(context.Background(), slowTimeout)
	defer cancel()
	states, err := r.w.cfg.Slots.States(ctx, ids)
	for i, n := range numbers {
		most := r.w.limitOf(n)
		ch <- prometheus.MustNewConstMetric(r.limit, prometheus.GaugeValue, float64(most.mps), n.ID)
		if err == nil {
			given := float64(time.Second) / float64(most.spacing) * states[i].Share
			ch <- prometheus.MustNewConstMetric(r.effective, prometheus.GaugeValue, given, n.ID)
		}
	}
}

// numbers are those that are shown.
func (r *rates) numbers() []sender.Number {
	shown := make(map[string]sender.Number)
	for _, a := range r.w.cfg.Directory.Accounts() {
		for _, id := range a.Numbers {
			if n, err := r.w.cfg.Directory.Lookup(id); err == nil {
				shown[id] = n
			}
		}
	}
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	for id, l := range r.w.lines {
		if time.Since(time.UnixMilli(l.pace.found.Load())) < shownFor {
			shown[id] = l.number
		}
	}
	return slices.Collect(maps.Values(shown))
}
