package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wacast/wacast/pkg/app"
)

func TestADryRunShowsTheFirstAndCountsTheRest(t *testing.T) {
	r := &app.Replay{Replayed: 23}
	for i := range 20 {
		r.First = append(r.First, app.Letter{ID: fmt.Sprint("j", i), Campaign: "reminders"})
	}
	var out strings.Builder
	if err := printReplay(&out, r, false); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); !strings.Contains(text, "j19 ") || !strings.Contains(text, "\nand 3 more\ndry run: 23 jobs would") {
		t.Errorf("printed:\n%s", text)
	}
	out.Reset()
	if err := printReplay(&out, &app.Replay{Replayed: 1}, true); err != nil || out.String() != "1 job tried once more\n" {
		t.Errorf("printed %q, %v", out.String(), err)
	}
}
