package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// PartialError lists what of a batch was not stored. The rest is, and it is safe
// to put the whole batch again.
type PartialError struct {
	// Failed are indexes into the batch, with why.
	Failed map[int]error
}

func (e *PartialError) Error() string {
	for i, err := range e.Failed {
		return fmt.Sprintf("%d of a batch not stored, such as number %d: %v", len(e.Failed), i, err)
	}
	return "nothing failed"
}

// Unwrap gives the reasons, for errors.Is.
func (e *PartialError) Unwrap() []error {
	all := make([]error, 0, len(e.Failed))
	for _, err := range e.Failed {
		all = append(all, err)
	}
	return all
}

// batch waits for the acks of parcels that were sent together.
type batch struct {
	done chan struct{}

	mu     sync.Mutex
	left   int
	places []uint64 // sequences of what is stored
	known  []int    // what was stored before
	failed map[int]error
}

func (b *batch) settled(p *parcel, ack Ack) { b.settle(p.index, ack) }

func (b *batch) settle(index int, ack Ack) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.places[index] = ack.Sequence
	if ack.Duplicate {
		b.known = append(b.known, index)
	}
	if ack.Err != nil {
		if b.failed == nil {
			b.failed = make(map[int]error)
		}
		b.failed[index] = ack.Err
	}
	if b.left--; b.left == 0 {
		close(b.done)
	}
}

// sendAll publishes parcels and waits for all their acks until ctx ends. When it
// returns, the flight needs their bytes no more. It returns where each is stored, 0
// for one that is not. The error is a [*PartialError]; an error that is ok counts as
// success.
func (f *flight) sendAll(ctx context.Context, parcels []parcel, ok error) ([]uint64, error) {
	b, err := f.sendBatch(ctx, parcels, ok)
	return b.places, err
}

// sendBatch is [flight.sendAll] for who also wants to know what was stored before.
func (f *flight) sendBatch(ctx context.Context, parcels []parcel, ok error) (*batch, error) {
	if len(parcels) == 0 {
		return new(batch), nil
	}
	b := &batch{done: make(chan struct{}), left: len(parcels), places: make([]uint64, len(parcels))}
	for i := range parcels {
		p := &parcels[i]
		p.to, p.index = b, i
		if err := f.send(ctx, p); err != nil {
			b.settle(i, Ack{Err: err})
		}
	}
	select {
	case <-b.done:
	case <-ctx.Done():
		f.expire(ctx, b, parcels)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, err := range b.failed {
		if ok != nil && errors.Is(err, ok) {
			delete(b.failed, i)
		}
	}
	if len(b.failed) > 0 {
		return b, &PartialError{Failed: b.failed}
	}
	return b, nil
}

// expire ends a batch whose time is over.
func (f *flight) expire(ctx context.Context, b *batch, parcels []parcel) {
	for i := range parcels {
		if waiting, why := f.forget(&parcels[i]); waiting {
			b.settle(i, Ack{Err: fmt.Errorf("%w: %w", context.Cause(ctx), why)})
		}
	}
	<-b.done // the rest was settled while we looked
}
