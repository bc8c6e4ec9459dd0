package worker

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wacast/wacast/pkg/policy"
	"github.com/wacast/wacast/pkg/whatsapp"
)

func pairWait(n int) time.Duration {
	return policy.Decide(whatsapp.ClassThrottledPair, n, policy.Limits{}, 0).Delay
}

// The waits of one recipient are 1, 4, 16, 64 and 256 seconds after refusals in a row,
// whatever was on its way when one came, and begin anew after an accepted message.
func TestPairWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pairs
		for _, want := range []int{1, 4, 16, 64, 256, 256} {
			began := time.Now()
			time.Sleep(50 * time.Millisecond)
			for range 5 { // those that were in flight together
				if got := p.refused("a", began, pairWait); got > time.Duration(want)*time.Second || got < time.Duration(want)*time.Second-time.Second/2 {
					t.Errorf("wait %v, want %d s", got, want)
				}
				p.accepted("a", began) // was on its way, too
				time.Sleep(10 * time.Millisecond)
			}
			if p.wait("b") != 0 || p.wait("a") == 0 {
				t.Error("the wrong one waits")
			}
			time.Sleep(p.wait("a"))
			if p.wait("a") != 0 {
				t.Error("it waits on")
			}
		}
		time.Sleep(time.Second)
		p.accepted("a", time.Now())
		if p.some.Load() || p.refused("a", time.Now(), pairWait) != time.Second {
			t.Error("it remembers what is over")
		}
	})
}

func TestPairsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pairs
		for i := range maxPairs + 100 {
			if p.refused(fmt.Sprint(i), time.Now(), pairWait) != time.Second {
				t.Fatal("a refusal has no wait")
			}
		}
		if len(p.known) != maxPairs {
			t.Errorf("%d are kept, want %d", len(p.known), maxPairs)
		}
		time.Sleep(pairMemory + 2*time.Second)
		p.refused("new", time.Now(), pairWait)
		if len(p.known) != 1 || p.wait("new") != time.Second {
			t.Errorf("%d are kept that are over", len(p.known))
		}
	})
}
