package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// table writes a table in Markdown.
type table struct{ b *strings.Builder }

func newTable(b *strings.Builder, head ...string) table {
	t := table{b}
	t.row(head...)
	t.row(slices.Repeat([]string{"---"}, len(head))...)
	return t
}

func (t table) row(cells ...string) {
	for i, cell := range cells {
		cells[i] = strings.ReplaceAll(plain(strings.Join(strings.Fields(cell), " ")), "|", `\|`)
	}
	fmt.Fprintf(t.b, "| %s |\n", strings.Join(cells, " | "))
}

// plain keeps what stands in angle brackets from being taken for HTML.
func plain(s string) string { return strings.ReplaceAll(s, "<", `\<`) }

// code sets text as code.
func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

// schema is as much of a JSON Schema as ours use.
type schema struct {
	Ref                  string             `json:"$ref"`
	Description          string             `json:"description"`
	Type                 string             `json:"type"`
	Pattern              string             `json:"pattern"`
	Enum                 []any              `json:"enum"`
	Const                any                `json:"const"`
	Default              any                `json:"default"`
	Required             []string           `json:"required"`
	Properties           properties         `json:"properties"`
	AdditionalProperties json.RawMessage    `json:"additionalProperties"`
	Defs                 map[string]*schema `json:"$defs"`
	OneOf                []struct{ Type string }
}

// properties keep the order in which the schema has them.
type properties []property

type property struct {
	name string
	*schema
}

func (p *properties) UnmarshalJSON(text []byte) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	if _, err := dec.Token(); err != nil {
		return err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		one := property{name.(string), new(schema)}
		if err := dec.Decode(one.schema); err != nil {
			return err
		}
		*p = append(*p, one)
	}
	return nil
}

// writeSchema lists a schema's fields in their order, those of objects below them.
func writeSchema(t *testing.T, b *strings.Builder, title string, text []byte) {
	t.Helper()
	var root schema
	must(t, json.Unmarshal(text, &root))
	fmt.Fprintf(b, "## %s\n\n%s `wacast schema %s` prints the JSON Schema.\n\n", title, plain(root.Description), strings.ToLower(strings.TrimSuffix(title, "s")))
	w := schemaWriter{table: newTable(b, "field", "", "of the form", ""), root: &root}
	w.fields("", &root)
	b.WriteString("\n")
}

type schemaWriter struct {
	table
	root *schema
}

func (w *schemaWriter) fields(path string, s *schema) {
	for _, p := range s.Properties {
		w.field(path+p.name, p.schema, slices.Contains(s.Required, p.name))
	}
}

func (w *schemaWriter) field(path string, s *schema, required bool) {
	target := s
	if name, ok := strings.CutPrefix(s.Ref, "#/$defs/"); ok {
		target = w.root.Defs[name]
	}
	help := strings.TrimSpace(strings.Join(slices.Compact([]string{s.Description, target.Description}), " "))
	w.row(code(path), map[bool]string{true: "required"}[required], form(target), help)
	w.fields(path+".", target)
	var values schema
	if json.Unmarshal(target.AdditionalProperties, &values) == nil && values.Ref != "" {
		w.field(path+".*", &values, false)
	}
}

// form says what a value looks like.
func form(s *schema) string {
	switch {
	case s.Const != nil:
		return code(fmt.Sprint(s.Const))
	case len(s.Enum) > 0:
		words := make([]string, len(s.Enum))
		for i, word := range s.Enum {
			words[i] = code(fmt.Sprint(word))
			if word == s.Default {
				words[i] += " (default)"
			}
		}
		return strings.Join(words, ", ")
	case s.Pattern != "" && len(s.Pattern) < 60:
		return code(s.Pattern)
	case s.Type == "" && len(s.OneOf) > 0:
		var kinds []string
		for _, one := range s.OneOf {
			kinds = append(kinds, one.Type)
		}
		return strings.Join(kinds, " or ")
	}
	return s.Type
}

// comments reads what stands above the constants of a file, by their value or,
// where they have none of their own, by their name.
func comments(t *testing.T, file string) map[string]string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(embedtest.Root(t), file), nil, parser.ParseComments)
	must(t, err)
	said := make(map[string]string)
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Doc == nil {
			return true
		}
		name := spec.Names[0].Name
		text := strings.TrimSpace(strings.TrimPrefix(spec.Doc.Text(), name+":"))
		key := name
		if len(spec.Values) == 1 {
			if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
				key, err = strconv.Unquote(literal.Value)
				must(t, err)
			}
		}
		said[key] = text
		return true
	})
	return said
}

// className is the constant's name: ClassRefusedNumber of refused_number.
func className(c whatsapp.Class) string {
	name := "Class"
	for word := range strings.SplitSeq(c.String(), "_") {
		name += strings.ToUpper(word[:1]) + word[1:]
	}
	return name
}

type metric struct{ name, help, labels string }

var description = regexp.MustCompile(`^Desc\{fqName: "(wacast_[a-z_]+)", help: (".*"), unit: "[^"]*", constLabels: \{.*\}, variableLabels: \{(.*)\}\}$`)

// describe lists wacast's metrics by name.
func describe(t *testing.T, a *app.App) []metric {
	t.Helper()
	ch := make(chan *prometheus.Desc, 1000)
	a.Registry().Describe(ch)
	close(ch)
	var list []metric
	for d := range ch {
		m := description.FindStringSubmatch(d.String())
		if m == nil {
			continue // of Go or the process
		}
		help, err := strconv.Unquote(m[2])
		must(t, err)
		list = append(list, metric{m[1], help, m[3]})
	}
	slices.SortFunc(list, func(a, b metric) int { return strings.Compare(a.name, b.name) })
	return list
}
