package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wacast/wacast/pkg/ratelimit"
)

// slowLimiter takes a while for each call, and remembers how many asked in it.
type slowLimiter struct {
	calls []int
	err   error
}

func (s *slowLimiter) Reserve(_ context.Context, requests []ratelimit.Request) ([]ratelimit.Grant, error) {
	s.calls = append(s.calls, len(requests))
	time.Sleep(5 * time.Millisecond)
	grants := make([]ratelimit.Grant, len(requests))
	for i, r := range requests {
		grants[i] = ratelimit.Grant{First: time.Duration(r.Want), Count: r.Want, Clock: time.Now().UnixMicro()}
	}
	return grants, s.err
}

func newSlots(l *slowLimiter) *slots {
	return &slots{
		reserve: l.Reserve, trouble: newTroubles(slog.New(slog.DiscardHandler)).slots,
		life: context.Background(), running: new(sync.WaitGroup),
	}
}

// A thousand numbers that ask at once make two calls, each number gets its own answer,
// and one that asks alone waits for nobody.
func TestNumbersReserveTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter := new(slowLimiter)
		s := newSlots(limiter)
		var all sync.WaitGroup
		began := time.Now()
		for i := range 1000 {
			all.Go(func() {
				g, err := s.get(t.Context(), ratelimit.Request{Sender: fmt.Sprint(i), Want: i + 1})
				if err != nil || g.Count != i+1 || !g.at.Equal(time.Now()) {
					t.Errorf("number %d: %+v, %v", i, g, err)
				}
			})
		}
		all.Wait()
		if len(limiter.calls) > 2 || time.Since(began) > 10*time.Millisecond {
			t.Errorf("calls %v took %v, want 2 in 10 ms", limiter.calls, time.Since(began))
		}
		synctest.Wait()
		began = time.Now()
		if _, err := s.get(t.Context(), ratelimit.Request{Sender: "1", Want: 1}); err != nil || time.Since(began) != 5*time.Millisecond {
			t.Errorf("alone it took %v (%v), want 5 ms", time.Since(began), err)
		}
	})
}

// Whoever's time is over does not wait for the call, and the others have theirs.
func TestReservingEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter := &slowLimiter{err: errors.New("away")}
		s := newSlots(limiter)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		began := time.Now()
		if _, err := s.get(ctx, ratelimit.Request{Sender: "1", Want: 1}); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if _, err := s.get(t.Context(), ratelimit.Request{Sender: "2", Want: 1}); !errors.Is(err, limiter.err) || s.trouble.err() == nil {
			t.Errorf("the other one: %v", err)
		}
		synctest.Wait()
	})
}

// However late answers come, slots are reckoned from when the limiter gave them; a
// clock that jumps is followed.
func TestSlotsAreReckonedByTheLimitersClock(t *testing.T) {
	const ms = time.Millisecond
	start, o := time.Now(), new(offset)
	for i, c := range []struct{ now, clock, want time.Duration }{
		{5 * ms, 3 * ms, 5 * ms}, // as good as any
		{1000 * ms, 999 * ms, 1000 * ms},
		{2000 * ms, 1990 * ms, 1991 * ms}, // 9 ms later than the fastest
		{3000 * ms, 2970 * ms, 2971 * ms},
		{6000 * ms, 5990 * ms, 5991 * ms}, // the fastest is in the window before
		{12000 * ms, 11990 * ms, 12000 * ms},
		{13000 * ms, 12500 * ms, 13000 * ms}, // it jumped back
		{14000 * ms, 13499 * ms, 13999 * ms},
		{15000 * ms, 24000 * ms, 15000 * ms}, // and on
		{16000 * ms, 24990 * ms, 15990 * ms},
	} {
		if got := o.when(start.Add(c.now), 1e15+c.clock.Microseconds()); !got.Equal(start.Add(c.want)) {
			t.Errorf("%d: %v, want %v", i, got.Sub(start), c.want)
		}
	}
}
