package sender

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wacast/wacast/pkg/job"
)

var (
	account  = Target{ScopeAccount, "1"}
	number   = Target{ScopeNumber, "100"}
	template = Target{ScopeTemplate, "1/coupon"}
)

// bucket is a shared key-value bucket in memory.
type bucket struct {
	mu       sync.Mutex
	values   map[string][]byte
	watchers []func(key string, value []byte)
}

func (b *bucket) Put(_ context.Context, key string, value []byte) error {
	return b.set(key, value)
}

func (b *bucket) Delete(_ context.Context, key string) error { return b.set(key, nil) }

func (b *bucket) Update(_ context.Context, key string, change func(value []byte) ([]byte, error)) error {
	b.mu.Lock()
	value, err := change(b.values[key])
	b.mu.Unlock()
	if err != nil {
		return err
	}
	return b.set(key, value)
}

func (b *bucket) set(key string, value []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.values == nil {
		b.values = make(map[string][]byte)
	}
	b.values[key] = value
	for _, w := range b.watchers {
		w(key, value)
	}
	return nil
}

func (b *bucket) Watch(ctx context.Context, fn func(key string, value []byte)) error {
	b.mu.Lock()
	for k, v := range b.values {
		if v != nil {
			fn(k, v)
		}
	}
	fn("", nil)
	b.watchers = append(b.watchers, fn)
	b.mu.Unlock()
	<-ctx.Done()
	return ctx.Err()
}

func newTestStops(store Store) (*Stops, *bytes.Buffer) {
	var log bytes.Buffer
	return NewStops(store, "worker-1", slog.New(slog.NewTextHandler(&log, nil))), &log
}

func refuse(t *testing.T, s *Stops, target Target, wait time.Duration) {
	t.Helper()
	if err := s.Refused(t.Context(), target, job.ReasonAccount, 190, "token expired", wait); err != nil {
		t.Fatal(err)
	}
}

func TestAdmitWithoutStops(t *testing.T) {
	s, _ := newTestStops(nil)
	if v := s.Admit(account, number, template); !v.OK || v.Probe {
		t.Errorf("Admit = %+v, want OK without a probe", v)
	}
}

func TestStopCoversOnlyItsScope(t *testing.T) {
	s, _ := newTestStops(nil)
	refuse(t, s, template, time.Minute)
	if v := s.Admit(account, number, template); v.OK {
		t.Error("a message with the stopped template was let through")
	}
	if v := s.Admit(account, number, Target{ScopeTemplate, "1/other"}); !v.OK {
		t.Error("a message with another template was held back")
	}
}

// Thousands of messages may be in flight when a token expires: they are one stop
// and one line in the log.
func TestManyRefusalsAreOneStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, log := newTestStops(nil)
		for range 1000 {
			refuse(t, s, account, 10*time.Second)
		}
		if n := strings.Count(log.String(), "level=WARN"); n != 1 {
			t.Errorf("%d warnings, want 1:\n%s", n, log)
		}
		if got := s.List(); len(got) != 1 || got[0].Probes != 0 || got[0].By != "worker-1" || got[0].Code != 190 {
			t.Errorf("List() = %+v", got)
		}
	})
}

func TestProbeAtTheEndLiftsOrExtends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newTestStops(nil)
		refuse(t, s, account, 10*time.Second)
		if v := s.Peek(account); v.OK {
			t.Error("Peek lets through before the time")
		}
		time.Sleep(12 * time.Second) // virtual; the jitter is at most a fifth

		if v := s.Peek(account); !v.OK || !v.Probe {
			t.Errorf("Peek = %+v, want a probe to be due", v)
		}
		if v := s.Admit(account, number); !v.OK || !v.Probe {
			t.Fatalf("Admit = %+v, want a probe", v)
		}
		if v := s.Admit(account, number); v.OK {
			t.Error("a second message was let through beside the probe")
		}

		refuse(t, s, account, 10*time.Second)
		stop := s.List()[0]
		if wait := time.Until(stop.Until); stop.Probes != 1 || wait < 20*time.Second || wait > 24*time.Second {
			t.Errorf("after a refused probe: probes %d, wait %s; want 1, twice the first", stop.Probes, wait)
		}

		time.Sleep(24 * time.Second)
		if v := s.Admit(account, number); !v.Probe {
			t.Fatal("no second probe")
		}
		if err := s.Lift(t.Context(), account, number); err != nil {
			t.Fatal(err)
		}
		if v := s.Admit(account, number); !v.OK || v.Probe || len(s.List()) != 0 {
			t.Errorf("after an accepted probe: %+v, stops %v", v, s.List())
		}
	})
}

// A probe that never left must not block the next one for long.
func TestUnprobed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newTestStops(nil)
		refuse(t, s, account, time.Second)
		time.Sleep(2 * time.Second)
		if !s.Admit(account).Probe {
			t.Fatal("no probe")
		}
		s.Unprobed(account)
		if !s.Admit(account).Probe {
			t.Error("no probe after the first was given back")
		}
		time.Sleep(probeGrace) // its end is never told, as when a worker is killed
		if !s.Admit(account).Probe {
			t.Error("a lost probe blocks for ever")
		}
	})
}

// A probe whose answer says nothing is not repeated at once: each of them may cost
// a message whose outcome nobody knows.
func TestInconclusiveProbeWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newTestStops(nil)
		refuse(t, s, account, 10*time.Second)
		time.Sleep(12 * time.Second)
		if !s.Admit(account).Probe {
			t.Fatal("no probe")
		}
		s.Inconclusive(account)
		if v := s.Peek(account); v.OK {
			t.Error("the next probe is due at once")
		}
		time.Sleep(12 * time.Second)
		if !s.Admit(account).Probe {
			t.Error("no probe after the wait")
		}
		if got := s.List()[0].Probes; got != 0 {
			t.Errorf("%d refused probes are counted, want none", got)
		}
	})
}

func TestAStopWithoutEndWaitsForAPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newTestStops(nil)
		refuse(t, s, account, 0)
		time.Sleep(30 * 24 * time.Hour)
		if v := s.Admit(account); v.OK {
			t.Error("let through without a person")
		}
	})
}

func TestProbeWaitIsBounded(t *testing.T) {
	for probes := range 100 {
		if got := probeWait(10*time.Second, probes); got < 10*time.Second || got > maxProbeWait*6/5 {
			t.Errorf("probeWait(10s, %d) = %s", probes, got)
		}
		if got := probeWait(10*time.Minute, probes); got < 10*time.Minute || got > 12*time.Minute {
			t.Errorf("probeWait(10m, %d) = %s: a long first wait must not shrink or grow", probes, got)
		}
	}
}

// What one replica stops or lifts, the others follow, also those that start later.
func TestReplicasShareStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		store := &bucket{}
		one, _ := newTestStops(store)
		two, _ := newTestStops(store)
		late, _ := newTestStops(store)
		var running sync.WaitGroup
		run := func(s *Stops) { running.Go(func() { _ = s.Run(ctx) }); synctest.Wait() }
		select {
		case <-one.Ready():
			t.Error("ready before anything was read")
		default:
		}
		run(one)
		run(two)
		<-one.Ready() // a deadlock, which synctest reports, if it never comes

		changed := two.Changed()
		refuse(t, one, account, time.Hour)
		select {
		case <-changed:
		default:
			t.Error("the second replica was not woken")
		}
		run(late)
		for name, s := range map[string]*Stops{"second": two, "late": late} {
			if v := s.Admit(account); v.OK || v.Stop.Code != 190 {
				t.Errorf("the %s replica lets through: %+v", name, v)
			}
		}
		if err := two.Lift(ctx, account); err != nil {
			t.Fatal(err)
		}
		if v := one.Admit(account); !v.OK {
			t.Error("the first replica still holds back")
		}
		cancel()
		running.Wait()
	})
}

func TestParseKey(t *testing.T) {
	odd := TemplateTarget("1", "a b.c=/*", "es_AR")
	for _, target := range []Target{Everything(), account, number, template, TemplateTarget("1", "coupon", "es_AR"), CategoryTarget("1", "utility"), odd} {
		for _, cause := range append([]job.Reason{""}, causes...) {
			sl := slot{Target: target, cause: cause}
			if got, operators, ok := parseKey(sl.key()); !ok || operators || got != sl {
				t.Errorf("parseKey(%q) = %v, %v, %v", sl.key(), got, operators, ok)
			}
		}
		key := target.key(pausePrefix)
		if got, operators, ok := parseKey(key); !ok || !operators || got != (slot{Target: target}) {
			t.Errorf("parseKey(%q) = %v, %v, %v", key, got, operators, ok)
		}
		if strings.ContainsAny(key, " *>") {
			t.Errorf("key %q is none a bucket takes", key)
		}
	}
	for _, key := range []string{"limit.100", HeardKey("100"), "", "stop", "stop.", "platform.", "platform.x", "platform..template.1"} {
		if sl, _, ok := parseKey(key); ok {
			t.Errorf("%q was read as the stop %v", key, sl)
		}
	}
	for _, name := range []string{"=4", "=ZZ", "a"} {
		if got := parseName(name); got != name {
			t.Errorf("%q is read as %q", name, got)
		}
	}
}
