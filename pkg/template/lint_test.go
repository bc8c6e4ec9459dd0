package template_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/template"
)

func TestLint(t *testing.T) {
	for name, c := range map[string]struct {
		definition string
		want       []string
	}{
		"sound": {`"status": "APPROVED", "components": [
			{"type": "HEADER", "format": "TEXT", "text": "{{1}}", "example": {"header_text": ["Hola"]}},
			{"type": "BODY", "text": "Hola {{1}}, {{2}}.", "example": {"body_text": [["Emilia", "lunes"]]}}]`, nil},
		"sound with names": {`"status": "APPROVED", "parameter_format": "NAMED", "components": [
			{"type": "BODY", "text": "Hola {{first_name}}.", "example": {"body_text_named_params": [{"param_name": "first_name", "example": "Emilia"}]}}]`, nil},
		"without variables":  {`"status": "APPROVED", "components": [{"type": "BODY", "text": "Hola"}]`, nil},
		"in review":          {`"status": "PENDING", "components": [{"type": "BODY", "text": "Hola"}]`, []string{"t (es_AR) is PENDING"}},
		"text of a platform": {`"status": "APPROVED", "category": "AUTHENTICATION", "components": [{"type": "BODY"}]`, nil},
		"what exists":        {`"id": "1", "status": "APPROVED", "components": [{"type": "BODY", "text": "{{1}}"}]`, nil},
		"badly placed": {`"status": "APPROVED", "components": [
			{"type": "BODY", "text": "{{1}} {{2}} y {{3}}", "example": {"body_text": [["a", "b", "c"]]}}]`,
			[]string{"t (es_AR) body: must not begin with a variable", "t (es_AR) body: {{1}} and {{2}} stand next to each other", "t (es_AR) body: must not end with a variable"}},
		"a gap": {`"status": "APPROVED", "components": [{"type": "BODY", "text": "a {{1}} b {{3}} c", "example": {"body_text": [["a", "b"]]}}]`,
			[]string{"t (es_AR) body: variables must be {{1}}, {{2}} and so on without a gap, and there is no {{2}}"}},
		"no example": {`"status": "APPROVED", "components": [{"type": "BODY", "text": "a {{1}} b"}]`,
			[]string{"t (es_AR) body: {{1}} has no example, which reviewers ask for"}},
		"names where numbers belong": {`"status": "APPROVED", "parameter_format": "POSITIONAL", "components": [{"type": "BODY", "text": "a {{ name }} b"}]`,
			[]string{"t (es_AR) body: {{name}} is no variable in this format, and recipients would read it as it stands"}},
		"a name in capitals": {`"status": "APPROVED", "parameter_format": "NAMED", "components": [
			{"type": "BODY", "text": "a {{Name1}} b", "example": {"body_text_named_params": [{"param_name": "Name1", "example": "x"}]}}]`,
			[]string{"t (es_AR) body: the name of {{Name1}} may have small letters and _ alone"}},
		"too long": {`"status": "APPROVED", "components": [{"type": "HEADER", "format": "TEXT", "text": "` + strings.Repeat("ä", 61) + `"}, {"type": "BODY", "text": "a"}]`,
			[]string{"t (es_AR) header: has 61 characters beside its variables, where 60 is the most"}},
		"a card": {`"status": "APPROVED", "components": [{"type": "BODY", "text": "a"},
			{"type": "CAROUSEL", "cards": [{"components": [{"type": "BODY", "text": "b"}]}, {"components": [{"type": "BODY", "text": "{{1}} c", "example": {"body_text": [["x"]]}}]}]}]`,
			[]string{"t (es_AR) card 1, body: must not begin with a variable"}},
	} {
		t.Run(name, func(t *testing.T) {
			defs, err := template.Parse([]byte(`{"name": "t", "language": "es_AR", ` + c.definition + `}`))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, defs[0].Lint()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
