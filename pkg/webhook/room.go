package webhook

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// Room is the rate of numbers, of which messages that come in take a part: the
// platform's limit is on both ways together.
type Room interface {
	// Take takes slots of numbers, so many as are wanted of each, and returns how many
	// each got.
	Take(ctx context.Context, want map[string]int) (taken map[string]int, err error)
}

const (
	// roomEvery is how often slots are asked for while messages come in.
	roomEvery = 50 * time.Millisecond
	// roomAge is how old a message may be to take a slot. What came before has been
	// counted by the platform, and is over.
	roomAge = time.Second
	// roomTimeout bounds one try, and roomSilence how often a failure is logged.
	roomTimeout = time.Second
	roomSilence = time.Minute
	// maxComing bounds what is remembered of a number, which no limit exceeds.
	maxComing = 2000
)

// coming are the messages of the last moments that have not taken a slot. It is safe
// for concurrent use.
type coming struct {
	room Room
	lost seldom
	wake chan struct{}

	mu    sync.Mutex
	times map[string][]time.Time // when they came, by number
}

func newComing(room Room, log *slog.Logger) *coming {
	return &coming{
		room: room, lost: seldom{every: roomSilence, log: log}, wake: make(chan struct{}, 1), times: make(map[string][]time.Time),
	}
}

// note counts a message that came at a time.
func (c *coming) note(number string, at time.Time) {
	if c.room == nil || time.Since(at) >= roomAge {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.times[number]) < maxComing {
		c.times[number] = append(c.times[number], at)
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// run takes slots for what comes in until ctx ends. While nothing does it waits.
func (c *coming) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
		}
		for want := c.want(); len(want) > 0; want = c.want() {
			c.take(ctx, want)
			if !sleep(ctx, roomEvery) {
				return
			}
		}
	}
}

// want is how many slots each number lacks.
func (c *coming) want() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	want := make(map[string]int, len(c.times))
	maps.DeleteFunc(c.times, func(number string, times []time.Time) bool {
		times = slices.DeleteFunc(times, func(at time.Time) bool { return time.Since(at) >= roomAge })
		if len(times) > 0 {
			c.times[number], want[number] = times, len(times)
		}
		return len(times) == 0
	})
	return want
}

// take asks once. Where that fails, what is sent goes on at its full rate, and the
// platform may refuse some, which is tried again.
func (c *coming) take(ctx context.Context, want map[string]int) {
	ctx, cancel := context.WithTimeout(ctx, roomTimeout)
	defer cancel()
	taken, err := c.room.Take(ctx, want)
	if err != nil {
		if ctx.Err() == nil {
			c.lost.warn("messages that come in take no slots, so that some that are sent may be refused: " + err.Error())
		}
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for number, n := range taken {
		c.times[number] = c.times[number][min(n, len(c.times[number])):]
	}
}

// makeRoom counts what has just come in, for the first time.
func (p *Processor) makeRoom(b *batch) {
	for _, m := range b.inbound {
		if d := m.hook.delivery; d.Delivered > 1 || m.number == "" {
			continue
		}
		if _, err := p.cfg.Accounts.Lookup(m.number); err == nil {
			p.coming.note(m.number, m.hook.delivery.Stored)
		}
	}
}
