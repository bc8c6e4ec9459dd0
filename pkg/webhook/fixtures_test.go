package webhook_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/recipient"
)

// done is what wacast does about a webhook, in short. The times in it are the seconds
// after 1790000000 in the webhook, which is told as if that was a moment ago.
type done struct {
	// events beyond those of the jobs as they were sent, with the job in front.
	events []string
	// people are the author, or who is named in the row: marketing and other messages
	// as the book lets them through, and the end of the window.
	people string
	// stops are what is stopped, and what the platform lets be sent.
	stops []string
	// counted are the metrics that are not 0.
	counted string
}

// told is a webhook of the fixtures, or one that is documented and has none.
type told struct {
	name string
	// bodies are told in their order; by default that of the fixture of the name.
	bodies []string
	// who is looked at; by default whom the fixtures are about.
	who  recipient.Person
	want done
}

// Each webhook of the platform, posted with its signature, does what it should, and
// nothing else.
func TestWhatWebhooksDo(t *testing.T) {
	for _, row := range slices.Concat(statusRows, messageRows, noticeRows, oddRows) {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			row.check(t)
		})
	}
}

// No fixture is left out.
func TestFixturesAreComplete(t *testing.T) {
	elsewhere := map[string]string{"signature_vectors": "whatsapp.TestSignatureVectors", "verification_request": "TestHandshake"}
	rows := make(map[string]bool)
	for _, row := range slices.Concat(statusRows, messageRows, noticeRows, oddRows) {
		rows[row.name] = true
	}
	files := must[[]string](t)(filepath.Glob(filepath.Join("..", "whatsapp", "testdata", "webhook", "*.json")))
	if len(files) < 41 {
		t.Fatalf("%d fixtures", len(files))
	}
	for _, file := range files {
		if name := strings.TrimSuffix(filepath.Base(file), ".json"); !rows[name] && elsewhere[name] == "" {
			t.Errorf("%s has no row", name)
		}
	}
}

const (
	fixtureNumber = "100000000000101"
	fixtureWamid  = "wamid.HBgMNDQ3NzAwOTAwNDU2FQIAERgSNjQwRDg3RTc0MUU2QUE0QzY2AA=="
	fixtureTime   = 1790000000
	// age is how long ago the fixtures are told: more than what they say happened later.
	age = 2 * time.Minute
)

func (row *told) check(t *testing.T) {
	r := newRig(t)
	base := time.Now().Add(-age).Truncate(time.Second).UTC()
	var bodies []string
	for _, body := range row.stories(t) {
		bodies = append(bodies, r.now(body, base))
	}
	jobs := r.jobsIn(strings.Join(bodies, " "))
	post := serve(t, r)
	r.start(nil)
	for _, body := range bodies {
		if err := post([]byte(body)); err != nil {
			t.Fatal(err)
		}
		r.processed()
	}
	if row.who == (recipient.Person{}) {
		row.who.Number = "+" + person
	}
	want := row.want
	if want.people == "" {
		want.people = "ok ok"
	}
	if !strings.Contains(want.counted, "webhooks:") {
		want.counted = words(want.counted, fmt.Sprintf("webhooks:processed=%d webhooks:stored=%[1]d", len(bodies)))
	}
	var got done
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		// The book and the stops follow their buckets.
		if got = r.done(jobs, row.who, base); cmp.Equal(want, got, cmp.AllowUnexported(done{})) {
			return
		}
	}
	t.Errorf("(-want +got):\n%s", cmp.Diff(want, got, cmp.AllowUnexported(done{})))
}

// stories are the bodies of a row.
func (row *told) stories(t *testing.T) []string {
	if len(row.bodies) > 0 {
		return row.bodies
	}
	body := fixture(t, row.name)
	var several struct{ Posts []json.RawMessage }
	if err := json.Unmarshal(body, &several); err != nil {
		t.Fatal(err)
	}
	if len(several.Posts) == 0 {
		return []string{string(body)}
	}
	var all []string
	for i, post := range several.Posts {
		all = append(all, string(post)+strings.Repeat(" ", i)) // the same bytes within minutes are one webhook
	}
	return all
}

var (
	fixtureTimes = regexp.MustCompile(`\b1790\d{6}\b`)
	fixtureToken = regexp.MustCompile(`c7:r0*(\d+):a1`)
)

// now is a fixture of a moment ago, about the rig's number and jobs. Job 123 of the
// fixtures is job a, and so is 1; 2 is b, and so on.
func (r *rig) now(body string, base time.Time) string {
	body = strings.ReplaceAll(strings.ReplaceAll(body, fixtureNumber, number), fixtureWamid, string(wamidOf("a")))
	body = fixtureTimes.ReplaceAllStringFunc(body, func(s string) string {
		n, _ := strconv.ParseInt(s, 10, 64)
		return strconv.FormatInt(base.Unix()+n-fixtureTime, 10)
	})
	return fixtureToken.ReplaceAllStringFunc(body, func(s string) string {
		n, _ := strconv.Atoi(fixtureToken.FindStringSubmatch(s)[1])
		if n == 123 {
			n = 1
		}
		return r.token(string(rune('a' + n - 1)))
	})
}

// jobsIn are the jobs that were sent before: a, and those that are told of.
func (r *rig) jobsIn(said string) []string {
	r.tb.Helper()
	jobs := []string{"a"}
	for _, id := range []string{"b", "c", "d"} {
		if strings.Contains(said, r.token(id)) {
			jobs = append(jobs, id)
		}
	}
	for _, id := range slices.Backward(jobs) { // a is the latest
		r.accepted(id)
	}
	return jobs
}

func (r *rig) done(jobs []string, who recipient.Person, base time.Time) done {
	r.tb.Helper()
	var d done
	for _, id := range append(jobs, "") {
		k := key(id)
		if id == "" {
			k = job.Key{}
		}
		for _, e := range must[[]job.Event](r.tb)(r.events.Find(r.tb.Context(), k, "", time.Time{})) {
			if e.Data.Kind != job.Accepted {
				d.events = append(d.events, strings.TrimSpace(id+" "+inShort(&e, base)))
			}
		}
	}
	d.people = r.standing(who, base)
	for _, s := range r.stops.List() {
		d.stops = append(d.stops, words(string(s.Scope), s.Name, string(s.Reason), since(s.Until, base), s.WayBack))
	}
	if p, ok := r.stops.ToldPortfolio(waba); ok {
		d.stops = append(d.stops, fmt.Sprint("portfolio ", p.Recipients))
	}
	slices.Sort(d.stops)
	d.counted = r.counted()
	return d
}

// words joins those that are not empty.
func words(all ...string) string {
	return strings.Join(slices.DeleteFunc(all, func(w string) bool { return w == "" }), " ")
}

// inShort is what an event says beyond its job.
func inShort(e *job.Event, base time.Time) string {
	d := &e.Data
	text := d.Text
	if text != "" {
		text = strconv.Quote(text)
	}
	code := ""
	if d.Code != 0 {
		code = strconv.Itoa(d.Code)
	}
	if d.Kind == job.TemplateChanged || d.Kind == job.AccountChanged || d.Kind == job.SenderChanged {
		account, _, _ := strings.Cut(d.Detail, ": ") // what follows is for people
		return words(string(d.Kind), d.Template, d.Language, string(d.Reason), code, account)
	}
	detail := d.Detail
	if d.Kind == job.Failed { // it is the platform's own text
		detail = ""
	}
	return words(string(d.Kind)+since(e.Time, base), string(d.Match), d.Payload, text, detail, d.Scope, string(d.Was), string(d.Reason), code, d.UserID, since(d.WindowUntil, base))
}

// since is a time in seconds after the base.
func since(t, base time.Time) string {
	if t.IsZero() {
		return ""
	}
	after := t.Sub(base)
	for _, more := range []time.Duration{0, 24 * time.Hour} {
		if late := after - more; late >= age && late < age+time.Hour { // without a time of its own it counts from when it came
			return words("@now", strings.TrimPrefix(more.String(), "0s"))
		}
	}
	return fmt.Sprintf("@%d", int(after.Seconds()))
}

// standing is what the book says of a person.
func (r *rig) standing(who recipient.Person, base time.Time) string {
	verdict := func(marketing bool) string {
		v := r.book.Check(who, number, marketing)
		if v.OK {
			return "ok"
		}
		return string(v.Reason) + since(v.Until, base)
	}
	until, open := r.book.Window(number, who)
	window := ""
	if open {
		window = "window " + since(until, base)
	}
	return words(verdict(true), verdict(false), window)
}

// countedHere are the counters that rows tell of.
var countedHere = []string{"webhooks", "webhook_updates", "statuses", "replies", "answers", "consent_changes", "signals", "forged_payloads"}

// counted are the counters that are not 0, but for those that depend on time.
func (r *rig) counted() string {
	r.tb.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		r.tb.Fatal(err)
	}
	all := make(map[string]float64)
	for _, family := range families {
		name := strings.TrimSuffix(strings.TrimPrefix(family.GetName(), "wacast_"), "_total")
		if !slices.Contains(countedHere, name) {
			continue
		}
		for _, m := range family.GetMetric() {
			name := name
			for _, l := range m.GetLabel() {
				if l.GetName() != "sender" {
					name += ":" + l.GetValue()
				}
			}
			if n := m.GetCounter().GetValue(); n > 0 && !strings.HasSuffix(name, ":waiting") {
				all[name] = n
			}
		}
	}
	var said []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		said = append(said, fmt.Sprintf("%s=%v", strings.Replace(name, "webhook_updates", "updates", 1), all[name]))
	}
	return strings.Join(said, " ")
}
