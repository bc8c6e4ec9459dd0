package simulator

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Page sizes of lists.
const (
	defaultPage = 25
	maxPage     = 1000
)

// templateFields are those of a template in a list; a template need not have all.
var templateFields = []string{
	"id", "name", "language", "status", "category", "parameter_format", "components", "quality_score", "rejected_reason",
	"message_send_ttl_seconds", "previous_category", "correct_category", "sub_category", "library_template_name", "cta_url_link_tracking_opted_out",
}

// listing is a template as lists show it: as it was given, with what the platform
// adds.
func listing(raw json.RawMessage, t *template) map[string]json.RawMessage {
	fields := make(map[string]json.RawMessage)
	_ = json.Unmarshal(raw, &fields) // it was an object a moment ago
	for name, value := range map[string]string{
		"id": strconv.FormatUint(1e15+fnv(t.name+"/"+t.language)%1e15, 10), "status": t.status, "category": t.category, "parameter_format": "POSITIONAL",
	} {
		if fields[name] == nil && value != "" {
			fields[name] = json.RawMessage(strconv.Quote(value))
		}
	}
	return fields
}

// templatesOf lists an account's templates by name and language.
func (s *Server) templatesOf(r *http.Request, a *account) (any, *refusal) {
	query := r.URL.Query()
	var all []*template
	for _, t := range *a.templates.Load() {
		if t.matches(query) {
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(x, y *template) int { return strings.Compare(x.name+"/"+x.language, y.name+"/"+y.language) })
	fields := fieldsOf(query)
	if fields == nil {
		fields = templateFields[:7]
	}
	list := make([]object, len(all))
	for i, t := range all {
		list[i] = object{"id": t.listed["id"]}
		for _, f := range fields {
			if !slices.Contains(templateFields, f) {
				return nil, badParam("Tried accessing nonexisting field (%s) on node type (WhatsAppMessageTemplate)", f)
			}
			if value := t.listed[f]; value != nil {
				list[i][f] = value
			}
		}
	}
	query.Del("fields") // they were picked already
	return pagedBy(r, query, list, "")
}

// matches holds for a template that the query's filters keep.
func (t *template) matches(query url.Values) bool {
	for filter, value := range map[string]string{"name": t.name, "language": t.language, "status": t.status, "category": t.category} {
		if want := query.Get(filter); want != "" && !strings.EqualFold(want, value) {
			return false
		}
	}
	return true
}

func paged(r *http.Request, list []object, kind string) (any, *refusal) {
	return pagedBy(r, r.URL.Query(), list, kind)
}

// pagedBy is the page of a list that the query asks for, with only the fields it
// asks for.
func pagedBy(r *http.Request, query url.Values, list []object, kind string) (any, *refusal) {
	from, to, bad := span(query, len(list))
	if bad != nil {
		return nil, bad
	}
	data := make([]object, 0, to-from)
	for _, o := range list[from:to] {
		picked, bad := o.pick(fieldsOf(query), kind)
		if bad != nil {
			return nil, bad
		}
		data = append(data, picked)
	}
	out := object{"data": data}
	if len(data) == 0 {
		return out, nil
	}
	paging := object{"cursors": object{"before": cursor(from), "after": cursor(to - 1)}}
	if to < len(list) {
		paging["next"] = pageURL(r, "after", cursor(to-1))
	}
	if from > 0 {
		paging["previous"] = pageURL(r, "before", cursor(from))
	}
	out["paging"] = paging
	return out, nil
}

// span is the part of a list of n that the query asks for.
func span(query url.Values, n int) (from, to int, bad *refusal) {
	limit := defaultPage
	if text := query.Get("limit"); text != "" {
		var err error
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 {
			return 0, 0, badParam("Param limit must be an integer greater than 0")
		}
	}
	limit = min(limit, maxPage)
	switch after, before := query.Get("after"), query.Get("before"); {
	case after != "":
		at, ok := readCursor(after, n)
		if !ok {
			return 0, 0, refuse(131059, "")
		}
		return at + 1, min(at+1+limit, n), nil
	case before != "":
		at, ok := readCursor(before, n)
		if !ok {
			return 0, 0, refuse(131059, "")
		}
		return max(at-limit, 0), at, nil
	}
	return 0, min(limit, n), nil
}

// cursor names the entry at a place. Clients must not look into it.
func cursor(at int) string {
	return base64.RawURLEncoding.EncodeToString([]byte("at " + strconv.Itoa(at)))
}

func readCursor(text string, n int) (int, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	number, ok := strings.CutPrefix(string(raw), "at ")
	at, bad := strconv.Atoi(number)
	return at, err == nil && ok && bad == nil && at >= 0 && at < n
}

// pageURL is the request's own URL at another cursor.
func pageURL(r *http.Request, direction, at string) string {
	query := r.URL.Query()
	query.Del("after")
	query.Del("before")
	query.Set(direction, at)
	return "http://" + r.Host + r.URL.Path + "?" + query.Encode()
}
