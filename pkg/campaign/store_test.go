package campaign_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/job"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a bucket in memory, shared by stores as the real one is.
type memory struct {
	mu       sync.Mutex
	values   map[string][]byte
	watchers map[chan change]struct{}
	writes   int
	down     error
}

type change struct {
	key   string
	value []byte
}

func newMemory() *memory {
	return &memory{values: make(map[string][]byte), watchers: make(map[chan change]struct{})}
}

func (m *memory) Put(_ context.Context, key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.set(key, value)
}

func (m *memory) Get(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, ok := m.values[key]
	if !ok {
		return nil, errors.New("no such key")
	}
	return value, nil
}

func (m *memory) Update(_ context.Context, key string, change func([]byte) ([]byte, error)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, err := change(m.values[key])
	if err != nil {
		return err
	}
	return m.set(key, value)
}

func (m *memory) Create(_ context.Context, key string, value []byte) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values[key] != nil {
		return false, m.down
	}
	return m.down == nil, m.set(key, value)
}

func (m *memory) set(key string, value []byte) error {
	if m.down != nil {
		return m.down
	}
	m.writes++
	if m.values[key] = value; value == nil {
		delete(m.values, key)
	}
	for w := range m.watchers {
		w <- change{key, value}
	}
	return nil
}

func (m *memory) Watch(ctx context.Context, fn func(string, []byte)) error {
	changes := make(chan change, 100)
	m.mu.Lock()
	for key, value := range m.values {
		fn(key, value)
	}
	fn("", nil)
	m.watchers[changes] = struct{}{}
	m.mu.Unlock()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case c := <-changes:
			fn(c.key, c.value)
		}
	}
}

// run starts a store and waits until it knows all there is.
func run(t *testing.T, s *campaign.Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run ended with %v", err)
		}
	})
	<-s.Ready()
}

// eventually waits for what another store wrote; nothing signals its arrival.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not in time:", what)
		}
	}
}

func clock() time.Time { return time.Date(2026, 11, 22, 21, 0, 0, 0, time.UTC) }

func TestAllStoresSeeAPause(t *testing.T) {
	bucket := newMemory()
	writer := campaign.NewStore(campaign.Config{Bucket: bucket, Now: clock})
	reader := campaign.NewStore(campaign.Config{Bucket: bucket})
	run(t, writer)
	run(t, reader)
	if err := writer.Put(t.Context(), campaign.Spec{ID: "c1", State: campaign.Open, Template: "hello", Params: map[string]string{"body.1": "{{.name}}"}}); err != nil {
		t.Fatal(err)
	}
	pause(t, writer, "wrong text")
	want := campaign.Spec{
		ID: "c1", State: campaign.Paused, Reason: "wrong text", By: "ana", Since: clock(), Resumes: campaign.Open, CreatedAt: clock(),
		Template: "hello", Params: map[string]string{"body.1": "{{.name}}"},
	}
	if got, _ := writer.Lookup("c1"); !cmp.Equal(want, got) {
		t.Error("the writer does not see it at once:", cmp.Diff(want, got))
	}
	eventually(t, "the pause at the other store", func() bool {
		got, _ := reader.Lookup("c1")
		return cmp.Equal(want, got)
	})
	if want.Sends() {
		t.Error("a paused campaign sends")
	}
}

// pause pauses the campaign c1.
func pause(t *testing.T, s *campaign.Store, reason string) {
	t.Helper()
	if err := s.Change(t.Context(), "c1", func(spec *campaign.Spec) error { return spec.Pause(reason, "ana", clock()) }); err != nil {
		t.Fatal(err)
	}
}

// Whoever waits for a change is woken by those of every store, and by nothing else.
func TestChanged(t *testing.T) {
	bucket := newMemory()
	writer, reader := campaign.NewStore(campaign.Config{Bucket: bucket}), campaign.NewStore(campaign.Config{Bucket: bucket})
	run(t, reader)
	for _, s := range []*campaign.Store{writer, reader} {
		changed := s.Changed()
		pause(t, writer, "")
		select {
		case <-changed:
		case <-time.After(10 * time.Second):
			t.Fatal("not woken")
		}
	}
	changed := writer.Changed()
	if _, ok := writer.Lookup("c1"); !ok {
		t.Error("the campaign is not known")
	}
	select {
	case <-changed:
		t.Error("woken by nothing")
	default:
	}
}

// A change starts from what is in the bucket, not from what this store knows.
func TestChangeLosesNoOthersWork(t *testing.T) {
	bucket := newMemory()
	one, two := campaign.NewStore(campaign.Config{Bucket: bucket, Now: clock}), campaign.NewStore(campaign.Config{Bucket: bucket, Now: clock})
	if err := one.Put(t.Context(), campaign.Spec{ID: "c1", State: campaign.Open, Template: "hello"}); err != nil {
		t.Fatal(err)
	}
	if err := two.Change(t.Context(), "c1", func(spec *campaign.Spec) error { return spec.Close(1200, clock()) }); err != nil {
		t.Fatal(err)
	}
	pause(t, one, "")
	got, _ := one.Lookup("c1")
	if got.State != campaign.Paused || got.Resumes != campaign.Closed || got.Expected != 1200 || got.Template != "hello" {
		t.Errorf("%+v: the close is lost", got)
	}
	refused := errors.New("refused")
	if err := one.Change(t.Context(), "c1", func(*campaign.Spec) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("Change = %v, want the error of change", err)
	}
	if again, _ := one.Lookup("c1"); !cmp.Equal(got, again) {
		t.Error("a refused change changes it:", cmp.Diff(got, again))
	}
}

func TestRunKnowsWhatWasThere(t *testing.T) {
	bucket := newMemory()
	first := campaign.NewStore(campaign.Config{Bucket: bucket})
	for _, id := range []string{"a", "b"} {
		if err := first.Seen(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	second := campaign.NewStore(campaign.Config{Bucket: bucket})
	run(t, second)
	if got := len(second.All()); got != 2 {
		t.Errorf("campaigns = %d, want 2", got)
	}
}

func TestSeenWritesOnce(t *testing.T) {
	bucket := newMemory()
	stores := []*campaign.Store{
		campaign.NewStore(campaign.Config{Bucket: bucket, Now: clock}), campaign.NewStore(campaign.Config{Bucket: bucket, Now: clock}),
	}
	for range 3 {
		for _, s := range stores {
			if err := s.Seen(t.Context(), "c1"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if bucket.writes != 1 {
		t.Errorf("writes = %d, want 1", bucket.writes)
	}
	got, _ := stores[0].Lookup("c1")
	want := campaign.Spec{ID: "c1", State: campaign.Open, Since: clock(), CreatedAt: clock()}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSeenLeavesAPauseAlone(t *testing.T) {
	bucket := newMemory()
	operator := campaign.NewStore(campaign.Config{Bucket: bucket})
	if err := operator.Put(t.Context(), campaign.Spec{ID: "c1", State: campaign.Paused}); err != nil {
		t.Fatal(err)
	}
	worker := campaign.NewStore(campaign.Config{Bucket: bucket})
	if err := worker.Seen(t.Context(), "c1"); err != nil { // before it knows of any campaign
		t.Fatal(err)
	}
	run(t, worker)
	if got, _ := worker.Lookup("c1"); got.State != campaign.Paused {
		t.Errorf("state = %q, want paused", got.State)
	}
}

func TestSeenOfNoCampaign(t *testing.T) {
	bucket := newMemory()
	s := campaign.NewStore(campaign.Config{Bucket: bucket})
	for _, id := range []string{"", job.NoCampaign} {
		if err := s.Seen(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if bucket.writes != 0 {
		t.Error("a job without a campaign created one")
	}
}

func TestDeleted(t *testing.T) {
	bucket := newMemory()
	s := campaign.NewStore(campaign.Config{Bucket: bucket})
	run(t, s)
	if err := s.Seen(t.Context(), "c1"); err != nil {
		t.Fatal(err)
	}
	if err := bucket.Put(t.Context(), "c1", nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the deletion", func() bool {
		_, ok := s.Lookup("c1")
		return !ok
	})
}

func TestNonsenseKeepsWhatWasKnown(t *testing.T) {
	for _, tt := range []struct{ name, value string }{
		{"no JSON", "{"},
		{"no such state", `{"id":"c1","state":"running"}`},
		{"another's id", `{"id":"c2","state":"open"}`},
		{"no id", `{"state":"open"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			bucket := newMemory()
			s := campaign.NewStore(campaign.Config{Bucket: bucket, Log: slog.New(slog.NewTextHandler(&log, nil))})
			if err := s.Put(t.Context(), campaign.Spec{ID: "c1", State: campaign.Paused}); err != nil {
				t.Fatal(err)
			}
			if err := bucket.Put(t.Context(), "c1", []byte(tt.value)); err != nil {
				t.Fatal(err)
			}
			run(t, s)
			if got, ok := s.Lookup("c1"); !ok || got.State != campaign.Paused {
				t.Errorf("campaign = %+v, %v; want it paused still", got, ok)
			}
			if !strings.Contains(log.String(), "c1") {
				t.Errorf("the log does not name the campaign: %q", log.String())
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	bucket := newMemory()
	s := campaign.NewStore(campaign.Config{Bucket: bucket})
	for _, spec := range []campaign.Spec{
		{ID: "", State: campaign.Open}, {ID: "_", State: campaign.Open}, {ID: "a b", State: campaign.Open}, {ID: "c1"},
	} {
		if err := s.Put(t.Context(), spec); err == nil {
			t.Errorf("Put took %+v", spec)
		}
	}
	if err := s.Seen(t.Context(), "a.b"); err == nil {
		t.Error("Seen took a campaign no job can have")
	}
	bucket.down = errors.New("away")
	if err := s.Put(t.Context(), campaign.Spec{ID: "c1", State: campaign.Open}); !errors.Is(err, bucket.down) {
		t.Errorf("Put = %v, want the bucket's error", err)
	}
	if err := s.Seen(t.Context(), "c1"); !errors.Is(err, bucket.down) {
		t.Errorf("Seen = %v, want the bucket's error", err)
	}
	if got := s.All(); len(got) != 0 {
		t.Errorf("refused campaigns are known: %v", got)
	}
}

func ExampleStore() {
	store := campaign.NewStore(campaign.Config{Bucket: newMemory()}) // in earnest, a queue.Bucket
	ctx := context.Background()
	if err := store.Seen(ctx, "reminders-2026-11-23"); err != nil {
		fmt.Println(err)
	}
	err := store.Change(ctx, "reminders-2026-11-23", func(spec *campaign.Spec) error {
		return spec.Pause("the date is wrong", "ana", time.Now())
	})
	if err != nil {
		fmt.Println(err)
	}
	spec, _ := store.Lookup("reminders-2026-11-23")
	fmt.Println(spec.State, spec.Sends(), spec.Reason)
	// Output: paused false the date is wrong
}

func BenchmarkLookup(b *testing.B) {
	s := campaign.NewStore(campaign.Config{Bucket: newMemory()})
	if err := s.Seen(b.Context(), "c1"); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := s.Lookup("c1"); !ok {
			b.Fatal("not found")
		}
	}
}
