package webhook

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// An outage is two lines in the log, however many calls fail, and one that nobody
// looks after any more is not held against anybody.
func TestTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		tr := trouble{what: "NATS", log: slog.New(slog.NewTextHandler(&out, nil))}
		away := errors.New("connection refused")
		for range 100 {
			if err := tr.note(away); !errors.Is(err, away) || !errors.Is(tr.recent(), away) {
				t.Error(err, tr.recent())
			}
			time.Sleep(time.Second)
		}
		time.Sleep(troubleAge)
		if tr.recent() != nil || tr.err() == nil {
			t.Error(tr.recent(), tr.err())
		}
		if err := tr.note(nil); err != nil || tr.err() != nil || tr.recent() != nil {
			t.Error(err, tr.err())
		}
		if gone, back := strings.Count(out.String(), "NATS fails"), strings.Count(out.String(), "NATS works again"); gone != 1 || back != 1 {
			t.Errorf("one outage is %d and %d lines:\n%s", gone, back, out.String())
		}
	})
}

// What anybody can cause is logged now and then, with how often it was.
func TestSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		s := seldom{every: time.Minute, log: slog.New(slog.NewTextHandler(&out, nil))}
		for range 150 {
			s.warn("wrong")
			time.Sleep(time.Second)
		}
		if got := strings.Count(out.String(), "wrong"); got != 3 || !strings.Contains(out.String(), "times=60") {
			t.Errorf("%d lines:\n%s", got, out.String())
		}
	})
}
