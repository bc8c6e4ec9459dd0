package template_test

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	gotemplate "text/template"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/template"
)

// row is a recipient's row, as a file and as JSON give it.
func row() map[string]any {
	return map[string]any{
		"name": "emilia pérez", "shout": "EMILIA PÉREZ O'BRIEN", "empty": "", "null": nil, "yes": true, "no": false,
		"amount": "250", "big": json.Number("12345678901234567"), "one": json.Number("1.50"), "zero": json.Number("0"),
		"float": 1e6, "int": 7, "when": "2026-11-23T09:30:00-03:00", "day": "2026-11-23", "First name": "Ana",
		"address": map[string]any{"street": "Corrientes 1", "geo": map[string]any{"lat": "-34.6"}},
		"list":    []any{"x", "y"}, "none": map[string]any{}, "free": json.Number("0.0"),
	}
}

func TestExpr(t *testing.T) {
	for _, c := range []struct{ expr, want string }{
		{``, ``},
		{`Hello`, `Hello`},
		{`{{.name}}`, `emilia pérez`},
		{`Hello {{.name}}!`, `Hello emilia pérez!`},
		{`a {{- .amount -}} b`, `a250b`},
		{`{{/* nothing */}}x`, `x`},
		{`{{.address.street}} {{.address.geo.lat}} {{(index . "address").street}}`, `Corrientes 1 -34.6 Corrientes 1`},
		{`{{index . "First name"}} {{index .address "geo" "lat"}} {{index .list 1}}`, `Ana -34.6 y`},
		{`{{.yes}} {{.big}} {{.one}} {{.float}} {{.int}} {{5}} {{1.5}} {{"q"}} {{true}}`, `true 12345678901234567 1.50 1000000 7 5 1.5 q true`},

		// Functions.
		{`{{upper .name}} {{.shout | lower}} {{title .shout}} {{.name | title}}`, `EMILIA PÉREZ emilia pérez o'brien Emilia Pérez O'brien Emilia Pérez`},
		{`[{{trim "  a b "}}]`, `[a b]`},
		{`{{.empty | default "you"}} {{.null | default "you"}} {{.name | default "you"}} {{default 5 .zero}}`, `you you emilia pérez 5`},
		{`{{.day | replace "-" "/"}}`, `2026/11/23`},
		{`{{truncate 8 .name}}|{{truncate 0 .name}}|{{truncate 99 .name}}`, `emilia p||emilia pérez`},
		{`{{.when | date "02/01/2006 15:04"}} {{date "Jan 2" .day}} {{date "15:04" "2026-11-23 08:05"}}`, `23/11/2026 09:30 Nov 23 08:05`},
		{`{{len .name}} {{len .list}} {{len .address}}`, `12 2 2`},

		// Conditions.
		{`{{if .yes}}a{{else}}b{{end}}{{if .no}}a{{else}}b{{end}}`, `ab`},
		{`{{if .empty}}a{{else if .name}}b{{else}}c{{end}}`, `b`},
		{`{{if .zero}}a{{end}}{{if .null}}a{{end}}{{if .none}}a{{end}}{{if .list}}b{{end}}{{if .one}}c{{end}}{{if .free}}d{{end}}`, `bc`},
		{`{{with .address}}{{.street}} {{.geo.lat}} {{$.name}} {{with .geo}}{{.lat}}{{end}}{{end}}{{with .empty}}x{{else}}y{{end}}`, `Corrientes 1 -34.6 emilia pérez -34.6y`},
		{`{{with .empty}}a{{else with .name}}{{.}}{{end}}`, `emilia pérez`},
		{`{{if and .yes .name}}a{{end}}{{if or .no .empty}}b{{end}}{{if not .no}}c{{end}}{{or .empty "d"}}{{and .name "e"}}`, `acde`},
		{`{{if or .yes .absent}}a{{end}}{{if and .no .absent}}b{{end}}`, `a`},

		// Comparisons.
		{`{{eq .amount 250}} {{eq .amount "250"}} {{eq .amount "250.0"}} {{eq .one 1.5}} {{ne .name "x"}}`, `true true false true true`},
		{`{{eq .name "a" "emilia pérez"}} {{eq .null .null}} {{eq .null ""}} {{eq .yes "true"}} {{eq .name 5}}`, `true true false true false`},
		{`{{eq .big 12345678901234568}} {{eq .big 12345678901234567}}`, `false true`},
		{`{{gt .amount 100}} {{gt .amount "1000"}} {{lt .amount "1000"}} {{le 1 1}} {{ge 1 2}} {{lt .day "2026-12-01"}}`, `true false true true false true`},
	} {
		e, err := template.Compile(c.expr)
		if err != nil {
			t.Errorf("%s: %v", c.expr, err)
			continue
		}
		got, err := e.Text(row())
		if err != nil || got != c.want {
			t.Errorf("%s: %q, %v; want %q", c.expr, got, err, c.want)
		}
	}
}

// TestExprIsTextTemplate compares with Go's own engine where the two are the same.
func TestExprIsTextTemplate(t *testing.T) {
	for _, source := range []string{
		`a {{- .name -}} b {{.address.geo.lat}}{{$.name}}`,
		`{{if and .yes (eq .name "x")}}1{{else if ne .day .when}}2{{else}}3{{end}}`,
		`{{with .address}}{{with .geo}}{{.lat}}{{end}}{{$.day}}{{else}}none{{end}}`,
		`{{or .empty .name}} {{and .empty .name}}| {{not .empty}} {{len .list}}`,
		`{{lt .day .when}} {{le 1 2}} {{gt 1.5 0.5}} {{ge .int 7}} {{eq .int 1 7}}`,
		`{{index . "First name"}} {{index .list 0}} {{"a" | eq "a"}} {{(index .address "geo").lat}}`,
	} {
		oracle := gotemplate.Must(gotemplate.New("").Option("missingkey=error").Parse(source))
		var want strings.Builder
		if err := oracle.Execute(&want, row()); err != nil {
			t.Fatal(err)
		}
		e, err := template.Compile(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if got, err := e.Text(row()); err != nil || got != want.String() {
			t.Errorf("%s: %q, %v; text/template has %q", source, got, err, want.String())
		}
	}
}

func TestCompileErrors(t *testing.T) {
	for _, c := range []struct{ expr, want string }{
		{`{{range .list}}a{{end}}`, `line 1:9: range is not part of expressions: they have no loops`},
		{`{{define "x"}}a{{end}}`, `define and block are not part of expressions`},
		{`{{define "expression"}}a{{end}}`, `define and block are not part of expressions`},
		{`{{block "x" .}}a{{end}}`, `define and block are not part of expressions`},
		{`{{template "x"}}`, `line 1:12: {{template "x"}} is not part of expressions`},
		{`{{$x := .name}}{{$x}}`, `line 1:3: variables are not part of expressions`},
		{`{{with $x := .name}}{{end}}`, `variables are not part of expressions`},
		{`{{print .name}}`, `line 1:3: no function is called "print"; there are and, date,`},
		{`{{call .name}}`, `no function is called "call"`},
		{`{{html .name}}`, `no function is called "html"`},
		{`{{js .name}}`, `no function is called "js"`},
		{`{{printf "%s" .name}}`, `no function is called "printf"`},
		{`{{urlquery .name}}`, `no function is called "urlquery"`},
		{`{{slice .name 1}}`, `no function is called "slice"`},
		{"ab\n{{.name}} é{{nofunc}}", `line 2:14: no function is called "nofunc"`},
		{`{{if (upper (oops .a))}}{{end}}`, `no function is called "oops"`},
		{`{{upper}}`, `upper takes one value`},
		{`{{.a | upper "b"}}`, `upper takes one value`},
		{`{{replace "a" "b"}}`, `replace takes the old text, the new text and the value`},
		{`{{.name "x"}}`, `.name is no function and takes no argument`},
		{`{{.name | .other}}`, `.other is no function and takes no argument`},
		{`{{nil}}`, `nil is not part of expressions`},
		{`{{.a | default 'x'}}`, `line 1:16: 'x' must stand in double quotes`},
		{`{{upper nil}}`, `nil is not part of expressions`},
		{`{{1i}}`, `1i is not part of expressions`},
		{`{{.a`, `line 1: unclosed action`},
		{"x\n{{end}}", `line 2: unexpected {{end}}`},
		{`{{break}}`, `{{break}} outside {{range}}`},
		{strings.Repeat("x", 5000), `is longer than 4096 bytes`},
	} {
		_, err := template.Compile(c.expr)
		var bad *template.ExprError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60s: got %v, want %q", c.expr, err, c.want)
		}
	}
}

// trap has a method and a field that an expression must not reach.
type trap struct{ Field string }

func (trap) Method() string { panic("an expression called a method") }

func TestTextErrors(t *testing.T) {
	vars := row()
	vars["trap"] = trap{Field: "x"}
	vars["long"] = strings.Repeat("y", 5000)
	grow := strings.Repeat(` | replace "y" "yyyyyyyyyy"`, 12)
	for _, c := range []struct{ expr, want string }{
		{`Hi {{.nmae}}`, `line 1:6: there is no field "nmae"`},
		{`{{.address.zip}}`, `there is no field "zip"`},
		{`{{.name.first}}`, `"first" is asked of a value that has no fields`},
		{`{{.null.first}}`, `"first" is asked of a value that has no fields`},
		{`{{.absent | default "x"}}`, `there is no field "absent"`},
		{`{{if .absent}}x{{end}}`, `there is no field "absent"`},
		{`{{.null}}`, `the value is null; a default helps`},
		{`{{or .no .null}}`, `line 1:3: the value is null; a default helps`},
		{`{{.one.String}}{{.one.Int64}}`, `"String" is asked of a value that has no fields`},
		{`{{.address}}`, `shows an object or a list`},
		{`{{.list}}`, `shows an object or a list`},
		{`{{.}}`, `shows an object or a list`},
		{`{{upper .list}}`, `line 1:3: upper: the value is no text`},
		{`{{.trap.Method}}`, `"Method" is asked of a value that has no fields`},
		{`{{.trap.Field}}`, `"Field" is asked of a value that has no fields`},
		{`{{.trap}}`, `the value is null`},
		{`{{lt .name 5}}`, `lt: a number can be compared with a number only`},
		{`{{date "2006" .name}}`, `date: the value is no date`},
		{`{{truncate -1 .name}}`, `truncate: the number of characters`},
		{`{{replace "" "x" .name}}`, `replace: the old text is empty`},
		{`{{index .list 2}}`, `index: the value has no such field or element`},
		{`{{index . "x"}}`, `index: the value has no such field or element`},
		{`{{index . .name}}`, `index: the value has no such field or element`},
		{`{{.long}}`, `yields more than 4096 bytes`},
		{`a{{.long}}`, `yields more than 4096 bytes`},
		{`{{"y"` + grow + `}}`, `replace: yields more than 65536 bytes`},
	} {
		e, err := template.Compile(c.expr)
		if err != nil {
			t.Errorf("%s: %v", c.expr, err)
			continue
		}
		got, err := e.Text(vars)
		var bad *template.ExprError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %q, %v; want %q", c.expr, got, err, c.want)
			continue
		}
		for _, secret := range []string{"emilia", "Corrientes"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s quotes a value: %v", c.expr, err)
			}
		}
	}
}

func TestLongValueMayBeCut(t *testing.T) {
	e, err := template.Compile(`{{truncate 5 .long}}`)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := e.Text(map[string]any{"long": strings.Repeat("ñ", 5000)}); err != nil || got != "ñññññ" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestExpressions(t *testing.T) {
	e, err := template.CompileExpressions(map[string]string{
		"to": "{{.phone}}", "id": "appt-{{.n}}",
		"body.1": "{{.name}}", "body.2": "fixed", "body.10": "10", "body.3": "3", "body.4": "4",
		"body.5": "5", "body.6": "6", "body.7": "7", "body.8": "8", "body.9": "9",
		"header.document.link": "https://a.test/{{.n}}.pdf", "header.document.filename": "{{.name}}.pdf",
		"buttons.0.payload": "yes:{{.n}}", "buttons.1.url": "{{.n}}", "buttons.2.flow.flow_token": "t",
		"buttons.3.code": "AUT", "buttons.4.otp": "1",
	})
	if err != nil {
		t.Fatal(err)
	}
	vars := map[string]any{"phone": "+5491155550100", "n": json.Number("8812"), "name": "Emilia"}
	got, err := e.Params(vars)
	if err != nil {
		t.Fatal(err)
	}
	want := &job.Params{
		Header: &job.Header{Document: &job.Media{Link: "https://a.test/8812.pdf", Filename: "Emilia.pdf"}},
		Body:   job.Positional("Emilia", "fixed", "3", "4", "5", "6", "7", "8", "9", "10"),
		Buttons: map[string]job.Button{
			"0": {Payload: ptr("yes:8812")}, "1": {URL: ptr("8812")}, "2": {Flow: &job.Flow{Token: "t"}}, "3": {Code: ptr("AUT")}, "4": {OTP: ptr("1")},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for key, want := range map[string]string{"to": "+5491155550100", "id": "appt-8812", "where": ""} {
		if got, err := e.Text(key, vars); err != nil || got != want {
			t.Errorf("%s: %q, %v", key, got, err)
		}
		if e.Has(key) != (want != "") {
			t.Errorf("Has(%s)", key)
		}
	}
}

func TestExpressionsFillEachHeader(t *testing.T) {
	for key, want := range map[string]*job.Header{
		"header.text":               {Text: ptr("v")},
		"header.image.id":           {Image: &job.Media{ID: "v"}},
		"header.video.link":         {Video: &job.Media{Link: "v"}},
		"header.document.filename":  {Document: &job.Media{Filename: "v"}},
		"header.location.latitude":  {Location: &job.Location{Latitude: "v"}},
		"header.location.longitude": {Location: &job.Location{Longitude: "v"}},
		"header.location.name":      {Location: &job.Location{Name: "v"}},
		"header.location.address":   {Location: &job.Location{Address: "v"}},
	} {
		e, err := template.CompileExpressions(map[string]string{key: "{{.x}}"})
		if err != nil {
			t.Error(err)
			continue
		}
		got, err := e.Params(map[string]any{"x": "v"})
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(want, got.Header); diff != "" {
			t.Errorf("%s: %s", key, diff)
		}
	}
}

func TestExpressionsNames(t *testing.T) {
	e, err := template.CompileExpressions(map[string]string{"body.first_name": "{{.a}}", "body.parcel": "{{.b}}"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.Params(map[string]any{"a": "1", "b": "2"})
	if diff := cmp.Diff(job.Named(map[string]string{"first_name": "1", "parcel": "2"}), got.Body); err != nil || diff != "" {
		t.Error(err, diff)
	}
	_, err = e.Params(map[string]any{})
	for _, want := range []string{`expression body.first_name, line 1:3: there is no field "a"`, `expression body.parcel, line 1:3: there is no field "b"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("missing %q in %v", want, err)
		}
	}
}

func TestCompileExpressionsErrors(t *testing.T) {
	for _, c := range []struct {
		sources map[string]string
		want    string
	}{
		{map[string]string{"boddy.1": ""}, "expression boddy.1: no parameter has this key"},
		{map[string]string{"body": ""}, "expression body: no parameter"},
		{map[string]string{"body.a b": ""}, "no parameter"},
		{map[string]string{"header.text.x": ""}, "no parameter"},
		{map[string]string{"header.image": ""}, "no parameter"},
		{map[string]string{"header.image.filename": ""}, "no parameter"},
		{map[string]string{"header.audio.id": ""}, "no parameter"},
		{map[string]string{"header.location.zip": ""}, "no parameter"},
		{map[string]string{"buttons.10.url": ""}, "no parameter"},
		{map[string]string{"buttons.a.url": ""}, "no parameter"},
		{map[string]string{"buttons.0": ""}, "no parameter"},
		{map[string]string{"buttons.0.label": ""}, "no parameter"},
		{map[string]string{"body.1": "", "body.3": ""}, "expression body.2: is missing: there is a body.3"},
		{map[string]string{"body.0": "", "body.1": ""}, "either numbers or names"},
		{map[string]string{"body.1": "", "body.name": ""}, "either numbers or names"},
		{map[string]string{"header.text": "", "header.image.id": ""}, "expression header: cannot be both image and text"},
		{map[string]string{"buttons.1.url": "", "buttons.1.otp": ""}, "expression buttons.1: cannot be both otp and url"},
		{map[string]string{"body.1": "{{range .x}}{{end}}"}, "expression body.1, line 1:9: range is not"},
	} {
		if _, err := template.CompileExpressions(c.sources); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: got %v, want %q", c.sources, err, c.want)
		}
	}
	_, err := template.CompileExpressions(map[string]string{"body.1": "{{", "id": "{{nofunc}}", "x": ""})
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("not all at once: %v", err)
	}
}

func TestExpressionsAreSafeForConcurrentUse(t *testing.T) {
	e, err := template.CompileExpressions(map[string]string{"body.1": `{{with .a}}{{upper .}}{{end}}`, "buttons.0.url": `{{.a}}`})
	if err != nil {
		t.Fatal(err)
	}
	var users sync.WaitGroup
	for _, value := range []string{"a", "b", "c", "d"} {
		users.Go(func() {
			for range 500 {
				p, err := e.Params(map[string]any{"a": value})
				if err != nil || p.Body.List[0] != strings.ToUpper(value) || *p.Buttons["0"].URL != value {
					t.Errorf("%s: %v, %v", value, p, err)
				}
			}
		})
	}
	users.Wait()
}

func FuzzExpr(f *testing.F) {
	for _, s := range []string{
		`{{.a}}`, `{{if eq .a "b"}}{{.b | upper}}{{else with .c}}{{.d}}{{end}}`, `{{define "x"}}{{end}}`, `{{$x := 1}}{{$x}}`,
		`{{"y" | replace "y" "yyyy" | replace "y" "yyyy"}}`, `{{((((1))))}}`, `{{index . "a" 0}}`, `{{date "2006" .a | truncate 3}}`,
		`{{'a'}}{{0x1p4}}{{1i}}`, `{{- /* x */ -}}`, `{{range .}}{{break}}{{end}}`, `{{.a.b.c.d}}{{$.a}}`,
		`{{or .e .f | and .c}}{{eq .e .f}}{{with .b}}{{.String}}{{end}}`, `map[{{.a}}]`,
	} {
		f.Add(s, "value")
	}
	f.Fuzz(func(t *testing.T, source, value string) {
		e, err := template.Compile(source)
		if err != nil {
			var bad *template.ExprError
			if !errors.As(err, &bad) {
				t.Errorf("%T: %v", err, err)
			}
			return
		}
		vars := map[string]any{"a": value, "b": json.Number("5"), "c": map[string]any{"d": value}, "e": nil, "f": []any{value, true}}
		first, err := e.Text(vars)
		second, again := e.Text(vars)
		if first != second || (err == nil) != (again == nil) {
			t.Errorf("%q, %v, then %q, %v", first, err, second, again)
		}
		if len(first) > 4096 {
			t.Errorf("%d bytes of output", len(first))
		}
	})
}
