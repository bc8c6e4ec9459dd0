package queue_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/queue"
)

func (r *rig) bucket(t *testing.T) *queue.Bucket {
	t.Helper()
	b, err := queue.OpenBucket(context.Background(), r.js, r.names.SendersBucket())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBucket(t *testing.T) {
	t.Parallel()
	b := start(t, queue.Settings{}).bucket(t)
	ctx := context.Background()
	if _, err := b.Get(ctx, "k"); !errors.Is(err, queue.ErrNoKey) {
		t.Errorf("Get of nothing = %v, want ErrNoKey", err)
	}
	if keys, err := b.Keys(ctx); err != nil || len(keys) != 0 {
		t.Errorf("Keys of nothing = %v, %v", keys, err)
	}
	for i, want := range []bool{true, false} {
		if got, err := b.Create(ctx, "k", []byte("1")); got != want || err != nil {
			t.Errorf("Create number %d = %v, %v", i+1, got, err)
		}
	}
	if err := b.Put(ctx, "k", []byte("2")); err != nil {
		t.Fatal(err)
	}
	if err := b.Put(ctx, "template.waba/hello", []byte("3")); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Get(ctx, "k"); err != nil || string(got) != "2" {
		t.Errorf("Get = %q, %v", got, err)
	}
	if keys, err := b.Keys(ctx); err != nil || !cmp.Equal([]string{"k", "template.waba/hello"}, keys) {
		t.Errorf("Keys = %v, %v", keys, err)
	}
	for range 2 {
		if err := b.Delete(ctx, "k"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Get(ctx, "k"); !errors.Is(err, queue.ErrNoKey) {
		t.Errorf("Get after Delete = %v, want ErrNoKey", err)
	}
	if created, err := b.Create(ctx, "k", []byte("4")); !created || err != nil {
		t.Errorf("Create after Delete = %v, %v", created, err)
	}
	if err := b.Put(ctx, "no key", nil); err == nil {
		t.Error("Put took a key with a space")
	}
}

// seen is one call of Watch's function.
type seen struct {
	Key, Value string
	Deleted    bool
}

func watchBucket(t *testing.T, b *queue.Bucket) (calls <-chan seen, end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	all := make(chan seen, 1000)
	done := make(chan error)
	go func() {
		done <- b.Watch(ctx, func(key string, value []byte) {
			all <- seen{key, string(value), value == nil && key != ""}
		})
	}()
	return all, func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Watch ended with %v", err)
		}
	}
}

func next(t *testing.T, calls <-chan seen) seen {
	t.Helper()
	select {
	case c := <-calls:
		return c
	case <-time.After(15 * time.Second):
		t.Fatal("no change came")
		return seen{}
	}
}

func TestBucketWatch(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	b := r.bucket(t)
	ctx := context.Background()
	put := func(key, value string) {
		t.Helper()
		if err := b.Put(ctx, key, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	put("a", "1")
	put("b", "1")
	calls, end := watchBucket(t, b)
	defer end()
	got := []seen{next(t, calls), next(t, calls), next(t, calls)}
	put("a", "2")
	put("empty", "")
	if err := b.Delete(ctx, "b"); err != nil {
		t.Fatal(err)
	}
	got = append(got, next(t, calls), next(t, calls), next(t, calls))
	want := []seen{{Key: "a", Value: "1"}, {Key: "b", Value: "1"}, {}, {Key: "a", Value: "2"}, {Key: "empty"}, {Key: "b", Deleted: true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	r.restart(t)
	eventually(t, "the server takes changes", func() bool { return b.Put(ctx, "a", []byte("3")) == nil })
	for {
		c := next(t, calls)
		if c.Key == "" {
			t.Error("the end of what there is came twice")
		}
		if c == (seen{Key: "a", Value: "3"}) {
			break
		}
	}
}

func TestBucketWatchOfNothing(t *testing.T) {
	t.Parallel()
	calls, end := watchBucket(t, start(t, queue.Settings{}).bucket(t))
	if got := next(t, calls); got != (seen{}) {
		t.Errorf("first call %+v, want the end of what there is", got)
	}
	end()
}

func TestBucketWatchEndsBesideAFlood(t *testing.T) {
	t.Parallel()
	b := start(t, queue.Settings{}).bucket(t)
	ctx, cancel := context.WithCancel(context.Background())
	first := make(chan struct{}, 1)
	done := make(chan error)
	for i := range 600 { // more than a watcher buffers
		if err := b.Put(ctx, key(bulk, i).ID, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	go func() {
		done <- b.Watch(ctx, func(string, []byte) {
			select {
			case first <- struct{}{}:
			default:
			}
		})
	}()
	<-first
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Watch = %v", err)
	}
}

func TestBucketFollowTellsRevisions(t *testing.T) {
	t.Parallel()
	b := start(t, queue.Settings{}).bucket(t)
	ctx, cancel := context.WithCancel(context.Background())
	for _, key := range []string{"a", "b", "a"} {
		if err := b.Put(ctx, key, []byte("1")); err != nil {
			t.Fatal(err)
		}
	}
	if last, err := b.Last(ctx); err != nil || last != 3 {
		t.Errorf("Last = %d, %v, want 3", last, err)
	}
	type change struct {
		Key      string
		Revision uint64
	}
	calls, done := make(chan change, 100), make(chan error)
	go func() {
		done <- b.Follow(ctx, func(key string, _ []byte, revision uint64) { calls <- change{key, revision} })
	}()
	for _, want := range []change{{"b", 2}, {"a", 3}, {"", 3}} {
		if got := <-calls; got != want {
			t.Errorf("followed %v, want %v", got, want)
		}
	}
	if err := b.Delete(ctx, "b"); err != nil {
		t.Fatal(err)
	}
	if got := <-calls; got != (change{"b", 4}) {
		t.Errorf("followed %v after a deletion", got)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Follow = %v", err)
	}
}
