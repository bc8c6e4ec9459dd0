package whatsapp

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func text(s string) Parameter       { return Parameter{Type: "text", Text: s} }
func named(n, s string) Parameter   { return Parameter{Type: "text", Name: n, Text: s} }
func payload(s string) Parameter    { return Parameter{Type: "payload", Payload: s} }
func body(p ...Parameter) Component { return Component{Type: "body", Parameters: p} }
func header(p Parameter) Component  { return Component{Type: "header", Parameters: []Parameter{p}} }
func button(kind, i string, p Parameter) Component {
	return Component{Type: "button", SubType: kind, Index: i, Parameters: []Parameter{p}}
}

// The documented bodies, as the fixtures have them.
func TestMessageIsTheDocumentedBody(t *testing.T) {
	const to = "447700900456"
	template := func(name, language string, c ...Component) Message {
		return Message{To: to, Template: Template{Name: name, Language: language, Components: c}}
	}
	withCallback := template("parcel_update", "en", body(text("Amina"), text("PX-20417"), text("Thursday")))
	withCallback.CallbackData = "c7:r000123:a1"
	tests := map[string]Message{
		"template_no_components":      template("hello_world", "en_US"),
		"template_with_callback_data": withCallback,
		"template_header_location": template("pickup_point", "en",
			header(Parameter{Type: "location", Location: &Location{Latitude: "51.500700", Longitude: "-0.124600", Name: "Locker 12", Address: "1 Example Street, London"}}),
			body(text("PX-20417"))),
		"template_header_text_named": template("sale_open_named", "en", header(named("event", "Autumn fair")), body(named("first_name", "Amina"))),
		"template_header_video_link": template("how_to_video", "en",
			header(Parameter{Type: "video", Video: &Media{Link: "https://cdn.example.test/a/howto.mp4"}})),
		"template_button_quick_reply": template("visit_confirm", "en", body(text("Amina"), text("10:30")),
			button("quick_reply", "0", payload("visit:20417:yes")), button("quick_reply", "1", payload("visit:20417:no"))),
		"template_button_flow": template("feedback_flow", "en",
			button("flow", "0", Parameter{Type: "action", Action: &Action{FlowToken: "c7-r123", FlowData: json.RawMessage(`{"order_id":"20417"}`)}})),
	}
	for name, m := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(decodeAny(t, fixture(t, "send", name)), decodeAny(t, m.AppendJSON(nil))); diff != "" {
				t.Errorf("body (-fixture +ours):\n%s", diff)
			}
		})
	}
}

// Whatever a documented body holds in its components goes out again byte by byte
// when it is given raw.
func TestRawComponentsGoOutVerbatim(t *testing.T) {
	files, err := filepath.Glob("testdata/send/*.json")
	if err != nil || len(files) < 10 {
		t.Fatalf("fixtures: %v %v", files, err)
	}
	for _, file := range files {
		var in struct {
			Template struct {
				Components json.RawMessage `json:"components"`
			} `json:"template"`
		}
		if err := json.Unmarshal(fixture(t, "send", strings.TrimSuffix(filepath.Base(file), ".json")), &in); err != nil {
			t.Fatal(err)
		}
		raw := in.Template.Components
		m := Message{To: "+447700900456", Template: Template{Name: "x", Language: "en",
			Components: []Component{body(text("not this"))}, RawComponents: raw}}
		got := string(m.AppendJSON(nil))
		if len(raw) == 0 {
			continue // no components in this fixture; Components stand in for them
		}
		if !strings.Contains(got, `"components":`+string(raw)+"}") || strings.Contains(got, "not this") {
			t.Errorf("%s: components changed on their way:\n%s", file, got)
		}
	}
}

func TestRecipient(t *testing.T) {
	tests := []struct {
		name string
		m    Message
		want map[string]any
	}{
		{"number", Message{To: "+447700900456"}, map[string]any{"to": "+447700900456"}},
		{"user id", Message{Recipient: "GB.1349120"}, map[string]any{"recipient": "GB.1349120"}},
		{"the number wins", Message{To: "+447700900456", Recipient: "GB.1349120"}, map[string]any{"to": "+447700900456"}},
		{"neither", Message{}, map[string]any{"to": ""}},
	}
	for _, tt := range tests {
		all := decodeAny(t, tt.m.AppendJSON(nil)).(map[string]any)
		got := map[string]any{}
		for _, key := range []string{"to", "recipient"} {
			if v, ok := all[key]; ok {
				got[key] = v
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// The hand-written encoder and the struct tags must not drift apart.
func TestEncoderAgreesWithTheTags(t *testing.T) {
	media := []*Media{nil, {}, {ID: "1"}, {Link: "https://example.com/a?b=1&c=<2>"}, {ID: "1", Link: "l", Filename: "f.pdf"}}
	locations := []*Location{nil, {}, {Latitude: "1", Longitude: "2", Name: "n", Address: "a"}}
	actions := []*Action{nil, {}, {FlowToken: "t"}, {FlowData: json.RawMessage(`{"a":[1]}`)}, {FlowToken: "t", FlowData: json.RawMessage(`{}`)}}
	components := []Component{{}, {Type: "body"}, button("URL", "1", text(""))}
	for i := range 5 {
		components = append(components, Component{Type: "x\ty", SubType: `"q\`, Index: "0", Parameters: []Parameter{
			{Type: "image", Image: media[i], Video: media[(i+1)%5], Document: media[(i+2)%5]},
			{Type: "location", Location: locations[i%3], Action: actions[i]},
			{Type: "text", Name: "first_name", Text: "Zoë\u2028\x00\x7f\xff💬", Payload: "p", CouponCode: "c"},
		}})
	}
	for _, c := range components {
		want, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		got := c.appendJSON(nil)
		if diff := cmp.Diff(decodeAny(t, want), decodeAny(t, got)); diff != "" {
			t.Errorf("encoder differs from the tags (-tags +ours):\n%s", diff)
		}
	}
}

func TestMarshalJSON(t *testing.T) {
	m := Message{To: "+447700900456", Template: Template{Name: "a", Language: "en", RawComponents: json.RawMessage(`[ {"type":"body"} ]`)}}
	got, err := json.Marshal(&m)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(decodeAny(t, m.AppendJSON(nil)), decodeAny(t, got)); diff != "" {
		t.Errorf("MarshalJSON (-append +marshal):\n%s", diff)
	}
	m.Template.RawComponents = json.RawMessage(`[`)
	if _, err := json.Marshal(m); err == nil {
		t.Error("raw components that are no JSON were marshalled")
	}
}

func TestEncodingAllocatesOnce(t *testing.T) {
	m := benchmarkMessage()
	var out []byte
	if n := testing.AllocsPerRun(100, func() { out = m.AppendJSON(make([]byte, 0, m.sizeHint())) }); n > 1 {
		t.Errorf("%v allocations for a body of %d bytes, want 1", n, len(out))
	}
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "Amina", "a\"b\\c\n\t\x00", "é💬\xff\xfe", "\u2028", "\xe2\x82"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		if err := json.Unmarshal(appendString(nil, s), &got); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		// Ranging over a string replaces each bad byte, as encoding/json does.
		if want := string([]rune(s)); got != want {
			t.Fatalf("%q came back as %q", s, got)
		}
	})
}

func benchmarkMessage() *Message {
	return &Message{To: "+447700900456", CallbackData: "wacast/1/1/autumn_2026/customer-000123",
		Template: Template{Name: "parcel_update", Language: "en_US", Components: []Component{
			header(Parameter{Type: "image", Image: &Media{ID: "1479537139650973"}}),
			body(text("Amina"), text("PX-20417"), text("Thursday, between 9 and 12")),
			button("url", "0", text("PX-20417?src=wa")),
		}}}
}

func BenchmarkMessageAppendJSON(b *testing.B) {
	m := benchmarkMessage()
	b.ReportAllocs()
	for b.Loop() {
		_ = m.AppendJSON(make([]byte, 0, m.sizeHint()))
	}
}

func fixture(t *testing.T, folder, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", folder, name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func decodeAny(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	return v
}
