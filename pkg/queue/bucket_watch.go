package queue

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Watch calls fn with each key and value there is, once with an empty key when
// that was all, and then with each change as it happens, until ctx ends. The value
// of a key that was deleted is nil. After the connection was lost, what there is
// comes again. A server that does not answer is asked again, so that the error is
// always the context's; fn must not block.
func (b *Bucket) Watch(ctx context.Context, fn func(key string, value []byte)) error {
	complete := false
	return b.Follow(ctx, func(key string, value []byte, _ uint64) {
		if key == "" {
			if complete {
				return
			}
			complete = true
		}
		fn(key, value)
	})
}

// Follow is [Bucket.Watch] with the revision of each change, and an empty key each
// time that all there is has come: then the revision is one that the bucket had before
// it was read, so that nothing up to it is missing.
func (b *Bucket) Follow(ctx context.Context, fn func(key string, value []byte, revision uint64)) error {
	for {
		b.followOnce(ctx, fn)
		if !wait(ctx, troublePause) {
			return context.Cause(ctx)
		}
	}
}

// Last is the newest revision of the bucket, as its leader knows it.
func (b *Bucket) Last(ctx context.Context) (uint64, error) {
	info, err := requestInfo(ctx, b.nc, "KV_"+b.kv.Bucket(), struct{}{})
	if err != nil {
		return 0, fmt.Errorf("last revision of bucket %s: %w", b.kv.Bucket(), err)
	}
	return info.State.Last, nil
}

// followOnce follows until ctx ends, the connection is made anew or the watcher
// fails.
func (b *Bucket) followOnce(ctx context.Context, fn func(key string, value []byte, revision uint64)) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// The watcher's consumer may be gone with the server it was on, which nats.go
	// takes many seconds to notice.
	connected := b.nc.StatusChanged(nats.CONNECTED)
	defer b.nc.RemoveStatusListener(connected)
	before, err := b.Last(ctx)
	if err != nil {
		return
	}
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
				fn("", nil, before)
			case entry.Operation() != jetstream.KeyValuePut:
				fn(entry.Key(), nil, entry.Revision())
			case entry.Value() == nil:
				fn(entry.Key(), []byte{}, entry.Revision())
			default:
				fn(entry.Key(), entry.Value(), entry.Revision())
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
