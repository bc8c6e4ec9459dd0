package job

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// The methods of this file read the parts of a job, one method for each object of
// the contract. schema/job.v1.json says the same for other languages.

func (s *scanner) job(j *Job) {
	s.object(func(name string) {
		switch name {
		case "v":
			scanInteger(s, &j.V)
		case "id":
			scanWord(s, &j.ID)
		case "campaign":
			scanWord(s, &j.Campaign)
		case "from":
			scanWord(s, &j.From)
		case "to":
			scanWord(s, &j.To)
		case "user_id":
			scanWord(s, &j.UserID)
		case "lane":
			scanWord(s, &j.Lane)
		case "template":
			s.template(&j.Template)
		case "send_at":
			s.time(&j.SendAt)
		case "expires_at":
			s.time(&j.ExpiresAt)
		case "reply_by":
			s.time(&j.ReplyBy)
		case "on_unknown":
			scanWord(s, &j.OnUnknown)
		case "metadata":
			s.rawOf('{', "an object", &j.Metadata)
		default:
			s.unknownField()
		}
	})
}

func (s *scanner) template(t *Template) {
	s.object(func(name string) {
		switch name {
		case "name":
			scanWord(s, &t.Name)
		case "language":
			scanWord(s, &t.Language)
		case "params":
			t.Params = new(Params)
			s.params(t.Params)
		case "components":
			s.rawOf('[', "a list, as the Cloud API takes it", &t.Components)
		case "vars":
			if s.is('{', "an object") {
				t.Vars, _ = s.value().(map[string]any)
			}
		default:
			s.unknownField()
		}
	})
}

func (s *scanner) params(p *Params) {
	s.object(func(name string) {
		switch name {
		case "header":
			p.Header = new(Header)
			s.header(p.Header)
		case "body":
			p.Body = new(Body)
			s.body(p.Body)
		case "buttons":
			p.Buttons = make(map[string]Button)
			s.object(func(index string) { p.Buttons[index] = s.button() })
		default:
			s.unknownField()
		}
	})
}

func (s *scanner) header(h *Header) {
	s.object(func(name string) {
		switch name {
		case "text":
			h.Text = s.textPtr()
		case "image":
			h.Image = s.media()
		case "video":
			h.Video = s.media()
		case "document":
			h.Document = s.media()
		case "location":
			h.Location = s.location()
		default:
			s.unknownField()
		}
	})
}

func (s *scanner) media() *Media {
	m := new(Media)
	s.object(func(name string) {
		switch name {
		case "id":
			scanWord(s, &m.ID)
		case "link":
			scanWord(s, &m.Link)
		case "filename":
			scanWord(s, &m.Filename)
		default:
			s.unknownField()
		}
	})
	return m
}

func (s *scanner) location() *Location {
	l := new(Location)
	s.object(func(name string) {
		switch name {
		case "latitude":
			scanWord(s, &l.Latitude)
		case "longitude":
			scanWord(s, &l.Longitude)
		case "name":
			scanWord(s, &l.Name)
		case "address":
			scanWord(s, &l.Address)
		default:
			s.unknownField()
		}
	})
	return l
}

func (s *scanner) button() (b Button) {
	s.object(func(name string) {
		switch name {
		case "payload":
			b.Payload = s.textPtr()
		case "url":
			b.URL = s.textPtr()
		case "code":
			b.Code = s.textPtr()
		case "otp":
			b.OTP = s.textPtr()
		case "flow":
			b.Flow = s.flow()
		default:
			s.unknownField()
		}
	})
	return b
}

func (s *scanner) flow() *Flow {
	f := new(Flow)
	s.object(func(name string) {
		switch name {
		case "flow_token":
			scanWord(s, &f.Token)
		case "flow_action_data":
			s.rawOf('{', "an object", &f.Data)
		default:
			s.unknownField()
		}
	})
	return f
}

// body reads a list or an object of strings. A number or null among them is
// refused with its place: the API answers 100 to it.
func (s *scanner) body(b *Body) {
	if s.next() == '[' {
		b.List = []string{}
		s.list(func(int) {
			var text string
			scanText(s, &text)
			b.List = append(b.List, text)
		})
		return
	}
	if !s.is('{', "a list of strings, or an object of strings by name") {
		return
	}
	b.Named = make(map[string]string)
	s.object(func(name string) {
		var text string
		scanText(s, &text)
		b.Named[name] = text
	})
}

func scanText[T ~string](s *scanner, dst *T) {
	if s.is('"', "a string") {
		*dst = T(s.quoted())
	}
}

// scanWord reads a string that says nothing when it is empty.
func scanWord[T ~string](s *scanner, dst *T) {
	if s.next() == '"' && strings.HasPrefix(s.text[s.pos:], `""`) {
		s.problem("must not be empty")
	}
	scanText(s, dst)
}

func (s *scanner) textPtr() *string {
	text := new(string)
	scanText(s, text)
	return text
}

func scanInteger[T int | uint16 | uint64](s *scanner, dst *T) {
	if !s.is('0', "a whole number") {
		return
	}
	n, err := strconv.ParseInt(s.number(), 10, 64)
	if err != nil || int64(T(n)) != n {
		s.problem("must be a whole number")
	}
	*dst = T(n)
}

// time reads a date. Years below 1000 are refused, because programs that know no
// empty date write year 1 for it, and never is written by leaving the field out.
func (s *scanner) time(dst *time.Time) {
	if !s.is('"', "a string") {
		return
	}
	if dst.UnmarshalText([]byte(s.quoted())) != nil || !validYear(*dst) {
		*dst = time.Time{}
		s.problem("must be RFC 3339 with a time zone, such as 2026-11-22T18:00:00-03:00")
	}
}

func (s *scanner) rawOf(begin byte, want string, dst *json.RawMessage) {
	if s.is(begin, want) {
		*dst = json.RawMessage(s.raw())
	}
}

// value returns any value as encoding/json does, its numbers as [json.Number].
func (s *scanner) value() any {
	switch s.next() {
	case '{':
		m := make(map[string]any)
		s.object(func(name string) { m[name] = s.value() })
		return m
	case '[':
		l := []any{}
		s.list(func(int) { l = append(l, s.value()) })
		return l
	case '"':
		return s.quoted()
	case 't':
		s.word("true")
		return true
	case 'f':
		s.word("false")
		return false
	case 'n':
		s.word("null")
		return nil
	}
	return json.Number(s.number())
}
