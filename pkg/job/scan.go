package job

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// maxDepth bounds recursion; no template needs a tenth of it.
	maxDepth = 100
	// maxProblems keeps the error for a hostile job short.
	maxProblems = 20
)

// scanner reads one JSON text (RFC 8259) from front to back and notes what is
// wrong and where. It stands in for encoding/json, which reads a name given twice
// or in another case as if nothing were wrong, takes null for anything, quotes
// telephone numbers in its errors and costs several times as much.
type scanner struct {
	text string
	pos  int
	// broken says that text is no JSON from pos on; nothing is read after that.
	broken bool
	// deep says that it is broken because it is nested too deeply.
	deep bool
	// path leads to the value being read; it begins in steps, which spares most
	// texts a slice of their own.
	path  []step
	steps [8]step
	bad   []FieldError
	// unknown holds the paths of fields this build has no place for.
	unknown []string
}

// step is one part of a path: a name in an object, or a position in a list.
type step struct {
	name   string
	index  int
	inList bool
}

func newScanner(data []byte) *scanner {
	s := &scanner{text: string(data)}
	s.path = s.steps[:0]
	s.broken = !utf8.ValidString(s.text)
	return s
}

// end reports whether the text was one JSON value and nothing more.
func (s *scanner) end() bool {
	if s.broken {
		return false
	}
	s.space()
	return s.pos == len(s.text)
}

// object calls field for each name of an object; field reads the value.
func (s *scanner) object(field func(name string)) {
	if !s.enter('{', "an object") {
		return
	}
	var seen names
	for !s.leave('}') {
		if s.next() != '"' {
			s.broken = true
			return
		}
		name := s.quoted()
		if !s.eat(':') {
			s.broken = true
			return
		}
		s.path = append(s.path, step{name: name})
		if seen.add(name) {
			field(name)
		} else {
			s.problem("is given twice")
			s.skip()
		}
		s.path = s.path[:len(s.path)-1]
	}
}

// list calls item for each position of a list; item reads the value.
func (s *scanner) list(item func(i int)) {
	if !s.enter('[', "a list") {
		return
	}
	for i := 0; !s.leave(']'); i++ {
		s.path = append(s.path, step{index: i, inList: true})
		item(i)
		s.path = s.path[:len(s.path)-1]
	}
}

// enter steps into an object or a list.
func (s *scanner) enter(open byte, want string) bool {
	if !s.is(open, want) {
		return false
	}
	if len(s.path) >= maxDepth {
		s.broken, s.deep = true, true
		return false
	}
	s.pos++
	return true
}

// leave steps over the separator, or out of the object or list at its end.
func (s *scanner) leave(closing byte) bool {
	first := s.text[s.pos-1] == '{' || s.text[s.pos-1] == '['
	switch c := s.next(); {
	case s.broken:
		return true
	case c == closing:
		s.pos++
		return true
	case first:
		return false
	case c == ',':
		s.pos++
		return false
	}
	s.broken = true
	return true
}

// is reports whether a value of the wanted kind begins here. A value of another
// kind is noted and skipped.
func (s *scanner) is(begin byte, want string) bool {
	c := s.next()
	if c == begin || begin == '0' && c == '-' || begin == '0' && digit(c) {
		return true
	}
	found := kind(c)
	s.skip()
	s.problem("must be " + want + ", not " + found)
	return false
}

// kind names the JSON type that begins with c.
func kind(c byte) string {
	switch c {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case 't', 'f':
		return "true or false"
	case 'n':
		return "null (leave the field out)"
	}
	return "a number"
}

// skip reads any value and keeps nothing of it.
func (s *scanner) skip() {
	switch c := s.next(); c {
	case '{':
		s.object(func(string) { s.skip() })
	case '[':
		s.list(func(int) { s.skip() })
	case '"':
		s.quoted()
	case 't':
		s.word("true")
	case 'f':
		s.word("false")
	case 'n':
		s.word("null")
	default:
		s.number()
	}
}

// raw returns the text of any value.
func (s *scanner) raw() string {
	s.space()
	start := s.pos
	s.skip()
	return s.text[start:s.pos]
}

// number returns the text of a number.
func (s *scanner) number() string {
	start := s.pos
	s.accept('-')
	if !s.accept('0') {
		s.digits()
	}
	if s.accept('.') {
		s.digits()
	}
	if s.accept('e') || s.accept('E') {
		if !s.accept('+') {
			s.accept('-')
		}
		s.digits()
	}
	return s.text[start:s.pos]
}

func (s *scanner) digits() {
	start := s.pos
	for s.pos < len(s.text) && digit(s.text[s.pos]) {
		s.pos++
	}
	s.broken = s.broken || s.pos == start
}

func (s *scanner) word(w string) {
	if !strings.HasPrefix(s.text[s.pos:], w) {
		s.broken = true
		return
	}
	s.pos += len(w)
}

// next skips white space and returns the byte there, or 0 at the end.
func (s *scanner) next() byte {
	if s.broken {
		return 0
	}
	if s.space(); s.pos == len(s.text) {
		s.broken = true
		return 0
	}
	return s.text[s.pos]
}

func (s *scanner) space() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return
		}
	}
}

func (s *scanner) eat(c byte) bool { return s.next() == c && s.accept(c) }

func (s *scanner) accept(c byte) bool {
	if s.pos == len(s.text) || s.text[s.pos] != c {
		return false
	}
	s.pos++
	return true
}

// problem notes what is wrong at the current path, unless the text is no JSON,
// which is all there is to say then.
func (s *scanner) problem(what string) {
	if !s.broken && len(s.bad) < maxProblems {
		s.bad = append(s.bad, FieldError{Field: s.where(), Problem: what})
	}
}

// unknownField notes and skips a field this build has no place for.
func (s *scanner) unknownField() {
	if len(s.unknown) < maxProblems {
		s.unknown = append(s.unknown, s.where())
	}
	s.skip()
}

// where writes the path, such as template.params.body[1].
func (s *scanner) where() string {
	var b strings.Builder
	for i, p := range s.path {
		switch {
		case p.inList:
			b.WriteString("[" + strconv.Itoa(p.index) + "]")
			continue
		case i > 0:
			b.WriteByte('.')
		}
		b.WriteString(safeName(p.name))
	}
	if b.Len() == 0 {
		return whole
	}
	return b.String()
}

// names is a set that needs no map for the few names of an ordinary object.
type names struct {
	few  [16]string
	n    int
	many map[string]bool
}

// add reports whether the name is new.
func (s *names) add(name string) bool {
	for _, old := range s.few[:s.n] {
		if old == name {
			return false
		}
	}
	if s.n < len(s.few) {
		s.few[s.n] = name
		s.n++
		return true
	}
	if s.many[name] {
		return false
	}
	if s.many == nil {
		s.many = make(map[string]bool)
	}
	s.many[name] = true
	return true
}
