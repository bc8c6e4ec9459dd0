package simulator_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wacast/wacast/pkg/simulator"
)

// Whatever is posted is accepted or refused in the documented shape, and what is
// accepted would be refused with one field more or in another case.
func FuzzSend(f *testing.F) {
	files, err := filepath.Glob("testdata/send/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	more, err := os.ReadFile("testdata/template/more.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		s := newServer(t, simulator.Config{Templates: []json.RawMessage{more}})
		got := post(t, s, path, body)
		if got.status != 200 {
			if got.Error.Message == "" || got.Error.Type == "" {
				t.Errorf("status %d without a proper error: %+v", got.status, got.Error)
			}
			return
		}
		open := strings.IndexByte(body, '{')
		if post(t, s, path, body[:open+1]+`"x":1,`+body[open+1:]).status == 200 {
			t.Error("accepted with an unknown field")
		}
		if post(t, s, path, strings.ReplaceAll(body, `"messaging_product"`, `"Messaging_product"`)).status == 200 && strings.Contains(body, `"messaging_product"`) {
			t.Error("accepted with a field in upper case")
		}
	})
}
