package main

import "testing"

func TestPlural(t *testing.T) {
	for want, got := range map[string]string{
		"0 jobs": count(0, "job"), "1 job": count(uint64(1), "job"), "2 jobs": count(2, "job"),
		"1 job waits": plural(1, "job waits", "jobs wait"), "7 jobs wait": plural(uint64(7), "job waits", "jobs wait"),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
