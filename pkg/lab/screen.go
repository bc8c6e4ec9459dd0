package lab

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/wacast/wacast/pkg/report"
)

// plainEvery is how often progress is printed where it cannot be redrawn.
const plainEvery = time.Second

// screen shows the demo, redrawing its progress where it can.
type screen struct {
	out  io.Writer
	live bool

	drawn   int // lines of progress on the screen
	printed time.Time
}

func (s *screen) line(format string, args ...any) {
	s.drawn = 0
	fmt.Fprintf(s.out, format+"\n", args...)
}

// preview shows a message as its recipient reads it.
func (s *screen) preview(title, text string) {
	s.line("\n%s:", title)
	for l := range strings.Lines(text) {
		s.line("  │ %s", strings.TrimRight(l, "\n"))
	}
	s.line("")
}

// progress shows how all campaigns stand, a line each.
func (s *screen) progress(all []*report.Progress) {
	if !s.live {
		if time.Since(s.printed) < plainEvery {
			return
		}
		s.printed = time.Now()
	}
	if s.live && s.drawn > 0 {
		fmt.Fprintf(s.out, "\x1b[%dA", s.drawn)
	}
	for _, p := range all {
		fmt.Fprintf(s.out, "%s%s\n", s.clear(), bar(p))
	}
	s.drawn = len(all)
}

// done lets the last progress stand.
func (s *screen) done() { s.drawn = 0 }

func (s *screen) clear() string {
	if s.live {
		return "\x1b[2K"
	}
	return ""
}

func bar(p *report.Progress) string {
	const width = 24
	full := width
	if p.Published > 0 {
		full = int(uint64(width) * p.Ended() / p.Published)
	}
	text := fmt.Sprintf("%-13s %s%s %4d/%d", p.ID, strings.Repeat("█", full), strings.Repeat("░", width-full), p.Ended(), p.Published)
	for _, part := range []struct {
		name string
		n    uint64
	}{{"accepted", p.Accepted}, {"delivered", p.Delivered}, {"rejected", p.Rejected}, {"unknown", p.Unknown}, {"duplicate", p.Duplicate}} {
		if part.n > 0 {
			text += fmt.Sprintf("  %s %d", part.name, part.n)
		}
	}
	return text
}

// outcome shows how a campaign's jobs ended, with reasons.
func (s *screen) outcome(p *report.Progress, reasons map[report.Ending]uint64) {
	s.line("\n%s: %d publications", p.ID, p.Published)
	s.line("  %5d accepted: %d delivered, %d read", p.Accepted, p.Delivered, p.Read)
	endings := slices.SortedFunc(maps.Keys(reasons), func(a, b report.Ending) int {
		return cmp.Or(strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(string(a.Reason), string(b.Reason)), a.Code-b.Code)
	})
	for _, e := range endings {
		code := ""
		if e.Code != 0 {
			code = fmt.Sprintf(" (Cloud API code %d)", e.Code)
		}
		s.line("  %5d %s: %s%s", reasons[e], e.Kind, e.Reason, code)
	}
}
