package app

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wacast/wacast/pkg/queue"
)

// streams tells how full the streams are when it is scraped. While NATS is away there
// are no figures, rather than old ones.
type streams struct {
	js                     jetstream.JetStream
	names                  []string
	messages, bytes, limit *prometheus.Desc
}

func newStreams(js jetstream.JetStream, n queue.Names) *streams {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, []string{"stream"}, nil)
	}
	return &streams{
		js:       js,
		names:    []string{n.JobsStream(), n.LaterStream(), n.EventsStream(), n.ClaimsStream(), n.DeadStream(), n.WebhooksStream()},
		messages: desc("wacast_stream_messages", "Messages that a stream holds."),
		bytes:    desc("wacast_stream_bytes", "Size of a stream."),
		limit:    desc("wacast_stream_max_bytes", "Size at which a stream takes no more; streams without a limit have none."),
	}
}

// Describe implements [prometheus.Collector].
func (s *streams) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{s.messages, s.bytes, s.limit} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (s *streams) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	for _, name := range s.names {
		stream, err := s.js.Stream(ctx, name)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			continue
		}
		gauge := func(d *prometheus.Desc, value float64) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, name)
		}
		info := stream.CachedInfo()
		gauge(s.messages, float64(info.State.Msgs))
		gauge(s.bytes, float64(info.State.Bytes))
		if info.Config.MaxBytes > 0 {
			gauge(s.limit, float64(info.Config.MaxBytes))
		}
	}
}

// waitingHooks tells how many webhooks wait when it is scraped.
type waitingHooks struct {
	waiting func(context.Context) (queue.HooksWaiting, error)
	desc    *prometheus.Desc
}

func newWaitingHooks(waiting func(context.Context) (queue.HooksWaiting, error)) *waitingHooks {
	return &waitingHooks{waiting, prometheus.NewDesc("wacast_webhooks_waiting",
		"Webhooks that are stored: to be processed (inbox), to be passed on (forward), or kept for a person to look at (quarantine).", []string{"box"}, nil)}
}

// Describe implements [prometheus.Collector].
func (h *waitingHooks) Describe(ch chan<- *prometheus.Desc) { ch <- h.desc }

// Collect implements [prometheus.Collector].
func (h *waitingHooks) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	n, err := h.waiting(ctx)
	if err != nil {
		return
	}
	for _, what := range []struct {
		name string
		n    uint64
	}{{"inbox", n.Inbox}, {"forward", n.Forwards}, {"quarantine", n.Odd}} {
		ch <- prometheus.MustNewConstMetric(h.desc, prometheus.GaugeValue, float64(what.n), what.name)
	}
}
