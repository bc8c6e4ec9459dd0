package job_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/job"
)

// rules breaks each rule of the contract once. Fields is what the error names, and
// is empty where nothing is wrong. Schema is false where a JSON Schema cannot say it.
var rules = []struct {
	name, in string
	fields   []string
	noSchema bool
}{
	{name: "minimal", in: inJob(`"metadata":{}`)},
	{name: "no fields", in: `{}`, fields: []string{"v", "id", "from", "to", "template.name", "template.language"}},
	{name: "version 0", in: edit(`"v":1`, `"v":0`), fields: []string{"v"}},
	{name: "no id", in: edit(`"id":"a",`, ``), fields: []string{"id"}},
	{name: "id with a dot", in: edit(`"a"`, `"a.b"`), fields: []string{"id"}},
	{name: "id with a colon", in: edit(`"a"`, `"A:z_0-9"`)},
	{name: "id with an accent", in: edit(`"a"`, `"á"`), fields: []string{"id"}},
	{name: "longest id", in: edit(`"a"`, `"`+strings.Repeat("a", 128)+`"`)},
	{name: "id too long", in: edit(`"a"`, `"`+strings.Repeat("a", 129)+`"`), fields: []string{"id"}},
	{name: "campaign", in: inJob(`"campaign":"A-z_0"`)},
	{name: "campaign of the token for none", in: inJob(`"campaign":"_"`), fields: []string{"campaign"}},
	{name: "campaign with a colon", in: inJob(`"campaign":"a:b"`), fields: []string{"campaign"}},
	{name: "longest campaign", in: inJob(`"campaign":"` + strings.Repeat("c", 64) + `"`)},
	{name: "campaign too long", in: inJob(`"campaign":"` + strings.Repeat("c", 65) + `"`), fields: []string{"campaign"}},
	{name: "from is a telephone number", in: edit(`"from":"1"`, `"from":"+5491155550100"`), fields: []string{"from"}},
	{name: "from too long", in: edit(`"from":"1"`, `"from":"`+strings.Repeat("1", 33)+`"`), fields: []string{"from"}},
	{name: "to without +", in: edit(`"+5491155550100"`, `"5491155550100"`), fields: []string{"to"}},
	{name: "to with spaces", in: edit(`"+5491155550100"`, `"+54 9 11 5555 0100"`), fields: []string{"to"}},
	{name: "to too short", in: edit(`"+5491155550100"`, `"+123456"`), fields: []string{"to"}},
	{name: "shortest to", in: edit(`"+5491155550100"`, `"+1234567"`)},
	{name: "longest to", in: edit(`"+5491155550100"`, `"+123456789012345"`)},
	{name: "to too long", in: edit(`"+5491155550100"`, `"+1234567890123456"`), fields: []string{"to"}},
	{name: "user id beside to", in: inJob(`"user_id":"AR.1"`), fields: []string{"user_id"}},
	{name: "user id", in: edit(`"to":"+5491155550100"`, `"user_id":"AR.ENT.a1"`)},
	{name: "user id without country", in: edit(`"to":"+5491155550100"`, `"user_id":"13491208655302741918"`), fields: []string{"user_id"}},
	{name: "user id of a small country", in: edit(`"to":"+5491155550100"`, `"user_id":"ar.1"`), fields: []string{"user_id"}},
	{name: "user id too long", in: edit(`"to":"+5491155550100"`, `"user_id":"AR.`+strings.Repeat("1", 151)+`"`), fields: []string{"user_id"}},
	{name: "lane", in: inJob(`"lane":"transactional"`)},
	{name: "another lane", in: inJob(`"lane":"fast"`), fields: []string{"lane"}},
	{name: "another policy", in: inJob(`"on_unknown":"retry"`), fields: []string{"on_unknown"}},
	{name: "metadata is a list", in: inJob(`"metadata":[]`), fields: []string{"metadata"}},
	{name: "longest metadata", in: inJob(`"metadata":{"a":"` + strings.Repeat("x", job.MaxMetadata-8) + `"}`)},
	{name: "metadata too long", in: inJob(`"metadata":{"a":"` + strings.Repeat("x", job.MaxMetadata-7) + `"}`), fields: []string{"metadata"}, noSchema: true},
	{name: "expires at the time it is sent", in: inJob(`"send_at":"2026-11-22T18:00:00-03:00","expires_at":"2026-11-22T21:00:00Z"`), fields: []string{"expires_at"}, noSchema: true},
	{name: "answer before the question", in: inJob(`"send_at":"2026-11-22T18:00:00-03:00","reply_by":"2026-11-22T17:00:00-03:00"`), fields: []string{"reply_by"}, noSchema: true},
	{name: "times", in: inJob(`"send_at":"2026-11-22T18:00:00.5-03:00","expires_at":"2026-11-22T18:00:01-03:00","reply_by":"2026-11-22T18:00:01-03:00"`)},
	{name: "the 31st of a short month", in: inJob(`"send_at":"2026-11-31T18:00:00Z"`), fields: []string{"send_at"}, noSchema: true},
	{name: "a time of day that is none", in: inJob(`"send_at":"2026-11-22T24:00:00Z"`), fields: []string{"send_at"}},
	{name: "a date only", in: inJob(`"send_at":"2026-11-22"`), fields: []string{"send_at"}},
	{name: "template name with capitals", in: edit(`"name":"t"`, `"name":"T"`), fields: []string{"template.name"}},
	{name: "longest template name", in: edit(`"name":"t"`, `"name":"`+strings.Repeat("t", 512)+`"`)},
	{name: "template name too long", in: edit(`"name":"t"`, `"name":"`+strings.Repeat("t", 513)+`"`), fields: []string{"template.name"}},
	{name: "language with a hyphen", in: edit(`"language":"en"`, `"language":"en-US"`), fields: []string{"template.language"}},
	{name: "language too long", in: edit(`"language":"en"`, `"language":"`+strings.Repeat("e", 17)+`"`), fields: []string{"template.language"}},
	{name: "params and vars", in: inTemplate(`"params":{},"vars":{}`), fields: []string{"template"}},
	{name: "params and components", in: inTemplate(`"params":{},"components":[]`), fields: []string{"template"}},
	{name: "components and vars", in: inTemplate(`"components":[],"vars":{}`), fields: []string{"template"}},
	{name: "empty params", in: inParams(``)},
	{name: "empty header", in: inParams(`"header":{}`), fields: []string{"template.params.header"}},
	{name: "two headers", in: inParams(`"header":{"text":"a","image":{"id":"1"}}`), fields: []string{"template.params.header"}},
	{name: "media without a file", in: inParams(`"header":{"image":{}}`), fields: []string{"template.params.header.image"}},
	{name: "media with two files", in: inParams(`"header":{"video":{"id":"1","link":"https://a.test"}}`), fields: []string{"template.params.header.video"}},
	{name: "link without a scheme", in: inParams(`"header":{"document":{"link":"a.test/x.pdf"}}`), fields: []string{"template.params.header.document.link"}},
	{name: "document with a name", in: inParams(`"header":{"document":{"link":"http://a.test/x","filename":"x.pdf"}}`)},
	{name: "image with a name", in: inParams(`"header":{"image":{"id":"1","filename":"x.png"}}`), fields: []string{"template.params.header.image.filename"}},
	{name: "video with a name", in: inParams(`"header":{"video":{"id":"1","filename":"x.mp4"}}`), fields: []string{"template.params.header.video.filename"}},
	{name: "poles", in: inParams(`"header":{"location":{"latitude":"-90","longitude":"180.0"}}`)},
	{name: "beyond the poles", in: inParams(`"header":{"location":{"latitude":"90.1","longitude":"-180.1"}}`), fields: []string{"template.params.header.location.latitude", "template.params.header.location.longitude"}},
	{name: "degrees that are words", in: inParams(`"header":{"location":{"latitude":"34° S","longitude":"1e1"}}`), fields: []string{"template.params.header.location.latitude", "template.params.header.location.longitude"}},
	{name: "half a number of degrees", in: inParams(`"header":{"location":{"latitude":"1.","longitude":".5"}}`), fields: []string{"template.params.header.location.latitude", "template.params.header.location.longitude"}},
	{name: "a place nowhere", in: inParams(`"header":{"location":{"name":"here"}}`), fields: []string{"template.params.header.location.latitude", "template.params.header.location.longitude"}},
	{name: "empty bodies", in: inParams(`"body":[""]`)},
	{name: "button 9", in: inParams(`"buttons":{"9":{"payload":""}}`)},
	{name: "button 10", in: inParams(`"buttons":{"10":{"payload":"a"}}`), fields: []string{"template.params.buttons.10"}},
	{name: "button 00", in: inParams(`"buttons":{"00":{"payload":"a"}}`), fields: []string{"template.params.buttons.00"}},
	{name: "button by name", in: inParams(`"buttons":{"yes":{"payload":"a"}}`), fields: []string{"template.params.buttons.yes"}},
	{name: "empty button", in: inParams(`"buttons":{"0":{}}`), fields: []string{"template.params.buttons.0"}},
	{name: "button of two kinds", in: inParams(`"buttons":{"0":{"payload":"a","otp":"1"}}`), fields: []string{"template.params.buttons.0"}},
	{name: "flow with a list", in: inParams(`"buttons":{"0":{"flow":{"flow_action_data":[]}}}`), fields: []string{"template.params.buttons.0.flow.flow_action_data"}},
	{name: "empty flow", in: inParams(`"buttons":{"0":{"flow":{}}}`)},
	{name: "everything at once", in: inParams(`"header":{},"buttons":{"x":{}}`), fields: []string{"template.params.header", "template.params.buttons.x", "template.params.buttons.x"}},
}

// edit changes the minimal job.
func edit(old, now string) string {
	plain := strings.Replace(minimal, "%s", "", 2)
	edited := strings.Replace(plain, old, now, 1)
	if edited == plain {
		panic("the minimal job has no " + old)
	}
	return edited
}

func TestRules(t *testing.T) {
	for _, tt := range rules {
		t.Run(tt.name, func(t *testing.T) {
			_, err := job.DecodeStrict([]byte(tt.in))
			if diff := cmp.Diff(tt.fields, fields(t, err)); diff != "" {
				t.Errorf("fields (-want +got):\n%s\n%v", diff, err)
			}
		})
	}
}

// TestRulesOfGoJobs holds what can be wrong only with a job made in Go.
func TestRulesOfGoJobs(t *testing.T) {
	tests := []struct {
		name   string
		change func(*job.Job)
		fields []string
	}{
		{"Latin-1 in the body", func(j *job.Job) { j.Template.Params.Body.List[1] = "Jos\xe9" }, []string{"template.params.body[1]"}},
		{"Latin-1 in a named body", func(j *job.Job) { j.Template.Params.Body = job.Named(map[string]string{"name": "Jos\xe9"}) }, []string{"template.params.body.name"}},
		{"Latin-1 in a payload", func(j *job.Job) { j.Template.Params.Buttons["0"] = job.Button{Payload: new("s\xed")} }, []string{"template.params.buttons.0.payload"}},
		{"a body of both kinds", func(j *job.Job) { j.Template.Params.Body.Named = map[string]string{} }, []string{"template.params.body"}},
		{"metadata that is no JSON", func(j *job.Job) { j.Metadata = json.RawMessage(`{`) }, []string{"metadata"}},
		{"two metadata", func(j *job.Job) { j.Metadata = json.RawMessage(`{}{}`) }, []string{"metadata"}},
		{"metadata with a name twice", func(j *job.Job) { j.Metadata = json.RawMessage(`{"a":1,"a":1}`) }, []string{"metadata"}},
		{"components of white space", func(j *job.Job) { j.Template.Params, j.Template.Components = nil, json.RawMessage(" ") }, []string{"template.components"}},
		{"a year with five digits", func(j *job.Job) { j.ExpiresAt = time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC) }, []string{"expires_at"}},
		{"a zone of seconds", func(j *job.Job) { j.ExpiresAt = j.ExpiresAt.In(time.FixedZone("LMT", -14028)) }, []string{"expires_at"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := exampleJob()
			tt.change(j)
			_, err := job.Encode(j)
			if diff := cmp.Diff(tt.fields, fields(t, err)); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEncodeRefusesVarsThatAreNoJSON(t *testing.T) {
	for name, value := range map[string]any{"a function": func() {}, "no number": math.NaN(), "a bad number": json.Number("5491155550100x")} {
		t.Run(name, func(t *testing.T) {
			data, err := job.Encode(withTemplate("a", job.Template{Vars: map[string]any{"x": value}}))
			if err == nil {
				t.Fatalf("encodes to %s", data)
			}
			if longNumber.MatchString(err.Error()) {
				t.Errorf("the error holds a number: %v", err)
			}
		})
	}
}

// Vars may hold whatever encoding/json writes; on the wire they are as any other
// language would have written them.
func TestEncodeVarsOfGoTypes(t *testing.T) {
	typed := withTemplate("a", job.Template{Vars: map[string]any{"n": 41, "f": 2.5, "list": []string{"<", "é"}, "row": map[string]int{"b": 1, "a": 2}}})
	plain := withTemplate("a", job.Template{Vars: map[string]any{"n": json.Number("41"), "f": json.Number("2.5"), "list": []any{"<", "é"}, "row": map[string]any{"b": json.Number("1"), "a": json.Number("2")}}})
	got, err := job.Encode(typed)
	if err != nil {
		t.Fatal(err)
	}
	want, err := job.Encode(plain)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if typed.BodyHash() != plain.BodyHash() {
		t.Error("the hashes differ")
	}
}
