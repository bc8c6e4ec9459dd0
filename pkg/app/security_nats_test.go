package app_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/report"
	"github.com/wacast/wacast/pkg/simulator"
	"github.com/wacast/wacast/producer"
)

// secured is a wacast whose roles have no more rights than the documented ones, on
// NATS and on Redis.
type secured struct {
	*rig
	server *embedtest.ConfiguredNATS
}

const aclPassword = "hunter2"

func newSecured(t *testing.T) *secured {
	t.Helper()
	file, err := os.ReadFile("../../deploy/nats/permissions.conf")
	must(t, err)
	// The password of each user is the user's name.
	conf := regexp.MustCompile(`user: (\w+)\n(\s+password: )\$\w+`).ReplaceAll(file, []byte("user: $1\n${2}$1"))
	if bytes.Contains(conf, []byte(": $WACAST")) {
		t.Fatal("a password is not substituted")
	}
	server := embedtest.StartNATS(t, string(conf))
	port := embedtest.Port(t)
	args := []string{"--port", fmt.Sprint(port), "--user", "default", "off", "--user"}
	embedtest.Spawn(t, port, append(args, documentedACL(t)...)...)
	r := newRig(t, simulator.Config{Webhook: simulator.Webhook{
		Secret: hookSecret, Delivered: simulator.Latency{Base: 50 * time.Millisecond}, Read: simulator.Latency{Base: 50 * time.Millisecond},
	}, Faults: []simulator.Rule{{Kind: simulator.LostAfter, Recipients: []string{string(newJob(numberA, "", 0).To)}}}},
		"WACAST_NAMESPACE=wacast", "WACAST_APP_SECRET="+hookSecret, "WACAST_VERIFY_TOKEN=word", "WACAST_WEBHOOK_ADDR=127.0.0.1:0",
		fmt.Sprintf("WACAST_REDIS_URL=redis://wacast:%s@127.0.0.1:%d/0", aclPassword, port))
	return &secured{rig: r, server: server}
}

// documentedACL is the user as the runbook has it.
func documentedACL(t *testing.T) []string {
	t.Helper()
	runbook, err := os.ReadFile("../../deploy/runbook.md")
	must(t, err)
	found := regexp.MustCompile(`(?m)^user (wacast on >)\S+ (.+)$`).FindSubmatch(runbook)
	if found == nil {
		t.Fatal("deploy/runbook.md has no line user wacast on >…")
	}
	return strings.Fields(string(found[1]) + aclPassword + " " + string(found[2]))
}

// as are the settings of one user.
func (s *secured) as(user string) app.Config {
	s.t.Helper()
	env := append(slices.Clone(s.env), fmt.Sprintf("WACAST_NATS_URL=nats://%s:%s@%s", user, user, s.server.Addr()), "WACAST_NATS_INBOX_PREFIX=_INBOX_"+user)
	cfg, _, err := app.Load(app.Sources{Environ: env})
	must(s.t, err)
	return cfg
}

func (s *secured) dial(user string) *nats.Conn {
	s.t.Helper()
	nc, err := app.DialOnce(s.as(user))
	must(s.t, err)
	s.t.Cleanup(nc.Close)
	return nc
}

func (s *secured) run(user string, role app.Role) *app.App {
	s.t.Helper()
	a, err := app.New(app.Options{Config: s.as(user), Log: s.log.logger(), Roles: role, WorkerID: user})
	must(s.t, err)
	a.Start()
	s.t.Cleanup(func() { _ = a.Stop(context.Background()) })
	if err := a.AwaitReady(s.t.Context(), patience); err != nil {
		s.t.Fatalf("%s: %v; refused: %q\n%s", user, err, s.server.Violations(), s.log)
	}
	return a
}

// Every role works with its documented rights on NATS and Redis, and asks for no more.
func TestLeastPrivilegeSuffices(t *testing.T) {
	s := newSecured(t)
	_, err := app.CreateTopology(t.Context(), s.as("operator"))
	must(t, err)
	s.run("worker", app.RoleWorker)
	hooks := s.run("webhook", app.RoleWebhook)
	url := "http://" + hooks.WebhookAddr() + "/webhook"
	must(t, s.sim.SetWebhooks(simulator.WebhookChange{URL: &url}))
	s.sim.Start()
	t.Cleanup(func() { _ = s.sim.Stop(t.Context()) })
	o, err := app.OpenOperator(t.Context(), s.as("operator"), "test")
	must(t, err)
	t.Cleanup(o.Close)

	const n = 40
	nc := s.dial("producer")
	p, err := producer.New(nc, producer.Config{Namespace: "wacast"})
	must(t, err)
	_, err = p.PublishAll(t.Context(), func(yield func(*job.Job, error) bool) {
		for _, j := range newJobs(numberA, "c", 0, n) {
			if !yield(j, nil) {
				return
			}
		}
	}, func(r producer.Rejection) { t.Error(r.Err) })
	must(t, err)
	p.Close()
	// The first answer is lost: its webhook settles it.
	s.await(o.View, "c", func(p *report.Progress) bool { return p.Accepted == n && p.Read == n })
	must(t, o.PauseCampaign(t.Context(), "c", "test"))
	_, err = o.ResumeCampaign(t.Context(), "c", "test")
	must(t, err)
	_, err = o.CancelCampaign(t.Context(), "c", "test", patience)
	must(t, err)
	_, err = o.Senders(t.Context())
	must(t, err)
	if _, err = o.Verify(t.Context(), "c", 0); err != nil {
		t.Error(err)
	}
	if _, err = o.Status(t.Context()); err != nil {
		t.Error(err)
	}
	if got := follow(t, nc, numberA); got < 2*n {
		t.Errorf("the producer read %d events of its number, want at least %d", got, 2*n)
	}
	if v := s.server.Violations(); len(v) > 0 {
		t.Errorf("the server refused:\n%s", strings.Join(v, "\n"))
	}
	if strings.Contains(s.log.String(), "NOPERM") {
		t.Errorf("Redis refused something:\n%s", s.log)
	}
}

// follow counts the events of a number, until none comes for a while.
func follow(t *testing.T, nc *nats.Conn, number string) (n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	err := producer.Follow(ctx, nc, producer.FollowConfig{Namespace: "wacast", From: number}, func(_ context.Context, e *producer.Followed) error {
		if e.Data.From != number {
			t.Errorf("an event of %s", e.Data.From)
		}
		n++
		return nil
	})
	if ctx.Err() == nil {
		t.Error(err)
	}
	return n
}

// What a stolen credential cannot do.
func TestLeastPrivilegeRefuses(t *testing.T) {
	s := newSecured(t)
	_, err := app.CreateTopology(t.Context(), s.as("operator"))
	must(t, err)
	js, err := jetstream.New(s.dial("operator"))
	must(t, err)
	_, err = js.Publish(t.Context(), "wacast.events.accepted."+numberB+".c.1", []byte("of B"))
	must(t, err)
	const create = "$JS.API.CONSUMER.CREATE.WACAST_EVENTS"
	ofB := "wacast.events.*." + numberB + ".>"
	for _, tt := range []struct{ user, subject, body string }{
		{"worker", "wacast.jobs." + numberA + ".bulk.c", "{}"},
		{"worker", "wacast.control.pause", "{}"},
		{"worker", "$JS.API.STREAM.UPDATE.WACAST_JOBS", "{}"},
		{"webhook", "wacast.jobs." + numberA + ".bulk.c", "{}"},
		{"webhook", "$JS.API.CONSUMER.CREATE.WACAST_JOBS.x", `{"stream_name":"WACAST_JOBS","config":{"name":"x"}}`},
		{"webhook", "$JS.API.STREAM.DELETE.WACAST_JOBS", ""},
		{"producer", "wacast.jobs." + numberB + ".bulk.c", "{}"},
		{"producer", "wacast.later.at." + numberA + ".c.x", "{}"},
		{"producer", "wacast.control.pause", "{}"},
		{"producer", "$KV.wacast_campaigns.c", "{}"},
		{"producer", "wacast.events.accepted." + numberA + ".c.1", "{}"},
		{"producer", create + ".x." + ofB, `{"stream_name":"WACAST_EVENTS","config":{"name":"x","filter_subject":"` + ofB + `"}}`},
		{"producer", create + ".x", `{"stream_name":"WACAST_EVENTS","config":{"name":"x"}}`},
		{"producer", create, `{"stream_name":"WACAST_EVENTS","config":{}}`},
		{"producer", "$JS.API.CONSUMER.DURABLE.CREATE.WACAST_EVENTS.x", `{"stream_name":"WACAST_EVENTS","config":{"durable_name":"x"}}`},
		{"producer", "$JS.API.CONSUMER.NAMES.WACAST_EVENTS", ""},
		{"producer", "$JS.API.DIRECT.GET.WACAST_EVENTS", `{"seq":1}`},
		{"producer", "$JS.API.DIRECT.GET.WACAST_EVENTS.wacast.events.accepted." + numberB + ".c.1", ""},
		{"producer", "$JS.API.STREAM.MSG.GET.WACAST_EVENTS", `{"seq":1}`},
	} {
		before := len(s.server.Violations())
		nc := s.dial(tt.user)
		if m, err := nc.Request(tt.subject, []byte(tt.body), 100*time.Millisecond); err == nil {
			t.Errorf("%s on %s is answered %s", tt.user, tt.subject, m.Data)
		}
		s.eventually(func() (bool, string) {
			return len(s.server.Violations()) > before, tt.user + " may publish " + tt.subject
		})
	}
	for user, subject := range map[string]string{"producer": "wacast.events.>", "worker": "_INBOX_operator.>", "webhook": "_INBOX.>"} {
		before := len(s.server.Violations())
		nc := s.dial(user)
		_, err := nc.SubscribeSync(subject)
		must(t, err)
		s.eventually(func() (bool, string) {
			return len(s.server.Violations()) > before, user + " may subscribe to " + subject
		})
	}
	s.smuggle(js)
}

// smuggle has the server filter for A and answer for B, and deliver where the user may
// not publish.
func (s *secured) smuggle(js jetstream.JetStream) {
	t, nc := s.t, s.dial("producer")
	mine := "wacast.events.published." + numberA + ".>"
	subject := "$JS.API.CONSUMER.CREATE.WACAST_EVENTS.x." + mine
	m, err := nc.Request(subject, []byte(`{"stream_name":"WACAST_EVENTS","config":{"name":"x","filter_subject":"wacast.events.>"}}`), 2*time.Second)
	must(t, err)
	if !bytes.Contains(m.Data, []byte(`"error"`)) {
		t.Errorf("a consumer of everything under a subject of A: %s", m.Data)
	}
	_, err = nc.Request("wacast.events.published."+numberA+".c.1", []byte(encode(t, newJob(numberB, "c", 1))), 2*time.Second)
	must(t, err)
	_, err = nc.Request(subject, []byte(`{"stream_name":"WACAST_EVENTS","config":{"name":"x","filter_subject":"`+mine+
		`","ack_policy":"none","deliver_subject":"wacast.jobs.`+numberB+`.bulk.c"}}`), 2*time.Second)
	must(t, err)
	time.Sleep(500 * time.Millisecond) // nothing signals what does not happen
	stream, err := js.Stream(t.Context(), "WACAST_JOBS")
	must(t, err)
	if n := stream.CachedInfo().State.Msgs; n > 0 {
		t.Errorf("%d jobs came in through a consumer's delivery", n)
	}
}
