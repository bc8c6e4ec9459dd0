package webhook

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// Metrics are what webhooks cause. The parts of one process share them. Labels are
// bounded: a sender is a business number of a job that was sent.
type Metrics struct {
	bodies   *prometheus.CounterVec   // result
	updates  *prometheus.CounterVec   // result
	statuses *prometheus.CounterVec   // sender, status
	delivery *prometheus.HistogramVec // sender
	twice    *prometheus.CounterVec   // sender
	forwards *prometheus.CounterVec   // result
	replies  *prometheus.CounterVec   // match
	answers  *prometheus.CounterVec   // answer
	consent  *prometheus.CounterVec   // change, source
	signals  *prometheus.CounterVec   // kind
	failures *prometheus.CounterVec   // sender, code
	forged   prometheus.Counter
	seconds  prometheus.Histogram
}

// What the receiver answers a request with.
const (
	resultStored      = "stored"
	resultSignature   = "bad_signature"
	resultTooBig      = "too_big"
	resultStoreFailed = "store_failed"
	resultBusy        = "busy"
	resultBrokenOff   = "broken_off"
	// What becomes of a body that was stored.
	resultProcessed   = "processed"
	resultUndecodable = "undecodable"
	resultNotWhatsApp = "not_whatsapp"
	resultQuarantined = "quarantined"
)

// What becomes of an update.
const (
	updateRecorded      = "recorded"
	updateDuplicate     = "duplicate"
	updateForeign       = "foreign"
	updateUnsearched    = "unsearched" // foreign, as far as there was time to look
	updateLate          = "late"       // failed after delivered
	updateUnknownStatus = "unknown_status"
	updateContradiction = "contradiction"
	updateForgotten     = "forgotten"
	updateWaiting       = "waiting"
	updateMessage       = "message"
	updateCall          = "call"
	updatePreference    = "preference"
	updateAction        = "action"
	updateSignal        = "signal"
	updateErrors        = "errors"
	updateField         = "field"
	updateUnknownField  = "unknown_field"
	// A wish that nobody knows, and news of the platform that nobody knows.
	updateUnknownPreference = "unknown_preference"
	updateUnknownSignal     = "unknown_signal"
	updateBroken            = "broken"
)

// What becomes of a try to forward.
const (
	forwardDone   = "done"
	forwardFailed = "failed"
)

// NewMetrics registers the metrics of webhooks.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	f := promauto.With(reg)
	m := &Metrics{
		bodies: f.NewCounterVec(prometheus.CounterOpts{
			Name: "wacast_webhooks_total", Help: "Webhooks received, and what became of those that were stored.",
		}, []string{"result"}),
		updates: f.NewCounterVec(prometheus.CounterOpts{
			Name: "wacast_webhook_updates_total", Help: "Updates in webhooks, of which one has up to a thousand, by what became of them.",
		}, []string{"result"}),
		statuses: f.NewCounterVec(prometheus.CounterOpts{
			Name: "wacast_statuses_total", Help: "Statuses of messages that were recorded, each once, those included that a later one implies.",
		}, []string{"sender", "status"}),
		failures: f.NewCounterVec(prometheus.CounterOpts{
			Name: "wacast_webhook_failures_total", Help: "Messages that failed after the API took them, each once, by the code of their status; other for codes that wacast does not know.",
		}, []string{"sender", "code"}),
		delivery: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "wacast_delivery_seconds", Help: "Time from the API's acceptance of a message to its delivery, which the platform tells in whole seconds.",
			Buckets: []float64{1, 2, 3, 5, 10, 20, 30, 60, 300, 1800, 3600, 6 * 3600, 24 * 3600},
		}, []string{"sender"}),
		twice: f.NewCounterVec(prometheus.CounterOpts{
			Name: "wacast_accepted_twice_total", Help: "Jobs that were tried again after an attempt whose answer was lost, and of which the API took both messages.",
		}, []string{"sender"}),
		forwards: f.NewCounterVec(prometheus.CounterOpts{
			Name: "wacast_webhook_forwards_total", Help: "Requests to the address that webhooks go on to, by result.",
		}, []string{"result"}),
		seconds: f.NewHistogram(prometheus.HistogramOpts{
			Name: "wacast_webhook_duration_seconds", Help: "Time from the first byte of a webhook's body to its answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}),
	}
	m.people(f)
	for _, r := range []string{resultStored, resultSignature, resultTooBig, resultStoreFailed, resultBusy, resultBrokenOff,
		resultProcessed, resultUndecodable, resultNotWhatsApp, resultQuarantined} {
		m.bodies.WithLabelValues(r)
	}
	for _, r := range []string{updateRecorded, updateDuplicate, updateForeign, updateUnsearched, updateLate, updateUnknownStatus, updateContradiction, updateForgotten,
		updateWaiting, updateMessage, updateCall, updatePreference, updateAction, updateSignal, updateErrors, updateField, updateUnknownField,
		updateUnknownPreference, updateUnknownSignal, updateBroken} {
		m.updates.WithLabelValues(r)
	}
	for _, r := range []string{forwardDone, forwardFailed} {
		m.forwards.WithLabelValues(r)
	}
	return m
}

// Add makes a number's series exist before its first status.
func (m *Metrics) Add(number string) {
	for _, kind := range []job.Kind{job.Sent, job.Delivered, job.Read, job.Failed} {
		m.statuses.WithLabelValues(number, string(kind))
	}
	for _, code := range []int{131026, 131049, 132015} { // which alerts look at
		m.failures.WithLabelValues(number, strconv.Itoa(code))
	}
	m.delivery.WithLabelValues(number)
	m.twice.WithLabelValues(number)
}

func (m *Metrics) body(result string) { m.bodies.WithLabelValues(result).Inc() }

func (m *Metrics) update(result string, n int) { m.updates.WithLabelValues(result).Add(float64(n)) }

// failed counts a failure by its first code.
func (m *Metrics) failed(number string, errors []whatsapp.StatusError) {
	code := "other"
	if len(errors) > 0 {
		if _, known := whatsapp.Lookup(errors[0].Code, 0); known {
			code = strconv.Itoa(errors[0].Code)
		}
	}
	m.failures.WithLabelValues(number, code).Inc()
}

// took observes a delivery; the platform's clock may be behind ours.
func (m *Metrics) took(number string, d time.Duration) {
	m.delivery.WithLabelValues(number).Observe(max(d, 0).Seconds())
}
