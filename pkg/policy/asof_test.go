package policy

import (
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/whatsapp"
)

// What is told too late stops nothing, unless it says itself that it still holds.
func TestAsOf(t *testing.T) {
	now := happened.Add(2 * time.Hour)
	failure := func(code int) Signal {
		s, ok := FailureSignal(whatsapp.StatusError{Code: code}, happened)
		if !ok {
			t.Fatalf("%d is no signal", code)
		}
		return s
	}
	stop := func(at, until time.Time) Signal {
		return Signal{Do: SignalStop, Scope: ScopeAccount, At: at, Until: until}
	}
	for name, tt := range map[string]struct {
		signal Signal
		stops  bool
	}{
		"no end, of two hours ago":          {stop(happened, noneTold), false},
		"no end, of an hour ago":            {stop(now.Add(-time.Hour), noneTold), true},
		"an end that has passed":            {stop(now.Add(-time.Minute), now.Add(-time.Second)), false},
		"an end that is now":                {stop(happened, now), false},
		"an end to come":                    {stop(happened, now.Add(time.Second)), true},
		"a failed payment of two hours ago": {failure(131042), false},
		"a pause, by a failure of then":     {failure(132015), false}, // its three hours are a guess
	} {
		t.Run(name, func(t *testing.T) {
			if got := tt.signal.AsOf(now); (got.Do == SignalStop) != tt.stops || got.Outdated == tt.stops {
				t.Errorf("%v, outdated %v", got, got.Outdated)
			}
		})
	}
	if fresh := failure(131042).AsOf(happened.Add(time.Hour)); fresh.Do != SignalStop {
		t.Error("a failure of an hour ago stops nothing")
	}
	resume := Signal{Do: SignalResume, At: happened}
	if got := resume.AsOf(now); got.Do != SignalResume || got.Outdated {
		t.Error("an old end is none")
	}
}
