package dedup

import (
	"context"
	"time"

	"github.com/wacast/wacast/pkg/job"
)

// Journal is what the streams hold, which is the truth the ledger is an index of.
// It calls fn in the order of the stream with what has a sequence above after and
// up to upTo; where after is 0, with what is not older than since. The Key of a
// record may be reused once fn has returned.
type Journal interface {
	// Ends are the last sequences of the events and of the claims; 0 where there
	// never was one.
	Ends(ctx context.Context) (events, claims uint64, err error)
	// Events are the outcomes, what settled and changed them, and the statuses.
	Events(ctx context.Context, after, upTo uint64, since time.Time, fn func(Record) error) error
	// Claims are the claims and what of them was given back.
	Claims(ctx context.Context, after, upTo uint64, since time.Time, fn func(Record) error) error
}

// RecordKind is what a record says.
type RecordKind uint8

// The kinds of a [Record].
const (
	// RecordOutcome: the job ended in State at Attempt, or was settled so later.
	// One of no attempt leaves no trace, as with the job itself; but a cancelled
	// one does, as [RecordCancel].
	RecordOutcome RecordKind = iota + 1
	// RecordStatus: the statuses Seen of Attempt are on record.
	RecordStatus
	// RecordClaim: Attempt was claimed.
	RecordClaim
	// RecordReturn: a claim was given back, and Attempt is the next.
	RecordReturn
	// RecordCancel: the job was cancelled before anybody claimed it.
	RecordCancel
)

// Record is one thing the streams say of a job.
type Record struct {
	Key   job.Key
	Do    RecordKind
	State State
	// Attempt counts from 1; 0 where nothing was tried.
	Attempt int
	// Body is the low 16 bits of the body's hash; 0 is not known.
	Body        uint16
	Publication Publication
	// Event is the sequence of the event the record was read from; 0 of a claim.
	Event uint64
	Seen  Seen
	// Sequence is the record's place in its own stream.
	Sequence uint64
}
