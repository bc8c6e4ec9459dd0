package queue

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// Update changes the value of a key from what it is to what change makes of it; nil
// is a key without a value. When somebody else changes the key meanwhile, change is
// asked again with the newer value, so that neither's work is lost. An error of
// change leaves the key as it is, and is returned.
func (b *Bucket) Update(ctx context.Context, key string, change func(value []byte) ([]byte, error)) error {
	for {
		value, revision, err := b.revision(ctx, key)
		if err != nil {
			return err
		}
		if value, err = change(value); err != nil {
			return err
		}
		stored, err := b.swap(ctx, key, value, revision)
		if err != nil {
			return fmt.Errorf("update in bucket %s: %w", b.kv.Bucket(), err)
		}
		if stored {
			return nil
		}
	}
}

// revision returns a value and its revision, 0 for none.
func (b *Bucket) revision(ctx context.Context, key string) ([]byte, uint64, error) {
	entry, err := b.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("get from bucket %s: %w", b.kv.Bucket(), err)
	}
	return entry.Value(), entry.Revision(), nil
}

// swap stores a value unless the key has another revision by now.
func (b *Bucket) swap(ctx context.Context, key string, value []byte, revision uint64) (bool, error) {
	if revision == 0 { // a deleted key has a revision too, which Create knows of
		_, err := b.kv.Create(ctx, key, value)
		if errors.Is(err, jetstream.ErrKeyExists) {
			return false, nil
		}
		return err == nil, err
	}
	_, err := b.kv.Update(ctx, key, value, revision)
	if api := apiError(err); api != nil && (api.ErrorCode == codeWrongSequence || api.ErrorCode == codeWrongSequenceR) {
		return false, nil
	}
	return err == nil, err
}
