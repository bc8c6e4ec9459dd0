package webhook

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/wacast/wacast/pkg/sender"
)

// heardEvery is how often what was heard is written down at most. It only has to be
// short beside the deadline of an unknown outcome.
const heardEvery = 3 * time.Second

// Bucket is where replicas share what they have heard; [queue.Bucket] does.
type Bucket interface {
	Update(ctx context.Context, key string, change func(value []byte) ([]byte, error)) error
}

// heard tells all replicas when the latest message of each number was sent of which
// a status has come in. While webhooks are silent, a status that is missing says
// nothing, and no deadline may run.
type heard struct {
	bucket  Bucket
	trouble *trouble
	log     *slog.Logger

	mu      sync.Mutex
	sent    map[string]time.Time
	written map[string]time.Time
}

func newHeard(bucket Bucket, log *slog.Logger) *heard {
	return &heard{
		bucket: bucket, trouble: &trouble{what: "writing down what webhooks were heard of", log: log}, log: log,
		sent: make(map[string]time.Time), written: make(map[string]time.Time),
	}
}

// note takes a status of a message that was sent at a time.
func (h *heard) note(number string, sentAt time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if sentAt.After(h.sent[number]) {
		h.sent[number] = sentAt
	}
}

// run writes until ctx ends.
func (h *heard) run(ctx context.Context) {
	tick := time.NewTicker(heardEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			h.flush(ctx)
		}
	}
}

// flush writes what is new. What fails is written with the next.
func (h *heard) flush(ctx context.Context) {
	for number, sentAt := range h.news() {
		err := h.bucket.Update(ctx, sender.HeardKey(number), func(value []byte) ([]byte, error) {
			return h.later(value, sentAt)
		})
		if ctx.Err() != nil || h.trouble.note(err) != nil {
			return
		}
		h.mu.Lock()
		h.written[number] = sentAt
		h.mu.Unlock()
	}
}

// later is the value with the later of two times: another replica may have heard
// of a message that was sent after ours.
func (h *heard) later(value []byte, sentAt time.Time) ([]byte, error) {
	if value != nil {
		stored, err := sender.DecodeHeard(value)
		if err != nil {
			h.log.Warn("what was heard of a number is written anew", "error", err)
		} else if !sentAt.After(stored) {
			return value, nil
		}
	}
	return sender.EncodeHeard(sentAt)
}

func (h *heard) news() map[string]time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	fresh := make(map[string]time.Time)
	for number, sentAt := range h.sent {
		if sentAt.After(h.written[number]) {
			fresh[number] = sentAt
		}
	}
	return fresh
}
