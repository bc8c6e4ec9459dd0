package worker

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

// An outage is two lines in the log, however many calls fail.
func TestTroubleIsLoggedOnce(t *testing.T) {
	var out bytes.Buffer
	tr := trouble{what: "Redis", log: slog.New(slog.NewTextHandler(&out, nil))}
	away := errors.New("connection refused")
	for range 3 {
		if err := tr.note(nil); err != nil {
			t.Error(err)
		}
		for range 100 {
			if err := tr.note(away); !errors.Is(err, away) {
				t.Errorf("note returns %v", err)
			}
		}
	}
	if err := tr.note(nil); err != nil {
		t.Error(err)
	}
	if gone, back := strings.Count(out.String(), "Redis fails"), strings.Count(out.String(), "Redis works again"); gone != 3 || back != 3 {
		t.Errorf("3 outages are logged as %d and %d lines:\n%s", gone, back, out.String())
	}
}
