package simulator

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Inbound is one thing to be posted that no message calls for: what a person does
// (an [Answer], to Number), or any value that the platform may post (Field and Value,
// of the account of Number or of WABA).
type Inbound struct {
	Answer
	// Number is the id of the number that the person writes to.
	Number string `json:"number,omitempty"`
	// From is the person's telephone number. UserID is the business-scoped user id: of
	// itself one that goes with the number.
	From   string `json:"from,omitempty"`
	UserID string `json:"user_id,omitempty"`
	Name   string `json:"name,omitempty"`
	// About is the id of the message that is answered; without it there is no context.
	About string `json:"about,omitempty"`
	// ID is that of the message itself, made up if it is left out.
	ID string `json:"id,omitempty"`

	WABA  string          `json:"waba,omitempty"`
	Field string          `json:"field,omitempty"`
	Value json.RawMessage `json:"value,omitempty"`
}

// Post posts to the webhook whatever it is given, and answers the ids of messages
// among it, "" for others.
func (s *Server) Post(all ...Inbound) ([]string, error) {
	if s.hooks == nil {
		return nil, errNoWebhooks
	}
	ids := make([]string, len(all))
	var out []news
	for i := range all {
		var err error
		if ids[i], out, err = s.inbound(&all[i], out); err != nil {
			return nil, fmt.Errorf("simulator: inbound %d: %w", i, err)
		}
	}
	s.hooks.tell(out)
	return ids, nil
}

func (s *Server) inbound(in *Inbound, out []news) (string, []news, error) {
	if in.Field != "" || len(in.Value) > 0 {
		one, err := s.anyValue(in)
		return "", append(out, one), err
	}
	if err := in.Answer.validate(); err != nil {
		return "", nil, err
	}
	n := s.accounts.number(in.Number)
	if n == nil {
		return "", nil, fmt.Errorf("number %q does not exist", in.Number)
	}
	l := &letter{number: n, waID: waID(phoneDigits(in.From)), userID: in.UserID, name: cmp.Or(in.Name, someone), about: in.About}
	switch {
	case in.From != "" && l.waID == "":
		return "", nil, errors.New("from is no telephone number")
	case in.From == "" && in.UserID == "":
		return "", nil, errors.New("from or user_id is missing")
	case l.userID == "":
		l.userID = userID(n.account.waba, l.waID)
	}
	due := in.after(s.sequence.Add(1), 0)
	l.at = s.cfg.Clock().Add(due)
	if l.id = in.ID; l.id == "" && in.Preference == "" {
		l.id = s.wamid(cmp.Or(l.waID, l.userID))
	}
	return l.id, l.news(out, &in.Answer, in.Button, cmp.Or(in.Payload, in.Button), due), nil
}

// anyValue is a change with any value.
func (s *Server) anyValue(in *Inbound) (news, error) {
	if in.Field == "" || !json.Valid(in.Value) {
		return news{}, errors.New("field and value belong together, and the value must be JSON")
	}
	a := s.accounts.accountOf(in.WABA, in.Number)
	if a == nil {
		return news{}, errors.New("waba or number does not exist")
	}
	one := news{account: a, field: in.Field, change: appendChangeOf(nil, in.Field, in.Value), due: time.Duration(in.Delay)}
	if in.Field != messages && in.Field != "user_preferences" {
		one.stamp = s.cfg.Clock().Add(one.due).Unix()
	}
	return one, nil
}

// accountOf is an account by its id, or by that of one of its numbers.
func (a *accounts) accountOf(waba, number string) *account {
	if a.anyone != nil {
		return a.anyone
	}
	if waba == "" {
		if n := a.number(number); n != nil {
			return n.account
		}
		return nil
	}
	for _, one := range a.all {
		if one.waba == waba {
			return one
		}
	}
	return nil
}

// SetAnswers replaces the rules by which people answer. What the old ones have counted
// is forgotten; answers under way still come.
func (s *Server) SetAnswers(rules []AnswerRule) error {
	if s.hooks == nil {
		return errNoWebhooks
	}
	if err := s.hooks.setAnswers(rules); err != nil {
		return fmt.Errorf("simulator: %w", err)
	}
	return nil
}

// Answers are the rules by which people answer.
func (s *Server) Answers() []AnswerRule {
	rules := []AnswerRule{}
	if s.hooks == nil {
		return rules
	}
	for _, h := range *s.hooks.habits.Load() {
		rules = append(rules, h.AnswerRule)
	}
	return rules
}

func (s *Server) controlAnswers(r *http.Request) (any, error) {
	var rules []AnswerRule
	if err := decodeStrict(r, &rules); err != nil {
		return nil, err
	}
	if err := s.SetAnswers(rules); err != nil {
		return nil, err
	}
	return s.Answers(), nil
}

// controlInbound takes one [Inbound] or a list of them.
func (s *Server) controlInbound(r *http.Request) (any, error) {
	var body json.RawMessage
	if err := decodeStrict(r, &body); err != nil {
		return nil, err
	}
	if body[0] != '[' {
		body = append(append(json.RawMessage{'['}, body...), ']')
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	var all []Inbound
	if err := d.Decode(&all); err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	ids, err := s.Post(all...)
	if err != nil {
		return nil, err
	}
	return map[string][]string{"ids": ids}, nil
}
