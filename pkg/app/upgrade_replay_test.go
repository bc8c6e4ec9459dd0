package app_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/report"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/simulator"
)

// What earlier builds have left in NATS and Redis, in the middle of their work, is brought
// to its end by this one: what was sent, or may have been, is not sent again, what waits is
// sent once, and the accounts close. That holds with the ledger as it was, and with an empty
// one, which is made anew of the earlier build's events and claims.
func TestUpgradeFromRecording(t *testing.T) {
	if revision, binary, ok := strings.Cut(*upgradeRecord, "="); ok {
		record(t, revision, binary)
	}
	files, err := filepath.Glob(filepath.Join("testdata", "upgrade", "*.ndjson"))
	must(t, err)
	if len(files) < 2 {
		t.Fatalf("there are %d recordings", len(files))
	}
	for _, file := range files {
		for _, kept := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/ledger kept %t", strings.TrimSuffix(filepath.Base(file), ".ndjson"), kept), func(t *testing.T) {
				r := upgradeRig(makeRig(t, simulator.Config{}, recordedEnv("127.0.0.1:0")...))
				u := &upgraded{rig: r, lines: readRecording(r, file)}
				l := &loader{rig: r, lines: u.lines, next: 1}
				l.streams()
				if kept {
					l.keys()
				}
				r.both()
				u.o = r.operator()
				u.finish()
				u.again()
			})
		}
	}
}

// upgraded is this build on a recording.
type upgraded struct {
	*rig
	lines []recordedLine
	o     *app.Operator
}

// finish has all that is left of the recording brought to its end.
func (u *upgraded) finish() {
	t := u.t
	t.Helper()
	sent := []string{"g1", "h1", "h2", "j1", "j2", "j3"}
	want := report.Progress{Accepted: 13, Rejected: 2, Unknown: 2}
	if u.knowsOptOuts() {
		want.Suppressed = 1 // l1
	} else {
		sent, want.Accepted = append(sent, "l1"), want.Accepted+1
	}
	before := want
	before.Accepted-- // k1 waits until its template goes on
	u.awaitEnds(&before)
	u.checkSent(sent)
	if _, err := u.o.Resume(t.Context(), []sender.Target{sender.TemplateTarget(simulator.DefaultWABA, "paused", "")}, "mended"); err != nil {
		t.Fatal(err)
	}
	u.awaitEnds(&want)
	u.checkSent(append(sent, "k1"))
	u.balanced(u.o, "spring", 19)
	u.balanced(u.o, "autumn", 3)
	u.checkStories()
}

// knowsOptOuts reports whether the recording holds somebody who has opted out.
func (u *upgraded) knowsOptOuts() bool {
	return slices.ContainsFunc(u.lines, func(l recordedLine) bool {
		return strings.HasPrefix(l.Subject, "$KV."+u.names().ConsentBucket()+".")
	})
}

// awaitEnds waits until the jobs have these outcomes.
func (u *upgraded) awaitEnds(want *report.Progress) {
	u.t.Helper()
	u.eventually(func() (bool, string) {
		p, err := u.o.Progress(u.t.Context(), "spring")
		must(u.t, err)
		same := p.Accepted == want.Accepted && p.Rejected == want.Rejected && p.Unknown == want.Unknown && p.Suppressed == want.Suppressed
		return same, fmt.Sprintf("%+v", *p)
	})
}

// checkSent fails the test unless these jobs were sent, each once, and no others.
func (u *upgraded) checkSent(want []string) {
	u.t.Helper()
	got := make(map[string]int)
	for _, m := range u.sim.Messages(0) {
		token, ok := job.ParseToken(m.Token)
		if !ok || token.Namespace != recordedNamespace || token.Key.Campaign != "spring" {
			u.t.Errorf("the callback data is %q", m.Token)
		}
		got[token.Key.ID]++
	}
	ids := slices.Sorted(maps.Keys(got))
	slices.Sort(want)
	if stats := u.sim.Stats(); !slices.Equal(ids, want) || stats.Accepted != int64(len(want)) || stats.Duplicates != 0 {
		u.t.Errorf("sent %v, %d twice; want %v", ids, stats.Duplicates, want)
	}
}

// checkStories holds the history of jobs, which two builds have written, to what happened.
func (u *upgraded) checkStories() {
	t := u.t
	t.Helper()
	for id, want := range map[string]string{
		"a1": "accepted sent delivered read",
		"b1": "rejected",
		"c1": "unknown",
		"d1": "unknown unknown settled: accepted sent delivered read",
		"j1": "accepted",
	} {
		s, err := u.o.Explain(t.Context(), job.Key{Campaign: "spring", ID: id})
		must(t, err)
		var steps []string
		for i := range s.Steps {
			if s.Steps[i].What != "claimed" {
				steps = append(steps, s.Steps[i].What)
			}
		}
		if got := strings.Join(steps, " "); got != want {
			t.Errorf("what happened to %s is %q, want %q", id, got, want)
		}
		if letters := len(s.Letters); (letters == 1) != (id == "b1") {
			t.Errorf("of %s there are %d dead letters", id, letters)
		}
	}
}

// again publishes what is over once more, as if it were new to the stream.
func (u *upgraded) again() {
	t := u.t
	t.Helper()
	requests := u.sim.Stats().Requests
	jobs := recordedJobs("spring", "a1", "a2", "a3", "a4", "b1", "b2", "c1", "d1", "e1", "f1", "g1", "j1", "k1")
	for _, j := range jobs {
		u.publishRaw(strings.Replace(u.jobSubject(numberA, "spring"), ".bulk.", ".transactional.", 1), encode(t, j))
	}
	u.eventually(func() (bool, string) {
		p, err := u.o.Progress(t.Context(), "spring")
		must(t, err)
		return p.Duplicate == uint64(len(jobs)), fmt.Sprintf("%+v", *p)
	})
	if got := u.sim.Stats().Requests; got != requests {
		t.Errorf("published again, %d more were sent", got-requests)
	}
}
