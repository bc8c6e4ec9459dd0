package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/report"
	"github.com/wacast/wacast/pkg/simulator"
	"github.com/wacast/wacast/pkg/whatsapp"
)

const hookSecret = "signed-with-this"

// losingAPI takes the first attempt of every job and loses its answer; what the second
// is answered, the test says. Jobs of campaign clock are answered at once.
type losingAPI struct {
	second chan func(http.ResponseWriter)

	mu     sync.Mutex
	tokens []job.Token
}

func (l *losingAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var message struct {
		Token string `json:"biz_opaque_callback_data"`
	}
	if r.Method != http.MethodPost || json.NewDecoder(r.Body).Decode(&message) != nil {
		http.NotFound(w, r)
		return
	}
	token, _ := job.ParseToken(message.Token)
	l.mu.Lock()
	l.tokens = append(l.tokens, token)
	l.mu.Unlock()
	switch {
	case token.Key.Campaign == "clock":
		take(w)
	case token.Attempt == 1:
		panic(http.ErrAbortHandler) // the connection breaks
	default:
		select {
		case answer := <-l.second:
			answer(w)
		case <-r.Context().Done():
		}
	}
}

// sent are the attempts of the jobs of campaign c.
func (l *losingAPI) sent() (attempts []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.tokens {
		if t.Key.Campaign == "c" {
			attempts = append(attempts, t.Attempt)
		}
	}
	return attempts
}

func take(w http.ResponseWriter) {
	fmt.Fprint(w, `{"messaging_product":"whatsapp","contacts":[{"input":"1","wa_id":"1"}],"messages":[{"id":"wamid.second","message_status":"accepted"}]}`)
}

func refuse(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	fmt.Fprint(w, `{"error":{"message":"(#131009) Parameter value is not valid","type":"OAuthException","code":131009,"fbtrace_id":"x"}}`)
}

// both starts an app that has every role.
func (r *rig) both() *app.App {
	r.t.Helper()
	a, err := app.New(app.Options{Config: r.config(), Log: r.log.logger(), Roles: app.RoleAll, WorkerID: "one"})
	if err != nil {
		r.t.Fatal(err)
	}
	a.Start()
	r.t.Cleanup(func() { _ = a.Stop(context.Background()) })
	if err := a.AwaitReady(r.t.Context(), patience); err != nil {
		r.t.Fatal(err)
	}
	return a
}

// tell posts the status sent of an attempt, as the platform does.
func (r *rig) tell(a *app.App, key job.Key, attempt int) {
	r.t.Helper()
	token := job.Token{Namespace: r.config().Namespace, Key: key, Attempt: attempt}
	body := fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":%q},`+
		`"statuses":[{"id":"wamid.%d","status":"sent","timestamp":"%d","recipient_id":"1","biz_opaque_callback_data":%q}]}}]}]}`,
		numberA, attempt, time.Now().Unix(), token.String())
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, "http://"+a.WebhookAddr()+"/webhook", bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set(whatsapp.SignatureHeader, whatsapp.Sign(body, hookSecret))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		r.t.Fatalf("the webhook is answered %s", resp.Status)
	}
}

// The answer to a message is lost and its policy sends it again. While the second
// attempt is in flight, or after it ended, a webhook says that the API took the
// first: one outcome, right counts, accounts that close, and where two messages went
// out, a note of that.
func TestALostAnswerIsResent(t *testing.T) {
	for name, tt := range map[string]struct {
		answer func(http.ResponseWriter)
		early  bool
		twice  bool
		steps  string
	}{
		"refused, the webhook comes before":  {refuse, true, false, "unknown 1, unknown settled: rejected 2, rejected settled: accepted 1, sent 1"},
		"refused, the webhook comes after":   {refuse, false, false, "unknown 1, unknown settled: rejected 2, rejected settled: accepted 1, sent 1"},
		"accepted, the webhook comes before": {take, true, true, "unknown 1, unknown settled: accepted 2, sent 2, accepted settled: accepted 1"},
		"accepted, the webhook comes after":  {take, false, true, "unknown 1, unknown settled: accepted 2, sent 2, accepted settled: accepted 1"},
	} {
		t.Run(name, func(t *testing.T) {
			api := &losingAPI{second: make(chan func(http.ResponseWriter), 1)}
			server := httptest.NewServer(api)
			t.Cleanup(server.Close)
			r := newRig(t, simulator.Config{MPS: 100}, "WACAST_API_URL="+server.URL, "WACAST_SEND_TIMEOUT=30s", "WACAST_UNKNOWN_DEADLINE=1s",
				"WACAST_APP_SECRET="+hookSecret, "WACAST_VERIFY_TOKEN=word", "WACAST_WEBHOOK_ADDR=127.0.0.1:0")
			a, v := r.both(), r.view()
			lost, clock := newJob(numberA, "c", 1), newJob(numberA, "clock", 1)
			lost.OnUnknown = job.Resend
			r.publish(lost)
			r.await(v, "c", func(p *report.Progress) bool { return p.Unknown == 1 })
			r.publish(clock) // a later message that a status comes of: webhooks are not silent
			r.await(v, "clock", accepted(1))
			r.tell(a, clock.Key(), 1)
			r.eventually(func() (bool, string) { return len(api.sent()) == 2, fmt.Sprint(api.sent()) })
			if tt.early {
				r.tell(a, lost.Key(), 1)
				r.eventually(func() (bool, string) { return counted(t, a, "wacast_webhook_updates_total", "waiting") > 0, "" })
			}
			api.second <- tt.answer
			if !tt.early {
				r.await(v, "c", func(p *report.Progress) bool { return p.Unknown == 0 })
				r.tell(a, lost.Key(), 1)
			}
			r.eventually(func() (bool, string) { s := r.steps(lost.Key()); return s == tt.steps, s })
			r.checkResent(v, a, tt.twice)
		})
	}
}

// checkResent looks at what a person sees of the one job.
func (r *rig) checkResent(v *app.View, a *app.App, twice bool) {
	r.t.Helper()
	p := r.await(v, "c", func(p *report.Progress) bool { return p.Left() == 0 })
	if p.Published != 1 || p.Accepted != 1 || p.Unknown+p.Rejected != 0 || p.Sent != 1 {
		r.t.Errorf("progress %+v", p)
	}
	accounts, err := v.Verify(r.t.Context(), "c", 0)
	if err != nil {
		r.t.Fatal(err)
	}
	if !accounts.OK || (len(accounts.SentAgain) == 1) != twice || len(accounts.SentTwice) > 0 {
		r.t.Errorf("accounts %+v", accounts)
	}
	if n := counted(r.t, a, "wacast_accepted_twice_total", numberA); (n == 1) != twice {
		r.t.Errorf("counted as two messages: %v", n)
	}
}

// steps are what events say of a job, in the order of the stream.
func (r *rig) steps(key job.Key) string {
	r.t.Helper()
	stream, err := queue.NewEvents(r.jetStream(), queue.Names{Namespace: r.config().Namespace})
	if err != nil {
		r.t.Fatal(err)
	}
	defer stream.Close()
	events, err := stream.Find(r.t.Context(), key, "", time.Time{})
	if err != nil {
		r.t.Fatal(err)
	}
	var words []string
	for _, s := range report.EventSteps(events) {
		words = append(words, fmt.Sprintf("%s %d", s.What, s.Attempt))
	}
	return strings.Join(words, ", ")
}

// counted is a counter of an app, of the series with that last label.
func counted(t *testing.T, a *app.App, name, label string) (n float64) {
	t.Helper()
	families, err := a.Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if l := m.GetLabel(); f.GetName() == name && l[len(l)-1].GetValue() == label {
				n += m.GetCounter().GetValue()
			}
		}
	}
	return n
}
