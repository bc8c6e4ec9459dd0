package recipient_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/recipient"
)

func TestFresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		consent := newMemory()
		buckets := buckets{consent, newMemory(), newMemory()}
		b := buckets.idle()
		if b.Fresh() {
			t.Error("fresh before it has read anything")
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = b.Run(ctx) })
		<-b.Ready()
		fresh := func(after time.Duration, want bool, when string) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			if b.Fresh() != want {
				t.Errorf("fresh = %v %s", !want, when)
			}
		}
		fresh(time.Second, true, "once all is read")
		fresh(time.Hour, true, "while nothing happens")
		consent.with(func() { consent.down = true })
		fresh(time.Second, true, "a moment after the server fell silent")
		fresh(time.Second, false, "while the server is silent")
		consent.with(func() { consent.down = false })
		fresh(time.Second, true, "when the server is back")
		// A STOP that does not come through is noticed, and the bucket is read anew.
		consent.with(func() { consent.stalled = true })
		p := recipient.Person{Number: "+5491155550100"}
		done[bool](t)(buckets.idle().OptOut(ctx, p, recipient.OptOut{Scope: recipient.All, Source: recipient.Keyword}))
		fresh(2*time.Second, false, "while a change does not come")
		if n := consent.followed(); n != 1 {
			t.Errorf("followed %d times", n)
		}
		time.Sleep(10 * time.Second)
		if consent.followed() < 2 {
			t.Error("a view that stands still is not read anew")
		}
		consent.with(func() { consent.stalled = false })
		fresh(10*time.Second, true, "when the changes come")
		if got := b.Check(p, ours, false).Reason; got != job.ReasonOptedOut {
			t.Errorf("reason = %q", got)
		}
		cancel()
		running.Wait()
	})
}

func TestUseKey(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	use := func(m *memory, given recipient.Key) error {
		_, err := recipient.UseKey(ctx, m, given)
		return err
	}
	set, shared := newMemory(), newMemory()
	for _, step := range []struct {
		bucket *memory
		given  recipient.Key
		right  bool
	}{
		{set, secret, true}, {set, secret, true}, {set, nil, false}, {set, recipient.Key("another key of the tests"), false},
		{shared, nil, true}, {shared, nil, true}, {shared, secret, false},
	} {
		if err := use(step.bucket, step.given); (err == nil) != step.right || err != nil && !errors.Is(err, recipient.ErrKey) {
			t.Errorf("with %d bytes: %v", len(step.given), err)
		}
	}
}

// behind is a bucket that is read from a copy without the newest of it, for a while.
type behind struct {
	*memory
	hides string
	looks int
}

func (b *behind) Update(ctx context.Context, key string, change func([]byte) ([]byte, error)) error {
	if key == b.hides && b.looks > 0 {
		b.looks--
		_, err := change(nil)
		return err
	}
	return b.memory.Update(ctx, key, change)
}

// A copy of the bucket that has not caught up yet makes no key a wrong one.
func TestUseKeyOfACopyThatIsBehind(t *testing.T) {
	t.Parallel()
	for _, hides := range []string{"key", "proof"} {
		shared := newMemory()
		want, err := recipient.UseKey(t.Context(), shared, nil)
		if err != nil {
			t.Fatal(err)
		}
		copied := &behind{shared, hides, 2}
		if got, err := recipient.UseKey(t.Context(), copied, nil); err != nil || !slices.Equal(got, want) {
			t.Errorf("without the %s: %v", hides, err)
		}
		if copied.looks > 0 {
			t.Errorf("the %s was looked for only %d times", hides, 2-copied.looks)
		}
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	if secret.Number("+5491155550100") != secret.Number("5491155550100") {
		t.Error("a wa_id that is the number is another person")
	}
	if secret.Number("123456789") == secret.User("123456789") {
		t.Error("a number and a user id are one")
	}
	if secret.Number("123456789") == recipient.Key("another key of the tests").Number("123456789") {
		t.Error("the key does not matter")
	}
	want := []recipient.ID{secret.Number(emilia.Number), secret.Number(emilia.WaID), secret.User(emilia.UserID)}
	if diff := cmp.Diff(want, secret.IDs(emilia)); diff != "" {
		t.Error(diff)
	}
	if ids := secret.IDs(recipient.Person{Number: "+5491155550100", WaID: "5491155550100"}); len(ids) != 1 {
		t.Errorf("one alias is %d", len(ids))
	}
	for _, id := range want {
		if len(id) != 16 || !recipient.IsID(string(id)) {
			t.Errorf("id %q", id)
		}
	}
	if recipient.IsID("key") || recipient.IsID("proof") {
		t.Error("the key is a person")
	}
	for text, right := range map[string]bool{"": false, "too short": false, "sixteen letters!": true, "00112233445566778899aabbccddeeff": true, "0011223344556677": false} {
		if _, err := recipient.ParseKey(text); (err == nil) != right {
			t.Errorf("ParseKey(%q) = %v", text, err)
		}
	}
}
