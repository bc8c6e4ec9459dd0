package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// definition is a template as the API lists it.
type definition struct {
	Name       string          `json:"name"`
	Language   string          `json:"language"`
	Status     string          `json:"status"`
	Category   string          `json:"category"`
	Format     string          `json:"parameter_format"`
	Components []componentSpec `json:"components"`
}

type componentSpec struct {
	Type    string       `json:"type"`
	Format  string       `json:"format"`
	Text    string       `json:"text"`
	Buttons []buttonSpec `json:"buttons"`
	Cards   []struct {
		Components []componentSpec `json:"components"`
	} `json:"cards"`
}

type buttonSpec struct {
	Type string `json:"type"`
	Text string `json:"text"`
	URL  string `json:"url"`
}

// Lengths of hydrated texts, Cloud API fact sheet 3.7.
const (
	maxHeader    = 60
	maxText      = 1024
	maxOfferText = 600
	maxCardText  = 160
	maxURL       = 2000
)

// template is a definition made ready to judge sends by.
type template struct {
	name, language   string
	status, category string
	named            bool
	// listed is the definition as the list of templates shows it.
	listed map[string]json.RawMessage
	form
	cards []form
}

// form is what can be filled in: the template itself or a carousel card.
type form struct {
	// header is the format of the header: TEXT, IMAGE, …, or "" for none.
	header     string
	headerText pattern
	body       pattern
	maxBody    int
	buttons    []button
}

// templateKey names a template within an account; "en" and "en_US" are two.
type templateKey struct{ name, language string }

// parseTemplates reads a template object, an array of them, or a list answer.
func parseTemplates(raw json.RawMessage) ([]*template, error) {
	var objects []json.RawMessage
	if trimmed := bytes.TrimSpace(raw); len(trimmed) > 0 && trimmed[0] == '[' {
		if err := json.Unmarshal(raw, &objects); err != nil {
			return nil, err
		}
	} else {
		var list struct {
			Data []json.RawMessage `json:"data"`
		}
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, err
		}
		if objects = list.Data; objects == nil {
			objects = []json.RawMessage{raw}
		}
	}
	templates := make([]*template, 0, len(objects))
	for _, object := range objects {
		t, err := parseTemplate(object)
		if err != nil {
			return nil, err
		}
		templates = append(templates, t)
	}
	return templates, nil
}

func parseTemplate(raw json.RawMessage) (*template, error) {
	var d definition
	if err := json.Unmarshal(raw, &d); err != nil {
		return nil, err
	}
	if d.Name == "" || d.Language == "" {
		return nil, errors.New("a template without name or language")
	}
	if d.Status == "" { // a definition to be created, not one listed
		d.Status = approved
	}
	t := &template{name: d.Name, language: d.Language, status: strings.ToUpper(d.Status), category: strings.ToUpper(d.Category)}
	t.listed = listing(raw, t)
	t.form = newForm(d.Components, maxText)
	for _, c := range d.Components {
		for _, card := range c.Cards {
			t.cards = append(t.cards, newForm(card.Components, maxCardText))
		}
	}
	t.named = strings.EqualFold(d.Format, "NAMED")
	if !t.named && !t.headerText.positional() || !t.named && !t.body.positional() {
		return nil, fmt.Errorf("template %s (%s): a POSITIONAL template has a variable that is no number", d.Name, d.Language)
	}
	return t, nil
}

func newForm(components []componentSpec, maxBody int) form {
	f := form{maxBody: maxBody}
	for _, c := range components {
		switch strings.ToUpper(c.Type) {
		case "HEADER":
			f.header = strings.ToUpper(c.Format)
			f.headerText = parsePattern(c.Text)
		case "BODY":
			f.body = parsePattern(c.Text)
		case "BUTTONS":
			for _, b := range c.Buttons {
				f.buttons = append(f.buttons, newButton(b))
			}
		case "LIMITED_TIME_OFFER":
			f.maxBody = min(f.maxBody, maxOfferText)
		}
	}
	return f
}

// pattern is a text with variables: piece, variable, piece, variable, … piece.
type pattern struct {
	pieces []string
	vars   []string
	// names are the distinct variables in the order they appear.
	names []string
}

func parsePattern(text string) pattern {
	var p pattern
	for {
		before, rest, open := strings.Cut(text, "{{")
		name, after, closed := strings.Cut(rest, "}}")
		if !open || !closed {
			p.pieces = append(p.pieces, text)
			return p
		}
		name = strings.TrimSpace(name)
		p.pieces = append(p.pieces, before)
		p.vars = append(p.vars, name)
		if !slices.Contains(p.names, name) {
			p.names = append(p.names, name)
		}
		text = after
	}
}

func (p pattern) positional() bool {
	return !slices.ContainsFunc(p.names, func(name string) bool {
		n, err := strconv.Atoi(name)
		return err != nil || n < 1
	})
}

// fill puts parameters in. It leaves out what is not there, which an earlier
// check has refused.
func (p pattern) fill(params []parameter, named bool) string {
	if len(p.vars) == 0 {
		return strings.Join(p.pieces, "")
	}
	var b strings.Builder
	b.Grow(p.size(params, named))
	for i, name := range p.vars {
		b.WriteString(p.pieces[i])
		if value := find(params, name, named); value != nil {
			b.WriteString(value.text())
		}
	}
	b.WriteString(p.pieces[len(p.vars)])
	return b.String()
}

// size is the length of what fill makes, in bytes.
func (p pattern) size(params []parameter, named bool) int {
	n := 0
	for _, piece := range p.pieces {
		n += len(piece)
	}
	for _, name := range p.vars {
		if value := find(params, name, named); value != nil {
			n += len(value.text())
		}
	}
	return n
}

func find(params []parameter, name string, named bool) *parameter {
	if !named {
		n, err := strconv.Atoi(name)
		if err != nil || n < 1 || n > len(params) {
			return nil
		}
		return &params[n-1]
	}
	i := slices.IndexFunc(params, func(p parameter) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return &params[i]
}
