package app

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
)

// ConfigSchema is the JSON Schema (2020-12) of a settings file. Keys with dots are
// written in levels.
func ConfigSchema() []byte {
	root := object("wacast settings")
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$id"] = "urn:wacast:config"
	for _, s := range Settings() {
		place(root, s.Key, s.schema())
		if s.Secret {
			place(root, s.Key+"_file", map[string]any{"type": "string", "description": "file with " + s.Key + ", read again when it changes"})
		}
	}
	place(root, "accounts", map[string]any{"type": "array", "items": accountSchema()})
	text, _ := json.MarshalIndent(root, "", "  ") // maps of text and numbers
	return append(text, '\n')
}

func object(description string) map[string]any {
	return map[string]any{"type": "object", "description": description, "additionalProperties": false, "properties": map[string]any{}}
}

// place puts a schema where the key's levels lead.
func place(at map[string]any, key string, schema map[string]any) {
	properties := at["properties"].(map[string]any)
	level, rest, nested := strings.Cut(key, ".")
	if !nested {
		properties[level] = schema
		return
	}
	if properties[level] == nil {
		properties[level] = object("settings of " + level)
	}
	place(properties[level].(map[string]any), rest, schema)
}

func (s Setting) schema() map[string]any {
	schema := map[string]any{"description": s.Help, "type": "string"}
	if s.Default != "" {
		schema["default"] = s.Default
	}
	switch s.Type {
	case TypeNumber:
		schema["type"] = "integer"
		schema["default"], _ = strconv.Atoi(s.Default)
		schema["minimum"], _ = strconv.Atoi(s.Min)
	case TypeShare:
		schema["type"], schema["minimum"], schema["exclusiveMaximum"] = "number", 0, 1
		schema["default"], _ = strconv.ParseFloat(s.Default, 64)
	case TypeSize:
		schema["type"], schema["pattern"] = []string{"string", "integer"}, "^[0-9]+ *([KMGT]iB)?$"
	case TypeDuration:
		schema["pattern"] = "^([0-9]+d|([0-9.]+(ns|us|µs|ms|s|m|h))+)$"
	}
	if len(s.OneOf) > 0 {
		schema["enum"] = s.OneOf
	}
	return schema
}

func accountSchema() map[string]any {
	schema := object("one account; below accounts_dir it is a file of its own")
	var required []string
	for _, f := range AccountFields() {
		field := map[string]any{"type": []string{"string", "integer"}, "description": f.Help}
		if f.List {
			field = map[string]any{"type": "array", "description": f.Help, "items": map[string]any{"type": []string{"string", "integer"}}}
		}
		place(schema, f.Key, field)
		if f.Required {
			required = append(required, f.Key)
		}
	}
	schema["required"] = required
	return schema
}

// AccountField describes one key of an account.
type AccountField struct {
	Key, Help      string
	Required, List bool
}

// AccountFields lists the keys of an account in the order of [AccountConfig].
func AccountFields() []AccountField {
	t := reflect.TypeFor[AccountConfig]()
	fields := make([]AccountField, t.NumField())
	for i := range fields {
		f := t.Field(i)
		fields[i] = AccountField{
			Key: f.Tag.Get("koanf"), Help: f.Tag.Get("help"), Required: f.Tag.Get("need") != "", List: f.Type.Kind() == reflect.Slice,
		}
	}
	return fields
}
