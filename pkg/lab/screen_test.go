package lab

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/report"
)

func TestScreenRedraws(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	s := screen{out: &out, live: true}
	all := []*report.Progress{{ID: "a", Published: 4, Queued: 4}, {ID: "b"}}
	s.progress(all)
	all[0].Queued, all[0].Accepted, all[0].Unknown = 2, 1, 1
	s.progress(all)
	all[0].Read, all[0].Confirmed, all[0].NoAnswer = 1, 1, 2
	s.progress(all)
	s.news("news of %s", "b") // in the place of the progress, which follows
	s.progress(all[:1])
	s.done()
	s.line("done")
	s.progress(all[:1]) // below the line, which stays
	const none, half, full = "░░░░░░░░░░░░░░░░░░░░░░░░", "████████████░░░░░░░░░░░░", "████████████████████████"
	const first = "\x1b[2Ka             " + half + "    2/4  accepted 1  unknown 1\n" +
		"\x1b[2K              ↳ read 1  confirmed 1  no answer 2\n"
	want := "\x1b[2Ka             " + none + "    0/4\n\x1b[2Kb             " + full + "    0/0\n" +
		"\x1b[2A\x1b[2Ka             " + half + "    2/4  accepted 1  unknown 1\n\x1b[2Kb             " + full + "    0/0\n" +
		"\x1b[2A" + first + "\x1b[2Kb             " + full + "    0/0\n" +
		"\x1b[3A\x1b[Jnews of b\n" + first +
		"done\n" + first
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error("(-want +got):", diff)
	}
}

// Where nothing can be redrawn, progress is a line now and then.
func TestScreenOnPaper(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	s := screen{out: &out}
	for range 100 {
		s.progress([]*report.Progress{{ID: "a"}})
	}
	if n := strings.Count(out.String(), "\n"); n != 1 {
		t.Errorf("%d lines at one moment, want 1", n)
	}
}
