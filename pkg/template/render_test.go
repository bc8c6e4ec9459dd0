package template_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/template"
	"github.com/wacast/wacast/pkg/whatsapp"
)

var empty whatsapp.Template

// request is the part of a send request that this package renders.
type request struct {
	Template struct {
		Name     string `json:"name"`
		Language struct {
			Code string `json:"code"`
		} `json:"language"`
		Components json.RawMessage `json:"components"`
	} `json:"template"`
}

func readRequest(t testing.TB, file string) request {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r request
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRenderDocumentedRequests sends the components of each documented request:
// the sound ones go out as they came, the invalid ones are refused as the API would.
func TestRenderDocumentedRequests(t *testing.T) {
	c := catalog(t)
	codes := map[string]int{
		"invalid_missing_url_button.json":              131008,
		"invalid_named_without_parameter_name.json":    100,
		"marketing_messages_fallback.json":             0,
		"template_with_identity_hash_and_context.json": 0,
	}
	files, err := filepath.Glob("testdata/send/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			r := readRequest(t, file)
			d, err := c.Lookup(r.Template.Name, r.Template.Language.Code)
			if err != nil {
				t.Fatal(err)
			}
			got, err := d.Render(&job.Template{Components: r.Template.Components})
			if code := codes[filepath.Base(file)]; code != 0 {
				wantFirst(t, err, code)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := whatsapp.Template{Name: r.Template.Name, Language: r.Template.Language.Code, RawComponents: r.Template.Components}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// wantFirst asks for the code of the first problem.
func wantFirst(t *testing.T, err error, code int) {
	t.Helper()
	var bad *template.ParamError
	if !errors.As(err, &bad) {
		t.Fatalf("got %v, want a ParamError with %d", err, code)
	}
	if bad.Problems[0].Code != code {
		t.Errorf("got %v, want %d first", err, code)
	}
}

// TestRenderParams gives params what the documented requests say in components.
func TestRenderParams(t *testing.T) {
	c := catalog(t)
	for _, q := range []struct{ file, params string }{
		{"template_no_components", `{}`},
		{"template_body_positional_text", `{"body":["Amina","PX-20417","Thursday"]}`},
		{"template_body_positional_text", `{"body":{"1":"Amina","2":"PX-20417","3":"Thursday"}}`},
		{"template_header_text_named", `{"header":{"text":"Autumn fair"},"body":{"first_name":"Amina"}}`},
		{"template_header_video_link", `{"header":{"video":{"link":"https://cdn.example.test/a/howto.mp4"}}}`},
		{"template_header_location", `{"header":{"location":{"latitude":"51.500700","longitude":"-0.124600","name":"Locker 12","address":"1 Example Street, London"}},"body":["PX-20417"]}`},
		{"template_button_quick_reply", `{"body":["Amina","10:30"],"buttons":{"1":{"payload":"visit:20417:no"},"0":{"payload":"visit:20417:yes"}}}`},
		{"template_button_url_suffix", `{"body":["Amina"],"buttons":{"0":{"url":"PX-20417?src=wa"}}}`},
		{"template_authentication_otp", `{"buttons":{"0":{"otp":"739204"}}}`},
		{"template_authentication_otp", `{"body":["739204"],"buttons":{"0":{"otp":"739204"}}}`},
		{"template_authentication_otp", `{"body":["739204"],"buttons":{"0":{"url":"739204"}}}`},
		{"template_button_flow", `{"buttons":{"0":{"flow":{"flow_token":"c7-r123","flow_action_data":{"order_id":"20417"}}}}}`},
	} {
		t.Run(q.file, func(t *testing.T) {
			r := readRequest(t, "testdata/send/"+q.file+".json")
			d, err := c.Lookup(r.Template.Name, r.Template.Language.Code)
			if err != nil {
				t.Fatal(err)
			}
			got, err := d.Render(params(t, q.params))
			if err != nil {
				t.Fatal(err)
			}
			if got.Name != r.Template.Name || got.Language != r.Template.Language.Code {
				t.Errorf("got %s, %s", got.Name, got.Language)
			}
			if diff := cmp.Diff(tree(t, r.Template.Components), tree(t, got.Components)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// tree makes JSON comparable, whatever the order of its fields.
func tree(t *testing.T, v any) any {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRenderNamedInTemplateOrder(t *testing.T) {
	got, err := lookup(t, "parcel_update_named", "en").Render(params(t, `{"body":{"parcel_code":"PX","first_name":"Amina"}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []whatsapp.Component{{Type: "body", Parameters: []whatsapp.Parameter{
		{Type: "text", Name: "first_name", Text: "Amina"},
		{Type: "text", Name: "parcel_code", Text: "PX"},
	}}}
	if diff := cmp.Diff(want, got.Components); diff != "" {
		t.Error(diff)
	}
}

// TestRenderAuthentication takes a definition in the words of its author: the
// body's text is Meta's own, the button is not yet stored as an address.
func TestRenderAuthentication(t *testing.T) {
	defs, err := template.Parse([]byte(`{"name":"login","language":"en","category":"authentication","components":[
		{"type":"body","add_security_recommendation":true},{"type":"buttons","buttons":[{"type":"otp","otp_type":"copy_code"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	got := render(t, defs[0], params(t, `{"buttons":{"0":{"otp":"739204"}}}`))
	if n := len(got.Components); n != 2 {
		t.Errorf("%d components, want body and button: %v", n, got.Components)
	}
}

func TestRenderVars(t *testing.T) {
	_, err := lookup(t, "hello_world", "en_US").Render(&job.Template{Vars: map[string]any{"name": "Amina"}})
	if !errors.Is(err, template.ErrVars) {
		t.Errorf("got %v", err)
	}
}

func TestRenderUnchecked(t *testing.T) {
	d := template.Unchecked("anything", "es")
	for _, q := range []struct {
		params string
		want   []whatsapp.Component
	}{
		{`{}`, nil},
		{`{"body":[]}`, nil},
		{`{"body":["a","b"]}`, []whatsapp.Component{{Type: "body", Parameters: []whatsapp.Parameter{{Type: "text", Text: "a"}, {Type: "text", Text: "b"}}}}},
		{`{"body":{"2":"b","1":"a"}}`, []whatsapp.Component{{Type: "body", Parameters: []whatsapp.Parameter{{Type: "text", Text: "a"}, {Type: "text", Text: "b"}}}}},
		{`{"body":{"y":"b","x":"a"}}`, []whatsapp.Component{{Type: "body", Parameters: []whatsapp.Parameter{{Type: "text", Name: "x", Text: "a"}, {Type: "text", Name: "y", Text: "b"}}}}},
		{`{"header":{"image":{"id":"7"}},"buttons":{"3":{"code":"AUT20"}}}`, []whatsapp.Component{
			{Type: "header", Parameters: []whatsapp.Parameter{{Type: "image", Image: &whatsapp.Media{ID: "7"}}}},
			{Type: "button", SubType: "copy_code", Index: "3", Parameters: []whatsapp.Parameter{{Type: "coupon_code", CouponCode: "AUT20"}}}}},
		{`{"buttons":{"0":{"otp":"739204"}}}`, []whatsapp.Component{
			{Type: "body", Parameters: []whatsapp.Parameter{{Type: "text", Text: "739204"}}},
			{Type: "button", SubType: "url", Index: "0", Parameters: []whatsapp.Parameter{{Type: "text", Text: "739204"}}}}},
	} {
		got, err := d.Render(params(t, q.params))
		if err != nil {
			t.Errorf("%s: %v", q.params, err)
			continue
		}
		if diff := cmp.Diff(q.want, got.Components); diff != "" {
			t.Errorf("%s: %s", q.params, diff)
		}
	}
	for given, code := range map[string]int{
		`{"body":["a\nb"]}`:                             132018,
		`{"header":{"text":""}}`:                        131008,
		`{"header":{"image":{"link":"ftp://x"}}}`:       131009,
		`{"buttons":{"0":{"code":"` + long(21) + `"}}}`: 100,
	} {
		_, err := d.Render(params(t, given))
		wantFirst(t, err, code)
	}
	_, err := d.Render(components(`[{"type":"body","parameters":[{"type":"text","text":"a\tb"}]},{"type":"carousel","cards":[{"card_index":5,"components":[{"type":"button","sub_type":"url","index":3,"parameters":[{"type":"text","text":""}]}]}]}]`))
	wantFirst(t, err, 132018)
	if n := len(problemsOf(err)); n != 2 {
		t.Errorf("%d problems, want 2: %v", n, err)
	}
}

// TestRenderUncheckedTakesDocumentedRequests needs no definition for any of them.
func TestRenderUncheckedTakesDocumentedRequests(t *testing.T) {
	files, err := filepath.Glob("testdata/send/template_*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		r := readRequest(t, file)
		if _, err := template.Unchecked(r.Template.Name, r.Template.Language.Code).Render(&job.Template{Components: r.Template.Components}); err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
		}
	}
}

func problemsOf(err error) []template.Problem {
	var bad *template.ParamError
	if errors.As(err, &bad) {
		return bad.Problems
	}
	return nil
}

func long(n int) string { return strings.Repeat("x", n) }

// TestProblemsNeverQuoteValues fills every place with the same secret.
func TestProblemsNeverQuoteValues(t *testing.T) {
	const secret = "Sécret-47"
	value := strings.Repeat(secret, 300) + "\n"
	bad := []*job.Template{
		{Params: &job.Params{
			Header:  &job.Header{Text: &value},
			Body:    job.Positional(value, value, value, value, ""),
			Buttons: map[string]job.Button{"0": {OTP: &value}, "1": {URL: &value}, "2": {Code: &value}, "3": {Payload: &value}, "77": {URL: &value}},
		}},
		{Params: &job.Params{Header: &job.Header{Image: &job.Media{Link: value, Filename: value}}, Body: job.Named(map[string]string{"1": value, "x": value})}},
		{Params: &job.Params{Header: &job.Header{Location: &job.Location{Latitude: value, Longitude: value}}}},
	}
	raw, err := json.Marshal([]any{map[string]any{"type": "body", "parameters": []any{map[string]any{"type": "text", "text": value}, map[string]any{"type": "text", "text": []string{value}}}}, value})
	if err != nil {
		t.Fatal(err)
	}
	bad = append(bad, components(string(raw)), components(`"`+secret+`"`))
	for _, d := range append(catalog(t).All(), template.Unchecked("u", "en")) {
		for i, b := range bad {
			_, err := d.Render(b)
			if err == nil {
				t.Errorf("%s takes %d", d, i)
				continue
			}
			if strings.Contains(err.Error(), "cret") {
				t.Errorf("%s quotes a value: %v", d, err)
			}
		}
	}
}

func FuzzRender(f *testing.F) {
	f.Add([]byte(`{"body":["Amina","PX-20417","Thursday"],"buttons":{"0":{"url":"x"}}}`), []byte(nil))
	f.Add([]byte(`{"header":{"image":{"id":"1"}},"body":{"first_name":"A"},"buttons":{"0":{"otp":"1"},"x":{}}}`), []byte(nil))
	files, err := filepath.Glob("testdata/send/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		f.Add([]byte(`{}`), []byte(readRequest(f, file).Template.Components))
	}
	defs := append(catalog(f).All(), template.Unchecked("u", "en"))
	f.Fuzz(func(t *testing.T, data, raw []byte) {
		in := job.Template{Params: new(job.Params), Components: raw}
		if json.Unmarshal(data, in.Params) != nil {
			return
		}
		for _, d := range defs {
			first, err := d.Render(&in)
			second, again := d.Render(&in)
			if diff := cmp.Diff(first, second); diff != "" {
				t.Errorf("%s: two renderings of one job differ: %s", d, diff)
			}
			if (err == nil) != (again == nil) || err != nil && err.Error() != again.Error() {
				t.Errorf("%s: %v, then %v", d, err, again)
			}
			if err == nil && len(raw) > 0 {
				if _, err := d.Render(&job.Template{Components: first.RawComponents}); err != nil {
					t.Errorf("%s refuses what it rendered: %v", d, err)
				}
			}
			if err == nil {
				_ = d.Preview(first)
			}
		}
	})
}
