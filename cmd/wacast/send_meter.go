package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// How often progress is shown: redrawn on a terminal, else a line of its own.
const (
	redrawEvery = 100 * time.Millisecond
	lineEvery   = 5 * time.Second
)

// meter shows how far something is. It is used by one goroutine.
type meter struct {
	out   io.Writer
	live  bool
	drawn bool
	next  time.Time
}

func newMeter(out io.Writer) *meter {
	m := &meter{out: out, live: isTerminal(out)}
	m.next = time.Now().Add(m.every())
	return m
}

func (m *meter) every() time.Duration {
	if m.live {
		return redrawEvery
	}
	return lineEvery
}

// progress shows what was done of all, where it is time to. Zero stands for an
// unknown end.
func (m *meter) progress(verb string, done, all int) {
	now := time.Now()
	if now.Before(m.next) {
		return
	}
	m.next = now.Add(m.every())
	text := fmt.Sprintf("%s %d", verb, done)
	if all > 0 {
		text = fmt.Sprintf("%s %d of %d, %d %%", verb, done, all, 100*done/all)
	}
	if !m.live {
		fmt.Fprintln(m.out, text)
		return
	}
	const width = 24
	if all > 0 {
		full := width * min(done, all) / all
		text = strings.Repeat("█", full) + strings.Repeat("░", width-full) + " " + text
	}
	fmt.Fprint(m.out, "\r\x1b[2K", text)
	m.drawn = true
}

// done clears what was drawn.
func (m *meter) done() {
	if m.drawn {
		fmt.Fprint(m.out, "\r\x1b[2K")
	}
	m.drawn = false
}

// line says something beside the progress.
func (m *meter) line(format string, args ...any) {
	m.done()
	fmt.Fprintf(m.out, format+"\n", args...)
}
