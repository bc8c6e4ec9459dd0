package job_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/job"
)

// minimal is the shortest valid job, with a place for more fields and for more in
// its template.
const minimal = `{"v":1,"id":"a","from":"1","to":"+5491155550100","template":{"name":"t","language":"en"%s}%s}`

func inJob(more string) string      { return fmt.Sprintf(minimal, "", ","+more) }
func inTemplate(more string) string { return fmt.Sprintf(minimal, ","+more, "") }
func inParams(more string) string   { return inTemplate(`"params":{` + more + `}`) }

// fields returns what an InvalidError names, in order.
func fields(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var invalid *job.InvalidError
	if !errors.As(err, &invalid) {
		t.Fatalf("error is %v, want an InvalidError", err)
	}
	var names []string
	for _, f := range invalid.Fields {
		names = append(names, f.Field)
	}
	return names
}

// TestDecodeRefuses holds what is wrong with the JSON itself; TestRules holds what
// is wrong with a job that is well formed.
func TestDecodeRefuses(t *testing.T) {
	tests := []struct {
		name, in, want string
	}{
		{"nothing", ``, "invalid job: job: is not JSON: it ends too early"},
		{"white space", " \n", "invalid job: job: is not JSON: it ends too early"},
		{"half an object", `{"v":1`, "invalid job: job: is not JSON: it ends too early"},
		{"half a string", `{"v":1,"id":"a`, "invalid job: job: is not JSON: it ends too early"},
		{"no JSON", `{"v":1,"id":a}`, "invalid job: job: is not JSON: it breaks at byte 12"},
		{"a comma too many", `{"v":1,}`, "invalid job: job: is not JSON: it breaks at byte 7"},
		{"a leading zero", `{"v":01}`, "invalid job: job: is not JSON: it breaks at byte 6"},
		{"a line break in a string", "{\"id\":\"a\nb\"}", "invalid job: job: is not JSON: it breaks at byte 8"},
		{"an unknown escape", `{"id":"\x"}`, "invalid job: job: is not JSON: it breaks at byte 7"},
		{"Latin-1", "{\"id\":\"Jos\xe9\"}", "invalid job: job: is not UTF-8"},
		{"two jobs", inJob(`"lane":"bulk"`) + `{}`, "invalid job: job: must be one JSON object, but there is more at byte 103"},
		{"a list", `[1]`, "invalid job: job: must be an object, not a list"},
		{"null", `null`, "invalid job: job: must be an object, not null (leave the field out)"},
		{"a field twice", inJob(`"to":"+5491155550101"`), "invalid job: to: is given twice"},
		{"a deep field twice", inParams(`"buttons":{"0":{"payload":"a"},"0":{"payload":"b"}}`), "invalid job: template.params.buttons.0: is given twice"},
		{"a name twice in metadata", inJob(`"metadata":{"a":1,"a":2}`), "invalid job: metadata.a: is given twice"},
		{"null for nothing", inJob(`"campaign":null`), "invalid job: campaign: must be a string, not null (leave the field out)"},
		{"null for never", inJob(`"expires_at":null`), "invalid job: expires_at: must be a string, not null (leave the field out)"},
		{"null params", inTemplate(`"params":null`), "invalid job: template.params: must be an object, not null (leave the field out)"},
		{"null metadata", inJob(`"metadata":null`), "invalid job: metadata: must be an object, not null (leave the field out)"},
		{"an empty campaign", inJob(`"campaign":""`), "invalid job: campaign: must not be empty"},
		{"a number for the version", `{"v":"1"}`, "invalid job: v: must be a whole number, not a string; id:"},
		{"a fraction for the version", `{"v":1.5}`, "invalid job: v: must be a whole number; id:"},
		{"a number for a text", inParams(`"body":["a",5491155550100]`), "invalid job: template.params.body[1]: must be a string, not a number"},
		{"a number for a named text", inParams(`"body":{"name":5491155550100}`), "invalid job: template.params.body.name: must be a string, not a number"},
		{"a text for the body", inParams(`"body":"+5491155550100"`), "invalid job: template.params.body: must be a list of strings, or an object of strings by name, not a string"},
		{"a text for an object", inJob(`"metadata":"+5491155550100"`), "invalid job: metadata: must be an object, not a string"},
		{"an object for a list", inTemplate(`"components":{}`), "invalid job: template.components: must be a list, as the Cloud API takes it, not an object"},
		{"true for a text", inParams(`"header":{"text":true}`), "invalid job: template.params.header.text: must be a string, not true or false"},
		{"half a character", inParams(`"body":["\ud83d"]`), `invalid job: template.params.body[0]: has half a character: a \u surrogate without its other half`},
		{"a date without a zone", inJob(`"send_at":"2026-11-22T18:00:00"`), "invalid job: send_at: must be RFC 3339 with a time zone, such as 2026-11-22T18:00:00-03:00"},
		{"the year 1 for never", inJob(`"send_at":"0001-01-01T00:00:00Z"`), "invalid job: send_at: must be RFC 3339 with a time zone, such as 2026-11-22T18:00:00-03:00"},
		{"too deep", inJob(`"metadata":` + strings.Repeat(`{"a":`, 200) + `1` + strings.Repeat(`}`, 200)), "invalid job: job: is nested more than 100 levels deep"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for name, decode := range map[string]func([]byte) (*job.Job, error){"Decode": job.Decode, "DecodeStrict": job.DecodeStrict} {
				j, err := decode([]byte(tt.in))
				if j != nil || err == nil {
					t.Fatalf("%s gives %v, %v; want an error", name, j, err)
				}
				fields(t, err)
				if got := err.Error(); got != tt.want && !(strings.HasSuffix(tt.want, ":") && strings.HasPrefix(got, tt.want)) {
					t.Errorf("%s says %q\nwant %q", name, got, tt.want)
				}
			}
		})
	}
}

func TestDecodeTakes(t *testing.T) {
	plain, err := job.Decode(fmt.Appendf(nil, minimal, "", ""))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{
		"white space":   " {\r\n\t\"v\" : 1 , \"id\":\"a\",\"from\":\"1\",\"to\":\"+5491155550100\",\"template\": {\"name\":\"t\",\"language\":\"en\"} }\n",
		"another order": `{"template":{"language":"en","name":"t"},"to":"+5491155550100","from":"1","id":"a","v":1}`,
		"escapes":       `{"v":1,"\u0069d":"\u0061","from":"1","to":"\u002B5491155550100","template":{"name":"t","language":"en"}}`,
	}
	for name, in := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := job.Decode([]byte(in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(plain, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeStrings(t *testing.T) {
	in := inParams(`"body":["\"\\\/\b\f\n\r\t","\u00e9\ud83d\ude95","é🚕"]`)
	j, err := job.Decode([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"\"\\/\b\f\n\r\t", "é🚕", "é🚕"}
	if diff := cmp.Diff(want, j.Template.Params.Body.List); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDecodeNewer(t *testing.T) {
	tests := map[string]string{
		"a later version":             `{"v":2,"recipient":{"phone":"+5491155550100"},"id":7}`,
		"a field":                     inJob(`"priority":3`),
		"a field in another case":     inJob(`"Campaign":"a"`),
		"a field of the template":     inTemplate(`"category":"utility"`),
		"a field of the parameters":   inParams(`"footer":"x"`),
		"a kind of header":            inParams(`"header":{"gif":{"id":"1"}}`),
		"a kind of button":            inParams(`"buttons":{"0":{"catalog":{}}}`),
		"a field of a flow":           inParams(`"buttons":{"0":{"flow":{"flow_mode":"draft"}}}`),
		"a field of media":            inParams(`"header":{"image":{"id":"1","caption":"x"}}`),
		"a field of a location":       inParams(`"header":{"location":{"latitude":"1","longitude":"1","url":"x"}}`),
		"a recipient of another kind": `{"v":1,"id":"a","from":"1","group":"g","template":{"name":"t","language":"en"}}`,
	}
	for name, in := range tests {
		t.Run(name, func(t *testing.T) {
			j, err := job.Decode([]byte(in))
			if !errors.Is(err, job.ErrNewer) {
				t.Fatalf("error is %v, want ErrNewer", err)
			}
			if j == nil {
				t.Error("there is no job beside ErrNewer")
			}
			if _, err := job.DecodeStrict([]byte(in)); len(fields(t, err)) == 0 {
				t.Errorf("DecodeStrict takes it, want an InvalidError")
			}
		})
	}
}

func TestDecodeStrictNamesUnknownFields(t *testing.T) {
	_, err := job.DecodeStrict([]byte(inJob(`"prio":1,"metadata":{"anything":1},"Lane":"bulk"`)))
	if diff := cmp.Diff([]string{"prio", "Lane"}, fields(t, err)); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	_, err = job.DecodeStrict([]byte(inParams(`"buttons":{"0":{"payload":"a","text":"b"}}`)))
	if diff := cmp.Diff([]string{"template.params.buttons.0.text"}, fields(t, err)); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

func TestSizeLimit(t *testing.T) {
	const frame = 7
	fits := inParams(`"body":["` + strings.Repeat("x", job.MaxSize-len(inParams(`"body":[""]`))) + `"]`)
	j, err := job.Decode([]byte(fits))
	if err != nil {
		t.Fatalf("a job of %d bytes: %v", len(fits), err)
	}
	if _, err := job.Encode(j); err != nil {
		t.Errorf("encode the longest job: %v", err)
	}
	if _, err := job.Decode([]byte(fits + " ")); !errors.Is(err, job.ErrTooLarge) {
		t.Errorf("one byte more gives %v, want ErrTooLarge", err)
	}
	if _, err := job.DecodeStrict([]byte(fits + " ")); !errors.Is(err, job.ErrTooLarge) {
		t.Errorf("one byte more gives %v, want ErrTooLarge", err)
	}
	j.Template.Params.Body.List[0] += strings.Repeat("x", frame)
	if _, err := job.Encode(j); !errors.Is(err, job.ErrTooLarge) {
		t.Errorf("encode a longer job: %v, want ErrTooLarge", err)
	}
}

func TestManyProblemsMakeAShortError(t *testing.T) {
	_, err := job.Decode([]byte(inParams(`"body":[` + strings.TrimSuffix(strings.Repeat("1,", 10_000), ",") + `]`)))
	if n := len(fields(t, err)); n == 0 || n > 50 {
		t.Errorf("the error names %d fields", n)
	}
}

var longNumber = regexp.MustCompile(`[0-9]{7,}`)

// TestErrorsHoldNoNumber puts a telephone number in place of every value and name
// of the fullest jobs, as a text and as a number.
func TestErrorsHoldNoNumber(t *testing.T) {
	token := regexp.MustCompile(`"(\\.|[^"\\])*"|-?[0-9.]+|true|false|null`)
	tried := 0
	for _, line := range readGolden(t, "testdata/v1.json") {
		for _, at := range token.FindAllIndex(line, -1) {
			for _, number := range []string{`"+5491155550100"`, `5491155550100`, `"5491155550100"`, `{"5491155550100":1}`, `["+5491155550100"]`} {
				in := string(line[:at[0]]) + number + string(line[at[1]:])
				for _, decode := range []func([]byte) (*job.Job, error){job.Decode, job.DecodeStrict} {
					if _, err := decode([]byte(in)); err != nil {
						tried++
						if longNumber.MatchString(err.Error()) {
							t.Errorf("%s\nsays %v", in, err)
						}
					}
				}
			}
		}
	}
	if tried < 500 {
		t.Errorf("only %d errors were looked at", tried)
	}
}

// Params are also read by encoding/json, as part of a campaign's settings.
func TestBodyThroughEncodingJSON(t *testing.T) {
	for in, want := range map[string]*job.Body{`["a","b"]`: job.Positional("a", "b"), `{"name":"a"}`: job.Named(map[string]string{"name": "a"})} {
		var p job.Params
		if err := json.Unmarshal([]byte(`{"body":`+in+`}`), &p); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, p.Body); diff != "" {
			t.Errorf("%s (-want +got):\n%s", in, diff)
		}
		if out, err := json.Marshal(p); err != nil || string(out) != `{"body":`+in+`}` {
			t.Errorf("%s is written as %s, %v", in, out, err)
		}
	}
	for in, want := range map[string]string{
		`{"body":["a",5491155550100]}`: "invalid job: body[1]: must be a string, not a number",
		"{\"body\":[\"Jos\xe9\"]}":     "invalid job: body: is not UTF-8",
	} {
		if err := json.Unmarshal([]byte(in), new(job.Params)); err == nil || err.Error() != want {
			t.Errorf("%s: %v\nwant %s", in, err, want)
		}
	}
}
