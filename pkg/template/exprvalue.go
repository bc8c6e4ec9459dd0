package template

import (
	"cmp"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
)

// asText is how a value is shown. What would be shown as <nil> or map[…] to a
// recipient is an error.
func asText(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case json.Number:
		return string(v), nil
	case bool:
		return strconv.FormatBool(v), nil
	case int:
		return strconv.Itoa(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case float64:
		if math.Abs(v) >= 1e21 || math.IsNaN(v) {
			return "", errors.New("the number is too large to show")
		}
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case nil:
		return "", errors.New(`the value is null; a default helps: {{.field | default "…"}}`)
	}
	return "", errors.New("the value is no text, number or boolean")
}

// truth is what if, with, and, or, not and default ask: is there anything?
func truth(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case map[string]any:
		return len(v) > 0
	case map[string]string:
		return len(v) > 0
	case []any:
		return len(v) > 0
	case json.Number, int, int64, float64:
		n, ok := asNumber(v)
		return !ok || n.f != 0
	}
	return true
}

// number keeps whole numbers exact: ids have more digits than a float64.
type number struct {
	f     float64
	i     int64
	isInt bool
}

func asNumber(v any) (number, bool) {
	switch v := v.(type) {
	case json.Number:
		return parseNumber(string(v))
	case string:
		return parseNumber(strings.TrimSpace(v))
	case int:
		return number{f: float64(v), i: int64(v), isInt: true}, true
	case int64:
		return number{f: float64(v), i: v, isInt: true}, true
	case float64:
		return number{f: v}, !math.IsNaN(v)
	}
	return number{}, false
}

func parseNumber(s string) (number, bool) {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return number{f: float64(i), i: i, isInt: true}, true
	}
	// Of what ParseFloat takes, only decimals are numbers to a person.
	if s == "" || strings.Trim(s, "+-.0123456789eE") != "" {
		return number{}, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return number{f: f}, err == nil
}

// equal compares text with text as it is written, and a number with anything that
// is one.
func equal(a, b any) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	as, aText := a.(string)
	bs, bText := b.(string)
	if aText && bText {
		return as == bs
	}
	if an, ok := asNumber(a); ok {
		if bn, ok := asNumber(b); ok {
			return an.compare(bn) == 0
		}
	}
	at, errA := asText(a)
	bt, errB := asText(b)
	return errA == nil && errB == nil && at == bt
}

// compare orders numbers, also when written as text, and otherwise text: dates
// written 2026-11-23 stand in their order.
func compare(a, b any) (int, error) {
	an, aOK := asNumber(a)
	bn, bOK := asNumber(b)
	if aOK && bOK {
		return an.compare(bn), nil
	}
	as, aText := a.(string)
	bs, bText := b.(string)
	if aText && bText {
		return strings.Compare(as, bs), nil
	}
	return 0, errors.New("a number can be compared with a number only")
}

func (n number) compare(m number) int {
	if n.isInt && m.isInt {
		return cmp.Compare(n.i, m.i)
	}
	return cmp.Compare(n.f, m.f)
}
