package worker_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/worker"
)

// ledgerOfCommands writes down what a control does.
type ledgerOfCommands struct {
	done []string
	spec campaign.Spec
	down error
}

func (l *ledgerOfCommands) Change(_ context.Context, id string, change func(*campaign.Spec) error) error {
	if err := change(&l.spec); err != nil {
		return err
	}
	l.done = append(l.done, fmt.Sprintf("%s is %s, %s, %s", id, l.spec.State, l.spec.Reason, l.spec.By))
	return l.down
}

func (l *ledgerOfCommands) Pause(_ context.Context, t sender.Target, reason, by string) error {
	l.done = append(l.done, fmt.Sprintf("pause %s %s, %s, %s", t.Scope, t.Name, reason, by))
	return l.down
}

func (l *ledgerOfCommands) Resume(_ context.Context, t sender.Target) error {
	l.done = append(l.done, fmt.Sprintf("resume %s %s", t.Scope, t.Name))
	return l.down
}

func (l *ledgerOfCommands) Record(_ context.Context, events []job.Event) ([]uint64, error) {
	for _, e := range events {
		l.done = append(l.done, fmt.Sprintf("%s: %s", e.Data.Kind, e.Data.Detail))
	}
	return make([]uint64, len(events)), nil
}

func TestControl(t *testing.T) {
	accounts := must[*sender.Directory](t)(sender.NewDirectory([]*sender.Account{
		{WABA: "1", Numbers: []string{"100"}, Token: sender.Literal("t")}, {WABA: "2", Numbers: []string{"200"}, Token: sender.Literal("t")},
	}, 80))
	tests := []struct {
		name, verb, body string
		state            campaign.State
		want             []string
		err              string
	}{
		{"pause a campaign", "pause", `{"campaign":"c","reason":"wrong text","by":"ana"}`, campaign.Open,
			[]string{"c is paused, wrong text, ana", "campaign: paused: wrong text (by ana)"}, ""},
		{"resume a campaign", "resume", `{"campaign":"c","by":"ana"}`, campaign.Paused,
			[]string{"c is open, , ana", "campaign: resumed (by ana)"}, ""},
		{"cancel a campaign", "cancel", `{"campaign":"c","by":"ana"}`, campaign.Open,
			[]string{"c is cancelled, , ana", "campaign: cancelled (by ana)"}, ""},
		{"resume a cancelled one", "resume", `{"campaign":"c"}`, campaign.Cancelled, nil, "cancelled"},
		{"pause a number", "pause", `{"from":"100"}`, "", []string{"pause number 100, , a message", "sender: number 100 paused (by a message)"}, ""},
		{"pause a template of all accounts", "pause", `{"template":"hello","by":"ana"}`, "", []string{
			"pause template 1/hello, , ana", "template: template 1/hello paused (by ana)",
			"pause template 2/hello, , ana", "template: template 2/hello paused (by ana)"}, ""},
		{"resume a template of one", "resume", `{"template":"hello","account":"2","by":"ana"}`, "",
			[]string{"resume template 2/hello", "template: template 2/hello resumed (by ana)"}, ""},
		{"pause an account", "pause", `{"account":"2","by":"ana"}`, "", []string{"pause account 2, , ana", "account: account 2 paused (by ana)"}, ""},
		{"pause all", "pause", `{"all":true,"by":"ana"}`, "", []string{"pause all all, , ana", "account: all all paused (by ana)"}, ""},
		{"cancel a number", "cancel", `{"from":"100"}`, "", nil, "only a campaign can be cancelled"},
		{"a foreign number", "pause", `{"from":"300"}`, "", nil, "belongs to no account"},
		{"a foreign account", "pause", `{"account":"3"}`, "", nil, "none of this wacast"},
		{"an impossible campaign", "pause", `{"campaign":"a.b"}`, "", nil, "must be 1 to 64"},
		{"nothing named", "pause", `{"reason":"x"}`, "", nil, "exactly one"},
		{"two things named", "pause", `{"campaign":"c","from":"100"}`, "", nil, "exactly one"},
		{"another verb", "delete", `{"campaign":"c"}`, "", nil, "none of pause"},
		{"a misspelled field", "pause", `{"compaign":"c"}`, "", nil, "compaign"},
		{"no JSON", "pause", `pause all`, "", nil, "cannot be read"},
		{"nothing", "pause", ``, "", nil, "cannot be read"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := &ledgerOfCommands{spec: campaign.Spec{ID: "c", State: tt.state}}
			c := worker.Control{Specs: l, Pauses: l, Events: l, Accounts: accounts, Log: slog.New(slog.DiscardHandler)}
			answer := string(c.Handle(t.Context(), tt.verb, []byte(tt.body)))
			if diff := cmp.Diff(tt.want, l.done); diff != "" {
				t.Error(diff)
			}
			if tt.err == "" && answer != `{"ok":true}` || !strings.Contains(answer, tt.err) {
				t.Errorf("answer %s, want %q", answer, tt.err)
			}
		})
	}
}

func TestControlTellsWhatFails(t *testing.T) {
	l := &ledgerOfCommands{down: errors.New("NATS is away")}
	accounts := must[*sender.Directory](t)(sender.NewDirectory(nil, 80))
	c := worker.Control{Specs: l, Pauses: l, Accounts: accounts, Log: slog.New(slog.DiscardHandler)}
	for _, body := range []string{`{"campaign":"c"}`, `{"all":true}`} {
		if answer := string(c.Handle(t.Context(), worker.VerbPause, []byte(body))); !strings.Contains(answer, "NATS is away") {
			t.Errorf("%s: answer %s", body, answer)
		}
	}
}
