package template_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/template"
)

func TestFieldsAreThoseOfTheRow(t *testing.T) {
	t.Parallel()
	e, err := template.CompileExpressions(map[string]string{
		"to": "{{.phone}}", "where": `{{and (eq .city "La Plata") .active}}`, "id": "plain text",
		"body.1":            `{{if .guests}}{{.guests | default .none}}{{else}}{{.name | title}}{{end}}`,
		"body.2":            `{{with .owner}}{{.first}} {{$.shift}}{{else}}{{.nobody}}{{end}}{{(index . "x").y}}`,
		"buttons.0.payload": "{{.address.city}}", "header.text": "{{$.greeting}}",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"active", "address", "city", "greeting", "guests", "name", "nobody", "none", "owner", "phone", "shift"}
	if diff := cmp.Diff(want, e.Fields()); diff != "" {
		t.Error("(-want +got):", diff)
	}
}
