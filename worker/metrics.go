package worker

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// metrics are what the worker causes. Labels are bounded: a sender is a business
// number of ours, and a code is one of the Cloud API's.
type metrics struct {
	jobs      *prometheus.CounterVec   // sender, lane, outcome
	sends     *prometheus.CounterVec   // sender, class, code
	duration  *prometheus.HistogramVec // sender
	slotWait  *prometheus.HistogramVec // sender
	returned  *prometheus.CounterVec   // cause
	inFlight  prometheus.Gauge
	dedupHits prometheus.Counter
	again     prometheus.Counter
	lost      *prometheus.CounterVec // sender, cause
	losses    map[loss]string
}

// OtherLabel stands in metrics for numbers of no account and lanes that do not exist.
const OtherLabel = "other"

// Causes for which a job goes back to its queue without an outcome.
const (
	causeStop   = "stop"
	causeRetry  = "retry"
	causeHeld   = "held_by_other"
	causeNewer  = "newer_version"
	causeLease  = "lease_gone"
	causeDrain  = "drain"
	causeSendAt = "send_at"
	causePair   = "recipient"
	causeQuota  = "quota"
	// The ledger is being read back, as far as this job is concerned.
	causeRebuild = "ledger"
)

func newMetrics(reg prometheus.Registerer) *metrics {
	f := promauto.With(reg)
	m := &metrics{
		lost: f.NewCounterVec(prometheus.CounterOpts{
			Name: "wacast_slots_lost_seconds_total", Help: "Seconds in which a number had jobs and sent none, by what they waited for.",
		}, []string{"sender", "cause"}), losses: lossNames(),
		jobs: f.NewCounterVec(prometheus.CounterOpts{
			Name: "wacast_jobs_total", Help: "Jobs that ended, by outcome.",
		}, []string{"sender", "lane", "outcome"}),
		sends: f.NewCounterVec(prometheus.CounterOpts{
			Name: "wacast_sends_total", Help: "Requests to the Cloud API, by what happened and the API's error code.",
		}, []string{"sender", "class", "code"}),
		duration: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "wacast_send_duration_seconds", Help: "Time from the start of a request to the Cloud API to its answer.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 30},
		}, []string{"sender"}),
		slotWait: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "wacast_slot_wait_seconds", Help: "Time a ready job waited for a slot of its number.",
			Buckets: []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"sender"}),
		returned: f.NewCounterVec(prometheus.CounterOpts{
			Name: "wacast_jobs_returned_total", Help: "Jobs given back to their queue without an outcome, by cause.",
		}, []string{"cause"}),
		inFlight: f.NewGauge(prometheus.GaugeOpts{
			Name: "wacast_in_flight", Help: "Requests to the Cloud API under way.",
		}),
		again: f.NewCounter(prometheus.CounterOpts{
			Name: "wacast_redeliveries_total", Help: "Deliveries of jobs that had been delivered before: given back with a delay, or by a worker that died or was too slow.",
		}),
		dedupHits: f.NewCounter(prometheus.CounterOpts{
			Name: "wacast_dedup_hits_total", Help: "Publications whose job already had an outcome, and that were not sent.",
		}),
	}
	for _, cause := range []string{causeStop, causeRetry, causeHeld, causeNewer, causeLease, causeDrain, causeSendAt, causePair, causeQuota, causeRebuild} {
		m.returned.WithLabelValues(cause)
	}
	return m
}

// add makes a number's series exist before its first event.
func (m *metrics) add(number string) {
	for _, lane := range job.Lanes() {
		for _, outcome := range job.Outcomes() {
			m.jobs.WithLabelValues(number, string(lane), string(outcome))
		}
	}
	m.sends.WithLabelValues(number, whatsapp.ClassAccepted.String(), "0")
	// What alerts look at: that a series begins with its first event is no increase.
	for class, code := range map[whatsapp.Class]int{
		whatsapp.ClassAmbiguous: 0, whatsapp.ClassNotSent: 0, whatsapp.ClassTransient: 131000, whatsapp.ClassThrottledNumber: 130429,
		whatsapp.ClassRefusedNumber: 131048, whatsapp.ClassRefusedTemplate: 132015,
	} {
		m.sends.WithLabelValues(number, class.String(), strconv.Itoa(code))
	}
	m.duration.WithLabelValues(number)
	m.slotWait.WithLabelValues(number)
	for _, cause := range m.losses {
		m.lost.WithLabelValues(number, cause)
	}
}

func (m *metrics) sent(number string, class whatsapp.Class, code int, took time.Duration) {
	m.sends.WithLabelValues(number, class.String(), strconv.Itoa(code)).Inc()
	m.duration.WithLabelValues(number).Observe(took.Seconds())
}

// delivered counts what comes again.
func (m *metrics) delivered(deliveries []*queue.Delivery) {
	for _, d := range deliveries {
		if d.Delivered > 1 {
			m.again.Inc()
		}
	}
}

func (m *metrics) ended(it *item) {
	sender, lane := it.intake.labels()
	m.jobs.WithLabelValues(sender, lane, string(it.end.outcome)).Inc()
	if it.end.outcome == job.Duplicate {
		m.dedupHits.Inc()
	}
}
