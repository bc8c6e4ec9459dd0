package template

import (
	"fmt"
	"strconv"
	"strings"
)

// Lint says what the platform would refuse in a definition that is yet to be created,
// and what keeps one that exists from being sent (fact sheet 4.1 and 4.2). Parameters
// of a job are checked by [Definition.Render].
func (d *Definition) Lint() []string {
	var found []string
	if err := d.Sendable(); err != nil {
		found = append(found, strings.TrimPrefix(err.Error(), ErrNotApproved.Error()+": "))
	}
	// Texts of authentication templates are the platform's own, and what has an id has
	// been through its review.
	if d.category == "AUTHENTICATION" || d.id != "" {
		return found
	}
	for _, problem := range d.main.lint(d.named) {
		found = append(found, d.String()+" "+problem)
	}
	for i := range d.cards {
		for _, problem := range d.cards[i].lint(d.named) {
			found = append(found, fmt.Sprintf("%s card %d, %s", d, i, problem))
		}
	}
	return found
}

func (s *section) lint(named bool) []string {
	found := s.body.lint("body", s.bodyLimit, named)
	found = append(found, s.body.placed()...)
	if s.header != nil && s.header.format == "TEXT" {
		found = append(found, s.header.text.lint("header", maxHeader, named)...)
	}
	return found
}

// lint checks what holds for every text with variables.
func (t *text) lint(place string, limit int, named bool) (found []string) {
	add := func(format string, args ...any) { found = append(found, place+": "+fmt.Sprintf(format, args...)) }
	if t.fixed > limit {
		add("has %d characters beside its variables, where %d is the most", t.fixed, limit)
	}
	for i := range t.vars {
		v := &t.vars[i]
		if !named && v.name != strconv.Itoa(i+1) {
			add("variables must be {{1}}, {{2}} and so on without a gap, and there is no {{%d}}", i+1)
			break
		}
		if named && strings.Trim(v.name, "abcdefghijklmnopqrstuvwxyz_") != "" {
			add("the name of {{%s}} may have small letters and _ alone", v.name)
		}
		if v.example == "" {
			add("{{%s}} has no example, which reviewers ask for", v.name)
		}
	}
	for _, s := range t.segments {
		if _, inner, ok := strings.Cut(s.literal, "{{"); ok {
			name, _, _ := strings.Cut(inner, "}}")
			add("{{%s}} is no variable in this format, and recipients would read it as it stands", strings.TrimSpace(name))
		}
	}
	return found
}

// placed checks where the variables of a body stand.
func (t *text) placed() (found []string) {
	last := len(t.segments) - 1
	for i, s := range t.segments {
		if strings.TrimSpace(s.literal) != "" || last < 1 {
			continue
		}
		switch i {
		case 0:
			found = append(found, "body: must not begin with a variable")
		case last:
			found = append(found, "body: must not end with a variable")
		default:
			found = append(found, fmt.Sprintf("body: {{%s}} and {{%s}} stand next to each other",
				t.vars[t.segments[i-1].variable].name, t.vars[s.variable].name))
		}
	}
	return found
}
