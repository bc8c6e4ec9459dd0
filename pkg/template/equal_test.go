package template

import (
	"strings"
	"testing"
)

func TestEqual(t *testing.T) {
	const sheet = `{"id":"1","name":"n","language":"en","status":"APPROVED","category":"MARKETING","components":[
		{"type":"HEADER","format":"TEXT","text":"Hi {{1}}","example":{"header_text":["Amina"]}},
		{"type":"BODY","text":"Take {{1}} to {{2}}","example":{"body_text":[["a","b"]]}},
		{"type":"FOOTER","text":"Bye"},
		{"type":"BUTTONS","buttons":[{"type":"URL","text":"Go","url":"https://x.test/{{1}}"}]}]}`
	tests := []struct {
		name, old, new string
		want           bool
	}{
		{"the same", "", "", true},
		{"another id", `"id":"1"`, `"id":"2"`, true},
		{"paused", "APPROVED", "PAUSED", true},
		{"another example", `"a","b"`, `"c","d"`, true},
		{"no example", `"example":{"header_text":["Amina"]}`, `"other":1`, true},
		{"another text", "Take", "Bring", false},
		{"a variable less", "{{1}} to {{2}}", "it to {{1}}", false},
		{"another footer", "Bye", "Ciao", false},
		{"another address", "x.test", "y.test", false},
		{"another label", `"text":"Go"`, `"text":"Stop"`, false},
		{"another category", "MARKETING", "UTILITY", false},
		{"another header", "Hi {{1}}", "Hi", false},
	}
	a, err := Parse([]byte(sheet))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		b, err := Parse([]byte(strings.Replace(sheet, tt.old, tt.new, 1)))
		if err != nil {
			t.Fatal(err)
		}
		if got := a[0].Equal(b[0]); got != tt.want || b[0].Equal(a[0]) != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
