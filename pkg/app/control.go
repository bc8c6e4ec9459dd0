package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/sender"
)

// command is what somebody asks for by message: one of Campaign, From, Template,
// Account and All says of what.
type command struct {
	Campaign string `json:"campaign"`
	// From is a phone number id.
	From string `json:"from"`
	// Template is a name; with Account that of one account, else of all.
	Template string `json:"template"`
	Account  string `json:"account"`
	All      bool   `json:"all"`
	// Reason is why, and By who says so, for people.
	Reason string `json:"reason"`
	By     string `json:"by"`
}

// The verbs of a command.
const (
	verbPause  = "pause"
	verbResume = "resume"
	verbCancel = "cancel"
)

// control does what messages ask for, as an [Operator] on a connection that others use
// too. What it writes all workers watch, so any one may take a command.
type control struct {
	nc  *nats.Conn
	cfg Config
	log *slog.Logger
}

// handle does what the JSON of a command asks for and returns the JSON of an answer:
// {"ok":true}, or {"error":"…"} with what to do about it.
func (c *control) handle(ctx context.Context, verb string, body []byte) []byte {
	var answer struct {
		OK    bool   `json:"ok,omitempty"`
		Error string `json:"error,omitempty"`
	}
	cmd, err := readCommand(body)
	if err == nil {
		err = c.do(ctx, verb, cmd)
	}
	if answer.OK = err == nil; err != nil {
		answer.Error = err.Error()
	}
	c.log.Info("a command came as a message", "verb", verb, "by", cmd.By, "error", answer.Error)
	text, _ := json.Marshal(answer) // of a bool and a string
	return text
}

func readCommand(body []byte) (cmd command, err error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&cmd); err != nil {
		return command{}, fmt.Errorf("the command cannot be read: %w", err)
	}
	if cmd.By == "" {
		cmd.By = "a message"
	}
	return cmd, cmd.check()
}

var errOneTarget = errors.New("name exactly one of campaign, from, template, account and all (a template may have its account beside it)")

func (cmd *command) check() error {
	named := 0
	for _, is := range []bool{cmd.Campaign != "", cmd.From != "", cmd.Template != "", cmd.Account != "" && cmd.Template == "", cmd.All} {
		if is {
			named++
		}
	}
	switch {
	case named != 1 || cmd.Account != "" && cmd.Campaign+cmd.From != "":
		return errOneTarget
	case cmd.Campaign != "" && !job.ValidCampaign(cmd.Campaign):
		return errors.New("campaign: must be 1 to 64 of A-Z a-z 0-9 _ - (and more than a single _)")
	}
	return nil
}

func (c *control) do(ctx context.Context, verb string, cmd command) error {
	switch {
	case verb != verbPause && verb != verbResume && verb != verbCancel:
		return fmt.Errorf("%q is none of %s, %s and %s", verb, verbPause, verbResume, verbCancel)
	case verb == verbCancel && cmd.Campaign == "":
		return errors.New("only a campaign can be cancelled; pause keeps the jobs of anything else where they are")
	}
	v, err := NewView(ctx, c.nc, c.cfg.Namespace)
	if err != nil {
		return err
	}
	defer v.closeReaders()
	o := &Operator{View: v, cfg: c.cfg, by: cmd.By}
	if cmd.Campaign != "" {
		return o.doCampaign(ctx, verb, cmd)
	}
	targets, err := cmd.targets(&c.cfg)
	if err != nil {
		return err
	}
	if verb == verbPause {
		return o.Pause(ctx, targets, cmd.Reason)
	}
	_, err = o.Resume(ctx, targets, cmd.Reason)
	return err
}

// cancelPatience is how long a cancel that was asked for by message waits for jobs in
// flight.
const cancelPatience = 45 * time.Second

// doCampaign also says when a cancel is not over: jobs stayed in flight for too long,
// and nothing was purged then.
func (o *Operator) doCampaign(ctx context.Context, verb string, cmd command) error {
	switch verb {
	case verbPause:
		return o.PauseCampaign(ctx, cmd.Campaign, cmd.Reason)
	case verbResume:
		_, err := o.ResumeCampaign(ctx, cmd.Campaign, cmd.Reason)
		return err
	}
	done, err := o.CancelCampaign(ctx, cmd.Campaign, cmd.Reason, cancelPatience)
	if err == nil && done.Held > 0 {
		err = fmt.Errorf("campaign %s is cancelled, but jobs of it are still in flight (%d): cancel it again", cmd.Campaign, done.Held)
	}
	return err
}

// targets are what a command is about that is no campaign.
func (cmd *command) targets(cfg *Config) ([]sender.Target, error) {
	switch {
	case cmd.All:
		return cfg.Targets(sender.ScopeAll, "")
	case cmd.From != "":
		return cfg.Targets(sender.ScopeNumber, cmd.From)
	case cmd.Template == "":
		return cfg.Targets(sender.ScopeAccount, cmd.Account)
	case cmd.Account == "":
		return cfg.Targets(sender.ScopeTemplate, cmd.Template)
	}
	_, err := cfg.Targets(sender.ScopeAccount, cmd.Account)
	return []sender.Target{{Scope: sender.ScopeTemplate, Name: cmd.Account + "/" + cmd.Template}}, err
}
