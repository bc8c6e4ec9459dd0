package webhook

import (
	"log/slog"
	"sync"
	"time"
)

// seldom logs what anybody on the internet can cause as often as they like: once,
// and then no more than once in a while, with how often it was.
type seldom struct {
	every time.Duration
	log   *slog.Logger

	mu     sync.Mutex
	last   time.Time
	silent int
}

func (s *seldom) warn(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent++
	if now := time.Now(); s.last.IsZero() || now.Sub(s.last) >= s.every {
		s.log.Warn(text, "times", s.silent)
		s.last, s.silent = now, 0
	}
}
