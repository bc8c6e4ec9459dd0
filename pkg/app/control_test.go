package app_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/simulator"
)

// What a message asks for is done as by the command of the same name: the same is
// stopped, and the same is on record.
func TestControlByMessage(t *testing.T) {
	dir := t.TempDir()
	for i, number := range []string{numberA, numberB} {
		write(t, dir, "token", "token-a")
		write(t, dir, fmt.Sprintf("accounts/%d.yaml", i), fmt.Sprintf("waba_id: %d\nnumbers: [%s]\naccess_token_file: %s/token\n", i+1, number, dir))
	}
	r := newRig(t, simulator.Config{}, "WACAST_ACCOUNTS_DIR="+dir+"/accounts")
	r.ready("one")
	v, nc := r.view(), embedtest.Dial(t, r.nats)
	r.publish(newJob(numberA, "c", 1))
	r.await(v, "c", ended(1))
	names := queue.Names{Namespace: r.config().Namespace}
	for _, tt := range []struct {
		verb, body string
		stopped    string // what is, afterwards
		recorded   string // the newest event of its kind
		err        string
	}{
		{"pause", `{"campaign":"c","reason":"wrong text","by":"ana"}`, "campaign c", "campaign: paused: wrong text (by ana)", ""},
		{"resume", `{"campaign":"c","by":"ana"}`, "", "campaign: resumed: by ana", ""},
		{"pause", `{"from":"` + numberA + `"}`, "number " + numberA, "sender: number " + numberA + " paused: by a message", ""},
		{"resume", `{"from":"` + numberA + `"}`, "", "sender: number " + numberA + " resumed: by a message", ""},
		{"pause", `{"template":"hello","by":"ana"}`, "template 1/hello, template 2/hello", "template: template 2/hello paused: by ana", ""},
		{"resume", `{"template":"hello","account":"2","by":"ana"}`, "template 1/hello", "template: template 2/hello resumed: by ana", ""},
		{"resume", `{"template":"hello","by":"ana"}`, "", "template: template 1/hello resumed: by ana", ""},
		{"pause", `{"account":"2","by":"ana"}`, "account 2", "account: account 2 paused: by ana", ""},
		{"resume", `{"account":"2","by":"ana"}`, "", "account: account 2 resumed: by ana", ""},
		{"pause", `{"all":true,"by":"ana"}`, "all all", "account: all all paused: by ana", ""},
		{"resume", `{"all":true,"by":"ana"}`, "", "account: all all resumed: by ana", ""},
		{"cancel", `{"campaign":"c","by":"ana"}`, "", "campaign: cancelled: by ana", ""},
		{"resume", `{"campaign":"c"}`, "", "", "cancelled"},
		{"cancel", `{"from":"` + numberA + `"}`, "", "", "only a campaign can be cancelled"},
		{"pause", `{"campaign":"nobody-knows"}`, "", "", "nobody-knows"},
		{"pause", `{"from":"300"}`, "", "", "belongs to no account"},
		{"pause", `{"account":"3"}`, "", "", "none of these settings"},
		{"pause", `{"account":"3","template":"hello"}`, "", "", "none of these settings"},
		{"pause", `{"campaign":"a.b"}`, "", "", "must be 1 to 64"},
		{"pause", `{"reason":"x"}`, "", "", "exactly one"},
		{"pause", `{"campaign":"c","from":"100"}`, "", "", "exactly one"},
		{"pause", `{"campaign":"c","account":"1"}`, "", "", "exactly one"},
		{"delete", `{"campaign":"c"}`, "", "", "none of pause"},
		{"pause", `{"compaign":"c"}`, "", "", "compaign"},
		{"pause", `pause all`, "", "", "cannot be read"},
		{"pause", ``, "", "", "cannot be read"},
	} {
		reply, err := nc.Request(names.ControlSubject(tt.verb), []byte(tt.body), patience)
		if err != nil {
			t.Fatal(err)
		}
		answer := string(reply.Data)
		if tt.err == "" && answer != `{"ok":true}` || !strings.Contains(answer, tt.err) {
			t.Errorf("%s %s: answer %s, want %q", tt.verb, tt.body, answer, tt.err)
		}
		if got := r.stoppedNow(v); got != tt.stopped {
			t.Errorf("%s %s: stopped is %q, want %q", tt.verb, tt.body, got, tt.stopped)
		}
		if got := r.lastChange(tt.recorded); got != tt.recorded {
			t.Errorf("%s %s: on record is %q, want %q", tt.verb, tt.body, got, tt.recorded)
		}
	}
}

// stoppedNow names what is stopped.
func (r *rig) stoppedNow(v *app.View) string {
	r.t.Helper()
	s, err := v.Status(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	var all []string
	for _, stop := range s.Stopped {
		all = append(all, fmt.Sprintf("%s %s", stop.Scope, stop.Name))
	}
	if p, err := v.Progress(r.t.Context(), "c"); err != nil || p.State == "paused" {
		all = append(all, "campaign c")
	}
	return strings.Join(all, ", ")
}

// lastChange is the newest event of the kind that the wanted text begins with.
func (r *rig) lastChange(want string) string {
	r.t.Helper()
	kind, _, ok := strings.Cut(want, ":")
	if !ok {
		return ""
	}
	events, err := queue.NewEvents(r.jetStream(), queue.Names{Namespace: r.config().Namespace})
	if err != nil {
		r.t.Fatal(err)
	}
	defer events.Close()
	var last job.Event
	err = events.Read(r.t.Context(), queue.Filter{Kinds: []job.Kind{job.Kind(kind)}}, func(e *queue.Recorded) error {
		last = e.Event
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return kind + ": " + last.Data.Detail
}
