package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/sender"
)

// Specs changes campaigns where all workers see it; [campaign.Store] does.
type Specs interface {
	Change(ctx context.Context, id string, change func(*campaign.Spec) error) error
}

// Pauses stops what operators name, where all workers see it; [sender.Stops] does.
type Pauses interface {
	Pause(ctx context.Context, t sender.Target, reason, by string) error
	Resume(ctx context.Context, t sender.Target) error
}

// Recorder puts events on record; [queue.Events] does.
type Recorder interface {
	Record(ctx context.Context, events []job.Event) ([]uint64, error)
}

// Canceller cancels a whole campaign, with what nobody has taken of it yet.
type Canceller interface {
	CancelCampaign(ctx context.Context, id, reason, by string) error
}

// Command is what an operator asks for: one of Campaign, From, Template, Account and
// All says of what.
type Command struct {
	Campaign string `json:"campaign,omitempty"`
	// From is a phone number id.
	From string `json:"from,omitempty"`
	// Template is a name; with Account that of one account, else of all.
	Template string `json:"template,omitempty"`
	Account  string `json:"account,omitempty"`
	All      bool   `json:"all,omitempty"`
	// Reason is why, and By who says so, for people.
	Reason string `json:"reason,omitempty"`
	By     string `json:"by,omitempty"`
}

// Control takes commands that come as messages. What it writes, all workers watch, so
// any one may take a command. It is safe for concurrent use.
type Control struct {
	Specs    Specs
	Pauses   Pauses
	Accounts *sender.Directory
	// Canceller may be nil: then a campaign is only marked, and its jobs end one by one.
	Canceller Canceller
	// Events may be nil: then nothing is on record but what happens.
	Events Recorder
	// Source is what the events say they come from.
	Source string
	Log    *slog.Logger
}

// The verbs of [Control.Handle].
const (
	VerbPause  = "pause"
	VerbResume = "resume"
	VerbCancel = "cancel"
)

// Handle does what the JSON of a [Command] asks for and returns the JSON of an
// answer: {"ok":true}, or {"error":"…"} with what to do about it.
func (c *Control) Handle(ctx context.Context, verb string, body []byte) []byte {
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
	c.Log.Info("a command came as a message", "verb", verb, "by", cmd.By, "error", answer.Error)
	text, _ := json.Marshal(answer) // of a bool and a string
	return text
}

func readCommand(body []byte) (cmd Command, err error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&cmd); err != nil {
		return Command{}, fmt.Errorf("the command cannot be read: %w", err)
	}
	if cmd.By == "" {
		cmd.By = "a message"
	}
	return cmd, cmd.check()
}

var errTarget = errors.New("name exactly one of campaign, from, template, account and all (a template may have its account beside it)")

func (cmd *Command) check() error {
	named := 0
	for _, name := range []string{cmd.Campaign, cmd.From, cmd.Template} {
		if name != "" {
			named++
		}
	}
	if cmd.All {
		named++
	}
	if cmd.Account != "" && cmd.Template == "" {
		named++
	}
	if named != 1 {
		return errTarget
	}
	return nil
}

func (c *Control) do(ctx context.Context, verb string, cmd Command) error {
	switch {
	case verb != VerbPause && verb != VerbResume && verb != VerbCancel:
		return fmt.Errorf("%q is none of %s, %s and %s", verb, VerbPause, VerbResume, VerbCancel)
	case cmd.Campaign != "":
		return c.campaign(ctx, verb, cmd)
	case verb == VerbCancel:
		return errors.New("only a campaign can be cancelled; pause keeps the jobs of anything else where they are")
	}
	targets, err := c.targets(cmd)
	if err != nil {
		return err
	}
	for _, t := range targets {
		if verb == VerbPause {
			err = c.Pauses.Pause(ctx, t, cmd.Reason, cmd.By)
		} else {
			err = c.Pauses.Resume(ctx, t)
		}
		if err != nil {
			return fmt.Errorf("%s %s %s: %w", verb, t.Scope, t.Name, err)
		}
		if err := c.record(ctx, verb, cmd, ChangeOf(t)); err != nil {
			return err
		}
	}
	return nil
}

func (c *Control) campaign(ctx context.Context, verb string, cmd Command) error {
	if !job.ValidCampaign(cmd.Campaign) {
		return errors.New("campaign: must be 1 to 64 of A-Z a-z 0-9 _ - (and more than a single _)")
	}
	if verb == VerbCancel && c.Canceller != nil {
		return c.Canceller.CancelCampaign(ctx, cmd.Campaign, cmd.Reason, cmd.By)
	}
	now := time.Now()
	err := c.Specs.Change(ctx, cmd.Campaign, func(s *campaign.Spec) error {
		switch verb {
		case VerbPause:
			return s.Pause(cmd.Reason, cmd.By, now)
		case VerbResume:
			return s.Resume(cmd.Reason, cmd.By, now)
		}
		s.Cancel(cmd.Reason, cmd.By, now)
		return nil
	})
	if err != nil {
		return err
	}
	return c.record(ctx, verb, cmd, job.EventData{Kind: job.CampaignChanged, Campaign: cmd.Campaign})
}

// targets are what a command is about that is no campaign.
func (c *Control) targets(cmd Command) ([]sender.Target, error) {
	switch {
	case cmd.All:
		return []sender.Target{sender.Everything()}, nil
	case cmd.From != "":
		if _, err := c.Accounts.Lookup(cmd.From); err != nil {
			return nil, err
		}
		return []sender.Target{{Scope: sender.ScopeNumber, Name: cmd.From}}, nil
	}
	var targets []sender.Target
	for _, a := range c.Accounts.Accounts() {
		switch {
		case cmd.Account != "" && a.WABA != cmd.Account:
		case cmd.Template != "":
			targets = append(targets, sender.Target{Scope: sender.ScopeTemplate, Name: a.WABA + "/" + cmd.Template})
		default:
			targets = append(targets, sender.Target{Scope: sender.ScopeAccount, Name: a.WABA})
		}
	}
	if len(targets) == 0 {
		return nil, fmt.Errorf("account %s is none of this wacast", cmd.Account)
	}
	return targets, nil
}

// ChangeOf is what an event says of a change of a target, up to what was done to it.
func ChangeOf(t sender.Target) job.EventData {
	data := job.EventData{Kind: job.AccountChanged, Detail: string(t.Scope) + " " + t.Name + " "}
	switch t.Scope {
	case sender.ScopeNumber:
		data.Kind, data.From = job.SenderChanged, t.Name
	case sender.ScopeTemplate:
		_, name, _ := strings.Cut(t.Name, "/")
		data.Kind, data.Template = job.TemplateChanged, name
	}
	return data
}

func (c *Control) record(ctx context.Context, verb string, cmd Command, data job.EventData) error {
	if c.Events == nil {
		return nil
	}
	switch verb {
	case VerbPause:
		data.Reason, data.Detail = job.ReasonPaused, data.Detail+"paused"
	case VerbCancel:
		data.Reason, data.Detail = job.ReasonCancelled, data.Detail+"cancelled"
	default:
		data.Detail += "resumed"
	}
	if cmd.Reason != "" {
		data.Detail += ": " + cmd.Reason
	}
	data.Detail += " (by " + cmd.By + ")"
	if _, err := c.Events.Record(ctx, []job.Event{job.NewEvent(c.Source, time.Now(), data)}); err != nil {
		return fmt.Errorf("it is done, but not on record: %w", err)
	}
	return nil
}
