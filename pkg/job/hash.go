package job

import (
	"crypto/sha256"
	"encoding/binary"
)

// BodyHash tells two bodies with one key apart. Bodies that say the same have the
// same hash: white space, the order of fields, escapes, a default that is written
// out and a time zone make no difference, so a job that is published again by
// another language is a duplicate and no conflict.
//
// Replicas of two builds compare their hashes, so for a given job the hash may
// never change.
func (j *Job) BodyHash() uint64 {
	plain := *j
	plain.Lane = j.EffectiveLane()
	plain.OnUnknown = j.EffectiveOnUnknown()
	plain.SendAt, plain.ExpiresAt, plain.ReplyBy = j.SendAt.UTC(), j.ExpiresAt.UTC(), j.ReplyBy.UTC()
	w := newWriter()
	w.job(&plain)
	sum := sha256.Sum256(w.buf)
	return binary.BigEndian.Uint64(sum[:8])
}
