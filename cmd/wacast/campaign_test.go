package main

import (
	"testing"

	"github.com/wacast/wacast/pkg/report"
)

func TestSettledJobs(t *testing.T) {
	for _, c := range []struct{ published, duplicate, inFlight, expected, want uint64 }{
		{100, 0, 0, 100, 100},
		{90, 0, 10, 100, 90},
		{101, 0, 5, 100, 100},  // one was counted in flight and with its outcome
		{110, 0, 4, 100, 106},  // more than that cannot be
		{103, 0, 0, 100, 103},  // there are more
		{120, 20, 0, 100, 100}, // published again
	} {
		p := &report.Progress{Published: c.published, Duplicate: c.duplicate, InFlight: c.inFlight, Expected: &c.expected}
		if got := settled(p); got != c.want {
			t.Errorf("settled(%+v) = %d", c, got)
		}
	}
}
