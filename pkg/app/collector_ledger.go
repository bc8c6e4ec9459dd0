package app

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wacast/wacast/pkg/dedup"
)

// ledgerState tells whether Redis has all that the streams know, and how far the
// replay is while it has not.
type ledgerState struct {
	keeper                       *dedup.Keeper
	parts, replayed, total, away *prometheus.Desc
}

func newLedgerState(keeper *dedup.Keeper) *ledgerState {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &ledgerState{
		keeper:   keeper,
		parts:    desc("wacast_ledger_parts", "Parts of the ledger in Redis, by whether they have all their entries; nothing is claimed in those that have not.", "state"),
		replayed: desc("wacast_ledger_replayed_records", "Records that the replay under way has read from the streams; 0 while there is none."),
		total:    desc("wacast_ledger_replay_records", "Records that the replay under way has to read; 0 while there is none."),
		away:     desc("wacast_ledger_incomplete_seconds", "Time since the ledger was first seen to lack entries; 0 while it is whole."),
	}
}

// Describe implements [prometheus.Collector].
func (l *ledgerState) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{l.parts, l.replayed, l.total, l.away} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (l *ledgerState) Collect(ch chan<- prometheus.Metric) {
	s := l.keeper.Status()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	gauge(l.parts, float64(s.Whole), "whole")
	gauge(l.parts, float64(s.Tags-s.Whole), "lacking")
	gauge(l.replayed, float64(s.Done))
	gauge(l.total, float64(s.Total))
	var away float64
	if !s.Since.IsZero() {
		away = time.Since(s.Since).Seconds()
	}
	gauge(l.away, away)
}
