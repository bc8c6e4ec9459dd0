package simulator

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// Escaped JSON means what it meant, is ASCII, and is written in one way only.
func FuzzEscaped(f *testing.F) {
	for _, seed := range []string{`{"a":"ä/\/\\/\u00e4🙂<%@>"}`, `"\\"`, `[1,2.5e3,null,true,"\"/"]`, "\"\xff\"", `"ŠŃ€"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !json.Valid([]byte(text)) {
			t.Skip()
		}
		out := appendChangeOf(nil, "é/", json.RawMessage(text))
		var got struct {
			Value any
			Field string
		}
		var want any
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%q: %v", out, err)
		}
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Skip() // a number too large
		}
		if !reflect.DeepEqual(got.Value, want) || got.Field != "é/" {
			t.Errorf("%q became %q", text, out)
		}
		for i := range out {
			if out[i] > 127 || out[i] == '/' && out[i-1] != '\\' {
				t.Fatalf("%q has %q", out, out[i])
			}
		}
	})
}

func TestInUS(t *testing.T) {
	for digits, want := range map[string]bool{
		"12025550100": true, "17875550100": true, "16715550100": true, "18005550100": true,
		"14165550100": false, "18765550100": false, "12425550100": false, "18675550100": false,
		"447700900456": false, "1202555010": false, "": false,
	} {
		if got := inUS(digits); got != want {
			t.Errorf("%s: %v", digits, got)
		}
	}
	seen := make(map[string]bool)
	for _, code := range strings.Fields(elsewhere) {
		if len(code) != 3 || code[0] < '2' || seen[code] {
			t.Errorf("area code %q", code)
		}
		seen[code] = true
	}
}

func TestNewsSize(t *testing.T) {
	n := &news{account: &account{waba: "100000000000001"}, change: []byte(`{}`), stamp: 1790000000}
	if got := len(appendNews(nil, n)) + 1; got > n.size() {
		t.Errorf("an entry takes %d, its bound is %d", got, n.size())
	}
}
