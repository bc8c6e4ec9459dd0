package sender

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/wacast/wacast/pkg/job"
)

// causes are the reasons of what the platform tells by webhook. Refusals for one of
// the first five are the same stop as the webhook's; the account's own is one of
// webhooks alone, because many things refuse an account.
var causes = []job.Reason{
	job.ReasonTemplateStatus, job.ReasonRestricted, job.ReasonBanned, job.ReasonQuality, job.ReasonMisclassified, job.ReasonAccount,
}

// causeOf is the cause of a refusal.
func causeOf(reason job.Reason) job.Reason {
	if reason != job.ReasonAccount && slices.Contains(causes, reason) {
		return reason
	}
	return ""
}

// webhookSlack is by how much a webhook's time may be before that of a refusal here and
// still be the later of the two: messages are on their way, and clocks differ. To go on
// too early costs one more refusal.
const webhookSlack = time.Minute

// errCause marks a reason that no webhook gives.
var errCause = errors.New("the reason is none of the platform's")

// PlatformStop stops a target because a webhook says so, for all replicas: with
// Scope, Name, Reason, Code, Detail, At, Until and WayBack of the stop. At is when it
// happened. It reports false where that is nothing new, or older than what is known. What
// stands for another reason stays beside it. It needs no [Stops.Run].
func (s *Stops) PlatformStop(ctx context.Context, stop Stop) (changed bool, err error) {
	stop.By, stop.At, stop.Until, stop.Since, stop.Over = ByPlatform, s.since(stop.At), stop.Until.UTC(), s.since(stop.At), false
	err = s.change(ctx, slot{Target: stop.Target(), cause: stop.Reason}, func(was Stop, known bool) (Stop, bool) {
		changed = !known || stop.At.After(was.At) || stop.At.Equal(was.At) && !was.Over && (was.Detail != stop.Detail || !was.Until.Equal(stop.Until))
		return stop, changed
	})
	return changed && err == nil, err
}

// PlatformResume ends what the platform has stopped, or refused, for a reason, because a
// webhook says so, for all replicas; at is when it happened. It reports false where
// nothing was stopped so, or what stopped it is newer. A pause and what stands for another
// reason stay. It needs no [Stops.Run].
func (s *Stops) PlatformResume(ctx context.Context, t Target, reason job.Reason, at time.Time) (changed bool, err error) {
	at = s.since(at)
	err = s.change(ctx, slot{Target: t, cause: reason}, func(was Stop, known bool) (Stop, bool) {
		changed = false
		if known && (at.Before(was.At) || !was.Over && at.Before(was.Since.Add(-webhookSlack))) {
			return was, false
		}
		changed = known && !was.Over
		if !known {
			was = Stop{Scope: t.Scope, Name: t.Name, Reason: reason, By: ByPlatform, Since: at}
		}
		was.At, was.Over = at, true // kept, so that an older stop that comes late is known as such
		return was, true
	})
	return changed && err == nil, err
}

// proved ends a stop of the platform because a message that was let through at a time
// was accepted, or a person has said so then.
func (s *Stops) proved(ctx context.Context, sl slot, at time.Time) error {
	at = at.UTC()
	return s.change(ctx, sl, func(was Stop, known bool) (Stop, bool) {
		if !known || was.Over || was.At.After(at) {
			return was, false
		}
		was.At, was.Over = at, true
		return was, true
	})
}

// share tells the other replicas of a refusal. What the platform has told since stays.
func (s *Stops) share(ctx context.Context, sl slot, stop Stop) error {
	if sl.cause == "" {
		return s.putAs(ctx, sl.key(), stop)
	}
	if s.store == nil {
		return nil
	}
	return s.change(ctx, sl, func(was Stop, _ bool) (Stop, bool) {
		if !was.Over && was.At.After(stop.At) {
			return was, false
		}
		stop.At = was.At
		return stop, true
	})
}

// errSame is how a change says that there is none.
var errSame = errors.New("no change")

// change changes a stop of the platform, in the store and here, from what it is; known
// is false where there is none.
func (s *Stops) change(ctx context.Context, sl slot, f func(was Stop, known bool) (Stop, bool)) error {
	if !slices.Contains(causes, sl.cause) {
		return errCause
	}
	if s.store == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		c := changing{slot: sl}
		if h := s.find(sl); h != nil {
			c.was, c.known = h.Stop, true
		}
		c.now, c.changed = f(c.was, c.known)
		s.settle(c)
		return nil
	}
	var c changing
	err := s.store.Update(ctx, sl.key(), func(value []byte) ([]byte, error) {
		c = changing{slot: sl}
		if value != nil {
			was, err := readStop(value)
			c.was, c.known = was, err == nil // whatever else it was, what comes now makes sense
		}
		if c.now, c.changed = f(c.was, c.known); !c.changed {
			return nil, errSame
		}
		return json.Marshal(c.now)
	})
	if err != nil && !errors.Is(err, errSame) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(c)
	return nil
}

// changing is what a change found and made of it.
type changing struct {
	slot
	was, now       Stop
	known, changed bool
}

// settle has what a change came to known here, and logs what is new; s.mu is held.
func (s *Stops) settle(c changing) {
	if !c.changed {
		c.now = c.was
	}
	if !c.known && !c.changed {
		return
	}
	h := s.find(c.slot)
	stood := h != nil && !h.Over
	switch {
	case stood && c.now.Over:
		s.logEnd(&h.Stop)
	case !c.now.Over && c.changed && c.now.By == ByPlatform && (!stood || !h.At.Equal(c.now.At)):
		s.logStop(&c.now)
	}
	s.enter(c.slot, c.now)
	s.notify()
}
