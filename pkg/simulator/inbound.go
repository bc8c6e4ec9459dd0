package simulator

import (
	"encoding/json"
	"strconv"
	"time"
)

// letter is something that comes from a person: who wrote, to which number, and
// about what.
type letter struct {
	number *number
	waID   string // digits; "" for a business-scoped user id
	userID string
	name   string
	id     string
	about  string // the wamid of the message that it answers; "" for none
	at     time.Time
}

// someone is what people are called who have no name. It is not ASCII, so that every
// message with contacts tries the receiver's signature.
const someone = "Zoë Ñandú"

// news are what is posted of an answer.
func (l *letter) news(out []news, a *Answer, label, payload string, due time.Duration) []news {
	value := object{
		"messaging_product": "whatsapp",
		"metadata":          object{"display_phone_number": l.number.display, "phone_number_id": l.number.id},
	}
	if !a.Sparse {
		value["contacts"] = []object{l.contact(a)}
	}
	field := messages
	if a.Preference != "" {
		field = "user_preferences"
		value[field] = []object{l.preference(a)}
	} else {
		value[messages] = []object{l.message(a, label, payload)}
	}
	one := news{account: l.number.account, field: field, change: appendChangeOf(nil, field, mustJSON(value)), due: due}
	if a.Twice {
		out = append(out, one)
	}
	return append(out, one)
}

// numberless reports whether the person's telephone number stays unknown.
func (l *letter) numberless(a *Answer) bool { return a.UserIDOnly || l.waID == "" }

func (l *letter) contact(a *Answer) object {
	profile := object{"name": l.name}
	c := object{"profile": profile, "user_id": l.userID}
	if l.numberless(a) {
		profile["username"] = "user." + strconv.FormatUint(fnv(l.userID)%1e6, 10)
	} else {
		c["wa_id"] = l.waID
	}
	return c
}

func (l *letter) preference(a *Answer) object {
	p := object{
		"category": "marketing_messages", "value": a.Preference, "timestamp": l.at.Unix(),
		"detail": "User requested to " + a.Preference + " marketing messages",
	}
	if l.numberless(a) {
		p["user_id"] = l.userID
	} else {
		p["wa_id"] = l.waID
	}
	return p
}

func (l *letter) message(a *Answer, label, payload string) object {
	m := object{"id": l.id, "timestamp": strconv.FormatInt(l.at.Unix(), 10)}
	if !l.numberless(a) {
		m["from"] = l.waID
	}
	if l.numberless(a) || !a.Sparse && a.MovesTo == "" {
		m["from_user_id"] = l.userID
	}
	if l.about != "" && !a.NoContext && a.MovesTo == "" {
		m["context"] = object{"from": l.number.display, "id": l.about}
	}
	switch a.kind() {
	case Tap:
		m["type"], m["button"] = "button", object{"payload": payload, "text": label}
	case Text:
		m["type"], m["text"] = "text", object{"body": a.Text}
	case NumberChange:
		to := waID(phoneDigits(a.MovesTo))
		m["type"] = "system"
		m["system"] = object{"type": "user_changed_number", "wa_id": to, "body": "User " + l.name + " changed from " + l.waID + " to " + to}
	default:
		var given map[string]json.RawMessage
		_ = json.Unmarshal(a.Message, &given) // it was checked to be an object
		for key, v := range given {
			m[key] = v
		}
	}
	return m
}

// mustJSON encodes what is made of strings, numbers and checked JSON only.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// react makes the updates of what a person does after reading a message, and names
// what that is.
func (h *hooks) react(n *notice, req *request, t *template, p *plan, hash uint64, at time.Time) ([]news, []AnswerKind) {
	habits := *h.habits.Load()
	if len(habits) == 0 || p.code != 0 {
		return nil, nil
	}
	rule := habitOf(habits, n.number.id, req, hash)
	if rule == nil || len(rule.Answers) == 0 {
		return nil, []AnswerKind{Silent}
	}
	var out []news
	var kinds []AnswerKind
	for i := range rule.Answers {
		a := &rule.Answers[i]
		var label, payload string
		if a.Button != "" {
			var ok bool
			if label, payload, ok = a.tapped(req, t); !ok {
				kinds = append(kinds, Unable)
				continue
			}
		}
		kinds = append(kinds, a.kind())
		due := p.read + a.after(hash, i)
		out = n.letter(h.newID(n.person), at.Add(due)).news(out, a, label, payload, due)
	}
	return out, kinds
}

// letter is from the person whom the message reached.
func (n *notice) letter(id string, at time.Time) *letter {
	l := &letter{number: n.number, name: someone, id: id, about: n.id, at: at}
	if n.byUserID {
		l.userID = n.person
	} else {
		l.waID, l.userID = n.person, userID(n.number.account.waba, n.person)
	}
	return l
}
