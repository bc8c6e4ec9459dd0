package template

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// text/template calls methods, shows null as <no value>, and takes the number 0 of
// a json.Number for a text that is not empty. So it sees rows made of other types,
// which have no methods.
type (
	number string   // other than 0, which becomes an int: 0.0 is shown as 0
	null   chan int // what text/template has for false and refuses to show
)

var errNull = errors.New(`the value is null; a default helps: {{.field | default "…"}}`)

// plainRow makes a row of plain values. A file's row is: its cells are text.
func plainRow(row map[string]any) map[string]any {
	for _, v := range row {
		if _, ok := v.(string); !ok {
			return plain(row).(map[string]any)
		}
	}
	return row
}

// plain counts what is not of JSON as null. A list becomes an object whose fields
// are the positions.
func plain(v any) any {
	switch v := v.(type) {
	case string, bool, int, int64:
		return v
	case float64: // not shown as 1e+06
		return plain(json.Number(strconv.FormatFloat(v, 'f', -1, 64)))
	case json.Number:
		if f, err := v.Float64(); err == nil && f == 0 {
			return 0
		}
		return number(v)
	case map[string]any:
		fields := make(map[string]any, len(v))
		for name, inner := range v {
			fields[name] = plain(inner)
		}
		return fields
	case []any:
		fields := make(map[string]any, len(v))
		for i, inner := range v {
			fields[strconv.Itoa(i)] = plain(inner)
		}
		return fields
	}
	return null(nil)
}

// asText is how a plain value or a constant is shown.
func asText(v any) (string, error) {
	switch v := v.(type) {
	case string:
		if len(v) > maxValue {
			return "", fmt.Errorf("the value is longer than %d bytes", maxValue)
		}
		return v, nil
	case number, bool, int, int64, float64:
		return fmt.Sprint(v), nil
	case null:
		return "", errNull
	}
	return "", errors.New("the value is no text, number or boolean")
}

func equalsAny(v any, others ...any) bool {
	return slices.ContainsFunc(others, func(other any) bool { return equal(v, other) })
}

// equal compares text with text as it is written, and a number with anything that
// is one.
func equal(a, b any) bool {
	as, errA := asText(a)
	bs, errB := asText(b)
	if errA != nil || errB != nil {
		return errA == errNull && errB == errNull
	}
	n, numbers := numerically(as, bs)
	return as == bs || numbers && n == 0 && !texts(a, b)
}

func texts(a, b any) bool {
	_, aIs := a.(string)
	_, bIs := b.(string)
	return aIs && bIs
}

// compare orders numbers, also when written as text, and otherwise text: dates
// written 2026-11-23 stand in their order.
func compare(a, b any) (int, error) {
	as, errA := asText(a)
	bs, errB := asText(b)
	if errA != nil || errB != nil {
		return 0, cmp.Or(errA, errB)
	}
	n, numbers := numerically(as, bs)
	switch {
	case numbers:
		return n, nil
	case texts(a, b):
		return strings.Compare(as, bs), nil
	}
	return 0, errors.New("a number can be compared with a number only")
}

// numerically keeps whole numbers exact: ids have more digits than a float64.
func numerically(a, b string) (n int, ok bool) {
	a, b = strings.TrimSpace(a), strings.TrimSpace(b)
	i, errI := strconv.ParseInt(a, 10, 64)
	j, errJ := strconv.ParseInt(b, 10, 64)
	if errI == nil && errJ == nil {
		return cmp.Compare(i, j), true
	}
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	// ParseFloat also takes what a person calls no number, such as inf.
	decimal := strings.Trim(a+b, "+-.0123456789eE") == ""
	return cmp.Compare(x, y), decimal && errX == nil && errY == nil
}
