package sender

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wacast/wacast/pkg/job"
)

// maxProbeWait bounds how long a mended account waits to be noticed.
const maxProbeWait = time.Minute

// probeGrace is how long a probe may take before another one is let through.
const probeGrace = 30 * time.Second

// Stops is what is stopped, shared by all replicas through a [Store] and asked
// before every message. It is safe for concurrent use.
type Stops struct {
	store Store
	name  string
	log   *slog.Logger
	now   func() time.Time

	mu      sync.RWMutex
	stops   map[Target]*held
	changed chan struct{} // closed and replaced at every change

	known     chan struct{} // closed once the store's stops are known
	knownOnce sync.Once
}

// held is a stop and the probe this replica has on the way, if any.
type held struct {
	Stop
	// first is the wait until the first probe, as this replica knows it.
	first   time.Duration
	probing time.Time // when the probe was let through; zero for none
}

// NewStops returns the stops that store shares; by names this replica in them.
// A nil store keeps them in this process.
func NewStops(store Store, by string, log *slog.Logger) *Stops {
	s := &Stops{
		store: store, name: by, log: log, now: time.Now,
		stops: make(map[Target]*held), changed: make(chan struct{}), known: make(chan struct{}),
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

// Admit asks whether a message may go to all of the targets. Of a stop whose time
// has come it lets a single message through, as a probe, whose end must be told
// by [Stops.Refused], [Stops.Lift] or [Stops.Unprobed].
func (s *Stops) Admit(targets ...Target) Verdict {
	s.mu.RLock()
	free := true
	for _, t := range targets {
		if s.stops[t] != nil {
			free = false
			break
		}
	}
	s.mu.RUnlock()
	if free {
		return Verdict{OK: true}
	}
	return s.admitProbe(targets)
}

// Peek answers as [Stops.Admit] would, without letting a probe through.
func (s *Stops) Peek(targets ...Target) Verdict {
	s.mu.RLock()
	defer s.mu.RUnlock()
	v := Verdict{OK: true}
	for _, t := range targets {
		h := s.stops[t]
		if h == nil {
			continue
		}
		if !h.due(s.now()) {
			return Verdict{Stop: h.Stop, Changed: s.changed}
		}
		v = Verdict{OK: true, Probe: true, Stop: h.Stop}
	}
	return v
}

// Changed is closed at the next change of any stop.
func (s *Stops) Changed() <-chan struct{} {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.changed
}

// due reports whether a probe may go: the time has come and none is on its way.
func (h *held) due(now time.Time) bool {
	return !h.Until.IsZero() && !now.Before(h.Until) && !now.Before(h.probing.Add(probeGrace))
}

func (s *Stops) admitProbe(targets []Target) Verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	var due []*held
	for _, t := range targets {
		h := s.stops[t]
		if h == nil {
			continue
		}
		if !h.due(now) {
			return Verdict{Stop: h.Stop, Changed: s.changed}
		}
		due = append(due, h)
	}
	if len(due) == 0 {
		return Verdict{OK: true}
	}
	for _, h := range due {
		h.probing = now
	}
	return Verdict{OK: true, Probe: true, Stop: due[0].Stop}
}

// Refused records that a message to the target was refused. The first refusal
// stops it for all replicas and is logged; those that were in flight then change
// nothing; a refused probe doubles the wait. The wait is that until the
// first probe, and 0 leaves the stop to a person.
func (s *Stops) Refused(ctx context.Context, t Target, reason job.Reason, code int, detail string, wait time.Duration) error {
	s.mu.Lock()
	now := s.now()
	h := s.stops[t]
	switch {
	case h == nil:
		h = &held{Stop: Stop{Scope: t.Scope, Name: t.Name, Reason: reason, Code: code, Detail: detail, By: s.name, Since: now.UTC()}}
		s.stops[t] = h
		s.log.Warn("stopped", "scope", t.Scope, "name", t.Name, "reason", reason, "code", code, "detail", detail)
	case h.probing.IsZero():
		s.mu.Unlock()
		return nil
	default:
		h.probing = time.Time{}
		h.Probes++
	}
	h.first = wait
	if wait > 0 {
		h.Until = now.Add(probeWait(wait, h.Probes)).UTC()
	}
	stop := h.Stop
	s.notify()
	s.mu.Unlock()
	return s.put(ctx, stop)
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
	for _, t := range targets {
		if h := s.stops[t]; h != nil && !h.probing.IsZero() {
			h.probing = time.Time{}
			s.notify()
		}
	}
}

// Inconclusive ends a probe whose answer says nothing, such as a fault of the
// gateway: the next one waits as long as after a refusal, which it was not.
func (s *Stops) Inconclusive(targets ...Target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range targets {
		if h := s.stops[t]; h != nil && !h.probing.IsZero() {
			h.probing = time.Time{}
			h.Until = s.now().Add(probeWait(max(h.first, minProbeWait), h.Probes)).UTC()
			s.notify()
		}
	}
}

// minProbeWait is for a stop that another replica found.
const minProbeWait = 10 * time.Second

// Lift ends the stops of the targets, for all replicas.
func (s *Stops) Lift(ctx context.Context, targets ...Target) error {
	for _, t := range targets {
		s.mu.Lock()
		h := s.stops[t]
		delete(s.stops, t)
		if h != nil {
			s.log.Info("goes on", "scope", t.Scope, "name", t.Name, "reason", h.Reason, "stopped_for", s.now().Sub(h.Since).Round(time.Millisecond))
			s.notify()
		}
		s.mu.Unlock()
		if h != nil && s.store != nil {
			if err := s.store.Delete(ctx, t.key()); err != nil {
				return err
			}
		}
	}
	return nil
}

// List returns what is stopped, the widest scope first.
func (s *Stops) List() []Stop {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := make([]Stop, 0, len(s.stops))
	for _, h := range s.stops {
		list = append(list, h.Stop)
	}
	slices.SortFunc(list, func(a, b Stop) int {
		return cmp.Or(strings.Compare(string(a.Scope), string(b.Scope)), strings.Compare(a.Name, b.Name))
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
	t, ok := parseKey(key)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if value == nil {
		delete(s.stops, t)
		s.notify()
		return
	}
	stop, err := ReadStop(value)
	if err != nil {
		s.log.Error("a shared stop is ignored", "key", key, "error", err)
		return
	}
	if h := s.stops[t]; h != nil {
		h.Stop = stop
	} else {
		s.stops[t] = &held{Stop: stop}
	}
	s.notify()
}

// notify wakes everybody who waits for a change; s.mu is held.
func (s *Stops) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Stops) put(ctx context.Context, stop Stop) error {
	if s.store == nil {
		return nil
	}
	value, err := json.Marshal(stop)
	if err != nil {
		return err
	}
	return s.store.Put(ctx, stop.Target().key(), value)
}
