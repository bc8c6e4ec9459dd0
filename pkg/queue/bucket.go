package queue

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrNoKey marks a key that a bucket does not have.
var ErrNoKey = errors.New("no such key")

// Bucket is a small key-value store whose changes everybody sees at once. It may be
// used by many goroutines.
type Bucket struct {
	nc *nats.Conn
	kv jetstream.KeyValue
}

// OpenBucket opens a bucket that [Ensure] has created.
func OpenBucket(ctx context.Context, js jetstream.JetStream, name string) (*Bucket, error) {
	kv, err := js.KeyValue(ctx, name)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return nil, fmt.Errorf("open bucket %s: %w", name, ErrNoStream)
	}
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", name, err)
	}
	return &Bucket{nc: js.Conn(), kv: kv}, nil
}

// Get returns the value of a key, or [ErrNoKey].
func (b *Bucket) Get(ctx context.Context, key string) ([]byte, error) {
	entry, err := b.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, ErrNoKey
	}
	if err != nil {
		return nil, fmt.Errorf("get from bucket %s: %w", b.kv.Bucket(), err)
	}
	return entry.Value(), nil
}

// Put sets the value of a key.
func (b *Bucket) Put(ctx context.Context, key string, value []byte) error {
	if _, err := b.kv.Put(ctx, key, value); err != nil {
		return fmt.Errorf("put into bucket %s: %w", b.kv.Bucket(), err)
	}
	return nil
}

// Create sets the value of a key that has none, and reports whether it did.
func (b *Bucket) Create(ctx context.Context, key string, value []byte) (bool, error) {
	_, err := b.kv.Create(ctx, key, value)
	if errors.Is(err, jetstream.ErrKeyExists) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("create in bucket %s: %w", b.kv.Bucket(), err)
	}
	return true, nil
}

// Delete removes a key. It is no error when there is none.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	if err := b.kv.Delete(ctx, key); err != nil {
		return fmt.Errorf("delete from bucket %s: %w", b.kv.Bucket(), err)
	}
	return nil
}

// Keys lists the keys that have a value, sorted.
func (b *Bucket) Keys(ctx context.Context) ([]string, error) {
	ctx, cancel := withTimeout(ctx, apiTimeout)
	defer cancel()
	keys, err := b.kv.Keys(ctx)
	if errors.Is(err, jetstream.ErrNoKeysFound) {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("list bucket %s: %w", b.kv.Bucket(), err)
	}
	return keys, nil
}

// Watch calls fn with each key and value there is, once with an empty key when
// that was all, and then with each change as it happens, until ctx ends. The value
// of a key that was deleted is nil. After the connection was lost, what there is
// comes again. A server that does not answer is asked again, so that the error is
// always the context's; fn must not block.
func (b *Bucket) Watch(ctx context.Context, fn func(key string, value []byte)) error {
	complete := false
	for {
		b.watchOnce(ctx, func(key string, value []byte) {
			if key == "" {
				if complete {
					return
				}
				complete = true
			}
			fn(key, value)
		})
		if !wait(ctx, troublePause) {
			return context.Cause(ctx)
		}
	}
}

// watchOnce watches until ctx ends, the connection is made anew or the watcher
// fails.
func (b *Bucket) watchOnce(ctx context.Context, fn func(key string, value []byte)) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// The watcher's consumer may be gone with the server it was on, which nats.go
	// takes many seconds to notice.
	connected := b.nc.StatusChanged(nats.CONNECTED)
	defer b.nc.RemoveStatusListener(connected)
	w, err := b.kv.WatchAll(ctx)
	if err != nil {
		return
	}
	defer drain(w)
	for {
		select {
		case <-ctx.Done():
			return
		case <-connected:
			return
		case entry, ok := <-w.Updates():
			switch {
			case !ok:
				return
			case entry == nil:
				fn("", nil)
			case entry.Operation() != jetstream.KeyValuePut:
				fn(entry.Key(), nil)
			case entry.Value() == nil:
				fn(entry.Key(), []byte{})
			default:
				fn(entry.Key(), entry.Value())
			}
		}
	}
}

// drain stops a watcher. It sends from a goroutine of its own, which must not be
// left waiting for a reader.
func drain(w jetstream.KeyWatcher) {
	_ = w.Stop() // fails on a closed connection only, which closes the channel too
	for range w.Updates() {
	}
}
