package job

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// writer appends one JSON text: fields in a fixed order, empty ones left out, raw
// JSON without white space and with its names sorted, so that equal values have
// equal texts. Nothing is escaped that JSON does not ask for: what was short
// enough to be read is short enough to be written.
type writer struct {
	buf []byte
	err error
}

// errNoJSON does not say which value: it may be a telephone number.
var errNoJSON = errors.New("a value cannot be written as JSON")

func newWriter() *writer { return &writer{buf: make([]byte, 0, 1024)} }

// comma separates fields and items.
func (w *writer) comma() {
	if n := len(w.buf); n > 0 && w.buf[n-1] != '{' && w.buf[n-1] != '[' {
		w.buf = append(w.buf, ',')
	}
}

// name begins a field of the contract, whose names need no escapes.
func (w *writer) name(name string) {
	w.comma()
	w.buf = append(w.buf, '"')
	w.buf = append(w.buf, name...)
	w.buf = append(w.buf, '"', ':')
}

// anyName begins a field whose name comes from outside.
func (w *writer) anyName(name string) {
	w.comma()
	w.quote(name)
	w.buf = append(w.buf, ':')
}

// object writes a field that is an object.
func (w *writer) object(name string, fields func()) {
	w.name(name)
	w.braces(fields)
}

func (w *writer) braces(fields func()) {
	w.buf = append(w.buf, '{')
	fields()
	w.buf = append(w.buf, '}')
}

func (w *writer) brackets(items func()) {
	w.buf = append(w.buf, '[')
	items()
	w.buf = append(w.buf, ']')
}

func (w *writer) text(name, value string) {
	if value != "" {
		w.name(name)
		w.quote(value)
	}
}

func (w *writer) textPtr(name string, value *string) {
	if value != nil {
		w.name(name)
		w.quote(*value)
	}
}

func (w *writer) integer(name string, value int64) {
	if value != 0 {
		w.name(name)
		w.buf = strconv.AppendInt(w.buf, value, 10)
	}
}

func (w *writer) time(name string, value time.Time) {
	if !value.IsZero() {
		w.name(name)
		w.buf = append(w.buf, '"')
		w.buf = value.AppendFormat(w.buf, time.RFC3339Nano)
		w.buf = append(w.buf, '"')
	}
}

func (w *writer) raw(name string, value json.RawMessage) {
	if len(value) == 0 {
		return
	}
	s := newScanner(value)
	w.name(name)
	w.rewrite(s)
	if !s.end() {
		w.err = errNoJSON
	}
}

// rewrite copies any value from s. An object whose names are not sorted is read
// again, into a map.
func (w *writer) rewrite(s *scanner) {
	switch s.next() {
	case '{':
		from, to := s.pos, len(w.buf)
		last, sorted := "", true
		w.braces(func() {
			s.object(func(name string) {
				sorted = sorted && last <= name
				last = name
				w.anyName(name)
				w.rewrite(s)
			})
		})
		if !sorted && !s.broken {
			s.pos, w.buf = from, w.buf[:to]
			w.value(s.value())
		}
	case '[':
		w.brackets(func() {
			s.list(func(int) {
				w.comma()
				w.rewrite(s)
			})
		})
	case '"':
		w.quote(s.quoted())
	default:
		w.buf = append(w.buf, s.raw()...)
	}
}

// value writes what [scanner.value] returns, and whatever else encoding/json can
// write, in the same form.
func (w *writer) value(v any) {
	switch v := v.(type) {
	case nil:
		w.buf = append(w.buf, "null"...)
	case bool:
		w.buf = strconv.AppendBool(w.buf, v)
	case string:
		w.quote(v)
	case json.Number:
		w.number(v)
	case []any:
		w.brackets(func() {
			for _, item := range v {
				w.comma()
				w.value(item)
			}
		})
	case map[string]any:
		w.braces(func() {
			for _, name := range sortedNames(v) {
				w.anyName(name)
				w.value(v[name])
			}
		})
	default:
		w.other(v)
	}
}

func (w *writer) number(n json.Number) {
	s := scanner{text: n.String()}
	s.number()
	if !s.end() {
		w.err = errNoJSON
	}
	w.buf = append(w.buf, n...)
}

func (w *writer) other(v any) {
	data, err := json.Marshal(v)
	if err != nil {
		w.err = errNoJSON
		return
	}
	s := newScanner(data)
	w.value(s.value())
}

// quote writes a string. Bytes that are no UTF-8 become U+FFFD.
func (w *writer) quote(text string) {
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	w.buf = append(w.buf, '"')
	plain := 0
	for i := 0; i < len(text); i++ {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' {
			w.buf = append(w.buf, text[plain:i]...)
			w.buf = appendEscape(w.buf, c)
			plain = i + 1
		}
	}
	w.buf = append(w.buf, text[plain:]...)
	w.buf = append(w.buf, '"')
}

// sortedNames allocates once, where slices.Sorted(maps.Keys) grows a slice.
func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func appendEscape(buf []byte, c byte) []byte {
	const from, to = "\"\\\b\f\n\r\t", `"\bfnrt`
	if i := strings.IndexByte(from, c); i >= 0 {
		return append(buf, '\\', to[i])
	}
	const hex = "0123456789abcdef"
	return append(buf, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
}
