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

// progress shows how all campaigns stand: what was sent, and below it what came back.
// A second line never goes away again, so that what is redrawn covers what was there.
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
	s.drawn = 0
	for _, p := range all {
		lines := []string{bar(p)}
		if back := cameBack(p); back != "" {
			lines = append(lines, back)
		}
		for _, l := range lines {
			fmt.Fprintf(s.out, "%s%s\n", s.clear(), l)
			s.drawn++
		}
	}
}

// news shows a line above the progress.
func (s *screen) news(format string, args ...any) {
	if s.live && s.drawn > 0 {
		fmt.Fprintf(s.out, "\x1b[%dA\x1b[J", s.drawn)
	}
	s.line(format, args...)
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
	return text + counts("  ", []figure{
		{"accepted", p.Accepted}, {"rejected", p.Rejected}, {"suppressed", p.Suppressed}, {"unknown", p.Unknown}, {"duplicate", p.Duplicate},
	})
}

// cameBack is what came back for a campaign: "" if nothing has.
func cameBack(p *report.Progress) string {
	text := counts("  ", []figure{
		{"delivered", p.Delivered}, {"read", p.Read}, {"confirmed", p.Confirmed}, {"declined", p.Declined}, {"no answer", p.NoAnswer}, {"replies", p.Replies},
	})
	if text == "" {
		return ""
	}
	return strings.Repeat(" ", 13) + " ↳" + text[1:]
}

type figure struct {
	name string
	n    uint64
}

// counts are the figures that are not 0, each after a gap.
func counts(gap string, figures []figure) string {
	var b strings.Builder
	for _, f := range figures {
		if f.n > 0 {
			fmt.Fprintf(&b, "%s%s %d", gap, f.name, f.n)
		}
	}
	return b.String()
}

// outcome shows how a campaign's jobs ended, with reasons.
func (s *screen) outcome(p *report.Progress, reasons map[report.Ending]uint64) {
	s.line("\n%s: %d publications", p.ID, p.Published)
	s.line("  %5d accepted: %d delivered, %d read", p.Accepted, p.Delivered, p.Read)
	if p.Confirmed+p.Declined+p.NoAnswer > 0 {
		s.line("        of them %d confirmed, %d declined, %d did not answer in time", p.Confirmed, p.Declined, p.NoAnswer)
	} else if p.Replies > 0 {
		s.line("        %d replies", p.Replies)
	}
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
