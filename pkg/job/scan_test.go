package job

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// FuzzScanner holds the scanner to encoding/json: what is JSON to one is JSON to
// the other, with the same value, and is written so that it means the same.
func FuzzScanner(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-0.5e+10,true,false,null,"x"],"":{}}`, `[[[]],{"b":1,"a":2}]`, `"\ud83d\ude95\u00e9\n"`, ` 0 `, `-`, `01`, `1.`, `1e`,
		`"`, `"\`, `"\u12`, `{"a"}`, `{"a":}`, `{,}`, `[1 2]`, `[1,]`, `nul`, `truefalse`, "\"\x01\"", "\"\xff\"", `{"a":1,"a":2}`, `"\ud800"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !utf8.Valid(data) || bytes.Count(data, []byte("["))+bytes.Count(data, []byte("{")) > maxDepth {
			return // we refuse what encoding/json mends, or what is too deep
		}
		s := newScanner(data)
		got := s.value()
		if ok := s.end(); ok != json.Valid(data) {
			t.Fatalf("%q is JSON: %v, want %v", data, ok, !ok)
		} else if !ok || len(s.bad) > 0 {
			return
		}
		want := viaEncodingJSON(t, data)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q has the value (-want +got):\n%s", data, diff)
		}
		w := newWriter()
		w.rewrite(newScanner(data))
		if diff := cmp.Diff(want, viaEncodingJSON(t, w.buf)); diff != "" {
			t.Errorf("%q is written as %q (-want +got):\n%s", data, w.buf, diff)
		}
		if len(w.buf) > len(data) {
			t.Errorf("%q is written longer, as %q", data, w.buf)
		}
	})
}

func viaEncodingJSON(t *testing.T, data []byte) (v any) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%v: %q", err, data)
	}
	return v
}

func TestSafeName(t *testing.T) {
	for in, want := range map[string]string{
		"body":                  "body",
		"first_name-2":          "first_name-2",
		"2026-11-22":            "2026-11-22",
		"123456":                "123456",
		"1234567":               "…",
		"x5491155550100":        "…",
		"+54":                   "…",
		"a b":                   "…",
		"":                      "…",
		strings.Repeat("a", 65): "…",
	} {
		if got := safeName(in); got != want {
			t.Errorf("safeName(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	var seen names
	for i := range 100 {
		name := strings.Repeat("x", i)
		if !seen.add(name) {
			t.Errorf("the name of %d letters is not new", i)
		}
	}
	for i := range 100 {
		if seen.add(strings.Repeat("x", i)) {
			t.Errorf("the name of %d letters is new again", i)
		}
	}
}
