package simulator

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// agree fails unless the short way answers what the general way answers, or leaves
// the body to it.
func agree(t *testing.T, s *scratch, body string) (usual bool) {
	t.Helper()
	s.body.Reset()
	s.body.WriteString(body)
	if !s.usual() {
		return false
	}
	want, schema, ok := decode([]byte(body))
	if schema != nil || !ok {
		t.Errorf("%q: taken, though it is refused: %+v", body, schema)
	}
	if diff := cmp.Diff(want, s.req, cmpopts.EquateEmpty(), cmp.AllowUnexported(position{})); diff != "" {
		t.Errorf("%q (-decode +usual):\n%s", body, diff)
	}
	return true
}

func seeds(t testing.TB) []string {
	files, err := filepath.Glob("testdata/send/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no seeds", err)
	}
	var out []string
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(b))
	}
	return out
}

// What senders usually send goes the short way, and what it does not understand
// the general one.
func TestUsual(t *testing.T) {
	s := new(scratch)
	taken := 0
	for _, body := range seeds(t) {
		if agree(t, s, body) {
			taken++
		}
	}
	if taken < 10 {
		t.Errorf("%d fixtures go the short way", taken)
	}
	const open, end = `{"messaging_product":"whatsapp","to":"+447700900456","type":"template","template":{"name":"n","language":{"code":"en"},"components":[`, `]}}`
	for components, want := range map[string]bool{
		``:                                true,
		`{"type":"body","parameters":[]}`: true,
		`{"type":"body","parameters":[{"type":"text","text":"Größe \u2028"}]}`:           false,
		"{\"type\":\"body\",\"parameters\":[{\"type\":\"text\",\"text\":\"Größe €😀\"}]}": true,
		"{\"type\":\"body\",\"parameters\":[{\"type\":\"text\",\"text\":\"\xff\"}]}":     false,
		"{\"type\":\"body\",\"parameters\":[{\"type\":\"text\",\"text\":\"\n\"}]}":       false,
		`{"type":"button","sub_type":"url","index":"0"} , {"index" : 12 }`:               true,
		`{"index":"00"}`: false, `{"index":-1}`: false, `{"index":1.0}`: false, `{"index":1e1}`: false, `{"index":01}`: false,
		`{"index":" 1"}`: false, `{"index":"1 "}`: false, `{"index":""}`: false, `{"index":1234}`: false, `{"index":null}`: false, `{"index":"1}`: false,
		`{"type":"body","type":"body"}`: false, `{"Type":"body"}`: false, `{"type":null}`: false, `{"type":1}`: false, `{"":"x"}`: false,
		`{"type":"body",}`: false, `{"type":"body"},`: false, `,{"type":"body"}`: false, `{,"type":"body"}`: false, `{"type" "body"}`: false, `{"type":"body"`: false,
		`{"cards":[]}`: false, `{"parameters":{}}`: false, `[]`: false, `{"type":"x"}{}`: false,
		`{"parameters":[{"type":"image","image":{"id":"1","link":"x"}},{"type":"document","document":{"filename":"f"}},{"video":{}}]}`: true,
		`{"parameters":[{"image":{"id":1}}]}`: false, `{"parameters":[{"image":{"id":"1","id":"1"}}]}`: false, `{"parameters":[{"image":null}]}`: false,
	} {
		if got := agree(t, s, open+components+end); got != want {
			t.Errorf("%s: usual is %t", components, got)
		}
		for _, broken := range []string{open + components + end + "x", open + components, open + components + end + " \n"} {
			agree(t, s, broken)
		}
	}
}

// Bodies of fixtures with bytes cut out, doubled and exchanged.
func TestUsualMutated(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	s, all, taken := new(scratch), seeds(t), 0
	const bytes = `{}[]",:\ 01eé` + "\x00\n\xff"
	for range 30_000 {
		body := []byte(all[rng.IntN(len(all))])
		if rng.IntN(2) == 0 { // shorter, so that a change meets something
			body = []byte(strings.Join(strings.Fields(string(body)), ""))
		}
		for range rng.IntN(4) {
			i := rng.IntN(len(body) - 1)
			switch j := i + 1 + rng.IntN(min(40, len(body)-i-1)); rng.IntN(3) {
			case 0:
				body = append(body[:i:i], body[j:]...)
			case 1:
				body = append(body[:j:j], body[i:]...)
			case 2:
				body[i] = bytes[rng.IntN(len(bytes))]
			}
		}
		if agree(t, s, string(body)) {
			taken++
		}
	}
	if taken < 1000 {
		t.Errorf("only %d go the short way", taken)
	}
}

// The short way agrees with the general one on whatever it takes.
func FuzzUsual(f *testing.F) {
	for _, body := range seeds(f) {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) { agree(t, new(scratch), body) })
}
