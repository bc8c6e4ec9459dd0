package template_test

import (
	"testing"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/template"
)

func BenchmarkRender(b *testing.B) {
	raw := readRequest(b, "testdata/send/template_button_url_suffix.json").Template.Components
	for _, c := range []struct {
		name string
		d    *template.Definition
		in   *job.Template
	}{
		{"body", lookup(b, "parcel_update", "en"), params(b, `{"body":["Amina","PX-20417","Thursday"]}`)},
		{"names", lookup(b, "parcel_update_named", "en"), params(b, `{"body":{"first_name":"Amina","parcel_code":"PX"}}`)},
		{"buttons", lookup(b, "visit_confirm", "en"), params(b, `{"body":["Amina","10:30"],"buttons":{"0":{"payload":"yes"},"1":{"payload":"no"}}}`)},
		{"media", lookup(b, "how_to_video", "en"), params(b, `{"header":{"video":{"link":"https://cdn.example.test/a/howto.mp4"}}}`)},
		{"components", lookup(b, "track_parcel", "en"), &job.Template{Components: raw}},
		{"unchecked", template.Unchecked("a", "en"), params(b, `{"body":["Amina","PX-20417","Thursday"]}`)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.d.Render(c.in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkExpressions(b *testing.B) {
	e, err := template.CompileExpressions(map[string]string{
		"body.1":            `{{.name | title}}`,
		"body.2":            `{{.day}} at {{.hour}}`,
		"body.3":            `{{if gt .guests 1}}{{.guests}} guests{{else}}one guest{{end}}`,
		"buttons.0.payload": "confirm:{{.id}}",
	})
	if err != nil {
		b.Fatal(err)
	}
	vars := map[string]any{"name": "AMINA", "day": "23/11", "hour": "09:30", "guests": "2", "id": "8812"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Params(vars); err != nil {
			b.Fatal(err)
		}
	}
}
