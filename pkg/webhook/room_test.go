package webhook

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wacast/wacast/pkg/ratelimit"
)

// slots are a number's, as workers take them.
type slots struct {
	*ratelimit.Local
	mu    sync.Mutex
	asked int
	fails bool
}

const spacing = 12500 * time.Microsecond // 80 a second

func (s *slots) Take(ctx context.Context, want map[string]int) (map[string]int, error) {
	s.mu.Lock()
	s.asked++
	fails := s.fails
	s.mu.Unlock()
	if fails {
		return nil, errors.New("connection refused")
	}
	taken := make(map[string]int)
	for number, n := range want {
		grants, err := s.Reserve(ctx, []ratelimit.Request{{Sender: number, Spacing: spacing, Want: n, Urgent: n}})
		if err != nil {
			return nil, err
		}
		taken[number] = grants[0].Count
	}
	return taken, nil
}

// send takes all the slots there are for some seconds, as a busy worker does.
func (s *slots) send(t *testing.T, number string, seconds int) (count int) {
	for end := time.Now().Add(time.Duration(seconds) * time.Second); time.Now().Before(end); {
		grants, err := s.Reserve(t.Context(), []ratelimit.Request{{Sender: number, Spacing: spacing, Want: 8}})
		if err != nil {
			t.Fatal(err)
		}
		count += grants[0].Count
		time.Sleep(max(grants[0].Again, time.Millisecond))
	}
	return count
}

// Of the 80 messages a second of a number 20 come in, so that 60 are sent; another
// number has its own.
func TestWhatComesInMakesRoom(t *testing.T) {
	for _, tt := range []struct{ perSecond, sent int }{{0, 80}, {20, 60}, {79, 1}} {
		synctest.Test(t, func(t *testing.T) {
			s := &slots{Local: ratelimit.NewLocal(nil)}
			c := newComing(s, slog.New(slog.DiscardHandler))
			ctx, cancel := context.WithCancel(t.Context())
			var running sync.WaitGroup
			running.Go(func() { c.run(ctx) })
			time.Sleep(time.Second)
			running.Go(func() {
				for tt.perSecond > 0 && sleep(ctx, time.Second/time.Duration(tt.perSecond)) {
					c.note("1", time.Now())
				}
			})
			s.send(t, "1", 2)
			const seconds = 20
			if got := s.send(t, "1", seconds); got < (tt.sent-1)*seconds || got > (tt.sent+1)*seconds {
				t.Errorf("%d come in a second: %d sent in %d s, want %d a second", tt.perSecond, got, seconds, tt.sent)
			}
			cancel()
			running.Wait()
			if tt.perSecond == 0 && s.asked != 0 {
				t.Errorf("nothing comes in, and slots were asked for %d times", s.asked)
			}
		})
	}
}

// What cannot take a slot within a second is forgotten, and a failure is logged once.
func TestRoomThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slots{Local: ratelimit.NewLocal(nil), fails: true}
		var log strings.Builder
		c := newComing(s, slog.New(slog.NewTextHandler(&log, nil)))
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { c.run(ctx) })
		for range 10 {
			c.note("1", time.Now())
		}
		c.note("1", time.Now().Add(-time.Second)) // long over
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if want := c.want(); len(want) != 0 || s.asked > 21 {
			t.Errorf("%v is still wanted after %d tries", want, s.asked)
		}
		if n := strings.Count(log.String(), "\n"); n != 1 {
			t.Errorf("%d lines:\n%s", n, &log)
		}
		cancel()
		running.Wait()
	})
}
