package recipient_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/wacast/wacast/pkg/embed"
	"github.com/wacast/wacast/pkg/recipient"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// secret is the key of all tests.
var secret = recipient.Key("a key of the tests, not a secret")

// memory is a bucket in memory that keeps the contract of a real one.
type memory struct {
	mu      sync.Mutex
	changed chan struct{} // closed and replaced at each change
	values  map[string][]byte
	log     []change
	stalled bool // followers get nothing more
	down    bool // Last does not answer
	follows int
}

type change struct {
	key      string
	value    []byte
	revision uint64
}

func newMemory() *memory {
	return &memory{values: make(map[string][]byte), changed: make(chan struct{})}
}

func (m *memory) Put(_ context.Context, key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.set(key, value)
	return nil
}

func (m *memory) Create(_ context.Context, key string, value []byte) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values[key] != nil {
		return false, nil
	}
	m.set(key, value)
	return true, nil
}

func (m *memory) Update(_ context.Context, key string, change func([]byte) ([]byte, error)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, err := change(m.values[key])
	if err == nil {
		m.set(key, value)
	}
	return err
}

func (m *memory) Delete(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.set(key, nil)
	return nil
}

func (m *memory) Last(context.Context) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return 0, errors.New("no answer")
	}
	return uint64(len(m.log)), nil
}

// set enters a change; m.mu is held.
func (m *memory) set(key string, value []byte) {
	m.values[key] = value
	m.log = append(m.log, change{key, value, uint64(len(m.log) + 1)})
	m.wake()
}

func (m *memory) wake() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// with changes the bucket's behaviour.
func (m *memory) with(fn func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	fn()
	m.wake()
}

// followed is how often somebody began to follow.
func (m *memory) followed() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.follows
}

func (m *memory) Follow(ctx context.Context, fn func(key string, value []byte, revision uint64)) error {
	m.mu.Lock()
	m.follows++
	before := len(m.log)
	m.mu.Unlock()
	next, complete := 0, false
	for {
		m.mu.Lock()
		news, changed, stalled := m.log[next:], m.changed, m.stalled
		m.mu.Unlock()
		for _, c := range news {
			if stalled || !complete && next == before {
				break
			}
			fn(c.key, c.value, c.revision)
			next++
		}
		if !complete && !stalled && next == before {
			complete = true
			fn("", nil, uint64(before))
			continue
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-changed:
		}
	}
}

// bucket is one of NATS.
type bucket struct {
	js jetstream.JetStream
	kv jetstream.KeyValue
}

func (b bucket) Put(ctx context.Context, key string, value []byte) error {
	_, err := b.kv.Put(ctx, key, value)
	return err
}

func (b bucket) Create(ctx context.Context, key string, value []byte) (bool, error) {
	_, err := b.kv.Create(ctx, key, value)
	if errors.Is(err, jetstream.ErrKeyExists) {
		return false, nil
	}
	return err == nil, err
}

func (b bucket) Delete(ctx context.Context, key string) error { return b.kv.Delete(ctx, key) }

func (b bucket) Update(ctx context.Context, key string, change func([]byte) ([]byte, error)) error {
	for {
		var have []byte
		var revision uint64
		entry, err := b.kv.Get(ctx, key)
		switch {
		case err == nil:
			have, revision = entry.Value(), entry.Revision()
		case !errors.Is(err, jetstream.ErrKeyNotFound):
			return err
		}
		value, err := change(have)
		if err != nil {
			return err
		}
		if revision == 0 {
			_, err = b.kv.Create(ctx, key, value)
		} else {
			_, err = b.kv.Update(ctx, key, value, revision)
		}
		if !errors.Is(err, jetstream.ErrKeyExists) {
			return err
		}
	}
}

func (b bucket) Last(ctx context.Context) (uint64, error) {
	stream, err := b.js.Stream(ctx, "KV_"+b.kv.Bucket())
	if err != nil {
		return 0, err
	}
	return stream.CachedInfo().State.LastSeq, nil
}

func (b bucket) Follow(ctx context.Context, fn func(key string, value []byte, revision uint64)) error {
	before, err := b.Last(ctx)
	if err != nil {
		return err
	}
	w, err := b.kv.WatchAll(ctx)
	if err != nil {
		return err
	}
	defer w.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case e, ok := <-w.Updates():
			switch {
			case !ok:
				return errors.New("the watcher ended")
			case e == nil:
				fn("", nil, before)
			case e.Operation() != jetstream.KeyValuePut:
				fn(e.Key(), nil, e.Revision())
			default:
				fn(e.Key(), e.Value(), e.Revision())
			}
		}
	}
}

// buckets are those of one book: consent, people, windows.
type buckets [3]recipient.Bucket

func inMemory() buckets { return buckets{newMemory(), newMemory(), newMemory()} }

func onNATS(tb testing.TB) (all buckets) {
	tb.Helper()
	server, err := embed.StartNATS(embed.NATSOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(server.Close)
	nc, err := server.Connect()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		tb.Fatal(err)
	}
	for i := range all {
		kv, err := js.CreateKeyValue(tb.Context(), jetstream.KeyValueConfig{Bucket: fmt.Sprint("b", i)})
		if err != nil {
			tb.Fatal(err)
		}
		all[i] = bucket{js, kv}
	}
	return all
}

// idle is a book that does not run, as commands use it.
func (b buckets) idle() *recipient.Book {
	return recipient.NewBook(recipient.Config{Consent: b[0], People: b[1], Windows: b[2], Key: secret})
}

// open runs a book and waits until it knows everything.
func (b buckets) open(tb testing.TB) *recipient.Book {
	tb.Helper()
	book := b.idle()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = book.Run(ctx) })
	tb.Cleanup(func() { cancel(); running.Wait() })
	<-book.Ready()
	return book
}

// eventually waits until something that another goroutine does has happened.
func eventually(tb testing.TB, what string, is func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(10 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatal("never came to be: " + what)
		}
	}
}

// done fails the test on an error.
func done[T any](tb testing.TB) func(T, error) T {
	return func(v T, err error) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}
