package template

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	gotemplate "text/template"
	"time"
	"unicode"
	"unicode/utf8"
)

// function is what an expression may call.
type function struct {
	// call is nil for text/template's own.
	call any
	// min and max count the arguments; max 0 is any number.
	min, max int
	usage    string
}

func functions() map[string]function {
	order := func(holds func(int) bool) function {
		return function{func(a, b any) (bool, error) {
			n, err := compare(a, b)
			return holds(n), err
		}, 2, 2, "two values"}
	}
	return map[string]function{
		"upper":    {onText(strings.ToUpper), 1, 1, "one value"},
		"lower":    {onText(strings.ToLower), 1, 1, "one value"},
		"title":    {onText(title), 1, 1, "one value"},
		"trim":     {onText(strings.TrimSpace), 1, 1, "one value"},
		"default":  {orDefault, 2, 2, "what to say in place of an empty value, and the value"},
		"replace":  {onTexts(replace), 3, 3, "the old text, the new text and the value"},
		"truncate": {onTexts(truncate), 2, 2, "the number of characters and the value"},
		"date":     {onTexts(date), 2, 2, `a layout such as "02/01/2006 15:04" and the value`},
		"index":    {index, 2, 0, `a value and the names in it, such as index . "First name"`},
		"len":      {length, 1, 1, "one value"},
		"eq":       {equalsAny, 2, 0, "a value and those it may equal"},
		"ne":       {func(a, b any) bool { return !equal(a, b) }, 2, 2, "two values"},
		"lt":       order(func(n int) bool { return n < 0 }),
		"le":       order(func(n int) bool { return n <= 0 }),
		"gt":       order(func(n int) bool { return n > 0 }),
		"ge":       order(func(n int) bool { return n >= 0 }),
		"and":      {nil, 1, 0, "values"},
		"or":       {nil, 1, 0, "values"},
		"not":      {nil, 1, 1, "one value"},
	}
}

// calls is what text/template does not have.
func calls(functions map[string]function) gotemplate.FuncMap {
	own := gotemplate.FuncMap{}
	for name, fn := range functions {
		if fn.call != nil {
			own[name] = fn.call
		}
	}
	return own
}

// onTexts makes a function of values from one of their texts.
func onTexts(fn func(s []string) (string, error)) func(...any) (string, error) {
	return func(values ...any) (string, error) {
		texts := make([]string, len(values))
		for i, v := range values {
			var err error
			if texts[i], err = asText(v); err != nil {
				return "", err
			}
		}
		return fn(texts)
	}
}

func onText(fn func(string) string) func(any) (string, error) {
	return func(v any) (string, error) {
		s, err := asText(v)
		return fn(s), err
	}
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

func orDefault(instead, v any) any {
	if truth, _ := gotemplate.IsTrue(v); truth {
		return v
	}
	return instead
}

func replace(s []string) (string, error) {
	from, to, in := s[0], s[1], s[2]
	if from == "" {
		return "", errors.New("the old text is empty")
	}
	// Asked before the text is made: stages of a pipeline would multiply it.
	if len(in)+strings.Count(in, from)*(len(to)-len(from)) > maxValue {
		return "", fmt.Errorf("yields more than %d bytes", maxValue)
	}
	return strings.ReplaceAll(in, from, to), nil
}

func truncate(s []string) (string, error) {
	n, err := strconv.Atoi(s[0])
	if err != nil || n < 0 {
		return "", errors.New("the number of characters must be 0 or more")
	}
	for at := range s[1] {
		if n == 0 {
			return s[1][:at], nil
		}
		n--
	}
	return s[1], nil
}

// date writes a date of one of the usual machine forms in another layout, with
// the clock and zone it came with.
func date(s []string) (string, error) {
	for _, known := range []string{time.RFC3339, time.DateOnly, time.DateTime, "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if t, err := time.Parse(known, s[1]); err == nil {
			return t.Format(s[0]), nil
		}
	}
	return "", errors.New("the value is no date such as 2026-11-23, 2026-11-23 09:30 or 2026-11-23T09:30:00-03:00")
}

// index reaches what a field's syntax cannot name. A name may come from the row,
// so the error does not quote it.
func index(v any, names ...any) (any, error) {
	for _, name := range names {
		s, err := asText(name)
		if err != nil {
			return nil, err
		}
		m, _ := v.(map[string]any)
		inner, ok := m[s]
		if !ok {
			return nil, errors.New("the value has no such field or element")
		}
		v = inner
	}
	return v, nil
}

func length(v any) (int, error) {
	if m, ok := v.(map[string]any); ok {
		return len(m), nil
	}
	s, err := asText(v)
	return utf8.RuneCountInString(s), err
}
