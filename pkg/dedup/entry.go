package dedup

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/wacast/wacast/pkg/job"
)

// Publication marks one message of a stream. 0 is one that is not known, and
// counts as the same as any.
type Publication uint32

// PublicationOf marks the message of a stream and sequence.
func PublicationOf(stream string, sequence uint64) Publication {
	mark := Publication(xxhash.Sum64String(stream + "\x00" + strconv.FormatUint(sequence, 10)))
	return max(mark, 1)
}

// Nonce names a claim: one delivery of one message to one process. 0 is none.
type Nonce uint64

// NewNonce makes a nonce that nobody else has.
func NewNonce() Nonce {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return max(Nonce(binary.BigEndian.Uint64(b[:])), 1)
}

// Subject is the job a call is about and the message it came in.
type Subject struct {
	Key job.Key
	// Body is [job.Job.BodyHash]; 0 where the job is not at hand, which fits any.
	Body        uint64
	Publication Publication
}

// Entry is what the ledger knows of a job, seen from a subject.
type Entry struct {
	State State
	// Attempt is the one claimed or settled, or in [Open] the next; 0 where
	// nothing was tried.
	Attempt int
	// SameBody is unset where the key came before with another body. Only two
	// bytes of the hash are kept: one in 65,536 conflicts passes as a duplicate.
	SameBody bool
	// SamePublication is set where the entry was last written for this message.
	SamePublication bool
	// Publication is the message the entry was last written for; 0 is not known.
	Publication Publication
	// Code is what [Settlement.Code] was.
	Code uint8
	// Event is the sequence of the event, in the stream of events, that records the
	// outcome. A final entry without one is an outcome that nobody has recorded yet.
	Event uint64
	// Seen holds of a final entry the statuses whose events are on record, and of a
	// claim the evidence that came before its answer.
	Seen Seen
	// Other is, of a claim, another attempt that a webhook has shown to be accepted; 0
	// for none.
	Other int
	// Since is when the entry was last written, by Redis's clock, in seconds.
	Since time.Time
	// Nonce and LeaseLeft are of a claim. A lease that is over has 0 left.
	Nonce     Nonce
	LeaseLeft time.Duration
	// NotWhole is set by a call that did nothing because Redis may have lost
	// entries: what is said here may be behind. Come back later.
	NotWhole bool
}

// Stale reports whether the entry is a claim past its lease.
func (e Entry) Stale() bool { return e.State == Claimed && e.LeaseLeft == 0 }

// An entry is packed, most significant byte first:
//
//	 0  state
//	 1  attempt
//	 2  body, 2 bytes, 0 for not known
//	 4  time, 4 bytes, seconds
//	 8  publication, 4 bytes, 0 for not known
//	12  of a claim: nonce, 8 bytes; end of the lease, 6 bytes, milliseconds; a bit
//	    for each status seen; another attempt that was accepted, 1 byte or none
//	12  of a final state: code; a bit for each status seen; event, 5 bytes
const (
	openSize    = 12
	finalSize   = 19
	claimedSize = 27
)

// maxEvent is what an entry has room for.
const maxEvent = 1<<40 - 1

// decodeEntry reads a packed entry as the subject sees it; nothing is [None].
func decodeEntry(packed string, s Subject, now int64) (Entry, error) {
	if packed == "" {
		return Entry{}, nil
	}
	b := []byte(packed)
	size, ok := sizeOf(State(b[0]))
	if another := State(b[0]) == Claimed && len(b) == size+1; !ok || len(b) != size && !another {
		return Entry{}, fmt.Errorf("an entry of %d bytes in state %d is not of this build: run one version of wacast on a namespace", len(b), b[0])
	}
	body, publication := binary.BigEndian.Uint16(b[2:]), Publication(binary.BigEndian.Uint32(b[8:]))
	e := Entry{
		State:           State(b[0]),
		Attempt:         int(b[1]),
		Since:           time.Unix(int64(binary.BigEndian.Uint32(b[4:])), 0),
		Publication:     publication,
		SamePublication: publication == s.Publication && publication != 0,
	}
	// One message has one body, whatever two builds make of its hash.
	e.SameBody = e.SamePublication || body == 0 || s.Body == 0 || body == bodyMark(s.Body)
	switch {
	case e.State == Claimed:
		e.Nonce = Nonce(binary.BigEndian.Uint64(b[12:]))
		e.LeaseLeft = milliseconds(uint48(b[20:]) - now)
		e.Seen = Seen(b[26]) & seenAll
		if len(b) > size {
			e.Other = int(b[size])
		}
	case e.State.Final():
		e.Code, e.Seen, e.Event = b[12], Seen(b[13])&seenAll, uint40(b[14:])
	}
	return e, nil
}

// milliseconds is a wait: never negative, and no longer than a Duration can say,
// whatever Redis holds.
func milliseconds(n int64) time.Duration {
	const most = int64(math.MaxInt64 / time.Millisecond)
	return time.Duration(min(max(n, 0), most)) * time.Millisecond
}

func sizeOf(s State) (int, bool) {
	switch {
	case s == Open:
		return openSize, true
	case s == Claimed:
		return claimedSize, true
	case s.Final():
		return finalSize, true
	}
	return 0, false
}

// bodyMark is what an entry keeps of a body's hash.
func bodyMark(body uint64) uint16 {
	if body == 0 {
		return 0
	}
	return max(uint16(body), 1)
}

func uint40(b []byte) uint64 {
	return uint64(b[0])<<32 | uint64(binary.BigEndian.Uint32(b[1:]))
}

func appendUint40(b []byte, n uint64) []byte {
	return binary.BigEndian.AppendUint32(append(b, byte(n>>32)), uint32(n))
}

func uint48(b []byte) int64 {
	return int64(binary.BigEndian.Uint16(b))<<32 | int64(binary.BigEndian.Uint32(b[2:]))
}
