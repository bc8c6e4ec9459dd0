package worker

import (
	"log/slog"
	"sync"
	"time"
)

// trouble logs that something the worker needs is away, once when it goes and
// once when it is back, however often it is asked for meanwhile. It is safe for
// concurrent use.
type trouble struct {
	what string
	log  *slog.Logger

	mu    sync.Mutex
	since time.Time
}

// note takes the result of a call and passes it on.
func (t *trouble) note(err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err != nil && t.since.IsZero():
		t.since = time.Now()
		t.log.Error("sending waits: "+t.what+" does not answer", "error", err)
	case err == nil && !t.since.IsZero():
		t.log.Info(t.what+" is back, sending goes on", "away", time.Since(t.since).Round(time.Millisecond))
		t.since = time.Time{}
	}
	return err
}
