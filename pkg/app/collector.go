package app

import (
	"context"
	"runtime"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/report"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/worker"
)

// scrapeTimeout bounds what a scrape asks JetStream.
const scrapeTimeout = 2 * time.Second

// maxCampaignSeries caps the campaigns that have a series of their own.
const maxCampaignSeries = 50

// backlog reads what waits and what is stopped when it is scraped. While NATS is
// away there are no figures, rather than old ones.
type backlog struct {
	reporter *report.Reporter
	stops    *sender.Stops
	numbers  *sender.Directory

	jobs, oldest, unknown, stopped, eta *prometheus.Desc
}

func newBacklog(cfg worker.Config) *backlog {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &backlog{
		reporter: report.New(cfg.Events, cfg.Queues, cfg.Later), stops: cfg.Stops, numbers: cfg.Directory,
		jobs:    desc("wacast_queue_jobs", "Jobs that wait or are in flight.", "sender", "lane"),
		oldest:  desc("wacast_queue_oldest_seconds", "Age of the oldest job of a number's lane.", "sender", "lane"),
		unknown: desc("wacast_unknown_jobs", "Jobs whose outcome nobody knows."),
		stopped: desc("wacast_stopped", "What is stopped, by scope and reason.", "scope", "reason"),
		eta:     desc("wacast_campaign_eta_seconds", "Time until a campaign's queued jobs are sent, at the present rate.", "campaign"),
	}
}

// Describe implements [prometheus.Collector].
func (b *backlog) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{b.jobs, b.oldest, b.unknown, b.stopped, b.eta} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (b *backlog) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	b.collectStops(ch)
	queues, err := b.reporter.Backlog(ctx, time.Now())
	if err != nil {
		return
	}
	b.collectQueues(ch, queues)
	b.collectETA(ctx, ch, queues)
	if unknown, err := b.reporter.Unknown(ctx); err == nil {
		ch <- prometheus.MustNewConstMetric(b.unknown, prometheus.GaugeValue, float64(unknown))
	}
}

func (b *backlog) collectStops(ch chan<- prometheus.Metric) {
	type kind struct{ scope, reason string }
	counts := make(map[kind]int)
	for _, s := range b.stops.List() {
		counts[kind{string(s.Scope), string(s.Reason)}]++
	}
	for k, n := range counts {
		ch <- prometheus.MustNewConstMetric(b.stopped, prometheus.GaugeValue, float64(n), k.scope, k.reason)
	}
}

func (b *backlog) collectQueues(ch chan<- prometheus.Metric, queues []report.Backlog) {
	type lane struct{ sender, lane string }
	jobs, oldest := make(map[lane]uint64), make(map[lane]float64)
	for _, q := range queues {
		l := lane{b.number(q.Sender), b.lane(q.Lane)}
		jobs[l] += q.Queued + q.InFlight
		oldest[l] = max(oldest[l], q.OldestSeconds)
	}
	for l, n := range jobs {
		ch <- prometheus.MustNewConstMetric(b.jobs, prometheus.GaugeValue, float64(n), l.sender, l.lane)
		ch <- prometheus.MustNewConstMetric(b.oldest, prometheus.GaugeValue, oldest[l], l.sender, l.lane)
	}
}

// number and lane keep what anybody may publish to from becoming series.
func (b *backlog) number(id string) string {
	if _, err := b.numbers.Lookup(id); err != nil {
		return worker.OtherLabel
	}
	return id
}

func (b *backlog) lane(name string) string {
	if !slices.Contains(job.Lanes(), job.Lane(name)) {
		return worker.OtherLabel
	}
	return name
}

func (b *backlog) collectETA(ctx context.Context, ch chan<- prometheus.Metric, queues []report.Backlog) {
	left := make(map[string]uint64)
	for _, q := range queues {
		if _, known := left[q.Campaign]; known || len(left) < maxCampaignSeries {
			left[q.Campaign] += q.Queued + q.InFlight
		}
	}
	for campaign, n := range left {
		p := &report.Progress{ID: campaign, Queued: n}
		if err := b.reporter.Measure(ctx, p, time.Now()); err == nil && p.ETASeconds != nil {
			ch <- prometheus.MustNewConstMetric(b.eta, prometheus.GaugeValue, *p.ETASeconds, campaign)
		}
	}
}

// buildInfo is the usual constant 1 with the version in its labels.
func buildInfo() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "wacast_build_info", Help: "Version of this build.",
		ConstLabels: prometheus.Labels{"version": Version(), "go_version": runtime.Version()},
	}, func() float64 { return 1 })
}
