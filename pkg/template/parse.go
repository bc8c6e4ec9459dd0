package template

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// wireTemplate is a template as the API lists it; fields and types it has gained
// since are left out.
type wireTemplate struct {
	ID         json.RawMessage `json:"id"`
	Name       string          `json:"name"`
	Language   string          `json:"language"`
	Status     string          `json:"status"`
	Category   string          `json:"category"`
	Format     string          `json:"parameter_format"`
	Components []wireComponent `json:"components"`
}

type wireComponent struct {
	Type    string          `json:"type"`
	Format  string          `json:"format"`
	Text    string          `json:"text"`
	Buttons []wireButton    `json:"buttons"`
	Example json.RawMessage `json:"example"`
	Cards   []struct {
		Components []wireComponent `json:"components"`
	} `json:"cards"`
	Offer struct {
		Text    string `json:"text"`
		Expires bool   `json:"has_expiration"`
	} `json:"limited_time_offer"`
}

type wireButton struct {
	Type  string `json:"type"`
	Text  string `json:"text"`
	URL   string `json:"url"`
	Phone string `json:"phone_number"`
}

// UnmarshalJSON looks only into the types this build knows: a newer one may give
// the same fields another shape.
func (c *wireComponent) UnmarshalJSON(data []byte) error {
	var head struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return err
	}
	switch strings.ToUpper(head.Type) {
	case "HEADER", "BODY", "FOOTER", "BUTTONS", "CAROUSEL", "LIMITED_TIME_OFFER":
		type plain wireComponent
		return json.Unmarshal(data, (*plain)(c))
	}
	c.Type = head.Type
	return nil
}

// Parse reads definitions in the format of the API's template list: the answer
// itself ({"data": [...]}), its list, or one template. The error joins what is
// wrong with each template, by name; the sound ones are returned beside it.
func Parse(data []byte) ([]*Definition, error) {
	raws, err := splitList(data)
	if err != nil {
		return nil, err
	}
	var defs []*Definition
	var errs []error
	for i, raw := range raws {
		d, err := parseOne(raw)
		if err != nil {
			errs = append(errs, fmt.Errorf("template %s: %w", label(raw, i), err))
			continue
		}
		defs = append(defs, d)
	}
	return defs, errors.Join(errs...)
}

// splitList finds the templates in any of the three shapes.
func splitList(data []byte) ([]json.RawMessage, error) {
	data = bytes.TrimSpace(data)
	var list []json.RawMessage
	if len(data) > 0 && data[0] == '[' {
		err := json.Unmarshal(data, &list)
		return list, jsonError(data, err)
	}
	var answer struct {
		Data *[]json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return nil, jsonError(data, err)
	}
	if answer.Data != nil {
		return *answer.Data, nil
	}
	return []json.RawMessage{data}, nil
}

// jsonError says where JSON breaks in terms an editor can show.
func jsonError(data []byte, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		line := 1 + bytes.Count(data[:min(int(syntax.Offset), len(data))], []byte("\n"))
		return fmt.Errorf("not JSON, line %d: %w", line, err)
	}
	var typ *json.UnmarshalTypeError
	if errors.As(err, &typ) {
		if typ.Field == "" {
			return fmt.Errorf("must be a template, a list of templates or the API's answer, not a JSON %s", typ.Value)
		}
		return fmt.Errorf("field %s must be a JSON %s, not %s", typ.Field, typ.Type, typ.Value)
	}
	return err
}

// label names a template that may be too broken to have a name.
func label(raw json.RawMessage, i int) string {
	var head struct {
		Name     string `json:"name"`
		Language string `json:"language"`
	}
	_ = json.Unmarshal(raw, &head) // what is left empty is told by its place
	if head.Name == "" {
		return fmt.Sprintf("number %d", i+1)
	}
	return fmt.Sprintf("%s (%s)", head.Name, head.Language)
}

func parseOne(raw json.RawMessage) (*Definition, error) {
	var w wireTemplate
	if err := json.Unmarshal(raw, &w); err != nil {
		return nil, jsonError(raw, err)
	}
	switch {
	case w.Name == "":
		return nil, errors.New("has no name")
	case w.Language == "":
		return nil, errors.New("has no language")
	case len(w.Components) == 0:
		return nil, errors.New("has no components: list templates with the fields name, language, status, category, parameter_format, components")
	}
	d := &Definition{
		id:       strings.Trim(string(w.ID), `"`),
		name:     w.Name,
		language: w.Language,
		status:   strings.ToUpper(w.Status),
		category: strings.ToUpper(w.Category),
		checked:  true,
	}
	switch format := strings.ToUpper(w.Format); format {
	case "NAMED":
		d.named = true
	case "POSITIONAL":
	case "":
		d.named = looksNamed(w.Components)
	default:
		return nil, fmt.Errorf("parameter_format %q is neither POSITIONAL nor NAMED", w.Format)
	}
	return d, d.compile(w.Components)
}

// looksNamed guesses the format of a definition written by hand: the API always
// lists it, and refuses names where it expects numbers.
func looksNamed(components []wireComponent) bool {
	named := false
	for _, c := range components {
		if _, _, _, ok := cutVariable(c.Text, false); ok {
			return false
		}
		_, _, _, ok := cutVariable(c.Text, true)
		named = named || ok
	}
	return named
}
