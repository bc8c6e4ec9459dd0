package producer_test

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/producer"
)

// line is a good job in JSON.
func line(id string) string {
	return `{"v":1,"id":"` + id + `","from":"106540352242922","to":"+5491155550100","template":{"name":"hello","language":"en"}}`
}

// padded is a good job of just so many bytes.
func padded(id string, size int) string {
	text := line(id)
	return text[:len(text)-1] + strings.Repeat(" ", size-len(text)) + "}"
}

// read shows each job by its id and each error by its text.
func read(r io.Reader) []string {
	var all []string
	for j, err := range producer.Lines(r) {
		if err != nil {
			all = append(all, err.Error())
			continue
		}
		all = append(all, j.ID)
	}
	return all
}

func TestLines(t *testing.T) {
	t.Parallel()
	tooLarge := ": " + job.ErrTooLarge.Error()
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"nothing":             {"", nil},
		"empty lines":         {"\n\r\n  \t\n", nil},
		"one":                 {line("a") + "\n", []string{"a"}},
		"no break at the end": {line("a") + "\n" + line("b"), []string{"a", "b"}},
		"carriage returns":    {line("a") + "\r\n" + line("b") + "\r\n", []string{"a", "b"}},
		"empty lines count":   {"\n\n" + line("a") + "\n\nx\n", []string{"a", "line 5: invalid job: job: is not JSON: it breaks at byte 0"}},
		"errors end nothing": {
			"{}x\n" + line("a") + "\n{\n" + line("b"),
			[]string{"line 1: invalid job: job: must be one JSON object, but there is more at byte 2", "a", "line 3: invalid job: job: is not JSON: it ends too early", "b"},
		},
		"all problems of a line": {
			`{"v":1,"id":"a","from":"1","to":"1","lane":"fast","template":{"name":"t","language":"en"},"txt":1}`,
			[]string{"line 1: invalid job: txt: is no field of a job (wacast schema job lists them); lane: must be bulk or transactional; to: must be + and 7 to 15 digits"},
		},
		"the largest":         {padded("a", job.MaxSize) + "\r\n" + line("b"), []string{"a", "b"}},
		"the largest, at end": {padded("a", job.MaxSize), []string{"a"}},
		"one byte too large":  {padded("a", job.MaxSize+1) + "\n" + line("b"), []string{"line 1" + tooLarge, "b"}},
		"far too large": {
			line("a") + "\n" + padded("x", 5*job.MaxSize) + "\r\n" + line("b") + "\n" + padded("y", 9*job.MaxSize),
			[]string{"a", "line 2" + tooLarge, "b", "line 4" + tooLarge},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, read(strings.NewReader(c.text))); diff != "" {
				t.Error("(-want +got):", diff)
			}
		})
	}
}

// What was yielded stays what it is while later lines are read.
func TestLinesKeepTheirJobs(t *testing.T) {
	t.Parallel()
	text := strings.Replace(line("a"), `"v":1`, `"v":1,"metadata":{"n":"first"}`, 1) + "\n" +
		strings.Replace(line("b"), `"v":1`, `"v":1,"metadata":{"n":"other"}`, 1) + "\n"
	var jobs []*job.Job
	for j, err := range producer.Lines(strings.NewReader(text)) {
		if err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, j)
	}
	if len(jobs) != 2 || jobs[0].ID != "a" || string(jobs[0].Metadata) != `{"n":"first"}` {
		t.Errorf("the first of %d jobs is %+v with metadata %s", len(jobs), jobs[0], jobs[0].Metadata)
	}
}

// A line that was read in part is no job, even if it looks like one.
func TestLinesOfABrokenReader(t *testing.T) {
	t.Parallel()
	errDisk := errors.New("disk on fire")
	broken := io.MultiReader(strings.NewReader(line("a")+"\n"+line("b")), iotest.ErrReader(errDisk))
	if diff := cmp.Diff([]string{"a", "line 2: read: disk on fire"}, read(broken)); diff != "" {
		t.Error("(-want +got):", diff)
	}
}

func TestLinesStop(t *testing.T) {
	t.Parallel()
	for _, text := range []string{line("a") + "\n" + line("b"), "x\ny", padded("a", 2*job.MaxSize) + "\ny"} {
		for range producer.Lines(strings.NewReader(text)) {
			break // going on would panic
		}
	}
}

// Every line that says something yields a job or an error, whatever the pieces
// the text is read in.
func FuzzLines(f *testing.F) {
	for _, seed := range []string{
		"", "\n", line("a"), line("a") + "\r\n\n" + line("b") + "\n", "{}\n[]\nnull", "\xff\n" + line("a"),
		strings.Repeat(" ", job.MaxSize+2), strings.Repeat("x", job.MaxSize+2) + "\n" + line("a"),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want := 0
		for l := range strings.Lines(text) {
			if l = strings.TrimSuffix(l, "\n"); len(l) >= job.MaxSize+2 || strings.TrimSpace(l) != "" {
				want++
			}
		}
		got := collect(t, strings.NewReader(text))
		if len(got) != want {
			t.Errorf("%d jobs and errors of %d lines", len(got), want)
		}
		if pieces := collect(t, iotest.OneByteReader(strings.NewReader(text))); !reflect.DeepEqual(got, pieces) {
			t.Errorf("read byte by byte it is %q, read at once %q", pieces, got)
		}
	})
}

// collect encodes what is read: a job that was read can be published.
func collect(t *testing.T, r io.Reader) []string {
	t.Helper()
	var all []string
	for j, err := range producer.Lines(r) {
		if (j == nil) == (err == nil) {
			t.Fatalf("job %v with error %v", j, err)
		}
		if err != nil {
			all = append(all, err.Error())
			continue
		}
		data, err := job.Encode(j)
		if err != nil && !errors.Is(err, job.ErrTooLarge) {
			t.Fatalf("a job that was read cannot be published: %v", err)
		}
		all = append(all, string(data))
	}
	return all
}
