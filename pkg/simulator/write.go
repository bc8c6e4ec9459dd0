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

// write answers a judged request.
func (s *Server) write(w http.ResponseWriter, r *http.Request, ans *answer) {
	if ans.account != nil {
		w.Header()["X-Business-Use-Case-Usage"] = ans.account.usage
	}
	switch {
	case ans.refusal != nil:
		if code := ans.refusal.code; code == 80007 && ans.account != nil {
			w.Header().Set("X-Business-Use-Case-Usage", usageOf(ans.account.waba, 100, 1))
		} else if code == 4 {
			w.Header().Set("X-App-Usage", `{"call_count":101,"total_cputime":22,"total_time":31}`)
		}
		s.refuse(w, r, ans.refusal)
	case ans.read:
		s.header(w, r)
		_, _ = w.Write([]byte(`{"success":true}`))
	default:
		s.header(w, r)
		_, _ = w.Write(acceptance(ans))
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
	id := mix(s.idBase + s.sequence.Add(1))
	trace := "A" + strconv.FormatUint(id, 16)
	h := w.Header()
	h["Content-Type"] = []string{"application/json; charset=UTF-8"}
	h["Facebook-Api-Version"] = []string{version}
	h["X-Fb-Request-Id"] = []string{trace}
	h["X-Fb-Trace-Id"] = []string{trace[1:min(len(trace), 12)]}
	return trace
}

// acceptance is the body of a 200. Everything in it was checked to need no escapes.
func acceptance(ans *answer) []byte {
	status := "accepted"
	if ans.message.Held {
		status = "held_for_quality_assessment"
	}
	contact := "wa_id"
	if ans.to.digits == "" {
		contact = "user_id"
	}
	b := make([]byte, 0, 320)
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
	b := make([]byte, 0, 48)
	b = append(b, 0x1c, 0x18, byte(len(person)))
	b = append(b, person...)
	b = append(b, 0x15, 0x02, 0x00, 0x11, 0x18, 2*byte(len(unique)))
	b = fmt.Appendf(b, "%X", unique[:])
	b = append(b, 0x00)
	return "wamid." + base64.StdEncoding.EncodeToString(b)
}
