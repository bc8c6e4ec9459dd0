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
