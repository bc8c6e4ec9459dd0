package simulator

import (
	"hash/maphash"
	"net/http"
	"strings"
)

// judge decides over a request, in the order that the package comment gives, and
// records what it decides.
func (s *Server) judge(r *http.Request, endpoint string, req *request, schema *refusal, ok bool, rule Rule) answer {
	ans := answer{}
	n, bad := s.authorise(r)
	switch {
	case bad != nil:
		ans.refusal = bad
	case !ok:
		ans.refusal = schema
	case req.Status != "":
		ans.read = true
		ans.refusal = markAsRead(req, schema)
	default:
		ans = s.judgeMessage(n, endpoint, req, schema, rule)
	}
	ans.number = n
	s.record(&ans)
	return ans
}

// record counts an answer; a message is remembered.
func (s *Server) record(ans *answer) {
	switch {
	case ans.refusal != nil:
		if throttling(ans.refusal.code) && ans.refusal.status == http.StatusBadRequest {
			ans.refusal.status = s.cfg.ThrottleStatus
		}
		s.journal.update(func(st *Stats) { st.Refused[ans.refusal.code]++ })
	case ans.read:
		s.journal.update(func(st *Stats) { st.Reads++ })
	default:
		s.journal.add(&ans.message)
	}
}

func markAsRead(req *request, schema *refusal) *refusal {
	switch {
	case schema != nil:
		return schema
	case req.Product != "whatsapp":
		return wrongProduct(req.Product)
	case !strings.EqualFold(req.Status, "read"):
		return badParam("Param status must be one of {READ} - got %q.", req.Status)
	case req.MessageID == "":
		return required("message_id")
	}
	return nil
}

func (s *Server) judgeMessage(n *number, endpoint string, req *request, schema *refusal, rule Rule) answer {
	to, body, bad := s.check(n, endpoint, req, schema)
	if bad == nil && rule.Kind == Error {
		bad = rule.refusal()
	}
	if bad != nil {
		return answer{refusal: bad}
	}
	person := to.person()
	at, bad := n.take(maphash.String(s.journal.seed, person), s.cfg.PairLimit, s.cfg.Clock, s.started)
	if bad != nil {
		return answer{refusal: bad}
	}
	m := Message{
		ID: s.wamid(person), Token: req.CallbackData, Number: n.id, To: to.input, Person: person,
		Body: body, Held: rule.Kind == Held, Fault: rule.Kind, At: at,
	}
	if req.Template != nil {
		m.Template, m.Language = req.Template.Name, req.Template.Language.Code
	}
	return answer{message: m, to: to}
}

// check is everything about a message but limits. It answers the recipient and
// the body as the recipient reads it.
func (s *Server) check(n *number, endpoint string, req *request, schema *refusal) (recipient, string, *refusal) {
	to, bad := envelope(req, endpoint)
	if bad != nil {
		if schema != nil { // what looks missing may only be misspelt
			bad = schema
		}
		return to, "", bad
	}
	if bad := s.reachable(n, to); bad != nil {
		return to, "", bad
	}
	if req.Template == nil {
		if schema == nil {
			schema = restOf(req, endpoint)
		}
		return to, req.Text.Body, schema
	}
	t, bad := n.account.template(req.Template.Name, req.Template.Language.Code)
	if bad == nil {
		bad = category(t, endpoint, to)
	}
	if bad == nil {
		bad = schema
	}
	if bad == nil {
		bad = restOf(req, endpoint)
	}
	if bad != nil {
		return to, "", bad
	}
	m, bad := layOut(t, req.Template.Components)
	if bad == nil {
		bad = m.check()
	}
	if bad != nil {
		return to, "", bad
	}
	return to, m.preview(), nil
}

// reachable: the number is registered, and may write to this recipient.
func (s *Server) reachable(n *number, to recipient) *refusal {
	if bad := n.refuses(s.cfg.Clock); bad != nil {
		return bad
	}
	switch {
	case n.display != "" && to.digits == n.display:
		return refuse(131021, "")
	case len(s.testRecipients) > 0 && !s.testRecipients[to.digits]:
		return refuse(131030, "")
	}
	return nil
}

// envelope checks what must be there to look at a message at all.
func envelope(req *request, endpoint string) (recipient, *refusal) {
	if req.Product != "whatsapp" {
		return recipient{}, wrongProduct(req.Product)
	}
	if t := req.RecipientType; t != "" && !strings.EqualFold(t, "individual") {
		return recipient{}, badParam("Param recipient_type must be INDIVIDUAL - got %q; groups are not simulated.", t)
	}
	to, bad := req.recipient()
	if bad != nil {
		return to, bad
	}
	kind := strings.ToLower(req.Type)
	switch {
	case kind != "template" && endpoint == marketingMessages:
		return to, invalidParam("Message must be a template message.")
	case kind == "template":
		return to, templateEnvelope(req)
	case kind == "" || kind == "text": // the platform takes a missing type for text
		if req.Text == nil || req.Text.Body == "" {
			return to, required("text['body']")
		}
		if req.Template != nil {
			return to, badParam(`Unexpected key "template" on a message of type text.`)
		}
		return to, nil
	}
	return to, refuse(131051, "The simulator takes messages of type template and text.")
}

func wrongProduct(product string) *refusal {
	if product == "" {
		return required("messaging_product")
	}
	return badParam("Param messaging_product must be one of {WHATSAPP} - got %q.", product)
}

func templateEnvelope(req *request) *refusal {
	switch t := req.Template; {
	case t == nil:
		return required("template")
	case t.Name == "":
		return required("template['name']")
	case t.Language.Code == "":
		return required("template['language']['code']")
	}
	return nil
}

// category: the endpoint and the recipient suit the template's category.
func category(t *template, endpoint string, to recipient) *refusal {
	switch {
	case t == nil:
		return nil
	case endpoint == marketingMessages && t.category != "MARKETING":
		return refuse(134100, "")
	case t.category == "AUTHENTICATION" && to.digits == "":
		return refuse(131062, "")
	}
	return nil
}

// maxCallback is the most characters of biz_opaque_callback_data.
const maxCallback = 512

// restOf checks the values of an envelope whose schema is right.
func restOf(req *request, endpoint string) *refusal {
	mmOnly := req.ProductPolicy != "" || req.Sharing != nil || req.Bid != nil
	switch {
	case runes(req.CallbackData) > maxCallback:
		return tooLong("biz_opaque_callback_data", maxCallback)
	case mmOnly && endpoint != marketingMessages:
		return badParam("product_policy, message_activity_sharing and bid_spec belong to /%s.", marketingMessages)
	case req.ProductPolicy != "" && req.ProductPolicy != "CLOUD_API_FALLBACK" && req.ProductPolicy != "STRICT":
		return badParam("Param product_policy must be one of {CLOUD_API_FALLBACK, STRICT} - got %q.", req.ProductPolicy)
	case req.Template != nil && req.Category != "":
		return badParam(`Unexpected key "category" on a message of type template.`)
	case req.Template != nil && req.Text != nil:
		return badParam(`Unexpected key "text" on a message of type template.`)
	case req.MessageID != "" || req.Typing != nil:
		return badParam("message_id and typing_indicator need status.")
	case req.Context != nil && req.Context.MessageID == "":
		return required("context['message_id']")
	}
	if t := req.Template; t != nil && t.Language.Policy != "" && !strings.EqualFold(t.Language.Policy, "deterministic") {
		return badParam("Param template['language']['policy'] must be one of {DETERMINISTIC} - got %q.", t.Language.Policy)
	}
	return nil
}
