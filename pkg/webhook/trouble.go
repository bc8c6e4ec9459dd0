package webhook

import (
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// trouble knows whether one activity gets on. It logs that something it needs is
// away once when it goes and once when it is back, however often it is asked for
// meanwhile. It is safe for concurrent use.
type trouble struct {
	what string
	log  *slog.Logger

	mu    sync.Mutex
	since time.Time
	at    time.Time // of the last failure
	last  error
}

// note takes the result of a call and passes it on.
func (t *trouble) note(err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err != nil && t.since.IsZero():
		t.since = time.Now()
		t.log.Error(t.what+" fails", "error", err)
	case err == nil && !t.since.IsZero():
		t.log.Info(t.what+" works again", "away", time.Since(t.since).Round(time.Millisecond))
		t.since = time.Time{}
	}
	t.last, t.at = err, time.Now()
	return err
}

// recent is err, unless that was long ago: where nothing was tried since, nobody
// knows.
func (t *trouble) recent() error {
	t.mu.Lock()
	old := time.Since(t.at) > troubleAge
	t.mu.Unlock()
	if old {
		return nil
	}
	return t.err()
}

const troubleAge = 15 * time.Second

// err is what is the matter; nil when the last call went well.
func (t *trouble) err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.since.IsZero() {
		return nil
	}
	return fmt.Errorf("%s fails since %s: %w", t.what, t.since.UTC().Format(time.RFC3339), t.last)
}
