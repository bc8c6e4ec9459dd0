package template_test

import (
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/wacast/wacast/pkg/template"
)

func TestLookup(t *testing.T) {
	c := catalog(t)
	d, err := c.Lookup("login_code", "en_US")
	if err != nil || d.Name() != "login_code" || d.Language() != "en_US" {
		t.Fatalf("got %v, %v", d, err)
	}
	for _, q := range []struct{ name, language, want string }{
		{"login_code", "en", "login_code exists in en_US, not in \"en\""},
		{"sale_open", "es", "sale_open exists in en, pt_BR"},
		{"nobody", "en", `no definition has the name "nobody"`},
	} {
		_, err := c.Lookup(q.name, q.language)
		if !errors.Is(err, template.ErrUnknown) || !strings.Contains(err.Error(), q.want) {
			t.Errorf("%s %s: %v", q.name, q.language, err)
		}
	}
	if _, err := new(template.Catalog).Lookup("a", "en"); !errors.Is(err, template.ErrUnknown) {
		t.Errorf("empty catalog: %v", err)
	}
}

func TestLoadDirReportsEverything(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	const sound = `{"name":"a","language":"en","components":[{"type":"BODY"}]}`
	_, err := template.LoadDir(fstest.MapFS{
		"1.json":     file(sound),
		"2.json":     file("[" + sound + `,{"name":"b","language":"en"},{"name":"c"}]`),
		"3.json":     file(`{`),
		"notes.txt":  file(`{`),
		"sub/4.json": file(`{`),
	})
	if err == nil {
		t.Fatal("no error")
	}
	want := []string{
		"2.json: template b (en): has no components",
		"2.json: template c (): has no language",
		"template a (en) is defined in 1.json and again in 2.json",
		"3.json: not JSON",
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("missing %q in:\n%v", w, err)
		}
	}
	if n := strings.Count(err.Error(), "\n") + 1; n != len(want) {
		t.Errorf("%d lines, want %d:\n%v", n, len(want), err)
	}
}

func TestLoadDirWithoutFiles(t *testing.T) {
	if _, err := template.LoadDir(fstest.MapFS{}); err == nil || !strings.Contains(err.Error(), "no *.json file") {
		t.Errorf("empty folder: %v", err)
	}
	if _, err := template.LoadDir(os.DirFS("testdata/absent")); err == nil {
		t.Error("absent folder: no error")
	}
}

func TestReplaceIsAtomic(t *testing.T) {
	versions := make([][]*template.Definition, 2)
	for i, status := range []string{"APPROVED", "PAUSED"} {
		data := `[{"name":"a","language":"en","status":"` + status + `","components":[{"type":"BODY"}]},
			{"name":"b","language":"en","status":"` + status + `","components":[{"type":"BODY"}]}]`
		defs, err := template.Parse([]byte(data))
		if err != nil {
			t.Fatal(err)
		}
		versions[i] = defs
	}
	c, err := template.NewCatalog(versions[0])
	if err != nil {
		t.Fatal(err)
	}
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for range 500 {
				if all := c.All(); len(all) != 2 || all[0].Status() != all[1].Status() {
					t.Errorf("half a catalog: %v", all)
				}
			}
		})
	}
	for i := range 500 {
		if err := c.Replace(versions[i%2]); err != nil {
			t.Error(err)
		}
	}
	readers.Wait()

	twice := []*template.Definition{versions[0][0], versions[1][0]}
	if err := c.Replace(twice); err == nil || !strings.Contains(err.Error(), "a (en) is defined twice") {
		t.Errorf("a template twice: %v", err)
	}
	if len(c.All()) != 2 {
		t.Error("a refused replacement changed the catalog")
	}
}
