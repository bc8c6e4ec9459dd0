package lab

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestQuantile(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(100-i))
	}
	for _, c := range []struct {
		values []time.Duration
		part   float64
		want   time.Duration
	}{{nil, 0.5, 0}, {hundred[:1], 0.99, 100}, {hundred, 0.5, 51}, {hundred, 0.99, 100}, {hundred, 1, 100}, {hundred, 0, 1}} {
		if got := quantile(c.values, c.part); got != c.want {
			t.Errorf("%v of %d values: %d, want %d", c.part, len(c.values), got, c.want)
		}
	}
}

// What a storm's tallies say, one a second: refused for 3 s, then slow for 4 s.
func TestUntil(t *testing.T) {
	var all []tally
	now := tally{at: time.Unix(1e9, 0)}
	for i := range 20 {
		all = append(all, now)
		now.at = now.at.Add(time.Second)
		switch {
		case i < 3:
			now.refused += 40
			now.accepted += 40
		case i < 7:
			now.accepted += 30
		default:
			now.accepted += 40
		}
	}
	calm := func(from, to tally) bool { return refusedBetween(from, to) <= settledPart }
	full := func(from, to tally) bool { return usedBetween(from, to) >= 40*recoveredUse }
	never := func(_, _ tally) bool { return false }
	if got := until(all, calm); got != 3*time.Second {
		t.Errorf("settled after %v, want 3s", got)
	}
	if got := until(all[3:], full); got != 3*time.Second {
		t.Errorf("recovered after %v, want 3s: four full seconds of five suffice", got)
	}
	if got := until(all, never); got != 19*time.Second {
		t.Errorf("what never comes: %v, want all of the 19s", got)
	}
}

func TestSumUp(t *testing.T) {
	got := sumUp([]ReplicaFigures{
		{Limit: 80, Replicas: 1, Headroom: 0.02, Use: 0.99, Refused: 0.0001},
		{Limit: 80, Replicas: 4, Headroom: 0.02, Use: 0.981, Refused: 0.0009},
		{Limit: 80, Replicas: 1, Headroom: 0.02, Use: 0.9, Killed: 5},
		{Limit: 80, Replicas: 1, Headroom: 0.01, Use: 0.99, Refused: 0.001},
	})
	want := []HeadroomFigures{
		{Limit: 80, Headroom: 0.01, Use: 0.99, Refused: 0.001},
		{Limit: 80, Headroom: 0.02, Use: 0.981, Refused: 0.0009},
		{Limit: 80, Headroom: 0.02, Killed: true, Use: 0.9},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want +got):\n", diff)
	}
	for i, good := range []bool{false, true, false} {
		if got[i].Good() != good {
			t.Errorf("%+v: good is %t", got[i], !good)
		}
	}
}

// A worker that does not start is not waited for, and what it said is told.
func TestFleetTellsWhyAWorkerEnds(t *testing.T) {
	f := fleet{command: func() *exec.Cmd { return exec.Command("sh", "-c", "echo wrong settings >&2; exit 2") }}
	defer f.stop()
	if err := f.start(t.Context(), 2); err == nil || !strings.Contains(err.Error(), "a worker ended by itself: wrong settings") {
		t.Errorf("start: %v", err)
	}
	if err := f.alive(); err == nil {
		t.Error("they are said to be alive")
	}
}

func TestFleetStopsAndReplaces(t *testing.T) {
	f := fleet{command: func() *exec.Cmd { return exec.Command("sleep", "600") }}
	defer f.stop()
	for range 2 {
		if err := f.add(); err != nil {
			t.Fatal(err)
		}
	}
	killed, kept := f.workers[0], f.workers[1]
	if err := f.replace(0); err != nil {
		t.Fatal(err)
	}
	<-killed.ended
	if len(f.workers) != 2 || f.workers[0] != kept || f.alive() != nil {
		t.Errorf("%d workers, %v", len(f.workers), f.alive())
	}
	all := f.workers
	f.stop()
	for _, p := range all {
		<-p.ended
	}
}
