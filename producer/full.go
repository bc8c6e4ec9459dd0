package producer

import (
	"context"
	"errors"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// Waits for room in a full stream, each twice as long as the one before.
const (
	firstFullWait = 250 * time.Millisecond
	longFullWait  = 10 * time.Second
)

// parcel is a job as it is published.
type parcel struct {
	id   queue.ID
	key  job.Key
	data []byte
}

// refill publishes again what met a full stream, and waits until there is room for
// the first of it; it reports whether there was any. No more of them wait than may
// be in flight.
func (r *run) refill(ctx context.Context) (bool, error) {
	again := r.takeRefused()
	if len(again) == 0 {
		return false, nil
	}
	if err := r.awaitRoom(ctx, again[0]); err != nil {
		return true, err
	}
	for _, one := range again[1:] {
		if err := r.hand(ctx, one); err != nil {
			return true, err
		}
	}
	return true, nil
}

// awaitRoom publishes one job, however long the stream stays full.
func (r *run) awaitRoom(ctx context.Context, one parcel) error {
	for wait := firstFullWait; ; wait = min(2*wait, longFullWait) {
		r.full(wait)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		}
		ack, err := r.publisher.Publish(ctx, one.id, one.key, one.data)
		if errors.Is(err, ErrFull) {
			continue
		}
		if err == nil {
			r.stored(ack, one)
		}
		return err
	}
}

// settle waits for all acks, and publishes again what they refuse.
func (r *run) settle(ctx context.Context) error {
	for {
		r.pending.Wait() // bounded by the publisher's patience
		if more, err := r.refill(ctx); !more || err != nil {
			return err
		}
	}
}

func (r *run) takeRefused() []parcel {
	r.mu.Lock()
	defer r.mu.Unlock()
	again := r.refused
	r.refused = nil
	return again
}
