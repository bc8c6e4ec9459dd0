package simulator

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"strconv"
)

// defaultVersion serves requests without one, as the newest does on the platform.
const defaultVersion = "v26.0"

// write answers a judged request. An acceptance is written into room.
func (s *Server) write(w http.ResponseWriter, r *http.Request, ans *answer, room []byte) {
	if ans.number != nil {
		w.Header()["X-Business-Use-Case-Usage"] = ans.number.account.usage
	}
	switch {
	case ans.refusal != nil:
		if code := ans.refusal.code; code == 80007 && ans.number != nil {
			w.Header().Set("X-Business-Use-Case-Usage", usageOf(ans.number.account.waba, 100, 1))
		} else if code == 4 {
			w.Header().Set("X-App-Usage", `{"call_count":101,"total_cputime":22,"total_time":31}`)
		}
		s.refuse(w, r, ans.refusal)
	case ans.read:
		s.header(w, r)
		_, _ = w.Write([]byte(`{"success":true}`))
	default:
		s.header(w, r)
		_, _ = w.Write(appendAcceptance(room, ans))
	}
}

// refuse writes an error answer.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, out *refusal) {
	s.cfg.Logger.Debug("refused", "code", out.code, "subcode", out.subcode, "number", r.PathValue("number"))
	trace := s.header(w, r)
	w.WriteHeader(out.status)
	_, _ = w.Write(out.body(trace))
}

// header sets the platform's headers and answers the request's trace id. It sets
// the map directly, since canonical names need no check.
func (s *Server) header(w http.ResponseWriter, r *http.Request) string {
	version := r.PathValue("version")
	if version == "" {
		version = defaultVersion
	}
	var room [17]byte
	trace := string(strconv.AppendUint(append(room[:0], 'A'), mix(s.idBase+s.sequence.Add(1)), 16))
	values := []string{"application/json; charset=UTF-8", version, trace, trace[1:min(len(trace), 12)]}
	h := w.Header()
	h["Content-Type"] = values[0:1:1]
	h["Facebook-Api-Version"] = values[1:2:2]
	h["X-Fb-Request-Id"] = values[2:3:3]
	h["X-Fb-Trace-Id"] = values[3:4:4]
	return trace
}

// appendAcceptance writes the body of a 200. Everything in it was checked to need no escapes.
func appendAcceptance(b []byte, ans *answer) []byte {
	status := "accepted"
	if ans.message.Held {
		status = "held_for_quality_assessment"
	}
	contact := "wa_id"
	if ans.to.digits == "" {
		contact = "user_id"
	}
	b = append(b, `{"messaging_product":"whatsapp","contacts":[{"input":"`...)
	b = append(b, ans.to.input...)
	b = append(b, `","`...)
	b = append(b, contact...)
	b = append(b, `":"`...)
	b = append(b, ans.message.Person...)
	b = append(b, `"}],"messages":[{"id":"`...)
	b = append(b, ans.message.ID...)
	b = append(b, `","message_status":"`...)
	b = append(b, status...)
	return append(b, `"}]}`...)
}

// usageOf is the value of x-business-use-case-usage: percentages and minutes.
func usageOf(waba string, percent, minutes int) string {
	const kind = `{"type":%q,"call_count":%d,"total_cputime":1,"total_time":1,"estimated_time_to_regain_access":%d}`
	return fmt.Sprintf(`{%q:[`+kind+`,`+kind+`]}`, waba, "whatsapp_business_management", percent, minutes, "whatsapp", 1, 0)
}

// wamid makes the next message id. Its layout is that of the platform's ids (fact
// sheet 1.6), with the recipient inside; ids never repeat.
func (s *Server) wamid(person string) string {
	n := s.sequence.Add(1)
	var unique [9]byte
	binary.BigEndian.PutUint64(unique[:], mix(s.idBase+n))
	unique[8] = byte(n)
	var room [160]byte // a person has 128 bytes at most
	b := append(room[:0], 0x1c, 0x18, byte(len(person)))
	b = append(b, person...)
	b = append(b, 0x15, 0x02, 0x00, 0x11, 0x18, 2*byte(len(unique)))
	for _, c := range unique {
		const digits = "0123456789ABCDEF"
		b = append(b, digits[c>>4], digits[c&15])
	}
	b = append(b, 0x00)
	var text [256]byte
	return string(base64.StdEncoding.AppendEncode(append(text[:0], "wamid."...), b))
}
