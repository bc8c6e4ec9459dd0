package sender

import (
	"context"
	"slices"

	"github.com/wacast/wacast/pkg/job"
)

// rank orders the scopes, the widest first.
func (s Scope) rank() int {
	return slices.Index([]Scope{ScopeAll, ScopeAccount, ScopeNumber, ScopeCategory, ScopeTemplate}, s)
}

// Pause stops a target because an operator says so, for all replicas and until
// [Stops.Resume]. The reason is for people; by says whose it is. It needs no
// [Stops.Run].
func (s *Stops) Pause(ctx context.Context, t Target, reason, by string) error {
	p := Stop{Scope: t.Scope, Name: t.Name, Reason: job.ReasonPaused, Detail: reason, By: by, Since: s.now().UTC(), WayBack: BackPerson}
	if err := s.putAs(ctx, t.key(pausePrefix), p); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pauses[t] = p
	s.log.Warn("stopped", "scope", t.Scope, "name", t.Name, "reason", p.Reason, "by", by, "detail", reason)
	s.notify()
	return nil
}

// Resume ends what an operator stopped, and what was refused, has failed or was stopped
// by the platform with it: whoever resumes has mended that. The next message shows
// whether it is so. It needs no [Stops.Run].
func (s *Stops) Resume(ctx context.Context, t Target) error {
	for _, prefix := range []string{pausePrefix, stopPrefix} {
		if err := s.remove(ctx, t.key(prefix)); err != nil {
			return err
		}
	}
	for _, cause := range causes {
		if err := s.proved(ctx, slot{Target: t, cause: cause}, s.now()); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.pauses[t]; ok || s.find(slot{Target: t}) != nil {
		s.log.Info("goes on", "scope", t.Scope, "name", t.Name)
	}
	delete(s.pauses, t)
	s.leave(slot{Target: t})
	s.notify()
	return nil
}
