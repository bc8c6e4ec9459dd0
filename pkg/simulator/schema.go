package simulator

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
)

// oddKey reports whether an object key holds an upper-case letter or an escape.
// encoding/json matches keys whatever their case, the platform does not, so such
// bodies are looked at closely. (Free-form parts may have such keys.)
func oddKey(body []byte) bool {
	for {
		start := bytes.IndexByte(body, '"')
		if start < 0 {
			return false
		}
		body = body[start+1:]
		end := stringEnd(body)
		if end < 0 {
			return false
		}
		text := body[:end]
		body = body[end+1:]
		for len(body) > 0 && body[0] <= ' ' {
			body = body[1:]
		}
		if len(body) > 0 && body[0] == ':' && slices.ContainsFunc(text, odd) {
			return true
		}
	}
}

func odd(c byte) bool { return c == '\\' || c >= 'A' && c <= 'Z' }

// stringEnd is the place of the quote that closes a JSON string.
func stringEnd(b []byte) int {
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

// misfit names the first thing in a decoded body that does not fit [request], in
// the platform's words. It reads the schema from the type, and only runs for
// bodies that are suspicious.
func misfit(body any) *refusal { return misfitAt("", body, reflect.TypeFor[request]()) }

func misfitAt(path string, v any, t reflect.Type) *refusal {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if v == nil || t == reflect.TypeFor[json.RawMessage]() {
		return nil
	}
	if t == reflect.TypeFor[position]() {
		return misfitPosition(path, v)
	}
	switch t.Kind() {
	case reflect.Struct:
		return misfitStruct(path, v, t)
	case reflect.Slice:
		return misfitSlice(path, v, t)
	case reflect.String:
		_, ok := v.(string)
		return wrongType(ok, path, "a string")
	case reflect.Bool:
		_, ok := v.(bool)
		return wrongType(ok, path, "a boolean")
	default:
		n, ok := v.(float64)
		return wrongType(ok && n == math.Trunc(n), path, "an integer")
	}
}

func misfitStruct(path string, v any, t reflect.Type) *refusal {
	object, ok := v.(map[string]any)
	if !ok {
		return wrongType(false, path, "an object")
	}
	types := make(map[string]reflect.Type, t.NumField())
	for f := range t.Fields() {
		types[f.Tag.Get("json")] = f.Type
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		field, known := types[key]
		if !known {
			return unexpectedKey(path, key)
		}
		at := key
		if path != "" {
			at = path + "['" + key + "']"
		}
		if r := misfitAt(at, object[key], field); r != nil {
			return r
		}
	}
	return nil
}

func misfitSlice(path string, v any, t reflect.Type) *refusal {
	list, ok := v.([]any)
	if !ok {
		return wrongType(false, path, "an array")
	}
	for i, element := range list {
		if r := misfitAt(path+"["+strconv.Itoa(i)+"]", element, t.Elem()); r != nil {
			return r
		}
	}
	return nil
}

func misfitPosition(path string, v any) *refusal {
	switch v := v.(type) {
	case float64:
		return wrongType(v >= 0 && v == math.Trunc(v), path, "an integer")
	case string:
		n, err := strconv.Atoi(v)
		return wrongType(err == nil && n >= 0, path, "an integer")
	}
	return wrongType(false, path, "an integer")
}

func wrongType(ok bool, path, want string) *refusal {
	if ok {
		return nil
	}
	return badParam("Param %s must be %s.", path, want)
}

func unexpectedKey(path, key string) *refusal {
	if path == "" {
		return badParam("Unexpected key %q.", key)
	}
	return badParam("Unexpected key %q on param %q.", key, path)
}
