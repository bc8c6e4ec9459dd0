package app

import (
	"context"
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// partDraining is what a process that stops lacks.
const partDraining = "draining"

// missingParts reports in metrics what /readyz does. Each part has a series from the
// beginning, so that an alert on it can be tested.
type missingParts struct {
	health *health
	desc   *prometheus.Desc
}

func newMissingParts(h *health) *missingParts {
	return &missingParts{health: h, desc: prometheus.NewDesc("wacast_missing",
		"1 for each part that the process cannot work without and lacks, as /readyz tells, else 0.", []string{"part"}, nil)}
}

// Describe implements [prometheus.Collector].
func (m *missingParts) Describe(ch chan<- *prometheus.Desc) { ch <- m.desc }

// Collect implements [prometheus.Collector].
func (m *missingParts) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	missing := m.health.missing(ctx)
	for _, part := range append(slices.Sorted(maps.Keys(m.health.checks)), partDraining) {
		value := 0.0
		if _, is := missing[part]; is {
			value = 1
		}
		ch <- prometheus.MustNewConstMetric(m.desc, prometheus.GaugeValue, value, part)
	}
}
