package job

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// quoted returns the string that begins here. Without an escape in it, it is a
// part of the text and costs no memory.
func (s *scanner) quoted() string {
	start := s.pos + 1
	for i := start; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == '"':
			s.pos = i + 1
			return s.text[start:i]
		case c == '\\':
			s.pos = i
			return s.escaped(s.text[start:i])
		case c < ' ':
			s.pos, s.broken = i, true
			return ""
		}
	}
	s.pos, s.broken = len(s.text), true
	return ""
}

// escaped reads the rest of a string, from its first escape on.
func (s *scanner) escaped(head string) string {
	var b strings.Builder
	b.WriteString(head)
	for s.pos < len(s.text) {
		c := s.text[s.pos]
		switch {
		case c == '"':
			s.pos++
			return b.String()
		case c < ' ':
			s.broken = true
			return ""
		case c != '\\':
			b.WriteByte(c)
			s.pos++
		default:
			s.escape(&b)
		}
		if s.broken {
			return ""
		}
	}
	s.broken = true
	return ""
}

// escape reads one escape: a backslash and what it stands for.
func (s *scanner) escape(b *strings.Builder) {
	const from, to = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	rest := s.text[s.pos+1:]
	if rest == "" {
		s.broken = true
		return
	}
	if i := strings.IndexByte(from, rest[0]); i >= 0 {
		b.WriteByte(to[i])
		s.pos += 2
		return
	}
	r, ok := s.unicode()
	if !ok {
		s.broken = true
		return
	}
	if utf16.IsSurrogate(r) {
		low, ok := s.unicode()
		if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
			s.problem(`has half a character: a \u surrogate without its other half`)
		}
	}
	b.WriteRune(r)
}

// unicode reads \u and four hexadecimal digits, if they are next.
func (s *scanner) unicode() (rune, bool) {
	hex, ok := strings.CutPrefix(s.text[s.pos:], `\u`)
	if !ok || len(hex) < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(hex[:4], 16, 16)
	if err != nil {
		return 0, false
	}
	s.pos += 6
	return rune(n), true
}

// safeName is a name as an error may show it. Names of body parameters, of
// metadata and of unknown fields come from outside, and may be telephone numbers.
func safeName(name string) string {
	const longest, run = 64, 6
	digits := 0
	for i := 0; i < len(name); i++ {
		if !word(name[i]) {
			return "…"
		}
		if digits++; !digit(name[i]) {
			digits = 0
		}
		if digits > run {
			return "…"
		}
	}
	if name == "" || len(name) > longest {
		return "…"
	}
	return name
}
