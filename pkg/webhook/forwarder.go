package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wacast/wacast/pkg/queue"
)

// ForwarderConfig is what a forwarder needs. Everything without a default is required.
type ForwarderConfig struct {
	// URL is where each webhook goes, as the platform would have posted it.
	URL string
	// Inbox is where webhooks wait to be passed on.
	Inbox Inbox
	// Parallel is how many are on their way at a time. Defaults to 4.
	Parallel int
	// Timeout bounds one request; [queue.HookWait] must be longer. Defaults to 15
	// seconds.
	Timeout time.Duration

	Metrics *Metrics
	Log     *slog.Logger
}

func (c ForwarderConfig) validate() error {
	bad := missing("forwarder", map[string]bool{"Inbox": c.Inbox == nil, "Metrics": c.Metrics == nil, "Log": c.Log == nil})
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		// Not the parser's error: it quotes the address, which may hold a secret.
		bad = errors.Join(bad, errors.New("webhook forwarder config: URL must be an address such as https://bot.example/webhook"))
	}
	return bad
}

// Waits of a webhook that was not taken, and of all while none is taken.
const (
	firstBackoff = time.Second
	maxBackoff   = time.Minute
)

// Forwarder passes webhooks on to an address, each until that answers with a 2xx:
// at least once, in no order, body and signature as they came. It is made by
// [NewForwarder], runs from [Forwarder.Start] to [Forwarder.Stop], and is not started
// twice.
type Forwarder struct {
	cfg       ForwarderConfig
	client    *http.Client
	transport *http.Transport
	backoff   time.Duration // the first

	fetching, target *trouble
	failures         atomic.Int64 // since the last success

	// fetch ends the taking of webhooks, work even what is under way.
	fetch, work       context.Context
	endFetch, endWork context.CancelFunc
	running           sync.WaitGroup
	start, stop       sync.Once
	stopped           chan struct{}
}

// NewForwarder checks the config and returns a forwarder that has not started.
func NewForwarder(cfg ForwarderConfig) (*Forwarder, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if cfg.Parallel < 1 {
		cfg.Parallel = 4
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 15 * time.Second
	}
	f := &Forwarder{
		cfg: cfg, backoff: firstBackoff,
		fetching: &trouble{what: "fetching webhooks to be passed on from NATS", log: cfg.Log},
		target:   &trouble{what: "passing webhooks on to forward_url", log: cfg.Log},
		stopped:  make(chan struct{}),
		transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: cfg.Parallel, MaxConnsPerHost: cfg.Parallel,
			IdleConnTimeout: 30 * time.Second, TLSHandshakeTimeout: 5 * time.Second, ForceAttemptHTTP2: true,
		},
	}
	f.client = &http.Client{
		Transport: f.transport,
		// A redirect is no receipt: what it leads to is not what was configured.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	f.fetch, f.endFetch = context.WithCancel(context.Background())
	f.work, f.endWork = context.WithCancel(context.Background())
	return f, nil
}

// Start begins to pass on and returns at once.
func (f *Forwarder) Start() { f.start.Do(func() { f.running.Go(f.run) }) }

// Stop takes no more webhooks and waits for the answers under way until ctx ends.
// It may be called more than once, also before Start.
func (f *Forwarder) Stop(ctx context.Context) error {
	f.stop.Do(func() {
		f.start.Do(func() {})
		f.endFetch()
		go func() {
			defer close(f.stopped)
			f.running.Wait()
			f.endWork()
			f.transport.CloseIdleConnections()
		}()
	})
	select {
	case <-f.stopped:
		return nil
	case <-ctx.Done():
	}
	f.endWork()
	<-f.stopped
	return fmt.Errorf("stop forwarder: %w", context.Cause(ctx))
}

// Trouble is what keeps webhooks from being passed on; nil when nothing does. It
// hinders nothing else.
func (f *Forwarder) Trouble() error {
	if err := f.fetching.err(); err != nil {
		return err
	}
	return f.target.err()
}

func (f *Forwarder) run() {
	var retry pause
	for f.fetch.Err() == nil {
		most := f.cfg.Parallel
		if f.failures.Load() >= int64(f.cfg.Parallel) {
			// Nothing was taken lately: one at a time is enough to see that it is back.
			if most = 1; !sleep(f.fetch, backoff(int(f.failures.Load())-f.cfg.Parallel+1, f.backoff, maxBackoff)) {
				return
			}
		}
		deliveries, err := f.cfg.Inbox.Fetch(f.fetch, most, fetchWait)
		if f.fetch.Err() != nil {
			giveBack(deliveries)
			return
		}
		if f.fetching.note(err) != nil {
			retry.wait(f.fetch)
			continue
		}
		retry.reset()
		f.passAll(deliveries)
	}
}

// passAll passes webhooks on side by side.
func (f *Forwarder) passAll(deliveries []*queue.HookDelivery) {
	var passing sync.WaitGroup
	for _, d := range deliveries {
		passing.Go(func() { f.pass(d) })
	}
	passing.Wait()
}

func (f *Forwarder) pass(d *queue.HookDelivery) {
	err := f.post(d)
	if err != nil && f.work.Err() != nil {
		_ = d.Nak(0) // it was we who hung up; an unheard nak only costs the wait
		return
	}
	if f.target.note(err) != nil {
		f.failures.Add(1)
		f.cfg.Metrics.forwards.WithLabelValues(forwardFailed).Inc()
		_ = d.Nak(backoff(d.Delivered, f.backoff, maxBackoff))
		return
	}
	f.failures.Store(0)
	f.cfg.Metrics.forwards.WithLabelValues(forwardDone).Inc()
	_ = d.Ack() // one that is lost costs a repetition
}

// maxAnswer is how much of an answer is read to keep the connection.
const maxAnswer = 64 << 10

// post sends a webhook once. The error holds no part of the address.
func (f *Forwarder) post(d *queue.HookDelivery) error {
	ctx, cancel := context.WithTimeout(f.work, f.cfg.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.cfg.URL, bytes.NewReader(d.Body))
	if err != nil {
		return errors.New("the address is not usable")
	}
	for name, value := range d.Header {
		req.Header.Set(name, value)
	}
	resp, err := f.client.Do(req)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer))
	_ = resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("the answer is HTTP %d", resp.StatusCode)
	}
	return nil
}
