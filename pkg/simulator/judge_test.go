package simulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/simulator"
)

func TestSendFixtures(t *testing.T) {
	files, err := os.ReadDir("testdata/send")
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t, strict(t))
	for _, file := range files {
		t.Run(file.Name(), func(t *testing.T) {
			to := path
			if strings.HasPrefix(file.Name(), "marketing_messages") {
				to = strings.Replace(path, "/messages", "/marketing_messages", 1)
			}
			got := post(t, s, to, string(readFile(t, "send/"+file.Name())))
			switch {
			case strings.HasPrefix(file.Name(), "invalid_"):
				if got.status == http.StatusOK {
					t.Error("an invalid send was accepted")
				}
			case file.Name() == "mark_as_read.json":
				if !got.Success {
					t.Errorf("answer %+v, want success", got)
				}
			case got.status != http.StatusOK || len(got.Messages) != 1:
				t.Errorf("refused: %d %+v %s", got.status, got.Error, got.Error.details())
			}
		})
	}
	st := s.Stats()
	if st.Accepted != int64(len(files))-3 || st.Reads != 1 || st.Refused[100] != 1 || st.Refused[131008] != 1 {
		t.Errorf("stats %+v of %d files", st, len(files))
	}
}

// Each documented error answer, provoked by the request that the fixture names or
// by an error rule, is the fixture to the letter.
func TestErrorFixtures(t *testing.T) {
	newline := strings.Replace(string(readFile(t, "send/template_body_positional_text.json")), "Thursday", `Thurs\nday`, 1)
	one := body("parcel_update", "en", `{"type":"body","parameters":[{"type":"text","text":"Amina"}]}`)
	provoke := map[string]func(*simulator.Server) reply{
		"100_33_unknown_object.json": func(s *simulator.Server) reply {
			return post(t, s, "/v25.0/999999999999999/messages", hello("447700900456", ""))
		},
		"100_mm_not_template.json": func(s *simulator.Server) reply {
			return post(t, s, "/v25.0/"+number+"/marketing_messages", string(readFile(t, "send/direct_send_utility_text.json")))
		},
		"104_no_token.json": func(s *simulator.Server) reply { return postAs(t, s, "", path, "{}") },
		"131008_url_button_param_missing.json": func(s *simulator.Server) reply {
			return post(t, s, path, string(readFile(t, "send/invalid_missing_url_button.json")))
		},
		"132000_param_count.json":               func(s *simulator.Server) reply { return post(t, s, path, one) },
		"132018_template_param_validation.json": func(s *simulator.Server) reply { return post(t, s, path, newline) },
		"190_token_expired.json": func(s *simulator.Server) reply {
			s.ExpireToken(token)
			return post(t, s, path, "{}")
		},
	}
	files, err := os.ReadDir("testdata/error")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		want := readExchange(t, "error/"+file.Name())
		if want.Body == nil {
			continue // HTML, see the fault tests
		}
		t.Run(file.Name(), func(t *testing.T) {
			var wanted reply
			if err := json.Unmarshal(want.Body, &wanted); err != nil {
				t.Fatal(err)
			}
			s := newServer(t, strict(t))
			var got reply
			if f := provoke[file.Name()]; f != nil {
				got = f(s)
			} else {
				if err := s.SetFaults([]simulator.Rule{{Kind: simulator.Error, Code: wanted.Error.Code}}); err != nil {
					t.Fatal(err)
				}
				got = post(t, s, path, hello("447700900456", ""))
			}
			if got.Error.Trace == "" {
				t.Error("no fbtrace_id")
			}
			got.Error.Trace, wanted.Error.Trace = "", ""
			if wanted.Error.Code == 190 { // the text holds times
				got.Error.Message = strings.SplitAfter(got.Error.Message, "expired on ")[0]
				wanted.Error.Message = strings.SplitAfter(wanted.Error.Message, "expired on ")[0]
			}
			if diff := cmp.Diff(wanted.Error, got.Error); diff != "" {
				t.Errorf("error (-fixture +got):\n%s", diff)
			}
			if got.status != want.Status {
				t.Errorf("HTTP status %d, want %d", got.status, want.Status)
			}
		})
	}
}

// body is a template send with components.
func body(name, language, components string) string {
	return fmt.Sprintf(`{"messaging_product":"whatsapp","to":"+447700900456","type":"template","template":{"name":%q,"language":{"code":%q},"components":[%s]}}`, name, language, components)
}

func texts(kind string, values ...string) string {
	var params []string
	for _, v := range values {
		quoted, _ := json.Marshal(v)
		params = append(params, `{"type":"text","text":`+string(quoted)+`}`)
	}
	return `{"type":"` + kind + `","parameters":[` + strings.Join(params, ",") + `]}`
}

func named(kind string, pairs ...string) string {
	var params []string
	for i := 0; i < len(pairs); i += 2 {
		params = append(params, fmt.Sprintf(`{"type":"text","parameter_name":%q,"text":%q}`, pairs[i], pairs[i+1]))
	}
	return `{"type":"` + kind + `","parameters":[` + strings.Join(params, ",") + `]}`
}

func button(subType, index, params string) string {
	return `{"type":"button","sub_type":"` + subType + `","index":` + index + `,"parameters":[` + params + `]}`
}

func envelope(fields string) string {
	return `{"messaging_product":"whatsapp",` + fields + `}`
}

const (
	helloTemplate = `"type":"template","template":{"name":"hello_world","language":{"code":"en_US"}}`
	toAmina       = `"to":"447700900456",`
)

func TestRefusals(t *testing.T) {
	long := strings.Repeat("é", 1000)
	for _, tc := range []struct {
		name, body string
		code       int
		says       string
	}{
		{"not JSON", `{"messaging_product":`, 100, "not one JSON object"},
		{"two objects", hello("447700900456", "") + "{}", 100, "not one JSON object"},
		{"an array", `[]`, 100, "not one JSON object"},
		{"no product", `{"to":"447700900456"}`, 100, "The parameter messaging_product is required."},
		{"another product", `{"messaging_product":"sms"}`, 100, "one of {WHATSAPP}"},
		{"nobody", envelope(helloTemplate), 100, "The parameter to is required."},
		{"no type is text", envelope(toAmina + `"template":{"name":"hello_world","language":{"code":"en_US"}}`), 100, "text['body']"},
		{"no template", envelope(toAmina + `"type":"template"`), 100, "The parameter template is required."},
		{"no name", envelope(toAmina + `"type":"template","template":{"language":{"code":"en"}}`), 100, "template['name']"},
		{"no language", envelope(toAmina + `"type":"template","template":{"name":"hello_world"}`), 100, "template['language']['code']"},
		{"other types", envelope(toAmina + `"type":"sticker"`), 131051, ""},
		{"groups", envelope(`"recipient_type":"group",` + toAmina + helloTemplate), 100, "groups"},
		{"00 for +", hello("00447700900456", ""), 100, "Parameter Invalid"},
		{"letters", hello("44770090045x", ""), 100, "Parameter Invalid"},
		{"short", hello("+44770", ""), 100, "Parameter Invalid"},
		{"long number", hello("+4477009004567890", ""), 100, "Parameter Invalid"},
		{"bad user id", envelope(`"recipient":"US 1",` + helloTemplate), 100, "Parameter Invalid"},
		{"to itself", hello("+447700900000", ""), 131021, ""},
		{"callback data", hello("447700900456", strings.Repeat("x", 513)), 100, "biz_opaque_callback_data"},
		{"policy", envelope(toAmina + `"type":"template","template":{"name":"hello_world","language":{"code":"en_US","policy":"fallback"}}`), 100, "DETERMINISTIC"},
		{"category on a template", envelope(toAmina + `"category":"utility",` + helloTemplate), 100, "category"},
		{"a field of the other endpoint", envelope(toAmina + `"product_policy":"STRICT",` + helloTemplate), 100, "marketing_messages"},

		{"no such template", body("nonesuch", "en_US", ""), 132001, "template name (nonesuch) does not exist in en_US"},
		{"another language", body("hello_world", "en", ""), 132001, "template name (hello_world) does not exist in en"},
		{"rejected", body("sale_open", "pt_BR", ""), 132001, "does not exist"},
		{"in review", body("in_review", "en", ""), 132001, "does not exist"},
		{"paused", body("new_collection", "en", ""), 132015, "paused due to low quality"},
		{"disabled", body("blocked_for_good", "en", ""), 132016, ""},
		{"the template comes before the schema", body("nonesuch", "en", `{"type":"body","parameters":[{"type":"text","text":5}]}`), 132001, ""},
		{"an OTP to a user id", envelope(`"recipient":"GB.123",` + `"type":"template","template":{"name":"login_code","language":{"code":"en_US"}}`), 131062, ""},

		{"text is a number", body("parcel_update", "en", `{"type":"body","parameters":[{"type":"text","text":5}]}`), 100, "Param template['components'][0]['parameters'][0]['text'] must be a string."},
		{"an unknown field", envelope(toAmina + `"colour":"red",` + helloTemplate), 100, `Unexpected key "colour".`},
		{"an unknown field inside", body("hello_world", "en_US", `{"type":"body","parameter":[]}`), 100, `Unexpected key "parameter" on param "template['components'][0]".`},
		{"a field in upper case", strings.Replace(hello("447700900456", ""), `"to"`, `"To"`, 1), 100, `Unexpected key "To".`},
		{"on-premises", envelope(toAmina + `"type":"template","template":{"namespace":"x","name":"hello_world","language":{"code":"en_US"}}`), 100, "namespace"},
		{"components is an object", envelope(toAmina + `"type":"template","template":{"name":"hello_world","language":{"code":"en_US"},"components":{}}`), 100, "Param template['components'] must be an array."},
		{"language is a string", envelope(toAmina + `"type":"template","template":{"name":"hello_world","language":"en_US"}`), 100, "Param template['language'] must be an object."},
		{"to is a number", envelope(`"to":447700900456,` + helloTemplate), 100, "Param to must be a string."},
		{"an index that is none", body("track_parcel", "en", button("url", `"first"`, "")), 100, "['index'] must be an integer."},
		{"an unknown component", body("hello_world", "en_US", `{"type":"footer"}`), 100, "must be one of {HEADER, BODY"},
		{"an unknown parameter", body("statement_ready", "en", `{"type":"body","parameters":[{"type":"string","text":"x"}]}`), 100, "['parameters'][0]['type'] must be one of"},
		{"a component twice", body("statement_ready", "en", texts("body", "a")+","+texts("body", "b")), 100, "repeats"},

		{"too few", body("parcel_update", "en", texts("body", "a")), 132000, "body: number of localizable_params (1) does not match the expected number of params (3)"},
		{"too many", body("statement_ready", "en", texts("body", "a", "b")), 132000, "body: number of localizable_params (2) does not match the expected number of params (1)"},
		{"none", body("statement_ready", "en", ""), 132000, "body: number of localizable_params (0) does not match the expected number of params (1)"},
		{"a header that has no variable", body("hello_world", "en_US", texts("header", "a")), 132000, "header: number of localizable_params (1) does not match the expected number of params (0)"},
		{"no header", body("cart_left", "en_US", texts("body", "a")), 132000, "header: number of localizable_params (0) does not match the expected number of params (1)"},
		{"cards", body("carousel_cards", "en_US", texts("body", "a", "b")), 132000, "carousel: number of cards (0) does not match the expected number of cards (3)"},
		{"named without names", string(readFile(t, "send/invalid_named_without_parameter_name.json")), 100, "Parameter name is missing or empty"},
		{"another name", body("parcel_update_named", "en", named("body", "first_name", "a", "parcel", "b")), 100, `"parcel" does not exist`},
		{"a name twice", body("parcel_update_named", "en", named("body", "first_name", "a", "first_name", "b")), 100, "given twice"},

		{"media header missing", body("poster", "en", ""), 132012, "header: Format mismatch, expected IMAGE, received UNKNOWN"},
		{"another media", body("poster", "en", `{"type":"header","parameters":[{"type":"video","video":{"id":"1"}}]}`), 132012, "header: Format mismatch, expected IMAGE, received VIDEO"},
		{"media without file", body("poster", "en", `{"type":"header","parameters":[{"type":"image","image":{}}]}`), 131008, "missing image value"},
		{"a place without latitude", body("pickup_point", "en", `{"type":"header","parameters":[{"type":"location","location":{"longitude":"1"}}]},`+texts("body", "a")), 131008, "missing location value"},
		{"a picture in the body", body("statement_ready", "en", `{"type":"body","parameters":[{"type":"image","image":{"id":"1"}}]}`), 132012, "body: Format mismatch, expected TEXT, received IMAGE"},

		{"the URL at another index", body("track_parcel", "en", texts("body", "a")+","+button("url", "1", `{"type":"text","text":"x"}`)), 131008, "Parameter value for URL was expected but was not found"},
		{"a URL without value", body("track_parcel", "en", texts("body", "a")+","+button("url", "0", "")), 131008, ""},
		{"a value for a static URL", body("track_parcel", "en", texts("body", "a")+","+button("url", "0", `{"type":"text","text":"x"}`)+","+button("url", "1", `{"type":"text","text":"x"}`)), 132000, "index 1"},
		{"a value for a phone button", body("track_parcel", "en", texts("body", "a")+","+button("url", "0", `{"type":"text","text":"x"}`)+","+button("phone_number", "2", `{"type":"text","text":"x"}`)), 132012, "index 2"},
		{"no such button", body("visit_confirm", "en", texts("body", "a", "b")+","+button("quick_reply", "2", `{"type":"payload","payload":"x"}`)), 131009, "no button at index 2"},
		{"a button twice", body("visit_confirm", "en", texts("body", "a", "b")+","+button("quick_reply", "1", `{"type":"payload","payload":"x"}`)+","+button("quick_reply", "1", `{"type":"payload","payload":"x"}`)), 131009, "given twice"},
		{"another kind of button", body("visit_confirm", "en", texts("body", "a", "b")+","+button("url", "0", `{"type":"text","text":"x"}`)), 132012, "expected QUICK_REPLY, received URL"},
		{"another kind of value", body("visit_confirm", "en", texts("body", "a", "b")+","+button("quick_reply", "0", `{"type":"text","text":"x"}`)), 132012, "expected PAYLOAD, received TEXT"},
		{"a long payload", body("visit_confirm", "en", texts("body", "a", "b")+","+button("quick_reply", "0", `{"type":"payload","payload":"`+strings.Repeat("x", 257)+`"}`)), 100, "payload must be at most 256"},
		{"an empty payload", body("visit_confirm", "en", texts("body", "a", "b")+","+button("quick_reply", "0", `{"type":"payload","payload":""}`)), 131008, "missing payload value"},
		{"no coupon", body("coupon", "en", ""), 131008, "buttons: Button at index 0 of type CopyCode requires a parameter"},
		{"a long coupon", body("coupon", "en", button("copy_code", "0", `{"type":"coupon_code","coupon_code":"123456789012345678901"}`)), 100, "at most 20"},
		{"a long OTP", body("login_code", "en_US", texts("body", "1")+","+button("url", "0", `{"type":"text","text":"1234567890123456"}`)), 100, "at most 15"},
		{"no OTP button", body("login_code", "en_US", texts("body", "1")), 131008, "index 0 of type Url"},

		{"a newline", body("statement_ready", "en", texts("body", "a\nb")), 132018, "new-line/tab"},
		{"a carriage return", body("statement_ready", "en", texts("body", "a\rb")), 132018, "new-line/tab"},
		{"a tab", body("statement_ready", "en", texts("body", "a\tb")), 132018, "new-line/tab"},
		{"five spaces", body("statement_ready", "en", texts("body", "a     b")), 132018, "more than 4 consecutive spaces"},
		{"a newline in a URL", body("track_parcel", "en", texts("body", "a")+","+button("url", "0", `{"type":"text","text":"a\nb"}`)), 132018, ""},
		{"empty text", body("statement_ready", "en", texts("body", "")), 131008, "missing text value"},
		{"missing text", body("statement_ready", "en", `{"type":"body","parameters":[{"type":"text"}]}`), 131008, "missing text value"},
		{"schema, then counts", body("parcel_update", "en", `{"type":"body","parameters":[{"type":"text","text":5}]}`), 100, ""},
		{"counts, then formats", body("poster", "en", texts("body", "a")), 132000, "body: "},
		{"names, then formats", body("sale_open_named", "en", `{"type":"header","parameters":[{"type":"image","image":{"id":"1"}}]},`+named("body", "first_name", "a")), 100, "Parameter name"},
		{"formats, then buttons", body("track_parcel", "en", `{"type":"body","parameters":[{"type":"image","image":{"id":"1"}}]}`), 132012, "body: "},
		{"buttons, then characters", body("track_parcel", "en", texts("body", "a\nb")), 131008, "buttons: "},
		{"characters, then empties", body("parcel_update", "en", texts("body", "", "a\tb", "c")), 132018, ""},
		{"empties, then lengths", body("parcel_update", "en", texts("body", long, long, "")), 131008, "missing text value"},
		{"a card", strings.Replace(string(readFile(t, "send/template_carousel_media_cards.json")), `"ALPHA"`, `""`, 1), 131008, "card 0: "},
		{"a card's index", strings.Replace(string(readFile(t, "send/template_carousel_media_cards.json")), `"card_index": 2`, `"card_index": 1`, 1), 100, "card_index"},

		{"a long body", body("statement_ready", "en", texts("body", long)), 132005, "body: "},
		{"a long header", body("cart_left", "en_US", texts("header", strings.Repeat("x", 60))+","+texts("body", "a")+","+button("mpm", "0", `{"type":"action","action":{}}`)), 132005, "header: "},
		{"a long URL", body("track_parcel", "en", texts("body", "a")+","+button("url", "0", `{"type":"text","text":"`+strings.Repeat("x", 2000)+`"}`)), 132005, "buttons: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newServer(t, strict(t))
			expectRefusal(t, s, path, tc.body, tc.code, tc.says)
		})
	}
}

func expectRefusal(t *testing.T, s *simulator.Server, path, body string, code int, says string) {
	t.Helper()
	got := post(t, s, path, body)
	if got.Error.Code != code {
		t.Fatalf("code %d (%s; %s), want %d", got.Error.Code, got.Error.Message, got.Error.details(), code)
	}
	if !strings.Contains(got.Error.details(), says) {
		t.Errorf("details %q, want %q in it", got.Error.details(), says)
	}
	if want := map[bool]int{true: 404, false: 400}[code == 132001]; got.status != want {
		t.Errorf("HTTP status %d, want %d", got.status, want)
	}
	if st := s.Stats(); st.Accepted != 0 || st.Refused[code] != 1 {
		t.Errorf("stats %+v", st)
	}
}

func TestAccepted(t *testing.T) {
	for name, body := range map[string]string{
		"four spaces":                body("statement_ready", "en", texts("body", "a    b")),
		"the longest body":           body("statement_ready", "en", texts("body", strings.Repeat("é", 1024-len("Dear , your statement is ready.")))),
		"types in any case":          body("visit_confirm", "en", strings.NewReplacer(`"body"`, `"BODY"`, `"text"`, `"text"`).Replace(texts("body", "a", "b"))+","+button("QUICK_REPLY", "0", `{"type":"PAYLOAD","payload":"x"}`)),
		"index as a string":          body("track_parcel", "en", texts("body", "a")+","+button("url", `"0"`, `{"type":"text","text":"x"}`)),
		"quick replies left out":     body("visit_confirm", "en", texts("body", "a", "b")),
		"one quick reply":            body("visit_confirm", "en", texts("body", "a", "b")+","+button("quick_reply", "1", `{"type":"payload","payload":"`+strings.Repeat("x", 256)+`"}`)),
		"deterministic":              envelope(toAmina + `"type":"template","template":{"name":"hello_world","language":{"code":"en_US","policy":"deterministic"}}`),
		"no components":              body("hello_world", "en_US", ""),
		"keys of one's own":          body("feedback_flow", "en", button("flow", "0", `{"type":"action","action":{"flow_action_data":{"Order-ID":{"X":1}}}}`)),
		"to wins over recipient":     envelope(`"recipient":"not a user id",` + toAmina + helloTemplate),
		"a business-scoped user id":  envelope(`"recipient":"GB.1234567890",` + helloTemplate),
		"512 characters of callback": hello("+44 (7700) 900-456", strings.Repeat("é", 512)),
	} {
		t.Run(name, func(t *testing.T) {
			if got := post(t, newServer(t, strict(t)), path, body); got.status != http.StatusOK {
				t.Errorf("refused: %d %s (%s)", got.Error.Code, got.Error.Message, got.Error.details())
			}
		})
	}
}

// Without templates anything goes that no template could forbid.
func TestWithoutTemplates(t *testing.T) {
	s := newServer(t, simulator.Config{})
	if got := post(t, s, path, body("whatever", "xx", texts("body", "a", "b")+","+button("url", "3", `{"type":"text","text":"x"}`))); got.status != http.StatusOK {
		t.Errorf("refused: %+v", got.Error)
	}
	for code, body := range map[int]string{
		132018: body("whatever", "xx", texts("body", "a\nb")),
		131008: body("whatever", "xx", texts("body", "")),
		132005: body("whatever", "xx", texts("body", strings.Repeat("x", 1025))),
	} {
		if got := post(t, s, path, body); got.Error.Code != code {
			t.Errorf("code %d, want %d", got.Error.Code, code)
		}
	}
}

func TestPaths(t *testing.T) {
	s := newServer(t, simulator.Config{})
	for path, code := range map[string]int{
		"/v25.0/" + number + "/messages":           0,
		"/" + number + "/messages":                 0,
		"/latest/" + number + "/messages":          2500,
		"/v25.0/me/messages":                       100,
		"/v25.0/" + number + "/media":              2500,
		"/v25.0/" + number + "/marketing_messages": 0,
	} {
		if got := post(t, s, path, hello("447700900456", "")); got.Error.Code != code {
			t.Errorf("%s: code %d, want %d", path, got.Error.Code, code)
		}
	}
}
