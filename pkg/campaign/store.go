package campaign

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/wacast/wacast/pkg/job"
)

// ErrUnknown marks a campaign that does not exist.
var ErrUnknown = errors.New("no such campaign")

// Bucket is where campaigns are kept; queue.Bucket is one.
type Bucket interface {
	Get(ctx context.Context, key string) ([]byte, error)
	// Update sets the value of a key to what change makes of the one it has, nil for
	// none; when somebody else changes it meanwhile, of that one.
	Update(ctx context.Context, key string, change func(value []byte) ([]byte, error)) error
	// Create sets the value of a key that has none, and reports whether it did.
	Create(ctx context.Context, key string, value []byte) (bool, error)
	// Watch calls fn with each key and value there is, once with an empty key when
	// that was all, and then with each change until ctx ends. A nil value is a
	// deletion.
	Watch(ctx context.Context, fn func(key string, value []byte)) error
}

// Store knows all campaigns. It may be used by many goroutines.
type Store struct {
	bucket Bucket
	log    *slog.Logger
	now    func() time.Time

	specs sync.Map // campaign id to *Spec
	ready chan struct{}
	once  sync.Once

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at every change
}

// Config is what a [Store] needs.
type Config struct {
	Bucket Bucket
	// Log defaults to none.
	Log *slog.Logger
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// NewStore returns a store that knows nothing until [Store.Run].
func NewStore(cfg Config) *Store {
	s := &Store{bucket: cfg.Bucket, log: cmp.Or(cfg.Log, slog.New(slog.DiscardHandler)), now: cfg.Now, ready: make(chan struct{}), changed: make(chan struct{})}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

// Run keeps the store up to date until ctx ends.
func (s *Store) Run(ctx context.Context) error {
	if err := s.bucket.Watch(ctx, s.change); err != nil && ctx.Err() == nil {
		return fmt.Errorf("watch campaigns: %w", err)
	}
	return context.Cause(ctx)
}

// Ready is closed once the store knows every campaign there was when Run began.
func (s *Store) Ready() <-chan struct{} { return s.ready }

// Changed is closed at the next change of any campaign. Ask for it before looking
// at one, and no change is missed.
func (s *Store) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

func (s *Store) notify() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Store) change(key string, value []byte) {
	if key == "" {
		s.once.Do(func() { close(s.ready) })
		return
	}
	defer s.notify()
	if value == nil {
		s.specs.Delete(key)
		return
	}
	spec, err := Decode(key, value)
	if err != nil {
		// What was known of the campaign stands: a pause must not end by a mistake.
		s.log.Error("a campaign cannot be read and stays as it was", "campaign", key, "error", err)
		return
	}
	s.specs.Store(key, spec)
}

// Lookup returns a campaign from memory.
func (s *Store) Lookup(id string) (Spec, bool) {
	spec, ok := s.specs.Load(id)
	if !ok {
		return Spec{}, false
	}
	return *spec.(*Spec), true
}

// All returns every campaign, in no order.
func (s *Store) All() []Spec {
	var all []Spec
	s.specs.Range(func(_, spec any) bool {
		all = append(all, *spec.(*Spec))
		return true
	})
	return all
}

// Put creates a campaign or replaces it. Times that are not set are now.
func (s *Store) Put(ctx context.Context, spec Spec) error {
	return s.update(ctx, spec.ID, func([]byte) (*Spec, error) { return &spec, nil })
}

// Change changes a campaign from how it stands in the bucket, whatever of it has
// reached this store. Of one that nobody has seen yet, change gets an open one with
// the id alone. An error of change leaves it as it is, and is returned.
func (s *Store) Change(ctx context.Context, id string, change func(*Spec) error) error {
	return s.update(ctx, id, func(value []byte) (*Spec, error) {
		spec := &Spec{ID: id, State: Open}
		if value != nil {
			var err error
			if spec, err = Decode(id, value); err != nil {
				return nil, err
			}
		}
		return spec, change(spec)
	})
}

// update writes what change makes of a campaign. The writer sees it before the
// watch brings it; it is known just before it is written, so that whatever the
// watch brings of later writes comes later.
func (s *Store) update(ctx context.Context, id string, change func(value []byte) (*Spec, error)) error {
	before, known := s.specs.Load(id)
	var next *Spec
	err := s.bucket.Update(ctx, id, func(value []byte) ([]byte, error) {
		var err error
		if next, err = change(value); err != nil {
			return nil, err
		}
		if value, err = s.encode(next); err == nil {
			s.specs.Store(id, next)
		}
		return value, err
	})
	switch {
	case err == nil:
		s.notify()
		return nil
	case next != nil && known:
		s.specs.CompareAndSwap(id, next, before)
	case next != nil:
		s.specs.CompareAndDelete(id, next)
	}
	return fmt.Errorf("put campaign %s: %w", id, err)
}

// Seen makes sure that a campaign exists whose job was seen: nobody needs to create
// one before publishing to it. A job without a campaign needs none.
func (s *Store) Seen(ctx context.Context, id string) error {
	if id == "" || id == job.NoCampaign {
		return nil
	}
	if _, ok := s.specs.Load(id); ok {
		return nil
	}
	spec := Spec{ID: id, State: Open}
	value, err := s.encode(&spec)
	if err != nil {
		return err
	}
	created, err := s.bucket.Create(ctx, id, value)
	if err != nil {
		return fmt.Errorf("create campaign %s: %w", id, err)
	}
	if created {
		s.specs.LoadOrStore(id, &spec)
		return nil
	}
	// What another process wrote must be known before the first job is sent; the
	// watch brings it a moment later.
	if value, err = s.bucket.Get(ctx, id); err != nil {
		return fmt.Errorf("read campaign %s: %w", id, err)
	}
	found, err := Decode(id, value)
	if err != nil {
		return err
	}
	s.specs.LoadOrStore(id, found)
	return nil
}

func (s *Store) encode(spec *Spec) ([]byte, error) {
	now := s.now().UTC()
	if spec.CreatedAt.IsZero() {
		spec.CreatedAt = now
	}
	if spec.Since.IsZero() {
		spec.Since = now
	}
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	value, err := json.Marshal(spec)
	if err != nil {
		return nil, fmt.Errorf("encode campaign %s: %w", spec.ID, err)
	}
	return value, nil
}
