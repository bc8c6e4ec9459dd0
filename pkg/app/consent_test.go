package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/recipient"
	"github.com/wacast/wacast/pkg/report"
	"github.com/wacast/wacast/pkg/simulator"
)

// Redis is emptied and no opt-out is forgotten; neither is one when the person who had
// opted out is.
func TestEmptiedRedisForgetsNoOptOut(t *testing.T) {
	r := newRig(t, simulator.Config{})
	r.ready("one")
	o := r.operator()
	r.publish(newJobs(numberA, "c1", 0, 10)...)
	r.await(o.View, "c1", ended(10))
	out := recipient.OptOut{Scope: recipient.All, Source: recipient.Operator, Since: time.Now()}
	if changed, err := o.Suppress(t.Context(), forgotten(), out); err != nil || !changed {
		t.Fatal(changed, err)
	}
	r.emptyRedis()
	r.publish(newJobs(numberA, "c2", 0, 10)...)
	suppressed := func(p *report.Progress) bool { return p.Accepted == 9 && p.Suppressed == 1 }
	r.await(o.View, "c2", suppressed)
	if f, err := o.Forget(t.Context(), forgotten(), "test", patience); err != nil || !f.OptedOut {
		t.Fatalf("%+v, %v; want an opt-out that stays", f, err)
	}
	r.emptyRedis()
	r.publish(newJobs(numberA, "c3", 0, 10)...)
	r.await(o.View, "c3", suppressed)
	if got := r.sim.Stats().Accepted; got != 10+9+9 {
		t.Errorf("the platform took %d messages, want 28", got)
	}
	for _, id := range []string{"c1", "c2", "c3"} {
		r.balanced(o, id, 10)
	}
}

// emptyRedis deletes all that this test has in the Redis it shares with others.
func (r *rig) emptyRedis() {
	r.t.Helper()
	n := 0
	all := r.redis.Client.Scan(r.t.Context(), 0, "*"+strings.ToLower(r.redis.Namespace)+"*", 1000).Iterator()
	for ; all.Next(r.t.Context()); n++ {
		if err := r.redis.Client.Del(r.t.Context(), all.Val()).Err(); err != nil {
			r.t.Fatal(err)
		}
	}
	if all.Err() != nil || n == 0 {
		r.t.Fatal("nothing to delete:", all.Err())
	}
}
