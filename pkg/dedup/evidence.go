package dedup

import (
	"context"
	"fmt"

	"github.com/wacast/wacast/pkg/job"
)

// Seen is a set of statuses that webhooks told of a job. The bits are stored: they
// never change.
type Seen uint8

// The bits of [Seen].
const (
	SeenSent      Seen = 1
	SeenDelivered Seen = 2
	SeenRead      Seen = 4
	SeenFailed    Seen = 8
	// SeenDoubt: the job's event says something else than that it was accepted, and
	// the one that corrects it may be missing.
	SeenDoubt Seen = 16
	// SeenTwice: the API took another attempt of an accepted job too, and that is on
	// record. (32 is the replay's.)
	SeenTwice Seen = 64

	// SeenStatus is any status: the API took the message.
	SeenStatus = SeenSent | SeenDelivered | SeenRead | SeenFailed
	seenAll    = SeenStatus | SeenDoubt | SeenTwice
)

// Evidence is what a status webhook proves: the API took an attempt of a job.
type Evidence struct {
	Key job.Key
	// Attempt is the one the webhook's token names.
	Attempt int
	// Seen is what the webhook says, at least one status; of a mark also [SeenTwice].
	Seen Seen
	// Unknown says that the attempt is unknown on record, so that the evidence
	// outweighs what came of a later one.
	Unknown bool
}

// Attest takes evidence into account before anything of it is on record, and
// returns the entries as they then stand:
//
//   - unknown becomes accepted, in doubt, with the event it had;
//   - open, or claimed with the lease over, becomes accepted without an event;
//   - a live claim keeps the statuses, so that whatever its owner says, it does not
//     become unknown or open again; evidence of another attempt it keeps apart, and
//     becomes accepted at that one unless it is accepted itself;
//   - what ended otherwise at another attempt becomes accepted, in doubt, where the
//     evidence is of one that is [Evidence.Unknown];
//   - anything else, and a job there is no entry of, stays.
//
// The statuses are not marked in a final entry: [Ledger.Mark] does that, when their
// events are on record.
func (l *Ledger) Attest(ctx context.Context, evidence []Evidence) ([]Entry, error) {
	changes, err := l.witness(ctx, "take evidence", evidence, attest, SeenStatus)
	if err != nil {
		return nil, err
	}
	found := make([]Entry, len(changes))
	for i, c := range changes {
		found[i] = c.Entry
	}
	return found, nil
}

// Mark notes in final entries that the events of the statuses are on record.
func (l *Ledger) Mark(ctx context.Context, evidence []Evidence) ([]Change, error) {
	return l.witness(ctx, "mark statuses", evidence, mark, SeenStatus|SeenTwice)
}

func (l *Ledger) witness(ctx context.Context, operation string, evidence []Evidence, verb byte, known Seen) ([]Change, error) {
	asks := make([]ask, len(evidence))
	for i, e := range evidence {
		if !inRange(e.Attempt, 1) || e.Seen == 0 || e.Seen&^known != 0 {
			return nil, fmt.Errorf("%s: statuses %b of attempt %d prove nothing", operation, e.Seen, e.Attempt)
		}
		asks[i] = ask{Subject: Subject{Key: e.Key}, attempt: uint8(e.Attempt), seen: e.Seen, verb: verb}
		if e.Unknown {
			asks[i].to = Accepted
		}
	}
	return l.change(ctx, operation, asks)
}
