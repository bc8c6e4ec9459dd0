package sender

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/wacast/wacast/pkg/job"
)

const (
	// maxProbeWait bounds how long a mended account waits to be noticed.
	maxProbeWait = time.Minute
	// minProbeWait is for a stop that another replica found.
	minProbeWait = 10 * time.Second
	// probeGrace is how long a probe may take before another one is let through.
	probeGrace = 30 * time.Second
)

// due reports whether a probe may go: the time has come and none is on its way. Of
// a stop that is failing, it is a look before that says when.
func (h *held) due(now time.Time) bool {
	if h.failing() {
		return h.allowed
	}
	return !h.Until.IsZero() && !now.Before(h.Until) && !now.Before(h.probing.Add(probeGrace))
}

// probeWait doubles the first wait with each refused probe, up to [maxProbeWait]
// or the first wait where that is longer. The jitter keeps replicas from probing
// together.
func probeWait(first time.Duration, probes int) time.Duration {
	wait := min(first<<min(probes, 10), max(first, maxProbeWait))
	return wait + time.Duration(rand.Float64()*float64(wait)/5)
}

// Unprobed gives back a probe that was never sent, or whose end says nothing.
func (s *Stops) Unprobed(targets ...Target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for h := range s.standingAt(targets) {
		if !h.probing.IsZero() {
			h.probing, h.allowed = time.Time{}, h.failing()
			s.notify()
		}
	}
}

// Inconclusive ends a probe whose answer says nothing, such as a fault of the
// gateway: the next one waits as long as after a refusal, which it was not.
func (s *Stops) Inconclusive(targets ...Target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for h := range s.standingAt(targets) {
		if h.probing.IsZero() {
			continue
		}
		h.probing = time.Time{}
		if !h.failing() { // whose turns are counted from their beginnings
			h.Until = s.now().Add(probeWait(max(h.first, minProbeWait), h.Probes)).UTC()
		}
		s.notify()
	}
}

// Failing stops a target whose answers fail, for all replicas, with the first turn
// to look at it again after the wait. A target that is stopped stays as it is.
func (s *Stops) Failing(ctx context.Context, t Target, code int, detail string, wait time.Duration) error {
	sl := slot{Target: t}
	s.mu.Lock()
	for range s.standingAt([]Target{t}) {
		s.mu.Unlock()
		return nil
	}
	h := s.stop(sl, job.ReasonAPIFailing, code, detail)
	h.Until, h.WayBack = s.now().Add(wait).UTC(), BackTime
	stop := h.Stop
	s.notify()
	s.mu.Unlock()
	return s.share(ctx, sl, stop)
}

// Turn asks whether it is time to look whether a target still fails, and takes the
// turn for this replica: the next is after the wait, for whoever comes first. Of
// two replicas that ask at once, both may have it. What the turn shows is told by
// [Stops.Allow], or not at all.
func (s *Stops) Turn(ctx context.Context, t Target, wait time.Duration) bool {
	s.mu.Lock()
	sl := slot{Target: t}
	h := s.find(sl)
	if h == nil || !h.failing() || s.now().Before(h.Until) {
		s.mu.Unlock()
		return false
	}
	h.Until, h.allowed = s.now().Add(wait).UTC(), false
	h.Probes++
	stop := h.Stop
	s.notify()
	s.mu.Unlock()
	if err := s.share(ctx, sl, stop); err != nil {
		s.log.Error("a probe could not be shared; other replicas make their own", "scope", t.Scope, "name", t.Name, "error", err)
	}
	return true
}

// Allow lets one message through to a target that fails, as a probe.
func (s *Stops) Allow(t Target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.find(slot{Target: t}); h != nil && h.failing() {
		h.allowed = true
		s.notify()
	}
}

// LiftFailing ends the stops of those targets that only failed: the API has given
// a clear answer.
func (s *Stops) LiftFailing(ctx context.Context, targets ...Target) error {
	return s.lift(ctx, targets, func(h *held) bool { return h.failing() })
}

// Fails reports whether the target is stopped because its answers fail.
func (s *Stops) Fails(t Target) bool {
	if s.Free() {
		return false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	h := s.find(slot{Target: t})
	return h != nil && h.failing()
}

// ListFailing returns the stops of what fails.
func (s *Stops) ListFailing() []Stop {
	if s.Free() {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var list []Stop
	for _, all := range s.stops {
		for _, h := range all {
			if h.failing() {
				list = append(list, h.Stop)
			}
		}
	}
	return list
}
