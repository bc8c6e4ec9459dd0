package queue

import (
	"encoding/binary"
	"errors"
	"math"
	"time"
)

// claimsVersion is the first byte of a message of claims. What follows is the lease
// in milliseconds and the notes, all numbers as varints:
//
//	flags, the campaign and the stream where they are not those of the note before,
//	the job's id, the attempt, two bytes of the body, the sequence as the difference
//	to the one before.
const claimsVersion = 1

// Flags of a note.
const (
	noteReturn   = 1 << iota // the claim was given back
	noteCampaign             // another campaign than before
	noteStream               // another stream than before
)

var errClaims = errors.New("not claims that this build can read; a newer one can, or it was not wacast that wrote them")

// encodeClaims writes notes into as few messages as their size allows, which is one.
func encodeClaims(lease time.Duration, notes []ClaimNote, most int) [][]byte {
	data := appendClaims(make([]byte, 0, 16+40*len(notes)), lease, notes)
	if len(data) <= most || len(notes) == 1 {
		return [][]byte{data}
	}
	half := len(notes) / 2
	return append(encodeClaims(lease, notes[:half], most), encodeClaims(lease, notes[half:], most)...)
}

func appendClaims(b []byte, lease time.Duration, notes []ClaimNote) []byte {
	b = binary.AppendUvarint(append(b, claimsVersion), uint64(max(lease.Milliseconds(), 0)))
	var last ClaimNote
	for i := range notes {
		n := &notes[i]
		flags := byte(0)
		if n.Return {
			flags |= noteReturn
		}
		if n.Key.Campaign != last.Key.Campaign {
			flags |= noteCampaign
		}
		if n.Stream != last.Stream {
			flags |= noteStream
		}
		b = append(b, flags)
		if flags&noteCampaign != 0 {
			b = appendText(b, n.Key.Campaign)
		}
		if flags&noteStream != 0 {
			b = appendText(b, n.Stream)
		}
		b = appendText(b, n.Key.ID)
		b = binary.AppendUvarint(b, uint64(max(n.Attempt, 0)))
		b = binary.LittleEndian.AppendUint16(b, n.Body)
		b = binary.AppendVarint(b, int64(n.Sequence-last.Sequence))
		last = *n
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// decode reads a message of claims into the batch, whose notes are used again.
func (c *ClaimBatch) decode(data []byte) error {
	if len(data) == 0 || data[0] != claimsVersion {
		return errClaims
	}
	r := claimReader{rest: data[1:]}
	lease := r.number()
	if lease > math.MaxInt64/uint64(time.Millisecond) {
		return errClaims
	}
	c.Lease = time.Duration(lease) * time.Millisecond
	c.Notes = c.Notes[:0]
	var last ClaimNote
	for len(r.rest) > 0 && !r.bad {
		last = r.note(last)
		c.Notes = append(c.Notes, last)
	}
	if r.bad {
		return errClaims
	}
	return nil
}

// claimReader takes values off a message of claims.
type claimReader struct {
	rest []byte
	bad  bool
}

func (r *claimReader) note(last ClaimNote) ClaimNote {
	flags := r.bytes(1)
	if r.bad || flags[0]&^(noteReturn|noteCampaign|noteStream) != 0 {
		r.bad = true
		return last
	}
	n := last
	n.Return = flags[0]&noteReturn != 0
	if flags[0]&noteCampaign != 0 {
		n.Key.Campaign = r.text()
	}
	if flags[0]&noteStream != 0 {
		n.Stream = r.text()
	}
	n.Key.ID = r.text()
	attempt := r.number()
	if attempt > math.MaxInt32 {
		r.bad = true
	}
	n.Attempt = int(attempt)
	if body := r.bytes(2); !r.bad {
		n.Body = binary.LittleEndian.Uint16(body)
	}
	n.Sequence += uint64(r.difference())
	return n
}

func (r *claimReader) number() uint64 {
	v, n := binary.Uvarint(r.rest)
	return v & r.took(n)
}

func (r *claimReader) difference() int64 {
	v, n := binary.Varint(r.rest)
	return v & int64(r.took(n))
}

// took moves on by n bytes, and is all ones unless there are none to take.
func (r *claimReader) took(n int) uint64 {
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.rest = r.rest[n:]
	return math.MaxUint64
}

func (r *claimReader) bytes(n int) []byte {
	if r.bad || n > len(r.rest) {
		r.bad = true
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *claimReader) text() string {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.bad = true
		return ""
	}
	return string(r.bytes(int(n)))
}
