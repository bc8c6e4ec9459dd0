package app_test

import (
	"testing"

	"github.com/wacast/wacast/pkg/report"
	"github.com/wacast/wacast/pkg/simulator"
)

// The state of a replay is what Redis says, so that whoever asks needs no worker.
func TestLedgerState(t *testing.T) {
	const n = 20
	r := newRig(t, simulator.Config{})
	r.streams()
	o := r.operator()
	if s := o.LedgerState(t.Context()); s != nil {
		t.Errorf("nothing was sent yet: %+v, want none", s)
	}
	one := r.ready("one")
	r.publish(newJobs(numberA, "c1", 0, n)...)
	r.await(o.View, "c1", ended(n))
	if s := o.LedgerState(t.Context()); s != nil {
		t.Errorf("it is whole: %+v, want none", s)
	}
	if err := one.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := o.RebuildLedger(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := o.LedgerState(t.Context())
	if s == nil || s.Lacking != s.Parts || s.Parts == 0 || s.Done != 0 || s.Total < n || s.Trouble != "" {
		t.Fatalf("to be rebuilt: %+v, want all parts to lack what is in the streams", s)
	}
	r.ready("two")
	r.eventually(func() (bool, string) { return o.LedgerState(t.Context()) == nil, "not rebuilt" })
	if p := r.await(o.View, "c1", func(*report.Progress) bool { return true }); p.Accepted != n {
		t.Errorf("%+v, want %d accepted", p, n)
	}
}
