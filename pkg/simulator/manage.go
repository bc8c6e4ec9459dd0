package simulator

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// connected is the status of a number that is registered.
const connected = "CONNECTED"

// manage answers everything but messages: GET /{id}, GET /{id}/{edge} and
// /debug_token. ServeMux cannot tell these from a path without a version.
func (s *Server) manage(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) > 1 && validVersion(parts[0]) {
		r.SetPathValue("version", parts[0])
		parts = parts[1:]
	}
	id, edge := parts[0], strings.Join(parts[1:], "/")
	if !isDigits(id) && (id != debugToken || edge != "") || !slices.Contains(edges, edge) {
		s.unknownPath(w, r)
		return
	}
	token, bad := s.caller(r)
	if bad != nil {
		s.refuse(w, r, bad)
		return
	}
	out, bad := s.look(r, token, id, edge)
	if bad != nil {
		s.refuse(w, r, bad)
		return
	}
	s.header(w, r)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(out) // the client left
}

// edges are what can be asked of an object; the empty one is the object itself.
var edges = []string{"", "phone_numbers", "subscribed_apps", "message_templates"}

// debugToken is the path that tells about tokens.
const debugToken = "debug_token"

// look finds what a path names. The token opens something; whether it opens this
// is asked here.
func (s *Server) look(r *http.Request, token, id, edge string) (any, *refusal) {
	if edge == "subscribed_apps" && (r.Method == http.MethodPost || r.Method == http.MethodDelete) {
		return s.subscribe(r.Method, id, token)
	}
	if r.Method != http.MethodGet {
		return nil, unknownObject(r.Method, id)
	}
	query := r.URL.Query()
	switch {
	case id == debugToken:
		return s.debug(query.Get("input_token"))
	case edge == "":
		return s.node(id, token, query)
	}
	a := s.accounts.account(id, token)
	if a == nil {
		return nil, unknownObject(r.Method, id)
	}
	switch edge {
	case "phone_numbers":
		return s.numbersOf(r, a)
	case "subscribed_apps":
		return s.appsOf(r, a)
	}
	return s.templatesOf(r, a)
}

// account finds an account that a token opens; nil if it would not be shown.
func (a *accounts) account(id, token string) *account {
	if a.anyone != nil {
		return a.anyone
	}
	i := slices.IndexFunc(a.all, func(one *account) bool { return one.waba == id && one.opens(token) })
	if i < 0 {
		return nil
	}
	return a.all[i]
}

// node is a number or an account. Where every id is both, the fields decide.
func (s *Server) node(id, token string, query url.Values) (any, *refusal) {
	fields := fieldsOf(query)
	if a := s.accounts.account(id, token); a != nil {
		object := a.object(id)
		if s.accounts.anyone == nil || len(fields) > 0 && !slices.ContainsFunc(fields, func(f string) bool { return object[f] == nil }) {
			return object.pick(fields, "WhatsAppBusinessAccount")
		}
	}
	n := s.accounts.number(id)
	if n == nil || !n.account.opens(token) {
		return nil, unknownObject(http.MethodGet, id)
	}
	return s.numberObject(n).pick(fields, "WhatsAppBusinessPhoneNumber")
}

// object is a node with all its fields.
type object map[string]any

func fieldsOf(query url.Values) []string {
	if query.Get("fields") == "" {
		return nil
	}
	return strings.Split(query.Get("fields"), ",")
}

// pick keeps the fields that were asked for, and the id; all if none were.
func (o object) pick(fields []string, kind string) (object, *refusal) {
	if len(fields) == 0 {
		return o, nil
	}
	out := object{"id": o["id"]}
	for _, f := range fields {
		if _, ok := o[f]; !ok {
			return nil, badParam("Tried accessing nonexisting field (%s) on node type (%s)", f, kind)
		}
		out[f] = o[f]
	}
	return out, nil
}

func (a *account) object(id string) object {
	return object{"id": id, "name": a.name, "account_review_status": "APPROVED", "timezone_id": "1"}
}

func (s *Server) numberObject(n *number) object {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mature(s.cfg.Clock)
	mode := "LIVE"
	if len(s.testRecipients) > 0 {
		mode = "SANDBOX"
	}
	health := object{"entity_type": "PHONE_NUMBER", "id": n.id, "can_send_message": "AVAILABLE"}
	if n.status != connected {
		health["can_send_message"] = "BLOCKED"
		health["errors"] = []object{{
			"error_code": 133010, "error_description": "The phone number is not registered.",
			"possible_solution": "Register the phone number with the Cloud API.",
		}}
	}
	return object{
		"id": n.id, "display_phone_number": n.display, "verified_name": n.name, "quality_rating": n.quality, "status": n.status,
		"throughput": object{"level": level(n.mps)}, "account_mode": mode, "platform_type": "CLOUD_API", "name_status": "APPROVED",
		"whatsapp_business_manager_messaging_limit": s.cfg.MessagingLimit,
		"health_status": object{"can_send_message": health["can_send_message"], "entities": []object{health}},
	}
}

// level is what the platform calls a throughput: the standard one is that of numbers
// with less, too, and those that no real number has are no level.
func level(mps int) string {
	switch {
	case mps <= DefaultMPS:
		return "STANDARD"
	case mps == 1000:
		return "HIGH"
	}
	return "NOT_APPLICABLE"
}

// debug says what a token is.
func (s *Server) debug(token string) (any, *refusal) {
	if token == "" {
		return nil, required("input_token")
	}
	if bad := s.accounts.judgeToken(token, s.cfg.Clock()); bad != nil {
		e := object{"code": bad.code, "message": bad.message}
		if bad.subcode != 0 {
			e["subcode"] = bad.subcode
		}
		return object{"data": object{"is_valid": false, "scopes": []string{}, "error": e}}, nil
	}
	ends := int64(0)
	if at, ok := s.accounts.expiry(token); ok {
		ends = at.Unix()
	}
	return object{"data": object{
		"app_id": "300000000000001", "application": simulatedApp, "type": "SYSTEM_USER", "is_valid": true,
		"expires_at": ends, "data_access_expires_at": 0, "issued_at": s.started.Add(-time.Hour).Unix(),
		"scopes": []string{"whatsapp_business_management", "whatsapp_business_messaging"},
	}}, nil
}

const simulatedApp = "Simulated app"

// subscribe adds the token's app to an account's webhooks, or takes it off.
func (s *Server) subscribe(method, id, token string) (any, *refusal) {
	a := s.accounts.account(id, token)
	if a == nil {
		return nil, unknownObject(method, id)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.apps = slices.DeleteFunc(a.apps, func(name string) bool { return name == simulatedApp })
	if method == http.MethodPost {
		a.apps = append(a.apps, simulatedApp)
	}
	return object{"success": true}, nil
}

func (s *Server) numbersOf(r *http.Request, a *account) (any, *refusal) {
	var list []object
	for _, n := range s.accounts.every() {
		if n.account == a {
			list = append(list, s.numberObject(n))
		}
	}
	slices.SortFunc(list, func(x, y object) int { return strings.Compare(x["id"].(string), y["id"].(string)) })
	return paged(r, list, "WhatsAppBusinessPhoneNumber")
}

func (s *Server) appsOf(r *http.Request, a *account) (any, *refusal) {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]object, len(a.apps))
	for i, name := range a.apps {
		id := strconv.FormatUint(fnv(name)%1e15, 10)
		list[i] = object{"whatsapp_business_api_data": object{"id": id, "name": name, "link": "https://www.facebook.com/games/?app_id=" + id}}
	}
	return paged(r, list, "")
}
