package template

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// text is a template's text, cut at its variables.
type text struct {
	segments []segment
	// vars holds each distinct variable: by number, or by first appearance.
	vars []variable
	// fixed counts the characters outside variables.
	fixed int
}

// segment is a piece of fixed text and the variable behind it.
type segment struct {
	literal string
	// variable is an index of vars, or -1 at the end of the text.
	variable int
}

type variable struct {
	name string
	// example is what the author gave the reviewers; no recipient's data.
	example string
	// uses counts how often the text repeats the variable.
	uses int
}

// compileText cuts s. What does not look like a variable of the given format
// stays fixed text, as WhatsApp shows it.
func compileText(s string, named bool) text {
	var t text
	var names []string
	for rest := s; ; {
		literal, name, tail, ok := cutVariable(rest, named)
		t.segments = append(t.segments, segment{literal: literal, variable: -1})
		t.fixed += utf8.RuneCountInString(literal)
		if !ok {
			break
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
		rest = tail
	}
	if !named {
		slices.SortFunc(names, compareNumbers)
	}
	t.bind(s, names, named)
	return t
}

// bind points the segments at the sorted variables.
func (t *text) bind(s string, names []string, named bool) {
	t.vars = make([]variable, len(names))
	for i, name := range names {
		t.vars[i].name = name
	}
	for i, rest := 0, s; i < len(t.segments)-1; i++ {
		_, name, tail, _ := cutVariable(rest, named)
		v := slices.Index(names, name)
		t.segments[i].variable = v
		t.vars[v].uses++
		rest = tail
	}
}

// cutVariable splits s around its first variable.
func cutVariable(s string, named bool) (literal, name, tail string, ok bool) {
	for from := 0; ; {
		end := strings.Index(s[from:], "}}")
		if end < 0 {
			return s, "", "", false
		}
		end += from
		if open := strings.LastIndex(s[from:end], "{{"); open >= 0 {
			open += from
			if name = s[open+2 : end]; isVariable(name, named) {
				return s[:open], name, s[end+2:], true
			}
		}
		from = end + 2
	}
}

func isVariable(name string, named bool) bool {
	if !named {
		return isNumber(name)
	}
	return isName(name)
}

// isName holds for what can stand between braces: letters, digits and _.
func isName(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return s != ""
}

// isNumber holds for 1, 2, … up to four digits, without leading zeros.
func isNumber(s string) bool {
	if s == "" || len(s) > 4 || s[0] == '0' {
		return false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// compareNumbers orders digits without leading zeros by their value.
func compareNumbers(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// index finds a variable by name, or returns -1.
func (t *text) index(name string) int {
	for i := range t.vars {
		if t.vars[i].name == name {
			return i
		}
	}
	return -1
}

// list names the variables: {{1}}, {{2}}.
func (t *text) list() string {
	var b strings.Builder
	for i := range t.vars {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("{{" + t.vars[i].name + "}}")
	}
	return b.String()
}

// fill writes the text with its values; a variable without one stays as it is.
func (t *text) fill(value func(variable int) (string, bool)) string {
	var b strings.Builder
	for _, s := range t.segments {
		b.WriteString(s.literal)
		if s.variable < 0 {
			continue
		}
		if v, ok := value(s.variable); ok {
			b.WriteString(v)
		} else {
			b.WriteString("{{" + t.vars[s.variable].name + "}}")
		}
	}
	return b.String()
}

// describe names one variable for a person: {{2}} (example "PX-20417").
func (v *variable) describe() string {
	const most = 40
	s := "{{" + v.name + "}}"
	if v.example != "" && utf8.RuneCountInString(v.example) <= most {
		s += " (example " + strconv.Quote(v.example) + ")"
	}
	return s
}
