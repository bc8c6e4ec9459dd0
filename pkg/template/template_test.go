package template_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/template"
)

// catalog loads the definitions of testdata.
func catalog(t testing.TB) *template.Catalog {
	t.Helper()
	c, err := template.LoadDir(os.DirFS("testdata/definitions"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func lookup(t testing.TB, name, language string) *template.Definition {
	t.Helper()
	d, err := catalog(t).Lookup(name, language)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// define compiles one definition from its components.
func define(t testing.TB, format, components string) *template.Definition {
	t.Helper()
	defs, err := template.Parse([]byte(`{"name":"a","language":"en","status":"APPROVED","parameter_format":"` +
		format + `","components":` + components + `}`))
	if err != nil {
		t.Fatal(err)
	}
	return defs[0]
}

// params reads a job's params as a job holds them.
func params(t testing.TB, s string) *job.Template {
	t.Helper()
	p := new(job.Params)
	if err := json.Unmarshal([]byte(s), p); err != nil {
		t.Fatal(err)
	}
	return &job.Template{Params: p}
}

func components(s string) *job.Template { return &job.Template{Components: json.RawMessage(s)} }

func ptr(s string) *string { return &s }

func TestParse(t *testing.T) {
	const one = `{"name":"hi","language":"en","status":"approved","category":"utility","id":77,"future":{"a":1},
		"components":[{"type":"body","text":"Hello {{1}}"},{"type":"HOLOGRAM","text":{"new":"shape"}},
		{"type":"BUTTONS","buttons":[{"type":"TELEPORT","text":"Go"}]}]}`
	for name, data := range map[string]string{
		"one template":   one,
		"a list":         "[" + one + "]",
		"the API's list": `{"data":[` + one + `],"paging":{"cursors":{"before":"a","after":"b"}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			defs, err := template.Parse([]byte(data))
			if err != nil || len(defs) != 1 {
				t.Fatalf("got %v, %v", defs, err)
			}
			d := defs[0]
			got := []string{d.ID(), d.Name(), d.Language(), d.Status(), d.Category(), d.String()}
			want := []string{"77", "hi", "en", "APPROVED", "UTILITY", "hi (en)"}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if d.Named() {
				t.Error("numbers are taken for names")
			}
		})
	}
}

func TestParseGuessesFormatOfHandwrittenFiles(t *testing.T) {
	for text, named := range map[string]bool{
		"Hello {{first_name}}":      true,
		"Hello {{1}}":               false,
		"Hello {{1}} {{name}}":      false,
		"Hello":                     false,
		"Hello {{First Name}} {{}}": false,
	} {
		defs, err := template.Parse([]byte(`{"name":"a","language":"en","components":[{"type":"BODY","text":"` + text + `"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		if defs[0].Named() != named {
			t.Errorf("%q: named is %t", text, !named)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"empty", ``, "not JSON, line 1"},
		{"broken", "{\n\"data\": [\n}", "line 3"},
		{"a number", `7`, "not a JSON number"},
		{"no name", `[{"language":"en","components":[{"type":"BODY"}]}]`, "template number 1: has no name"},
		{"no language", `{"name":"hi","components":[{"type":"BODY"}]}`, "template hi (): has no language"},
		{"fields left out", `{"data":[{"name":"hi","language":"en","status":"APPROVED"}]}`, "template hi (en): has no components: list templates with the fields"},
		{"format", `{"name":"hi","language":"en","parameter_format":"ODD","components":[{"type":"BODY"}]}`, `parameter_format "ODD"`},
		{"two bodies", `{"name":"hi","language":"en","components":[{"type":"BODY"},{"type":"body"}]}`, "has two BODY components"},
		{"text is a number", `{"name":"hi","language":"en","components":[{"type":"BODY","text":5}]}`, "template hi (en): field"},
		{"card", `{"name":"hi","language":"en","components":[{"type":"CAROUSEL","cards":[{"components":[{"type":"BODY"},{"type":"BODY"}]}]}]}`, "card 0: has two BODY"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := template.Parse([]byte(c.data)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestParseReportsAllBrokenTemplates(t *testing.T) {
	defs, err := template.Parse([]byte(`[{"name":"a","language":"en"},{"name":"b","language":"en","components":[{"type":"BODY"}]},{"name":"c","language":"en"}]`))
	if err == nil || !strings.Contains(err.Error(), "template a (en)") || !strings.Contains(err.Error(), "template c (en)") {
		t.Errorf("got %v", err)
	}
	if len(defs) != 1 || defs[0].Name() != "b" {
		t.Errorf("sound templates: %v", defs)
	}
}

func TestSendable(t *testing.T) {
	c := catalog(t)
	for _, d := range c.All() {
		err := d.Sendable()
		if approved := d.Status() == "APPROVED"; approved != (err == nil) {
			t.Errorf("%s is %s: %v", d, d.Status(), err)
		}
		if err != nil && (!errors.Is(err, template.ErrNotApproved) || !strings.Contains(err.Error(), d.Status())) {
			t.Errorf("%s: %v", d, err)
		}
	}
	defs, err := template.Parse([]byte(`{"name":"a","language":"en","components":[{"type":"BODY"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := defs[0].Sendable(); !errors.Is(err, template.ErrNotApproved) {
		t.Errorf("without a status: %v", err)
	}
	if err := template.Unchecked("a", "en").Sendable(); err != nil {
		t.Errorf("unchecked: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, file := range []string{"list_page_first", "more"} {
		data, err := os.ReadFile("testdata/definitions/" + file + ".json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"name":"a","language":"en","components":[{"type":"BODY","text":"{{{{1}}}} {{2}} {{"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		defs, _ := template.Parse(data)
		for _, d := range defs {
			if d.Name() == "" || d.Language() == "" {
				t.Errorf("a template without name or language: %s", d)
			}
			first, second := d.Preview(empty), d.Preview(empty)
			if first != second {
				t.Errorf("preview differs: %q, %q", first, second)
			}
		}
	})
}
