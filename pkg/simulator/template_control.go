package simulator

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// TemplateChange is what the platform decides about a template. What is empty stays.
type TemplateChange struct {
	// WABA and Language say which one; empty, all that have the name.
	WABA     string `json:"waba,omitempty"`
	Language string `json:"language,omitempty"`
	// Status is such as APPROVED, PAUSED or DISABLED: sends are refused with 132015
	// while a template is paused, and with 132016 when it is disabled.
	Status string `json:"status,omitempty"`
	// Title is that of the webhook's other_info, such as SECOND_PAUSE.
	Title    string `json:"title,omitempty"`
	Quality  string `json:"quality,omitempty"`
	Category string `json:"category,omitempty"`
	// Silent posts no webhook. Delay is how much later than the change it comes.
	Silent bool     `json:"silent,omitempty"`
	Delay  Duration `json:"delay,omitzero"`
}

// SetTemplate changes what the platform says of a template, from the next message
// on, and posts the webhooks that tell of it.
func (s *Server) SetTemplate(name string, change TemplateChange) error {
	if change.Status == "" && change.Quality == "" && change.Category == "" {
		return errors.New("simulator: a template's status, quality or category is to be given")
	}
	found := false
	var out []news
	for _, a := range s.accounts.all {
		if change.WABA != "" && change.WABA != a.waba {
			continue
		}
		for _, u := range a.change(name, &change) {
			found = true
			out = append(out, u.news(a, &change, s.cfg.Clock())...)
		}
	}
	if !found {
		return fmt.Errorf("simulator: template %q does not exist", name)
	}
	if s.hooks != nil && !change.Silent {
		s.hooks.tell(out)
	}
	return nil
}

// turn is a template before and after a change.
type turn struct{ was, is *template }

// change replaces the templates that it is about by changed ones.
func (a *account) change(name string, change *TemplateChange) []turn {
	a.mu.Lock()
	defer a.mu.Unlock()
	var turns []turn
	templates := maps.Clone(*a.templates.Load())
	for key, t := range templates {
		if key.name != name || change.Language != "" && change.Language != key.language {
			continue
		}
		is := *t
		is.status, is.category = cmp.Or(strings.ToUpper(change.Status), t.status), cmp.Or(strings.ToUpper(change.Category), t.category)
		is.listed = maps.Clone(t.listed)
		is.listed["status"], is.listed["category"] = mustJSON(is.status), mustJSON(is.category)
		if change.Quality != "" {
			is.listed["quality_score"] = mustJSON(object{"score": strings.ToUpper(change.Quality)})
		}
		templates[key] = &is
		turns = append(turns, turn{t, &is})
	}
	a.templates.Store(&templates)
	return turns
}

// news are the webhooks that tell of a change.
func (u turn) news(a *account, change *TemplateChange, now time.Time) []news {
	var out []news
	tell := func(field string, more object) {
		value := object{
			"message_template_id": u.is.number(), "message_template_name": u.is.name, "message_template_language": u.is.language,
		}
		maps.Copy(value, more)
		due := time.Duration(change.Delay)
		out = append(out, news{account: a, field: field, stamp: now.Add(due).Unix(), change: appendChangeOf(nil, field, mustJSON(value)), due: due})
	}
	if change.Category != "" {
		tell("template_category_update", object{"previous_category": u.was.category, "new_category": u.is.category})
	}
	if change.Quality != "" {
		tell("message_template_quality_update", object{"previous_quality_score": u.was.quality(), "new_quality_score": u.is.quality()})
	}
	if change.Status != "" {
		tell("message_template_status_update", u.status(change.Title, now))
	}
	return out
}

// status is what message_template_status_update says beside the template.
func (u turn) status(title string, now time.Time) object {
	value := object{"event": u.is.status, "reason": "NONE", "message_template_category": u.is.category}
	text := "Your WhatsApp message template is " + strings.ToLower(u.is.status) + "."
	switch {
	case u.is.status == "PAUSED":
		title = cmp.Or(title, "FIRST_PAUSE")
		text = "Your WhatsApp message template has been paused for 3 hours."
		if title == "SECOND_PAUSE" {
			text = "Your WhatsApp message template has been paused for 6 hours."
		}
	case u.is.status == "DISABLED":
		title = cmp.Or(title, "DISABLED")
		text = "Your WhatsApp message template has been disabled."
		value["disable_info"] = object{"disable_date": now.Unix()}
	case u.is.status == approved && u.was.status == "PAUSED":
		title = cmp.Or(title, "UNPAUSE")
		text = "Your WhatsApp message template has been unpaused."
	case strings.HasSuffix(u.is.status, "DELETION") || u.is.status == "DELETED":
		value["reason"] = nil
	}
	if title != "" {
		value["other_info"] = object{"title": title, "description": text}
	}
	return value
}

// approved is the status of a template that can be sent.
const approved = "APPROVED"

// number is the template's id as webhooks give it: a JSON number.
func (t *template) number() json.RawMessage {
	var id string
	if json.Unmarshal(t.listed["id"], &id) == nil && isDigits(id) {
		return json.RawMessage(id)
	}
	return json.RawMessage(strconv.FormatUint(1e15+fnv(t.name+"/"+t.language)%1e15, 10))
}

func (t *template) quality() string {
	var q struct{ Score string }
	_ = json.Unmarshal(t.listed["quality_score"], &q)
	return cmp.Or(q.Score, "UNKNOWN")
}

func (s *Server) controlTemplate(r *http.Request) (any, error) {
	var change TemplateChange
	if err := decodeStrict(r, &change); err != nil {
		return nil, err
	}
	return done{true}, s.SetTemplate(r.PathValue("name"), change)
}
