package queue_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"

	"github.com/wacast/wacast/pkg/queue"
)

func TestUpdate(t *testing.T) {
	t.Parallel()
	b := start(t, queue.Settings{}).bucket(t)
	ctx := context.Background()
	add := func(text string) func([]byte) ([]byte, error) {
		return func(value []byte) ([]byte, error) { return append(value, text...), nil }
	}
	for _, step := range []struct {
		do   func() error
		want string
	}{
		{func() error { return b.Update(ctx, "k", add("a")) }, "a"},
		{func() error { return b.Update(ctx, "k", add("b")) }, "ab"},
		{func() error { return errors.Join(b.Delete(ctx, "k"), b.Update(ctx, "k", add("c"))) }, "c"},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if got, err := b.Get(ctx, "k"); err != nil || string(got) != step.want {
			t.Fatalf("value = %q, %v; want %q", got, err, step.want)
		}
	}
	refused := errors.New("refused")
	if err := b.Update(ctx, "k", func([]byte) ([]byte, error) { return []byte("d"), refused }); !errors.Is(err, refused) {
		t.Errorf("Update = %v, want the error of change", err)
	}
	if got, err := b.Get(ctx, "k"); err != nil || string(got) != "c" {
		t.Errorf("value after a change that failed = %q, %v; want it as it was", got, err)
	}
}

// Each of many adds one, all at once, from a key that has no value.
func TestUpdateLosesNothing(t *testing.T) {
	t.Parallel()
	const writers, each = 4, 5
	b := start(t, queue.Settings{}).bucket(t)
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				err := b.Update(context.Background(), "n", func(value []byte) ([]byte, error) {
					n, _ := strconv.Atoi(string(value)) // nothing is 0
					return []byte(strconv.Itoa(n + 1)), nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got, err := b.Get(context.Background(), "n"); err != nil || string(got) != strconv.Itoa(writers*each) {
		t.Errorf("value = %q, %v; want %d", got, err, writers*each)
	}
}
