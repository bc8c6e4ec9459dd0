package app_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/report"
	"github.com/wacast/wacast/pkg/simulator"
)

const (
	traceID     = "4bf92f3577b34da6a3ce929d0e0e4736"
	spanID      = "00f067aa0ba902b7"
	traceparent = "00-" + traceID + "-" + spanID + "-01"
)

func must2[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		must(t, err)
		return v
	}
}

// publishTraced publishes a job as any publisher may, with a trace of its own.
func (r *rig) publishTraced(j *job.Job) {
	r.t.Helper()
	m := &nats.Msg{Subject: r.jobSubject(j.From, j.Campaign), Header: nats.Header{"traceparent": {traceparent}}, Data: []byte(encode(r.t, j))}
	if _, err := r.jetStream().PublishMsg(r.t.Context(), m); err != nil {
		r.t.Fatal(err)
	}
}

// events are what is on record of a job.
func (r *rig) events(key job.Key) []job.Event {
	r.t.Helper()
	stream := must2[*queue.Events](r.t)(queue.NewEvents(r.jetStream(), queue.Names{Namespace: r.config().Namespace}))
	defer stream.Close()
	return must2[[]job.Event](r.t)(stream.Find(r.t.Context(), key, "", time.Time{}))
}

// hooked are the settings of an app that takes webhooks.
func hooked(env ...string) []string {
	return append(env, "WACAST_APP_SECRET="+hookSecret, "WACAST_VERIFY_TOKEN=word", "WACAST_WEBHOOK_ADDR=127.0.0.1:0")
}

// The trace of a job's publisher goes through the schedule, a retry, an outcome that is
// unknown and its status, without anybody who exports spans.
func TestTraceGoesAllTheWay(t *testing.T) {
	r := newRig(t, simulator.Config{Faults: []simulator.Rule{{Kind: simulator.LostAfter, Share: 1, Times: 1}}}, hooked("WACAST_SEND_TIMEOUT=1s")...)
	a, v := r.both(), r.view()
	j := newJob(numberA, "c", 1)
	j.SendAt = time.Now().Add(2 * time.Second)
	r.publishTraced(j)
	r.await(v, "c", func(p *report.Progress) bool { return p.Unknown == 1 })
	r.tell(a, j.Key(), 1)
	r.await(v, "c", func(p *report.Progress) bool { return p.Sent == 1 })
	want := []string{"unknown", "settled", "sent"}
	var got []string
	for _, e := range r.events(j.Key()) {
		got = append(got, string(e.Data.Kind))
		if e.Traceparent != traceparent {
			t.Errorf("%s has the trace %q", e.Data.Kind, e.Traceparent)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	for _, said := range []string{"a job leaves", "a status is recorded"} {
		if !regexp.MustCompile(said + ".* trace_id=" + traceID).MatchString(r.log.String()) {
			t.Errorf("no line %q has the trace:\n%s", said, r.log)
		}
	}
}

// A collector gets a span of each request and each status, in the publisher's trace. The
// test is not parallel: the library reads the environment.
func TestSpansAreExported(t *testing.T) {
	c := newOTLPReceiver(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.url)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
	r := makeRig(t, simulator.Config{Faults: []simulator.Rule{{Kind: simulator.Error, Code: 131016, Share: 1, Times: 1}}}, hooked()...)
	a, v := r.both(), r.view()
	j := newJob(numberA, "c", 1)
	r.publishTraced(j)
	r.await(v, "c", accepted(1))
	r.tell(a, j.Key(), 2)
	r.await(v, "c", func(p *report.Progress) bool { return p.Sent == 1 })
	r.eventually(func() (bool, string) { return len(c.lines()) == 3, fmt.Sprint(c.lines()) })
	must(t, a.Stop(context.Background()))

	events := r.events(j.Key())
	sent := string(events[0].Traceparent)[36:52] // the span that sent the message
	about := " wacast.sender=" + numberA + " wacast.campaign=c wacast.job=row-000001 wacast.attempt="
	want := []string{
		"wacast send " + traceID + " " + spanID + " wacast.outcome=accepted" + about + "2",
		"wacast send " + traceID + " " + spanID + " wacast.outcome=returned" + about + "1",
		"wacast status " + traceID + " " + sent + " wacast.status=sent" + about + "2",
	}
	if got := c.lines(); !slices.Equal(got, want) {
		t.Errorf("spans\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.ContainsFunc(c.spans, func(s *otlp.Span) bool { return hex.EncodeToString(s.GetSpanId()) == sent }) {
		t.Errorf("the events are in the span %s, which nobody exported", sent)
	}
	for _, e := range events {
		if e.Traceparent != events[0].Traceparent {
			t.Errorf("%s has %q, the outcome %q", e.Data.Kind, e.Traceparent, events[0].Traceparent)
		}
	}
}

// say posts what a recipient writes, as the platform does.
func (r *rig) say(a *app.App, to job.Phone, id, text string) {
	r.t.Helper()
	p := change("messages", fmt.Sprintf(`{"metadata":{"phone_number_id":%q},"messages":[{"timestamp":"%d","id":"wamid.%s","from":%q,"type":"text","text":{"body":%q}}]}`,
		numberA, time.Now().Unix(), id, string(to)[1:], text))
	p.post(r.t, http.DefaultClient, "http://"+a.WebhookAddr()+"/webhook")
}

// What a recipient says about a message is in the trace of its job, as the consent that
// follows from it. A job without trace has none anywhere.
func TestAnswersAreInTheTrace(t *testing.T) {
	r := newRig(t, simulator.Config{}, hooked()...)
	a, v := r.both(), r.view()
	traced, plain := newJob(numberA, "c", 1), newJob(numberA, "c", 2)
	r.publishTraced(traced)
	r.publish(plain)
	r.await(v, "c", accepted(2))
	for _, j := range []*job.Job{traced, plain} {
		r.tell(a, j.Key(), 1)
		said := 0
		until := func(text string, kind job.Kind) {
			r.eventually(func() (bool, string) {
				said++ // what is said within a second of a message is about none
				r.say(a, j.To, fmt.Sprint(j.ID, said), text)
				events := r.events(j.Key())
				return slices.ContainsFunc(events, func(e job.Event) bool { return e.Data.Kind == kind }), fmt.Sprint(events)
			})
		}
		until("thanks", job.Reply)
		until("STOP", job.OptOut)
		want := job.Traceparent(traceparent)
		if j == plain {
			want = ""
		}
		for _, e := range r.events(j.Key()) {
			if e.Traceparent != want {
				t.Errorf("%s of %s has the trace %q, want %q", e.Data.Kind, j.ID, e.Traceparent, want)
			}
		}
	}
	for line := range strings.Lines(r.log.String()) {
		if strings.Contains(line, plain.ID) && strings.Contains(line, "trace_id") {
			t.Errorf("a job without trace has one: %s", line)
		}
	}
}
