package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Answer is something that a person does: exactly one of Button, Text, Preference,
// MovesTo and Message.
type Answer struct {
	// Button taps a quick reply of the message: its label, or its place among the
	// buttons of the template, from 0.
	Button string `json:"button,omitempty"`
	// Payload takes the place of the button's: what was sent for it, or else its
	// label. With a payload, Button need not be one of the template's.
	Payload string `json:"payload,omitempty"`
	Text    string `json:"text,omitempty"`
	// Preference is stop or resume, of marketing messages, in WhatsApp itself.
	Preference string `json:"preference,omitempty"`
	// MovesTo is the person's new number.
	MovesTo string `json:"moves_to,omitempty"`
	// Message is any message object; its from, id and timestamp may be left out.
	Message json.RawMessage `json:"message,omitempty"`

	// NoContext leaves out which message is answered, as the platform does at times.
	NoContext bool `json:"no_context,omitempty"`
	// UserIDOnly is a person with a user name: no telephone number is told.
	UserIDOnly bool `json:"user_id_only,omitempty"`
	// Sparse leaves out what is optional: contacts and business-scoped user ids.
	Sparse bool `json:"sparse,omitempty"`
	// Twice posts it a second time.
	Twice bool `json:"twice,omitempty"`
	// Delay, and a uniformly spread part of Spread, is the time until the person does
	// it: for an [AnswerRule] after the message was read.
	Delay  Duration `json:"delay,omitzero"`
	Spread Duration `json:"spread,omitzero"`
}

// AnswerKind names an [Answer] in [WebhookStats].
type AnswerKind string

// What people do. Silent is a rule that has no answer, Unable is a tap on a button
// that the message does not have.
const (
	Tap          AnswerKind = "button"
	Text         AnswerKind = "text"
	Preference   AnswerKind = "preference"
	NumberChange AnswerKind = "number_change"
	AnyMessage   AnswerKind = "message"
	Silent       AnswerKind = "silent"
	Unable       AnswerKind = "unable"
)

// preferences are the values that user_preferences can have.
var preferences = []string{"stop", "resume", "signup"}

func (a *Answer) kind() AnswerKind {
	switch {
	case a.Button != "":
		return Tap
	case a.Text != "":
		return Text
	case a.Preference != "":
		return Preference
	case a.MovesTo != "":
		return NumberChange
	}
	return AnyMessage
}

func (a *Answer) validate() error {
	given := 0
	for _, one := range []bool{a.Button != "", a.Text != "", a.Preference != "", a.MovesTo != "", len(a.Message) > 0} {
		if one {
			given++
		}
	}
	switch {
	case given != 1:
		return errors.New("an answer is one of button, text, preference, moves_to and message")
	case a.Payload != "" && a.Button == "":
		return errors.New("a payload needs a button")
	case a.Preference != "" && !slices.Contains(preferences, a.Preference):
		return fmt.Errorf("preference %q is not one of %v", a.Preference, preferences)
	case a.MovesTo != "" && phoneDigits(a.MovesTo) == "":
		return errors.New("moves_to is no telephone number")
	case len(a.Message) > 0 && json.Unmarshal(a.Message, new(map[string]json.RawMessage)) != nil:
		return errors.New("message is no JSON object")
	case a.Delay < 0 || a.Spread < 0:
		return errors.New("delay and spread must be positive")
	}
	return nil
}

// AnswerRule is what some people do when they have read a message. Each message
// meets one rule at most. Selectors left empty match everything; of the messages that
// match, each rule takes its Share, and the shares add up: 0.6 and 0.2 leave 0.2 to a
// rule without one, or to silence. Nobody answers what was not delivered.
type AnswerRule struct {
	// Share is the part of the messages; 0 is all that the rules before left.
	Share float64 `json:"share,omitempty"`
	// Times, Recipients, Suffix, Template and Number are those of [Rule].
	Times      int64    `json:"times,omitempty"`
	Recipients []string `json:"recipients,omitempty"`
	Suffix     string   `json:"suffix,omitempty"`
	Template   string   `json:"template,omitempty"`
	Number     string   `json:"number,omitempty"`
	// Answers are what the person does; none is silence.
	Answers []Answer `json:"answers,omitempty"`
}

func (r *AnswerRule) validate() error {
	switch {
	case !(r.Share >= 0 && r.Share <= 1):
		return fmt.Errorf("share is %v; it must be from 0 to 1", r.Share)
	case r.Times < 0:
		return fmt.Errorf("times is %d; it must be positive", r.Times)
	}
	for i := range r.Answers {
		if err := r.Answers[i].validate(); err != nil {
			return fmt.Errorf("answer %d: %w", i, err)
		}
	}
	return nil
}

// habit is an [AnswerRule] in force.
type habit struct {
	AnswerRule
	who   *fault
	fired atomic.Int64
}

func newHabits(rules []AnswerRule) ([]*habit, error) {
	habits := make([]*habit, len(rules))
	for i, rule := range rules {
		if err := rule.validate(); err != nil {
			return nil, fmt.Errorf("answer rule %d: %w", i, err)
		}
		who := newFault(Rule{Recipients: rule.Recipients, Suffix: rule.Suffix, Template: rule.Template, Number: rule.Number}, 0)
		habits[i] = &habit{AnswerRule: rule, who: who}
	}
	return habits, nil
}

// Salts keep the draws of a message apart from each other.
const (
	saltHabit = 1 << 40
	saltDelay = 1 << 41
)

// habitOf finds the rule that a message meets.
func habitOf(habits []*habit, number string, req *request, hash uint64) *habit {
	at, taken := draw(hash, saltHabit), 0.0
	for _, h := range habits {
		if !h.who.picks(number, req) {
			continue
		}
		if taken += h.Share; h.Share > 0 && (at < taken-h.Share || at >= taken) {
			continue
		}
		if h.Times == 0 || h.fired.Add(1) <= h.Times {
			return h
		}
	}
	return nil
}

// after is when the person does it, in the n-th place of a rule.
func (a *Answer) after(hash uint64, n int) time.Duration {
	return time.Duration(a.Delay) + time.Duration(draw(hash, saltDelay+uint64(n))*float64(a.Spread))
}

// tapped is the label and the payload of a quick reply of a message; false if it has
// no such button.
func (a *Answer) tapped(req *request, t *template) (label, payload string, ok bool) {
	label = a.Button
	place, err := strconv.Atoi(a.Button)
	if err != nil {
		place = -1
	}
	known := false
	if t != nil {
		for i, b := range t.buttons {
			if b.kind == "QUICK_REPLY" && (i == place || b.text == a.Button) {
				place, label, known = i, b.text, true
				break
			}
		}
	}
	if a.Payload != "" {
		return label, a.Payload, true
	}
	if t != nil && !known || t == nil && place < 0 {
		return "", "", false
	}
	if sent, ok := payloadAt(req, place); ok {
		return label, sent, true
	}
	return label, label, known
}

// payloadAt is what a send gave to the quick reply at a place.
func payloadAt(req *request, place int) (string, bool) {
	if req.Template == nil {
		return "", false
	}
	for i := range req.Template.Components {
		c := &req.Template.Components[i]
		if strings.EqualFold(c.Type, "button") && strings.EqualFold(c.SubType, "quick_reply") && c.Index.n == place && len(c.Parameters) > 0 {
			return c.Parameters[0].Payload, true
		}
	}
	return "", false
}
