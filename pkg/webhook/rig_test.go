package webhook_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/embed"
	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/recipient"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/webhook"
)

const number = "106540352242922"

// rig is a NATS and a Redis, both real, and the processors on them.
type rig struct {
	tb       testing.TB
	nats     *embed.NATS
	js       jetstream.JetStream
	names    queue.Names
	hooks    *queue.Webhooks
	inbox    *queue.HookQueue
	events   *queue.Events
	senders  *queue.Bucket
	answers  *queue.Bucket
	specs    *queue.Bucket
	later    *queue.Later
	book     *recipient.Book
	stops    *sender.Stops
	ledger   *dedup.Ledger
	gate     *gate // to Redis
	natsGate *gate
	registry *prometheus.Registry
	metrics  *webhook.Metrics
	log      *logBuffer
	sequence atomic.Uint64 // of publications
}

// gate is the way to a server, which a test can close.
type gate struct {
	shut  atomic.Bool
	mu    sync.Mutex
	conns []net.Conn
}

func (g *gate) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	return g.pass(func() (net.Conn, error) { return (&net.Dialer{}).DialContext(ctx, network, addr) })
}

func (g *gate) pass(dial func() (net.Conn, error)) (net.Conn, error) {
	if g.shut.Load() {
		return nil, errors.New("connection refused")
	}
	conn, err := dial()
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.conns = append(g.conns, conn)
	return conn, nil
}

// inProcess is the way to a NATS in the process.
type inProcess struct {
	nats *embed.NATS
	gate *gate
}

func (p inProcess) InProcessConn() (net.Conn, error) { return p.gate.pass(p.nats.InProcessConn) }

// close cuts all connections and lets no new one through until it is opened.
func (g *gate) close() {
	g.shut.Store(true)
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.conns {
		c.Close()
	}
	g.conns = nil
}

func (g *gate) open() { g.shut.Store(false) }

// logBuffer is a log that a test may read while others write.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newRig(tb testing.TB) *rig {
	tb.Helper()
	shared := embedtest.Redis(tb)
	r := &rig{
		tb: tb, nats: embedtest.NATS(tb), names: queue.Names{Namespace: strings.ToLower(shared.Namespace)},
		gate: new(gate), natsGate: new(gate), registry: prometheus.NewRegistry(), log: new(logBuffer),
	}
	r.metrics = webhook.NewMetrics(r.registry)
	opts := must[*redis.Options](tb)(redis.ParseURL(shared.URL))
	opts.MaxRetries, opts.Dialer = -1, r.gate.dial
	rdb := redis.NewClient(opts)
	r.ledger = dedup.New(rdb, dedup.Options{Namespace: shared.Namespace, Lease: 2 * time.Second})

	way := inProcess{r.nats, r.natsGate}
	nc := must[*nats.Conn](tb)(nats.Connect("", nats.InProcessServer(way), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond)))
	tb.Cleanup(nc.Close)
	js := must[jetstream.JetStream](tb)(jetstream.New(nc))
	r.js = js
	settings := queue.Settings{Names: r.names, JobsMaxBytes: 64 << 20}
	must[[]queue.Difference](tb)(queue.Ensure(tb.Context(), js, settings.Topology()))
	r.hooks = must[*queue.Webhooks](tb)(queue.NewWebhooks(js, r.names))
	r.inbox = must[*queue.HookQueue](tb)(r.hooks.Inbox(tb.Context()))
	r.events = must[*queue.Events](tb)(queue.NewEvents(js, r.names))
	r.senders = must[*queue.Bucket](tb)(queue.OpenBucket(tb.Context(), js, r.names.SendersBucket()))
	r.answers = must[*queue.Bucket](tb)(queue.OpenBucket(tb.Context(), js, r.names.AnswersBucket()))
	r.specs = must[*queue.Bucket](tb)(queue.OpenBucket(tb.Context(), js, r.names.CampaignsBucket()))
	r.later = must[*queue.Later](tb)(queue.NewLater(js, r.names))
	r.openBook()
	tb.Cleanup(func() { r.later.Close(); r.inbox.Close(); r.hooks.Close(); r.events.Close(); _ = rdb.Close() })
	return r
}

// waba is the account of the fixtures.
const waba = "100000000000001"

var identity = recipient.Key("an identity key for tests")

// openBook opens the book of people and the stops, and keeps them up to date.
func (r *rig) openBook() {
	r.tb.Helper()
	open := func(name string) *queue.Bucket {
		return must[*queue.Bucket](r.tb)(queue.OpenBucket(r.tb.Context(), r.js, name))
	}
	r.book = recipient.NewBook(recipient.Config{
		Consent: open(r.names.ConsentBucket()), People: open(r.names.PeopleBucket()), Windows: open(r.names.WindowsBucket()), Key: identity, Log: r.logger(),
	})
	r.stops = sender.NewStops(r.senders, "tested", r.logger())
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = r.book.Run(ctx) })
	running.Go(func() { _ = r.stops.Run(ctx) })
	r.tb.Cleanup(func() { cancel(); running.Wait() })
	<-r.book.Ready()
}

func (r *rig) logger() *slog.Logger { return slog.New(slog.NewTextHandler(r.log, nil)) }

// config is that of a processor on the rig.
func (r *rig) config() webhook.ProcessorConfig {
	return webhook.ProcessorConfig{
		ID: "tested", Namespace: r.names.Namespace, Inbox: r.inbox, Quarantine: r.hooks, Ledger: r.ledger, Events: r.events, Heard: r.senders,
		Memory: r.answers, Campaigns: r.specs, Deadlines: r.later, Book: r.book, Key: identity, Stops: r.stops,
		Accounts: must[*sender.Directory](r.tb)(sender.NewDirectory([]*sender.Account{{WABA: waba, Numbers: []string{number}}}, 80)),
		Now:      func() time.Time { return begun.Add(time.Minute) }, // the times of the fixtures
		Metrics:  r.metrics, Log: r.logger(),
	}
}

// start starts a processor, which ends with the test.
func (r *rig) start(change func(*webhook.ProcessorConfig)) *webhook.Processor {
	r.tb.Helper()
	cfg := r.config()
	if change != nil {
		change(&cfg)
	}
	p := must[*webhook.Processor](r.tb)(webhook.NewProcessor(cfg))
	p.Start()
	r.tb.Cleanup(func() { r.stop(p) })
	return p
}

func (r *rig) stop(p *webhook.Processor) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := p.Stop(ctx); err != nil {
		r.tb.Error(err)
	}
}

var begun = time.Unix(1790000000, 0).UTC()

func key(id string) job.Key { return job.Key{Campaign: "c", ID: id} }

// message is one that was sent, or is about to be.
type message struct {
	r           *rig
	id          string
	nonce       dedup.Nonce
	subject     dedup.Subject
	publication uint64
	// reason is the outcome's, where it has one.
	reason job.Reason
}

// claim is the worker's claim, before it sends.
func (r *rig) claim(id string) *message {
	r.tb.Helper()
	seq := r.sequence.Add(1)
	m := &message{r: r, id: id, publication: seq,
		subject: dedup.Subject{Key: key(id), Body: 7, Publication: dedup.PublicationOf(r.names.JobsStream(), seq)}}
	m.reclaim()
	return m
}

// reclaim claims the next attempt.
func (m *message) reclaim() {
	m.r.tb.Helper()
	m.nonce = dedup.NewNonce()
	claims := must[[]dedup.Claim](m.r.tb)(m.r.ledger.Claim(m.r.tb.Context(), []dedup.ClaimRequest{{Subject: m.subject, Nonce: m.nonce}}))
	if claims[0].Verdict != dedup.Yours {
		m.r.tb.Fatalf("claim of %s: %v", m.id, claims[0].Verdict)
	}
}

// ended records the worker's outcome, as the worker does.
func (m *message) ended(kind job.Kind) *message {
	m.r.tb.Helper()
	state, _ := dedup.StateOf(kind)
	var wamid job.Wamid
	if kind == job.Accepted {
		wamid = wamidOf(m.id)
	}
	event := job.NewEvent("worker", begun, job.EventData{
		Kind: kind, Wamid: wamid, Campaign: "c", ID: m.id, From: number, To: "+447700900456", Lane: job.Bulk, Template: "hello", Language: "en", Attempt: 1,
		Stream: m.r.names.JobsStream(), Sequence: m.publication, Body: 7, Reason: m.reason, Metadata: []byte(`{"row":1}`),
	})
	sequences := must[[]uint64](m.r.tb)(m.r.events.Record(m.r.tb.Context(), []job.Event{event}))
	must[[]dedup.Change](m.r.tb)(m.r.ledger.Settle(m.r.tb.Context(), []dedup.Settlement{
		{Subject: m.subject, Nonce: m.nonce, Attempt: 1, State: state, Event: sequences[0]}}))
	return m
}

func (r *rig) accepted(id string) *message { r.tb.Helper(); return r.claim(id).ended(job.Accepted) }
func (r *rig) unknown(id string) *message  { r.tb.Helper(); return r.claim(id).ended(job.Unknown) }

func (r *rig) token(id string) string {
	return job.Token{Namespace: r.names.Namespace, Key: key(id), Attempt: 1}.String()
}

func wamidOf(id string) job.Wamid { return job.Wamid("wamid.HBgMNDQ3NzAwOTAwNDU2" + id) }

// bare is a status object without callback data.
func (r *rig) bare(id, status string, second int) string {
	return strings.Replace(r.status(id, status, second), fmt.Sprintf(`"biz_opaque_callback_data":%q`, r.token(id)), `"pricing":{}`, 1)
}

// status is a status object, some seconds after the beginning.
func (r *rig) status(id, status string, second int) string {
	extra := ""
	if status == "failed" {
		extra = `,"errors":[{"code":131026,"title":"Message undeliverable","error_data":{"details":"Message Undeliverable."}}]`
	}
	return fmt.Sprintf(`{"id":"wamid.HBgMNDQ3NzAwOTAwNDU2%s","status":%q,"timestamp":"%d","recipient_id":"447700900456","recipient_user_id":"GB.1","biz_opaque_callback_data":%q%s}`,
		id, status, begun.Unix()+int64(second), r.token(id), extra)
}

// webhookOf wraps statuses as the platform does.
func webhookOf(statuses ...string) []byte {
	return fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":%q},"statuses":[%s]}}]}]}`,
		number, strings.Join(statuses, ","))
}

// post stores webhooks, each once however often it is the same.
func (r *rig) post(bodies ...[]byte) {
	r.tb.Helper()
	for i, body := range bodies {
		spaced := append(bytes.Clone(body), bytes.Repeat([]byte(" "), i)...) // the same body within minutes is one
		if err := r.hooks.Store(r.tb.Context(), queue.Hook{Body: spaced}); err != nil {
			r.tb.Fatal(err)
		}
	}
}

func (r *rig) waiting() queue.HooksWaiting {
	r.tb.Helper()
	return must[queue.HooksWaiting](r.tb)(r.hooks.Waiting(context.Background()))
}

// processed waits until nothing waits to be processed.
func (r *rig) processed() queue.HooksWaiting {
	r.tb.Helper()
	var left queue.HooksWaiting
	eventually(r.tb, "all webhooks are processed", func() bool {
		var err error
		left, err = r.hooks.Waiting(context.Background())
		return err == nil && left.Inbox == 0
	})
	return left
}

// recorded are the events of a job in the order of the stream.
func (r *rig) recorded(id string) []job.Event {
	r.tb.Helper()
	return must[[]job.Event](r.tb)(r.events.Find(context.Background(), key(id), "", time.Time{}))
}

// story is what the events of a job say, in short.
func (r *rig) story(id string) string {
	r.tb.Helper()
	var words []string
	for _, e := range r.recorded(id) {
		word := string(e.Data.Kind)
		if e.Data.Was != "" {
			word += "(" + string(e.Data.Was) + ">" + string(e.Data.Outcome) + ")"
		}
		if e.Data.Kind != job.Accepted && e.Data.Kind != job.Unknown {
			word += fmt.Sprint("@", e.Time.Unix()-begun.Unix())
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// openInbox is another replica's view of the inbox.
func (r *rig) openInbox() *queue.HookQueue {
	r.tb.Helper()
	inbox := must[*queue.HookQueue](r.tb)(r.hooks.Inbox(r.tb.Context()))
	r.tb.Cleanup(inbox.Close)
	return inbox
}
