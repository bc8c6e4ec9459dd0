package sender

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wacast/wacast/pkg/job"
)

// Stops is what is stopped and what is limited, shared by all replicas through a
// [Store] and asked before every message. It is safe for concurrent use.
type Stops struct {
	store Store
	name  string
	log   *slog.Logger
	now   func() time.Time

	// standing says that anything is stopped; most of the time nothing is.
	standing atomic.Bool
	// categorized says that any category was told.
	categorized atomic.Bool

	mu      sync.RWMutex
	stops   map[Target][]*held // of each cause one
	pauses  map[Target]Stop    // what operators stopped
	changed chan struct{}      // closed and replaced at every change
	heard   map[string]time.Time
	// By their keys in the store.
	limits     map[string]Limit
	portfolios map[string]PortfolioLimit
	categories map[string]Category
	holds      map[string]Hold

	known     chan struct{} // closed once the store's stops are known
	knownOnce sync.Once
}

// held is a stop and the probe this replica has on the way, if any.
type held struct {
	Stop
	// cause is that of its [slot].
	cause job.Reason
	// first is the wait until the first probe, as this replica knows it.
	first   time.Duration
	probing time.Time // when the probe was let through; zero for none
	// allowed is set where the stop is failing and one message may be tried.
	allowed bool
}

// NewStops returns the stops that store shares; by names this replica in them.
// A nil store keeps them in this process.
func NewStops(store Store, by string, log *slog.Logger) *Stops {
	s := &Stops{
		store: store, name: by, log: log, now: time.Now,
		stops: make(map[Target][]*held), pauses: make(map[Target]Stop), heard: make(map[string]time.Time),
		limits: make(map[string]Limit), portfolios: make(map[string]PortfolioLimit), holds: make(map[string]Hold),
		categories: make(map[string]Category),
		changed:    make(chan struct{}), known: make(chan struct{}),
	}
	if store == nil {
		close(s.known)
	}
	return s
}

// Ready is closed once everything is known that was stopped when [Stops.Run] began.
// Nothing should be sent before.
func (s *Stops) Ready() <-chan struct{} { return s.known }

// Verdict answers [Stops.Admit].
type Verdict struct {
	// OK lets messages through: all of them, or a single one when Probe is set.
	OK    bool
	Probe bool
	// Stop is what stands in the way when OK is not set, or what is being probed.
	Stop Stop
	// Changed is closed when any stop changes; until then, or until Stop.Until,
	// asking again gives the same answer.
	Changed <-chan struct{}
}

// Free reports whether nothing at all is stopped. It costs next to nothing.
func (s *Stops) Free() bool { return !s.standing.Load() }

// Admit asks whether a message may go to all of the targets. Of a stop whose time
// has come it lets a single message through, as a probe, whose end must be told
// by [Stops.Refused], [Stops.Lift], [Stops.Inconclusive] or [Stops.Unprobed].
func (s *Stops) Admit(targets ...Target) Verdict {
	if s.Free() {
		return Verdict{OK: true}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.verdict(targets)
	if v.Probe {
		now := s.now()
		for h := range s.standingAt(targets) {
			h.probing, h.allowed = now, false
		}
	}
	return v
}

// Peek answers as [Stops.Admit] would, without letting a probe through.
func (s *Stops) Peek(targets ...Target) Verdict {
	if s.Free() {
		return Verdict{OK: true}
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.verdict(targets)
}

// verdict looks at all the targets; s.mu is held.
func (s *Stops) verdict(targets []Target) Verdict {
	if p, ok := s.pauses[Everything()]; ok {
		return Verdict{Stop: p, Changed: s.changed}
	}
	v := Verdict{OK: true}
	for _, t := range targets {
		if p, ok := s.pauses[t]; ok {
			return Verdict{Stop: p, Changed: s.changed}
		}
	}
	for h := range s.standingAt(targets) {
		if !h.due(s.now()) {
			return Verdict{Stop: h.Stop, Changed: s.changed}
		}
		if !v.Probe {
			v = Verdict{OK: true, Probe: true, Stop: h.Stop}
		}
	}
	return v
}

// standingAt are the stops of the targets that are not over; s.mu is held.
func (s *Stops) standingAt(targets []Target) iter.Seq[*held] {
	return func(yield func(*held) bool) {
		for _, t := range targets {
			for _, h := range s.stops[t] {
				if !h.Over && !yield(h) {
					return
				}
			}
		}
	}
}

func (s *Stops) anyStands() bool {
	for range s.standingAt(slices.Collect(maps.Keys(s.stops))) {
		return true
	}
	return false
}

// find is the stop of a slot, over or not; nil for none. s.mu is held.
func (s *Stops) find(sl slot) *held {
	for _, h := range s.stops[sl.Target] {
		if h.cause == sl.cause {
			return h
		}
	}
	return nil
}

// enter puts a stop into its slot; s.mu is held. A probe that is on its way says
// nothing of a stop that began after it.
func (s *Stops) enter(sl slot, stop Stop) *held {
	h := s.find(sl)
	if h == nil {
		h = &held{cause: sl.cause}
		s.stops[sl.Target] = append(s.stops[sl.Target], h)
	}
	if stop.Over != h.Over || !stop.At.Equal(h.At) {
		h.probing, h.allowed = time.Time{}, false
	}
	h.Stop = stop
	return h
}

// leave empties a slot; s.mu is held.
func (s *Stops) leave(sl slot) {
	s.stops[sl.Target] = slices.DeleteFunc(s.stops[sl.Target], func(h *held) bool { return h.cause == sl.cause })
	if len(s.stops[sl.Target]) == 0 {
		delete(s.stops, sl.Target)
	}
}

// Changed is closed at the next change of any stop or limit.
func (s *Stops) Changed() <-chan struct{} {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.changed
}

// Refused records that a message to the target was refused. The first refusal
// stops it for all replicas and is logged; those that were in flight then change
// nothing; a refused probe doubles the wait. The wait is that until the
// first probe, and 0 leaves the stop to a person.
func (s *Stops) Refused(ctx context.Context, t Target, reason job.Reason, code int, detail string, wait time.Duration) error {
	sl := slot{Target: t, cause: causeOf(reason)}
	s.mu.Lock()
	h := s.find(sl)
	switch {
	case h == nil || h.Over:
		h = s.stop(sl, reason, code, detail)
	case h.probing.IsZero():
		s.mu.Unlock()
		return nil
	default:
		if h.failing() { // the API answers again, and this is what it says
			h.Probes = -1
		}
		h.Reason, h.Code, h.Detail = reason, code, detail
		h.probing = time.Time{}
		h.Probes++
	}
	h.first, h.Until, h.WayBack = wait, time.Time{}, BackPerson
	if wait > 0 {
		h.Until, h.WayBack = s.now().Add(probeWait(wait, h.Probes)).UTC(), BackTime
	}
	stop := h.Stop
	s.notify()
	s.mu.Unlock()
	return s.share(ctx, sl, stop)
}

// stop enters a stop and logs it; s.mu is held.
func (s *Stops) stop(sl slot, reason job.Reason, code int, detail string) *held {
	stop := Stop{Scope: sl.Scope, Name: sl.Name, Reason: reason, Code: code, Detail: detail, By: s.name, Since: s.now().UTC()}
	if was := s.find(sl); was != nil {
		stop.At = was.At
	}
	s.logStop(&stop)
	return s.enter(sl, stop)
}

func (s *Stops) logStop(stop *Stop) {
	s.log.Warn("stopped", "scope", stop.Scope, "name", stop.Name, "reason", stop.Reason, "code", stop.Code, "by", stop.By, "detail", stop.Detail)
}

func (s *Stops) logEnd(stop *Stop) {
	s.log.Info("goes on", "scope", stop.Scope, "name", stop.Name, "reason", stop.Reason, "stopped_for", s.now().Sub(stop.Since).Round(time.Millisecond))
}

// Lift ends the stops of the targets, for all replicas: a message to them was accepted.
// What the platform has told stays, unless this message was let through to try just
// that: what it tells meanwhile is newer. What an operator stopped stays too: see
// [Stops.Resume].
func (s *Stops) Lift(ctx context.Context, targets ...Target) error {
	return s.lift(ctx, targets, func(h *held) bool { return h.cause == "" || !h.probing.IsZero() })
}

func (s *Stops) lift(ctx context.Context, targets []Target, which func(*held) bool) error {
	var lifted []slot
	var probed []time.Time
	s.mu.Lock()
	for h := range s.standingAt(targets) {
		if which(h) {
			lifted, probed = append(lifted, slot{Target: h.Target(), cause: h.cause}), append(probed, h.probing)
			s.logEnd(&h.Stop)
			h.Over, h.At = true, h.probing.UTC() // for [Stops.proved] to share
		}
	}
	for _, sl := range lifted {
		if sl.cause == "" {
			s.leave(sl)
		}
	}
	if len(lifted) > 0 {
		s.notify()
	}
	s.mu.Unlock()
	for i, sl := range lifted {
		var err error
		if sl.cause == "" {
			err = s.remove(ctx, sl.key())
		} else {
			err = s.proved(ctx, sl, probed[i])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// List returns what is stopped, the widest scope first.
func (s *Stops) List() []Stop {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := make([]Stop, 0, len(s.stops)+len(s.pauses))
	for _, all := range s.stops {
		for _, h := range all {
			if !h.Over {
				list = append(list, h.Stop)
			}
		}
	}
	for _, p := range s.pauses {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b Stop) int {
		return cmp.Or(cmp.Compare(a.Scope.rank(), b.Scope.rank()), strings.Compare(a.Name, b.Name), strings.Compare(string(a.Reason), string(b.Reason)))
	})
	return list
}

// Run keeps up with the other replicas until ctx ends. Without a store it only
// waits.
func (s *Stops) Run(ctx context.Context) error {
	if s.store == nil {
		<-ctx.Done()
		return nil
	}
	return s.store.Watch(ctx, s.apply)
}

func (s *Stops) apply(key string, value []byte) {
	if key == "" {
		s.knownOnce.Do(func() { close(s.known) })
		return
	}
	if s.applyHeard(key, value) || s.applyLimit(key, value) || s.applyHold(key, value) || s.applyCategory(key, value) {
		return
	}
	sl, operators, ok := parseKey(key)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if value == nil {
		if operators {
			delete(s.pauses, sl.Target)
		} else {
			s.leave(sl)
		}
		s.notify()
		return
	}
	stop, err := readStop(value)
	switch {
	case err != nil:
		s.log.Error("a shared stop is ignored", "key", key, "error", err)
		return
	case operators:
		s.pauses[sl.Target] = stop
	default:
		s.enter(sl, stop)
	}
	s.notify()
}

// notify wakes everybody who waits for a change; s.mu is held.
func (s *Stops) notify() {
	s.standing.Store(len(s.pauses) > 0 || s.anyStands())
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Stops) putAs(ctx context.Context, key string, stop Stop) error {
	if s.store == nil {
		return nil
	}
	value, err := json.Marshal(stop)
	if err != nil {
		return err
	}
	return s.store.Put(ctx, key, value)
}

func (s *Stops) remove(ctx context.Context, key string) error {
	if s.store == nil {
		return nil
	}
	return s.store.Delete(ctx, key)
}
