package worker

import (
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// trouble knows whether one activity of the worker gets on. It logs that something
// it needs is away once when it goes and once when it is back, however often it is
// asked for meanwhile. It is safe for concurrent use.
type trouble struct {
	what string
	log  *slog.Logger

	mu    sync.Mutex
	since time.Time
	last  error
}

// note takes the result of a call and passes it on.
func (t *trouble) note(err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err != nil && t.since.IsZero():
		t.since = time.Now()
		t.log.Error("sending waits: "+t.what+" fails", "error", err)
	case err == nil && !t.since.IsZero():
		t.log.Info(t.what+" works again, sending goes on", "away", time.Since(t.since).Round(time.Millisecond))
		t.since = time.Time{}
	}
	t.last = err
	return err
}

// err is what is the matter; nil when the last call went well.
func (t *trouble) err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.since.IsZero() {
		return nil
	}
	return fmt.Errorf("%s fails since %s: %w", t.what, t.since.UTC().Format(time.RFC3339), t.last)
}

// troubles are the activities that can be kept from getting on.
type troubles struct {
	fetching, recording, claiming, ledger, rebuild, slots, consent *trouble
}

func newTroubles(log *slog.Logger) troubles {
	return troubles{
		fetching:  &trouble{what: "fetching jobs from NATS", log: log},
		recording: &trouble{what: "recording outcomes in NATS", log: log},
		claiming:  &trouble{what: "writing claims to NATS", log: log},
		ledger:    &trouble{what: "the ledger in Redis", log: log},
		rebuild:   &trouble{what: "asking the ledger", log: log},
		slots:     &trouble{what: "reserving send times in Redis", log: log},
		consent:   &trouble{what: "following consent in NATS", log: log},
	}
}

func (t *troubles) all() []*trouble {
	return []*trouble{t.fetching, t.recording, t.claiming, t.ledger, t.rebuild, t.slots, t.consent}
}
