package producer_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/template"
	"github.com/wacast/wacast/producer"
)

// recipe makes jobs of rows with the columns phone and name.
func recipe(tb testing.TB, more map[string]string) *producer.Recipe {
	tb.Helper()
	sources := map[string]string{"to": "{{.phone}}", "body.1": "{{.name}}"}
	for key, source := range more {
		sources[key] = source
	}
	expressions, err := template.CompileExpressions(sources)
	if err != nil {
		tb.Fatal(err)
	}
	return &producer.Recipe{
		Job: job.Job{
			V: job.Version, Campaign: "reminders", From: "106540352242922", Lane: job.Bulk,
			Template: job.Template{Name: "hello", Language: "es_AR"},
		},
		Expressions: expressions,
	}
}

// pass is a pass over a file's text, and what it rejects.
func pass(tb testing.TB, text string, r *producer.Recipe) (*producer.Pass, *[]string) {
	tb.Helper()
	rows, err := producer.ReadRows(strings.NewReader(text), producer.RowOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	rejected := new([]string)
	return &producer.Pass{Rows: rows, Recipe: r, Rejected: func(_ producer.Row, bad *producer.RowError) {
		*rejected = append(*rejected, bad.Error())
	}}, rejected
}

// names shows the jobs of a pass by their first parameter.
func names(tb testing.TB, p *producer.Pass) []string {
	tb.Helper()
	var all []string
	for j, err := range p.Jobs() {
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, j.Template.Params.Body.List[0])
	}
	return all
}

func TestRecipeMakesAWholeJob(t *testing.T) {
	t.Parallel()
	r := recipe(t, map[string]string{
		"id": "appt-{{.n}}", "send_at": "{{.day}}T18:00:00-03:00", "expires_at": "2026-11-24T09:00:00-03:00", "reply_by": "{{.day}}T22:00:00-03:00",
		"body.2": "{{.name | upper}}", "buttons.0.payload": "confirm",
	})
	got, err := r.Make(producer.Row{Line: 7, Vars: map[string]any{"phone": "+54 9 11 5555-0100", "name": "Ana", "n": "8812", "day": "2026-11-23"}})
	if err != nil {
		t.Fatal(err)
	}
	zone := time.FixedZone("", -3*3600)
	confirm := "confirm"
	want := &job.Job{
		V: 1, ID: "appt-8812", Campaign: "reminders", From: "106540352242922", To: "+5491155550100", Lane: job.Bulk,
		SendAt: time.Date(2026, 11, 23, 18, 0, 0, 0, zone), ExpiresAt: time.Date(2026, 11, 24, 9, 0, 0, 0, zone), ReplyBy: time.Date(2026, 11, 23, 22, 0, 0, 0, zone),
		Template: job.Template{Name: "hello", Language: "es_AR", Params: &job.Params{
			Body: job.Positional("Ana", "ANA"), Buttons: map[string]job.Button{"0": {Payload: &confirm}},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want +got):", diff)
	}
}

// One message a person: the id is the recipient's, however the number is written,
// and another in another campaign. It does not show the number.
func TestRecipeNamesTheJobAfterThePerson(t *testing.T) {
	t.Parallel()
	id := func(campaign, phone string) string {
		r := recipe(t, nil)
		r.Job.Campaign = campaign
		j, err := r.Make(producer.Row{Vars: map[string]any{"phone": phone, "name": "Ana"}})
		if err != nil {
			t.Fatal(err)
		}
		return j.ID
	}
	first := id("a", "+5491155550100")
	if again := id("a", "+54 9 11 5555-0100"); again != first {
		t.Errorf("written in another way it is %s, not %s", again, first)
	}
	if id("a", "+5491155550101") == first || id("b", "+5491155550100") == first {
		t.Error("another person or campaign has the same id")
	}
	if strings.Contains(first, "55550100") {
		t.Errorf("%s shows the number", first)
	}
}

func TestRecipeRejects(t *testing.T) {
	t.Parallel()
	const scientific = "is in scientific notation: a spreadsheet has rounded it; give the column the format Text there and export again"
	for name, c := range map[string]struct {
		more map[string]string
		vars map[string]any
		want string
	}{
		"no number":          {nil, map[string]any{"phone": "x", "name": "Ana"}, "to: must begin with + and the country code; national numbers need a region"},
		"scientific number":  {nil, map[string]any{"phone": "5.49112E+12", "name": "Ana"}, "to: " + scientific},
		"scientific id":      {map[string]string{"id": "{{.n}}"}, map[string]any{"phone": "+5491155550100", "name": "Ana", "n": "1.5E+07"}, "id: " + scientific},
		"scientific value":   {map[string]string{"body.1": "order {{.n}}"}, map[string]any{"phone": "+5491155550100", "n": "1,23457E+11"}, "body.1: holds a number that " + scientific},
		"scientific coupon":  {map[string]string{"buttons.0.code": "{{.n}}"}, map[string]any{"phone": "+5491155550100", "name": "Ana", "n": "1.23457E+11"}, "buttons.0.code: holds a number that " + scientific},
		"no such field":      {nil, map[string]any{"phone": "+5491155550100"}, `body.1: there is no field "name"`},
		"all that is wrong":  {map[string]string{"body.2": "{{.shift}}"}, map[string]any{"phone": ""}, `to: is empty; body.1: there is no field "name"; body.2: there is no field "shift"`},
		"null":               {nil, map[string]any{"phone": "+5491155550100", "name": nil}, `body.1: the value is null; a default helps: {{.field | default "…"}}`},
		"where is no answer": {map[string]string{"where": "{{.name}}"}, map[string]any{"phone": "+5491155550100", "name": "Ana"}, `where: yields neither true nor false; compare, as in {{eq .city "La Plata"}}`},
		"where asks too much": {map[string]string{"where": "{{eq .city 1}}"}, map[string]any{"phone": "+5491155550100", "name": "Ana"},
			`where: there is no field "city"`},
		"id with the number": {map[string]string{"id": "p-{{.n}}"}, map[string]any{"phone": "+54 9 11 5555 0100", "name": "Ana", "n": "5491155550100"}, "id: holds the telephone number; ids are logged, so take another column or none"},
		"id with spaces":     {map[string]string{"id": "{{.n}}"}, map[string]any{"phone": "+5491155550100", "name": "Ana", "n": "a b"}, "id: must be 1 to 128 of A-Z a-z 0-9 _ : -"},
		"empty id":           {map[string]string{"id": "{{.n}}"}, map[string]any{"phone": "+5491155550100", "name": "Ana", "n": ""}, "id: must be 1 to 128 of A-Z a-z 0-9 _ : -"},
		"no time":            {map[string]string{"send_at": "{{.n}}"}, map[string]any{"phone": "+5491155550100", "name": "Ana", "n": "23/11/2026"}, "send_at: must be a time with its zone, such as 2026-11-22T18:00:00-03:00"},
		"times upside down": {map[string]string{"send_at": "2026-11-23T00:00:00Z", "expires_at": "2026-11-22T00:00:00Z"}, map[string]any{"phone": "+5491155550100", "name": "Ana"},
			"expires_at: must be after send_at"},
		"not the template's": {nil, map[string]any{"phone": "+5491155550100", "name": ""}, "body.1: body variable {{1}} is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := recipe(t, c.more)
			r.Check = func(tpl *job.Template) error {
				_, err := template.Unchecked("hello", "es_AR").Render(tpl)
				return err
			}
			j, err := r.Make(producer.Row{Line: 7, Vars: c.vars})
			if j != nil || err == nil || err.Error() != "line 7: "+c.want {
				t.Errorf("job %v, error %v, want line 7: %s", j, err, c.want)
			}
		})
	}
}

func TestPass(t *testing.T) {
	t.Parallel()
	text := "phone,name,city\n" +
		"+5491155550100,Ana,LP\n" +
		"+5491155550101,Eva,BA\n" +
		"11 5555 0102,Leo,LP\n" +
		"+54 9 11 5555 0100,Ana,LP\n" + // the same person and contents
		"+5491155550100,Anna,LP\n" + // the same person, other contents
		"+5491155550103,Luz\n" +
		"+5491155550104,Sol,LP\n"
	p, rejected := pass(t, text, recipe(t, map[string]string{"where": `{{eq .city "LP"}}`}))
	if diff := cmp.Diff([]string{"Ana", "Sol"}, names(t, p)); diff != "" {
		t.Error("jobs (-want +got):", diff)
	}
	if diff := cmp.Diff(producer.Counts{Rows: 7, Unselected: 1, Jobs: 2, Rejected: 3, Conflicts: 1, Duplicates: 1}, p.Counts()); diff != "" {
		t.Error("counts (-want +got):", diff)
	}
	want := []string{
		"line 4: to: must begin with + and the country code; national numbers need a region",
		"line 6: to: an earlier row has the same recipient and says something else; the earlier one counts (an id of its own would make it another message)",
		"line 7: has 2 cells, where the first line has 3",
	}
	if diff := cmp.Diff(want, *rejected); diff != "" {
		t.Error("rejected (-want +got):", diff)
	}
	if p.Err() != nil || p.Line() != 8 {
		t.Errorf("at line %d, error %v", p.Line(), p.Err())
	}
}

func TestPassWithIDs(t *testing.T) {
	t.Parallel()
	text := "phone,name,n\n+5491155550100,Ana,1\n+5491155550100,Eva,2\n+5491155550101,Leo,1\n"
	p, rejected := pass(t, text, recipe(t, map[string]string{"id": "{{.n}}"}))
	if diff := cmp.Diff([]string{"Ana", "Eva"}, names(t, p)); diff != "" {
		t.Error("jobs (-want +got):", diff)
	}
	if diff := cmp.Diff([]string{"line 4: id: an earlier row has the same id and says something else; the earlier one counts"}, *rejected); diff != "" {
		t.Error("rejected (-want +got):", diff)
	}
}

// The limit counts jobs, and no row after the last of them is judged.
func TestPassLimit(t *testing.T) {
	t.Parallel()
	text := "phone,name\nx,Bad\n+5491155550100,Ana\n+5491155550100,Ana\n+5491155550101,Eva\ny,Bad\n+5491155550102,Leo\n"
	p, rejected := pass(t, text, recipe(t, nil))
	p.Limit, p.Rejected = 2, nil
	if diff := cmp.Diff([]string{"Ana", "Eva"}, names(t, p)); diff != "" {
		t.Error("jobs (-want +got):", diff)
	}
	if diff := cmp.Diff(producer.Counts{Rows: 4, Jobs: 2, Rejected: 1, Duplicates: 1}, p.Counts()); diff != "" || len(*rejected) != 0 {
		t.Error("counts (-want +got):", diff, *rejected)
	}
}

func TestPassOverAFileThatBreaks(t *testing.T) {
	t.Parallel()
	p, _ := pass(t, "phone,name\n+5491155550100,Ana\n+5491155550101,Jos\xe9\n+5491155550102,Leo\n", recipe(t, nil))
	if diff := cmp.Diff([]string{"Ana"}, names(t, p)); diff != "" {
		t.Error("jobs (-want +got):", diff)
	}
	if err := p.Err(); !errors.Is(err, producer.ErrNotUTF8) || !strings.Contains(err.Error(), "line 3") {
		t.Errorf("error %v, want not UTF-8 in line 3", err)
	}
}

// people is a file of n rows, made while it is read.
type people struct {
	n, at int
	rest  []byte
}

func (p *people) Read(b []byte) (int, error) {
	for len(p.rest) == 0 {
		switch {
		case p.at > p.n:
			return 0, io.EOF
		case p.at == 0:
			p.rest = []byte("phone,name,date,office\n")
		default:
			p.rest = fmt.Appendf(p.rest[:0], "+54911%08d,\"Recipient %d, with a name\",2026-11-23 09:30,La Plata\n", p.at, p.at)
		}
		p.at++
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// BenchmarkPass reads, fills in and checks rows.
func BenchmarkPass(b *testing.B) {
	r := recipe(b, map[string]string{"body.2": `{{.date | date "02/01/2006 15:04"}}`, "body.3": "{{.office}}", "buttons.0.payload": "confirm"})
	rows, err := producer.ReadRows(&people{n: b.N}, producer.RowOptions{})
	if err != nil {
		b.Fatal(err)
	}
	p := &producer.Pass{Rows: rows, Recipe: r}
	b.ReportAllocs()
	b.ResetTimer()
	n := 0
	for range p.Jobs() {
		n++
	}
	if n != b.N || p.Err() != nil {
		b.Fatalf("%d jobs of %d rows, %v", n, b.N, p.Err())
	}
}
