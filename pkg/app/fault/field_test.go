package fault_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/simulator"
)

const (
	fieldNamespace = "field"
	fieldSecret    = "signed-with-this"
	// fieldWorkers share the work of a field.
	fieldWorkers = 3
	// faultPatience is how long a fault may keep what must happen from happening: a
	// lease, a replay and the ack waits of servers, on a busy machine.
	faultPatience = 3 * time.Minute
)

// layout is what a field is made of; zero values are one of each.
type layout struct {
	nats int
	// redis starts the servers and returns the URL; by default one without files.
	redis func(*field) string
	// mps of each of the two numbers, 200 by default.
	mps int
	// faults and hooks are those of the API and of its webhooks; the usual ones by
	// default.
	faults []simulator.Rule
	hooks  []simulator.WebhookRule
	// env is added to the settings.
	env []string
	// clocks are how far those of nats, the workers and the receiver are off; Redis
	// keeps the right time.
	clocks map[string]time.Duration
}

// field is a whole wacast of real processes, to be broken: workers, a receiver, and
// all around them. What it sends is judged by the simulator, which nothing breaks.
type field struct {
	t        *testing.T
	wards    *embedtest.Wards
	programs embedtest.Programs
	rand     *rand.Rand
	layout   layout

	nats     []*natsNode
	redis    []*redisNode
	sim      *embedtest.Process
	api      string
	workers  []*embedtest.Process
	admins   []string
	receiver *embedtest.Process
	env      []string
	redisAt  *switchboard // where the failover of a replica is

	jobs  int        // of the campaign
	extra []*job.Job // published while things broke
	kills int

	js   jetstream.JetStream
	view *app.View
}

// newField starts everything and waits until it is ready.
func newField(t *testing.T, p embedtest.Programs, seed uint64, l layout) *field {
	t.Helper()
	f := &field{t: t, wards: embedtest.NewWards(t), programs: p, rand: rand.New(rand.NewPCG(seed, 4)), layout: l}
	f.wards.Nice = true
	if l.mps == 0 {
		f.layout.mps = 200
	}
	if l.redis == nil {
		f.layout.redis = func(f *field) string { return f.startRedis("redis").url() }
	}
	if l.faults == nil {
		f.layout.faults = usualFaults()
	}
	if l.hooks == nil {
		f.layout.hooks = usualHooks()
	}
	if l.clocks != nil {
		f.programs.Wacast = embedtest.BuildOffset(t)
	}
	f.startNATS(max(1, l.nats))
	redisURL := f.layout.redis(f)
	hook := embedtest.Port(t)
	f.startSimulator(seed, fmt.Sprintf("http://127.0.0.1:%d/webhook", hook))
	var urls []string
	for _, n := range f.nats {
		urls = append(urls, n.url())
	}
	f.env = append([]string{
		"WACAST_NAMESPACE=" + fieldNamespace, "WACAST_NATS_URL=" + strings.Join(urls, ","), "WACAST_REDIS_URL=" + redisURL,
		"WACAST_API_URL=" + f.api, "WACAST_ACCESS_TOKEN=token-a", "WACAST_WABA_ID=" + simulator.DefaultWABA,
		"WACAST_APP_SECRET=" + fieldSecret, "WACAST_VERIFY_TOKEN=word", fmt.Sprintf("WACAST_WEBHOOK_ADDR=127.0.0.1:%d", hook),
		fmt.Sprintf("WACAST_DEFAULT_MPS=%d", f.layout.mps), fmt.Sprintf("WACAST_REPLICAS=%d", len(f.nats)),
		"WACAST_SEND_TIMEOUT=1s", "WACAST_DRAIN_TIMEOUT=5s", "WACAST_UNKNOWN_DEADLINE=5s",
	}, l.env...)
	f.startRoles()
	f.connect(strings.Join(urls, ","))
	return f
}

// startRoles starts the workers and the receiver; the first of them makes the streams.
func (f *field) startRoles() {
	for i := range fieldWorkers {
		w, admin := f.role(fmt.Sprintf("worker-%d", i), "worker")
		f.workers, f.admins = append(f.workers, w), append(f.admins, admin)
		w.Start()
	}
	receiver, admin := f.role("receiver", "webhook")
	f.receiver, f.admins = receiver, append(f.admins, admin)
	receiver.Start()
	f.awaitReady()
}

func (f *field) role(name, command string) (*embedtest.Process, string) {
	f.t.Helper()
	admin := fmt.Sprintf("127.0.0.1:%d", embedtest.Port(f.t))
	env := append(append(f.clock(name), f.env...), "WACAST_ADMIN_ADDR="+admin)
	return f.wards.Program(name, []string{f.programs.Wacast, command}, env), admin
}

// clock is the environment of a process, with how far its clock is off.
func (f *field) clock(name string) []string {
	env := embedtest.PlainEnv()
	if off := f.layout.clocks[name]; off != 0 {
		env = append(env, fmt.Sprintf("CLOCK_OFFSET=%.0f", off.Seconds()))
	}
	return env
}

func (f *field) awaitReady() {
	f.t.Helper()
	f.eventually("all are ready", func() error {
		for _, addr := range f.admins {
			if said, ok := f.get("http://" + addr + "/readyz"); !ok {
				return fmt.Errorf("%s: %s", addr, said)
			}
		}
		return nil
	})
}

func (f *field) connect(url string) {
	f.t.Helper()
	nc, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond), nats.RetryOnFailedConnect(true))
	must(f.t, err)
	f.t.Cleanup(nc.Close)
	f.js, err = jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(20_000)) // more than there are jobs
	must(f.t, err)
	f.view, err = app.OpenView(f.t.Context(), f.config())
	must(f.t, err)
	f.t.Cleanup(f.view.Close)
}

func (f *field) config() app.Config {
	f.t.Helper()
	cfg, _, err := app.Load(app.Sources{Environ: f.env})
	must(f.t, err)
	return cfg
}

func (f *field) names() queue.Names { return queue.Names{Namespace: fieldNamespace} }

func (f *field) startSimulator(seed uint64, callback string) {
	f.t.Helper()
	addr := fmt.Sprintf("127.0.0.1:%d", embedtest.Port(f.t))
	f.api = "http://" + addr
	f.sim = f.wards.Program("simulator", []string{
		f.programs.Wacast, "simulator", "--addr", addr, "--mps", fmt.Sprint(f.layout.mps), "--seed", fmt.Sprint(seed),
		"--latency", "20ms", "--latency-spread", "40ms", "--faults", f.file("faults.json", f.layout.faults),
		"--webhook-url", callback, "--app-secret-file", f.file("secret", fieldSecret), "--webhook-faults", f.file("hooks.json", f.layout.hooks),
		"--webhook-sent", "50ms", "--webhook-delivered", "200ms", "--webhook-read", "500ms", "--webhook-retry-speed", "20",
	}, embedtest.PlainEnv())
	f.sim.Start()
	f.eventually("the simulator serves", func() error {
		if said, ok := f.get(f.api + "/livez"); !ok {
			return fmt.Errorf("%s", said)
		}
		return nil
	})
}

// file writes a text, or anything else as JSON.
func (f *field) file(name string, content any) string {
	f.t.Helper()
	path := filepath.Join(f.wards.Dir, name)
	text, ok := content.(string)
	if !ok {
		data, err := json.Marshal(content)
		must(f.t, err)
		text = string(data)
	}
	must(f.t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// once is a client that leaves no connection behind, as servers come and go.
var once = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}

// get asks a server; ok is a 200.
func (f *field) get(url string) (said string, ok bool) {
	resp, err := once.Get(url)
	if err != nil {
		return err.Error(), false
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error(), false
	}
	return string(data), resp.StatusCode == http.StatusOK
}

// ask reads what the simulator says.
func (f *field) ask(path string, into any) {
	f.t.Helper()
	said, ok := f.get(f.api + path)
	if !ok {
		f.t.Fatalf("the simulator answers %s with %s", path, said)
	}
	must(f.t, json.Unmarshal([]byte(said), into))
}

func (f *field) stats() (s simulator.Stats) {
	f.t.Helper()
	f.ask("/_sim/stats", &s)
	return s
}

// awaitAccepted waits until the API has accepted that many messages.
func (f *field) awaitAccepted(n int64) {
	f.t.Helper()
	f.eventually(fmt.Sprintf("%d accepted", n), func() error {
		if got := f.stats().Accepted; got < n {
			return fmt.Errorf("%d accepted", got)
		}
		return nil
	})
}

// eventually looks until there is no error, and fails the test with the last one
// if it stays.
func (f *field) eventually(what string, look func() error) {
	f.t.Helper()
	deadline := time.After(faultPatience)
	for {
		err := look()
		if err == nil {
			return
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-deadline:
			f.describe()
			f.t.Fatalf("it never came that %s: %v", what, err)
		}
	}
}

// describe tells how everything stands, for who reads of a failure elsewhere.
func (f *field) describe() {
	f.t.Helper()
	for _, addr := range f.admins {
		said, _ := f.get("http://" + addr + "/readyz")
		f.t.Logf("%s: %s", addr, said)
	}
	if len(f.admins) > fieldWorkers {
		said, _ := f.get("http://" + f.admins[fieldWorkers] + "/metrics")
		for line := range strings.Lines(said) {
			if strings.HasPrefix(line, "wacast_webhook") {
				f.t.Log(strings.TrimSpace(line))
			}
		}
	}
	if f.js == nil {
		return // it has only just begun
	}
	for _, stream := range []string{f.names().WebhooksStream(), f.names().EventsStream(), f.names().LaterStream()} {
		f.describeStream(stream)
	}
}

func (f *field) describeStream(name string) {
	f.t.Helper()
	s, err := f.js.Stream(f.t.Context(), name)
	if err != nil {
		f.t.Logf("%s: %v", name, err)
		return
	}
	state := s.CachedInfo().State
	f.t.Logf("%s: %d messages, last %d", name, state.Msgs, state.LastSeq)
	for c := range s.ListConsumers(f.t.Context()).Info() {
		f.t.Logf("%s %s: delivered %+v, acked %+v, waiting pulls %d, pending %d, unacked %d", name, c.Name,
			c.Delivered, c.AckFloor, c.NumWaiting, c.NumPending, c.NumAckPending)
	}
}

// wacast runs a command beside the processes.
func (f *field) wacast(input io.Reader, args ...string) (out string, code int) {
	f.t.Helper()
	return f.wards.Run(append([]string{f.programs.Wacast}, args...), append(embedtest.PlainEnv(), f.env...), input)
}

// usualFaults disturb a tenth of the answers, before and after the message counts.
func usualFaults() []simulator.Rule {
	slow, late := simulator.Duration(400*time.Millisecond), simulator.Duration(3*time.Second)
	return []simulator.Rule{
		{Kind: simulator.LostAfter, Share: 0.02},
		{Kind: simulator.LostBefore, Share: 0.02},
		{Kind: simulator.HTML502, Share: 0.01},
		{Kind: simulator.HTML502, Share: 0.01, After: true},
		{Kind: simulator.Empty500, Share: 0.005, After: true},
		{Kind: simulator.Error, Code: 131016, Share: 0.02, Times: 200},
		{Kind: simulator.Hang, Share: 0.005, Delay: late},
		{Kind: simulator.Hang, Share: 0.005, Delay: late, After: true},
		{Kind: simulator.Slow, Share: 0.02, Delay: slow},
	}
}

// usualHooks leave each message one status at least.
func usualHooks() []simulator.WebhookRule {
	second := simulator.Duration(time.Second)
	return []simulator.WebhookRule{
		{Kind: simulator.Early, Share: 0.1},
		{Kind: simulator.Shuffled, Share: 0.2},
		{Kind: simulator.Twice, Share: 0.1, Delay: second},
		{Kind: simulator.Late, Share: 0.1, Delay: 2 * second},
		{Kind: simulator.Missing, Share: 0.2, Statuses: []string{"sent", "read"}},
		{Kind: simulator.Tokenless, Share: 0.2, Statuses: []string{"read"}},
		{Kind: simulator.Failed, Share: 0.03, Code: 131049},
	}
}
