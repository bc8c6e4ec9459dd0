package template

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// function is what an expression may call.
type function struct {
	// min and max count the arguments; max 0 is any number.
	min, max int
	usage    string
	call     func(args []any) (any, error)
	// stop is set for and, or, which do not evaluate what cannot matter.
	stop func(any) bool
}

const functionNames = "and, date, default, eq, ge, gt, index, le, len, lower, lt, ne, not, or, replace, title, trim, truncate, upper"

func functionNamed(name string) (function, bool) {
	switch name {
	case "upper":
		return onText(strings.ToUpper), true
	case "lower":
		return onText(strings.ToLower), true
	case "title":
		return onText(title), true
	case "trim":
		return onText(strings.TrimSpace), true
	case "default":
		return function{min: 2, max: 2, usage: "what to say in place of an empty value, and the value", call: callDefault}, true
	case "replace":
		return function{min: 3, max: 3, usage: "the old text, the new text and the value", call: callReplace}, true
	case "truncate":
		return function{min: 2, max: 2, usage: "the number of characters and the value", call: callTruncate}, true
	case "date":
		return function{min: 2, max: 2, usage: `a layout such as "02/01/2006 15:04" and the value`, call: callDate}, true
	case "index":
		return function{min: 2, usage: `a value and the names in it, such as index . "First name"`, call: callIndex}, true
	case "len":
		return function{min: 1, max: 1, usage: "one value", call: callLen}, true
	case "not":
		return function{min: 1, max: 1, usage: "one value", call: func(a []any) (any, error) { return !truth(a[0]), nil }}, true
	case "and":
		return function{min: 1, usage: "values", stop: func(v any) bool { return !truth(v) }}, true
	case "or":
		return function{min: 1, usage: "values", stop: truth}, true
	}
	return comparison(name)
}

// comparison finds eq, ne, lt, le, gt, ge.
func comparison(name string) (function, bool) {
	order := func(holds func(int) bool) function {
		return function{min: 2, max: 2, usage: "two values", call: func(a []any) (any, error) {
			n, err := compare(a[0], a[1])
			return err == nil && holds(n), err
		}}
	}
	switch name {
	case "eq":
		return function{min: 2, usage: "a value and those it may equal", call: func(a []any) (any, error) { return equalsAny(a[0], a[1:]), nil }}, true
	case "ne":
		return function{min: 2, max: 2, usage: "two values", call: func(a []any) (any, error) { return !equal(a[0], a[1]), nil }}, true
	case "lt":
		return order(func(n int) bool { return n < 0 }), true
	case "le":
		return order(func(n int) bool { return n <= 0 }), true
	case "gt":
		return order(func(n int) bool { return n > 0 }), true
	case "ge":
		return order(func(n int) bool { return n >= 0 }), true
	}
	return function{}, false
}

func equalsAny(v any, others []any) bool {
	for _, other := range others {
		if equal(v, other) {
			return true
		}
	}
	return false
}

// onText makes a function of one value from one of strings.
func onText(fn func(string) string) function {
	return function{min: 1, max: 1, usage: "one value", call: func(a []any) (any, error) {
		s, err := asText(a[0])
		if err != nil {
			return nil, err
		}
		return fn(s), nil
	}}
}

// title writes each word with one capital: "JUAN PÉREZ" becomes "Juan Pérez".
func title(s string) string {
	inWord := false
	return strings.Map(func(r rune) rune {
		was := inWord
		inWord = unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) || r == '\'' || r == '’'
		if was {
			return unicode.ToLower(r)
		}
		return unicode.ToTitle(r)
	}, s)
}

func callDefault(a []any) (any, error) {
	if truth(a[1]) {
		return a[1], nil
	}
	return a[0], nil
}

func callReplace(a []any) (any, error) {
	var s [3]string
	for i := range s {
		var err error
		if s[i], err = asText(a[i]); err != nil {
			return nil, err
		}
	}
	from, to, in := s[0], s[1], s[2]
	if from == "" {
		return nil, errors.New("the old text is empty")
	}
	// Asked before the text is made: stages of a pipeline would multiply it.
	if len(in)+strings.Count(in, from)*(len(to)-len(from)) > maxValue {
		return nil, fmt.Errorf("yields more than %d bytes", maxValue)
	}
	return strings.ReplaceAll(in, from, to), nil
}

func callTruncate(a []any) (any, error) {
	n, ok := asNumber(a[0])
	if !ok || !n.isInt || n.i < 0 {
		return nil, errors.New("the number of characters must be 0 or more")
	}
	s, err := asText(a[1])
	if err != nil {
		return nil, err
	}
	for at := range s {
		if n.i == 0 {
			return s[:at], nil
		}
		n.i--
	}
	return s, nil
}

// callDate writes a date of one of the usual machine forms in another layout,
// with the clock and zone it came with.
func callDate(a []any) (any, error) {
	layout, ok := a[0].(string)
	if !ok {
		return nil, errors.New(`the layout must be text such as "02/01/2006 15:04"`)
	}
	s, err := asText(a[1])
	if err != nil {
		return nil, err
	}
	for _, known := range []string{time.RFC3339, time.DateOnly, time.DateTime, "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if t, err := time.Parse(known, s); err == nil {
			return t.Format(layout), nil
		}
	}
	return nil, errors.New("the value is no date such as 2026-11-23, 2026-11-23 09:30 or 2026-11-23T09:30:00-03:00")
}

// callIndex reaches what a field's syntax cannot name.
func callIndex(a []any) (any, error) {
	v := a[0]
	for _, k := range a[1:] {
		if list, ok := v.([]any); ok {
			n, ok := asNumber(k)
			if !ok || !n.isInt || n.i < 0 || n.i >= int64(len(list)) {
				return nil, errors.New("the list has no such element")
			}
			v = list[n.i]
			continue
		}
		name, ok := k.(string)
		if !ok {
			return nil, errors.New("a field's name must be text")
		}
		var err error
		if v, err = field(v, name); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func callLen(a []any) (any, error) {
	switch v := a[0].(type) {
	case map[string]any:
		return int64(len(v)), nil
	case []any:
		return int64(len(v)), nil
	}
	s, err := asText(a[0])
	if err != nil {
		return nil, err
	}
	return int64(utf8.RuneCountInString(s)), nil
}
