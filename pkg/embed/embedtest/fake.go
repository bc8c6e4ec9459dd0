package embedtest

import (
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// Fake is a miniredis whose clock, TIME and key expiry alike, the test sets.
type Fake struct {
	*Server
	mini *miniredis.Miniredis
	mu   sync.Mutex
	now  time.Time
}

// FakeRedis starts a miniredis for one test, at the real time.
func FakeRedis(tb testing.TB) *Fake {
	tb.Helper()
	mini := miniredis.NewMiniRedis()
	if err := mini.Start(); err != nil {
		tb.Fatal("start miniredis:", err)
	}
	tb.Cleanup(mini.Close)
	f := &Fake{Server: connect(tb, "redis://"+mini.Addr(), true), mini: mini}
	f.SetTime(time.Now())
	mini.ClockTTL(true)
	return f
}

// Now is the server's time.
func (f *Fake) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

// SetTime moves the clock, forward or back.
func (f *Fake) SetTime(now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = now
	f.mini.SetTime(now)
}

// Advance moves the clock on by d.
func (f *Fake) Advance(d time.Duration) { f.SetTime(f.Now().Add(d)) }

// Flush empties the server, as a Redis without persistence is after a restart.
func (f *Fake) Flush() { f.mini.FlushAll() }
